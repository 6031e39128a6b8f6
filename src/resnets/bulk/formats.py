"""Predictions as rows of a file: comma-separated, JSON lines or Parquet; in parts, and the parts as one file."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from resnets.classifier.prediction import Prediction
from resnets.data.stores import arrow

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")

GROUP_ROWS = 65_536  # of one row group of a Parquet file, at most
GROUP_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Rows:
    """Predictions in order, and the features of each image that could be read, where they are wanted."""

    predictions: Sequence[Prediction]
    features: Float32[np.ndarray, "readable features"] | None = None

    @property
    def bad(self) -> int:
        """How many images could not be read."""
        return sum(one.error is not None for one in self.predictions)

    def embeddings(self) -> Iterator[list[float] | None]:
        """Of each prediction its image's features; None where there are none."""
        found = iter(()) if self.features is None else iter(self.features.tolist())
        return (None if one.error is not None else next(found, None) for one in self.predictions)


@runtime_checkable
class Format(Protocol):
    """A kind of file of rows. top: how many answers a row has. width: how many features, 0 for none."""

    suffix: str
    features: bool  # whether a row can hold them

    def part(self, rows: Rows, top: int, width: int) -> bytes:
        """A part's content."""
        ...

    def join(self, parts: Iterable[Path], file: BinaryIO, top: int, width: int) -> None:
        """Write one file of all parts, of which at most a few are in memory at any time."""
        ...


class Csv:
    """image, then class and probability of each answer, then error, then sure, as `predict --csv` prints them."""

    suffix = ".csv"
    features = False

    def part(self, rows: Rows, top: int, width: int) -> bytes:  # noqa: ARG002
        return _encoded(csv_lines(rows.predictions, top))

    def join(self, parts: Iterable[Path], file: BinaryIO, top: int, width: int) -> None:  # noqa: ARG002
        file.write(_encoded(csv_header(top)))
        _concatenate(parts, file)


class JsonLines:
    """On each line what `predict --json` has for an image, and its embedding."""

    suffix = ".jsonl"
    features = True

    def part(self, rows: Rows, top: int, width: int) -> bytes:  # noqa: ARG002
        lines: list[str] = []
        for one, embedding in zip(rows.predictions, rows.embeddings(), strict=True):
            row = one.as_dict() | ({"embedding": embedding} if width else {})
            lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        return _encoded("".join(lines))

    def join(self, parts: Iterable[Path], file: BinaryIO, top: int, width: int) -> None:  # noqa: ARG002
        _concatenate(parts, file)


class Parquet:
    """Columns image, class, probability, class_2, ..., error, sure, embedding; what a bad image lacks is null."""

    suffix = ".parquet"
    features = True

    def part(self, rows: Rows, top: int, width: int) -> bytes:
        parquet = arrow("a Parquet file").parquet
        sink = io.BytesIO()
        parquet.write_table(_table(rows, top, width), sink)
        return sink.getvalue()

    def join(self, parts: Iterable[Path], file: BinaryIO, top: int, width: int) -> None:
        pyarrow = arrow("a Parquet file")
        with pyarrow.parquet.ParquetWriter(file, _schema(top, width), compression="zstd") as writer:
            waiting: list[Any] = []
            for part in parts:
                waiting.append(pyarrow.parquet.read_table(part, use_threads=False, memory_map=False))
                if (
                    sum(table.num_rows for table in waiting) >= GROUP_ROWS
                    or sum(table.nbytes for table in waiting) >= GROUP_BYTES
                ):
                    writer.write_table(pyarrow.concat_tables(waiting), row_group_size=GROUP_ROWS)
                    waiting = []
            if waiting:
                writer.write_table(pyarrow.concat_tables(waiting), row_group_size=GROUP_ROWS)


FORMATS: tuple[Format, ...] = (Parquet(), Csv(), JsonLines())


def format_of(out: Path) -> Format | None:
    """The format that a file's suffix names; None where it names none."""
    return next((one for one in FORMATS if out.suffix.lower() == one.suffix), None)


def csv_header(top: int) -> str:
    """The first line, with its end."""
    return _csv_text([["image", *answer_columns(top), "error", "sure"]])


def csv_lines(predictions: Iterable[Prediction], top: int) -> str:
    """A line for each prediction."""
    return _csv_text([one.image, *answer_cells(one, top), one.error or "", _sure(one)] for one in predictions)


def answer_columns(top: int) -> list[str]:
    """class, probability, class_2, probability_2, ..."""
    numbered = [f"_{place}" if place > 1 else "" for place in range(1, top + 1)]
    return [f"{name}{n}" for n in numbered for name in ("class", "probability")]


def answer_cells(prediction: Prediction, top: int) -> list[str]:
    """Class and probability of each answer, with blanks where there are fewer."""
    cells: list[str] = []
    for answer in prediction.answers:
        cells += [answer.label, f"{answer.probability:.4f}"]
    return cells + [""] * (2 * top - len(cells))


def _sure(one: Prediction) -> str:
    return "" if one.error is not None else "yes" if one.sure else "no"


def as_csv_text(cell: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what it would take for a formula (OWASP, CSV injection).

    Numbers stay: -1 is also a class's name.
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _csv_text(rows: Iterable[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([list(map(as_csv_text, row)) for row in rows])
    return buffer.getvalue()


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")  # a file name that is not UTF-8 can be in it


def _concatenate(parts: Iterable[Path], file: BinaryIO) -> None:
    for part in parts:
        file.write(part.read_bytes())


def _schema(top: int, width: int) -> Any:
    pyarrow = arrow("a Parquet file")
    kinds = [pyarrow.float64() if name.startswith("probability") else pyarrow.string() for name in answer_columns(top)]
    fields = [("image", pyarrow.string()), *zip(answer_columns(top), kinds, strict=True)]
    fields += [("error", pyarrow.string()), ("sure", pyarrow.bool_())]
    if width:
        fields.append(("embedding", pyarrow.list_(pyarrow.float32(), width)))
    return pyarrow.schema(fields)


def _table(rows: Rows, top: int, width: int) -> Any:
    pyarrow = arrow("a Parquet file")
    found = rows.predictions
    columns: list[list[Any]] = [[_text(one.image) for one in found]]
    for place in range(top):
        answers = [one.answers[place] if place < len(one.answers) else None for one in found]
        columns.append([None if answer is None else _text(answer.label) for answer in answers])
        columns.append([None if answer is None else answer.probability for answer in answers])
    columns.append([None if one.error is None else _text(one.error) for one in found])
    columns.append([None if one.error is not None else one.sure for one in found])
    schema = _schema(top, width)
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, schema.types, strict=False)]
    if width:
        arrays.append(_embeddings(rows, width))
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _embeddings(rows: Rows, width: int) -> Any:
    pyarrow = arrow("a Parquet file")
    bad = np.array([one.error is not None for one in rows.predictions], dtype=bool)
    values = np.zeros((len(bad), width), dtype=np.float32)
    if rows.features is not None and not bad.all():
        values[~bad] = rows.features
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values.reshape(-1)), width, mask=pyarrow.array(bad))


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
