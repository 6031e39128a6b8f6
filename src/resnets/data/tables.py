"""A table of images and their labels, as CSV or TSV -> ImageSet."""

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from resnets.base.errors import InputError
from resnets.base.names import composed
from resnets.base.reading import check_regular, open_regular
from resnets.data.folders import Files
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.listing import Names
from resnets.data.split_folders import SPLIT_NAMES
from resnets.data.table_columns import SAMPLE, Asked, Cells, Columns, columns_of, delimiter_of
from resnets.data.table_files import TableFiles, subfolders

LARGEST = 1 << 30  # bytes of a table: ten million rows
LONGEST = 1 << 20  # characters of a line

PLACES = 100  # folders beside the table in which its images are looked for

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Row(NamedTuple):
    """One line of the table."""

    line: int
    path: str | None  # as it is opened; None: not there
    cell: str
    label: str
    split: int  # an index into SPLITS, or -1


class Table(NamedTuple):
    """The rows of a file, as they are written."""

    rows: list[Cells]
    lines: list[int]
    delimiter: str


def open_table(path: str, *, columns: Asked | None = None, images: str | Path | None = None) -> ImageSet:
    """The images that a table lists: cells parted by , ; tab or |, with a header or without.

    columns: the image's and the label's column and, if there is one, the split's, by name or by number from 1; told by
    their names or by which leads to files where not given. images: the folder that paths are relative to: the table's,
    or where not given one below it in which they are found. A suffix may be missing, and a backslash parts folders.
    split is train, val (or valid, validation, dev) or test. Classes sort as numbers when all are numbers, else as
    strings. Further columns are ignored. What was guessed is a note.
    Raises InputError, with the line, for a table that cannot be right, and for files that are not there.
    """
    table = _read(path)
    if not table.rows:
        raise InputError(f"{path}: is empty; each line must have an image and its label")
    places = _places(path, images)
    meant = columns_of(
        path, table.rows[: SAMPLE + 1], columns, lambda cell: any(one.find(cell) is not None for one in places)
    )
    files = _best(path, places, [row[meant.image] for row in _body(table, meant)[0] if meant.image < len(row)])
    rows = _rows(path, table, meant, files)
    _check_paths(path, rows, files)
    classes = _classes(path, rows)
    code = {name: label for label, name in enumerate(classes)}
    return ImageSet(
        name=path,
        classes=tuple(classes),
        images=Files("", Names(str(row.path) for row in rows)),
        labels=np.array([code[row.label] for row in rows], dtype=np.int64),
        splits=np.array([row.split for row in rows], dtype=np.int8),
        rows=np.arange(len(rows)),
        notes=_notes(path, table, meant, files, told=images is not None),
    )


