"""A CSV file of path,label or path,label,split -> ImageSet."""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from resnets.base.errors import InputError
from resnets.data.folders import Files
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.layout import SPLIT_NAMES
from resnets.data.listing import Names

HEADER = "a first line of path,label or path,label,split"

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Row(NamedTuple):
    """One line of the table."""

    line: int
    path: str  # as it is opened
    label: str
    split: int  # an index into SPLITS, or -1


def open_table(path: str) -> ImageSet:
    """The images that a CSV file lists; paths are absolute, or relative to its folder. Further columns are ignored.

    split is train, val (or valid, validation) or test. Classes sort as numbers when all are numbers, else as strings.
    Raises InputError, with the line, for a table that cannot be right, and for files that are not there.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{path}: no rows after the header; list an image in each")
    _check_paths(path, rows)
    classes = _classes(path, rows)
    code = {name: label for label, name in enumerate(classes)}
    return ImageSet(
        name=path,
        classes=tuple(classes),
        images=Files("", Names(row.path for row in rows)),
        labels=np.array([code[row.label] for row in rows], dtype=np.int64),
        splits=np.array([row.split for row in rows], dtype=np.int8),
        rows=np.arange(len(rows)),
    )


def _rows(path: str) -> Iterator[Row]:
    folder, line = Path(path).parent, 1
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            table = csv.reader(file, skipinitialspace=True)
            header = [name.strip().lower() for name in next(table, [])]
            _check_header(path, header)
            for cells in table:
                line = table.line_num
                if any(cell.strip() for cell in cells):
                    yield _row(path, folder, line, header, cells)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise InputError(f"{path}: after line {line}: {error}") from error


def _check_header(path: str, header: list[str]) -> None:
    for column in ("path", "label"):
        if column not in header:
            raise InputError(f"{path}: no column {column} in its header {','.join(header)!r}; needs {HEADER}")
    if len(set(header)) != len(header):
        raise InputError(f"{path}: a column is there twice in its header {','.join(header)!r}; needs {HEADER}")


def _row(path: str, folder: Path, line: int, header: list[str], cells: list[str]) -> Row:
    where = f"{path}: line {line}"
    if len(cells) != len(header):
        raise InputError(f'{where} has {len(cells)} cells, its header {len(header)}; put a path with commas into "…"')
    values = dict(zip(header, cells, strict=True))
    file, label = values["path"], values["label"].strip()
    if not file.strip() or not label:
        raise InputError(f"{where} has no {'label' if file.strip() else 'path'}; every image needs both")
    split = -1
    if "split" in values:
        word = values["split"].strip()
        if word.lower() not in SPLIT_NAMES:
            raise InputError(f"{where} has split {word!r}; must be {', '.join(SPLIT_NAMES)}")
        split = SPLITS.index(SPLIT_NAMES[word.lower()])
    return Row(line, str(folder / file), label, split)


def _check_paths(path: str, rows: list[Row]) -> None:
    """Raise InputError for a path that is there twice, or leads to no file."""
    lines: dict[str, int] = {}
    for row in rows:
        first = lines.setdefault(os.path.normpath(row.path), row.line)
        if first != row.line:
            raise InputError(f"{path}: line {row.line} lists {row.path} again, after line {first}; keep one of them")
    missing = [row for row in rows if not Path(row.path).is_file()]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(rows):,} files are not there, the first {missing[0].path} "
            f"(line {missing[0].line}); paths are relative to the folder of the table"
        )


def _classes(path: str, rows: list[Row]) -> list[str]:
    """The class names in order, from the training rows where there are any."""
    training = [row for row in rows if row.split in (-1, 0)]
    known = {row.label for row in training or rows}
    for row in rows:
        if row.label not in known:
            raise InputError(
                f"{path}: line {row.line} has class {row.label} in {SPLITS[row.split]}, which no train row has; "
                "add it to train or remove the row"
            )
    if len(known) < 2:
        raise InputError(f"{path}: only one class, {rows[0].label}; a classifier needs at least two classes")
    if all(_NUMBER.fullmatch(label) for label in known):
        return sorted(known, key=lambda label: (float(label), label))
    return sorted(known)