def _read(path: str) -> Table:
    rows: list[Cells] = []
    lines: list[int] = []
    try:
        with io.TextIOWrapper(_opened(path), encoding="utf-8-sig", newline="") as file:
            delimiter = delimiter_of(list(islice(_lines(path, file), SAMPLE)))
            file.seek(0)
            reader = csv.reader(_lines(path, file), delimiter=delimiter, skipinitialspace=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    rows.append(cells)
                    lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text ({error.reason} after line {lines[-1] if lines else 0}); save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise InputError(f"{path}: after line {lines[-1] if lines else 1}: {error}") from error
    return Table(rows, lines, delimiter)


def _opened(path: str) -> IO[bytes]:
    check_regular(path)
    file = open_regular(path)
    if os.fstat(file.fileno()).st_size > LARGEST:
        file.close()
        raise InputError(f"{path}: has more than {LARGEST >> 30} GiB, the most that is read of a table; part it")
    return file


def _lines(path: str, file: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a table, none of them longer than a table's line ever is."""
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            raise InputError(f"{path}: a line has more than {LONGEST:,} characters; is it a table?")
        yield line


def _places(path: str, images: str | Path | None) -> list[TableFiles]:
    """The folders that the paths of a table may be relative to."""
    if images is not None:
        if not Path(images).is_dir():
            raise InputError(
                f"{images}: no such folder; --images names the folder that the paths in the table are relative to"
            )
        return [TableFiles(str(images))]
    own = str(Path(path).parent)
    return [TableFiles(own), *map(TableFiles, subfolders(own)[:PLACES])]


def _best(path: str, places: Sequence[TableFiles], cells: Sequence[str]) -> TableFiles:
    """Where the first images of a table are. Raises InputError when several folders have as many of them."""
    own, *below = places
    sample = cells[:SAMPLE]
    if not below or any(own.find(cell) is not None for cell in sample):
        return own
    counts = [sum(one.find(cell) is not None for cell in sample) for one in below]
    if not any(counts):
        return own
    best = [one for one, count in zip(below, counts, strict=True) if count == max(counts)]
    if len(best) > 1:
        raise InputError(
            f"{path}: its images are both in {best[0].folder} and in {best[1].folder}; choose one with --images FOLDER"
        )
    return best[0]


def _body(table: Table, columns: Columns) -> tuple[list[Cells], list[int]]:
    """The rows after the header, and the line of each."""
    first = 0 if columns.header is None else 1
    return table.rows[first:], table.lines[first:]


def _rows(path: str, table: Table, columns: Columns, files: TableFiles) -> list[Row]:
    rows, lines = _body(table, columns)
    if not rows:
        raise InputError(f"{path}: no rows after the header; add one per image")
    first = "its header" if columns.header is not None else "the first line"
    found: list[Row] = []
    for cells, line in zip(rows, lines, strict=True):
        where = f"{path}: line {line}"
        if len(cells) != len(table.rows[0]):
            raise InputError(
                f'{where} has {len(cells)} cells, {first} {len(table.rows[0])}; put a path with commas into "…"'
            )
        found.append(_row(where, line, cells, columns, files))
    return found


def _row(where: str, line: int, cells: Cells, columns: Columns, files: TableFiles) -> Row:
    cell, label = cells[columns.image], composed(cells[columns.label].strip())
    if not cell.strip() or not label:
        raise InputError(f"{where} has no {'label' if cell.strip() else 'path'}; every image needs both")
    split = -1
    if columns.split is not None:
        word = cells[columns.split].strip()
        if word.lower() not in SPLIT_NAMES:
            raise InputError(f"{where} has split {word!r}; must be {', '.join(SPLIT_NAMES)}")
        split = SPLITS.index(SPLIT_NAMES[word.lower()])
    return Row(line, files.find(cell), cell, label, split)


def _check_paths(path: str, rows: Sequence[Row], files: TableFiles) -> None:
    """Raise InputError for an image that is there twice, or leads to no file."""
    before: dict[str, Row] = {}
    for row in rows:
        first = before.setdefault(os.path.normpath(row.path or files.where(row.cell)), row)
        if first is not row:
            other = "" if first.label == row.label else f" as {row.label}, not {first.label}"
            raise InputError(
                f"{path}: line {row.line} lists {files.where(row.cell)} again, after line {first.line}{other}; "
                "keep one of them"
            )
    missing = [row for row in rows if row.path is None]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(rows):,} files are not there, the first {files.where(missing[0].cell)} "
            f"(line {missing[0].line}){files.doubt}; paths are relative to the folder of the table, or to --images"
        )


def _notes(path: str, table: Table, columns: Columns, files: TableFiles, *, told: bool) -> tuple[str, ...]:
    """What was guessed."""
    found: list[str] = []
    if table.delimiter != ",":
        name = {"\t": "tabs"}.get(table.delimiter, repr(table.delimiter))
        found.append(f"cells are parted by {name}")
    if columns.header is None:
        found.append("no header")
    if columns.guessed:
        found.append(columns.described)
    if not told and files.folder != str(Path(path).parent):
        found.append(f"images are in {files.folder}")
    if files.suffixed:
        found.append("suffixes were added to the names")
    return (f"{path}: {'; '.join(found)}",) if found else ()


def _classes(path: str, rows: Sequence[Row]) -> list[str]:
    """The class names in order, from the training rows where there are any."""
    training = [row for row in rows if row.split in (-1, 0)]
    known = {row.label for row in training or rows}
    for row in rows:
        if row.label not in known:
            raise InputError(
                f"{path}: line {row.line} has class {row.label} in {SPLITS[row.split]}, but no train row has it; "
                "add it to train or remove the row"
            )
    if all(_NUMBER.fullmatch(label) for label in known):
        return sorted(known, key=lambda label: (float(label), label))
    return sorted(known)
