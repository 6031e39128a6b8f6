"""What the columns of a table of images mean: by their names, or by which of them leads to files."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnets.base.errors import InputError
from resnets.data.listing import is_image
from resnets.data.split_folders import SPLIT_NAMES

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 20  # rows that are looked at to tell

# From the surest word to the least sure.
IMAGE_NAMES = (
    "path", "file_path", "filepath", "image_path", "img_path", "filename", "file_name", "image_filename", "file",
    "image_file", "image", "img", "image_name", "img_name", "image_id", "img_id", "imageid", "id", "name", "photo",
)  # fmt: skip
LABEL_NAMES = (
    "label", "class", "category", "class_name", "classname", "label_name", "category_name", "target", "labels",
    "class_label", "class_id", "label_id", "category_id", "species", "breed", "diagnosis", "y",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "subset", "partition", "set", "data_set")

Cells = list[str]
Asked = str | Sequence[str | int]  # the columns a user names: "IMAGE,LABEL", or the names or numbers from 1


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where in a row the image, its label and its split are."""

    image: int
    label: int
    split: int | None
    header: Cells | None  # the first row, where it names the columns
    guessed: bool  # whether the names were other than path and label

    @property
    def described(self) -> str:
        """In words, which column is what."""
        names = [f"column {place + 1}" for place in range(max(self.image, self.label, self.split or 0) + 1)]
        names = self.header or names
        split = f", {names[self.split]} the split" if self.split is not None else ""
        return f"{names[self.image]} is the image, {names[self.label]} the label{split}"


def table_options(columns: Asked | None, images: object) -> list[str]:
    """The command line's options that name the columns of a table and where its images are."""
    named = columns if isinstance(columns, str) or columns is None else ",".join(map(str, columns))
    return [*(["--columns", named] if named else []), *(["--images", str(images)] if images is not None else [])]


def delimiter_of(lines: Sequence[str]) -> str:
    """What parts the cells of these first lines: of , ; tab and | the one that gives the most cells, equally often."""
    best, best_score = ",", (1, 0)
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            continue
        if not rows or len(rows[0]) < 2:
            continue
        equal = sum(len(row) == len(rows[0]) for row in rows)
        if (equal, len(rows[0])) > best_score:
            best, best_score = delimiter, (equal, len(rows[0]))
    return best


def columns_of(path: str, rows: Sequence[Cells], asked: Asked | None, leads_to_file: Callable[[str], bool]) -> Columns:
    """What each column of a table means.

    path: what messages call the table. rows: its first ones. asked: the image's and the label's column, and the
    split's if there is one, by name or by number from 1. leads_to_file: whether a cell names an image that is there.
    Raises InputError, naming the columns, when it cannot be told.
    """
    if asked is not None:
        return _asked(path, rows, asked, leads_to_file)
    names = _normal(rows[0]) if rows else []
    image = _named_image(names, rows[1:], leads_to_file)
    label, split = _first(names, LABEL_NAMES), _named_split(names, rows[1:])
    if rows and _is_header(rows[0], (image, label), leads_to_file):
        if len(set(names)) != len(names):
            raise InputError(f"{path}: two columns in its header {','.join(rows[0])!r} have the same name; {_mend()}")
        if image is None:
            image = _column_of_files(rows[1:], leads_to_file)
        image, label = _remaining(len(names), image, label, split)
        header = rows[0]
    else:
        header, split = None, None
        image = _column_of_files(rows, leads_to_file)
        image, label = _remaining(len(names), image, None, None)
    if image is None or label is None:
        what = " and ".join(name for name, place in (("image", image), ("label", label)) if place is None)
        first = ",".join(rows[0]) if rows else ""
        raise InputError(f"{path}: its first line {first!r} does not show which column is the {what}; {_mend()}")
    usual = header is not None and (names[image], names[label]) == ("path", "label")
    return Columns(image=image, label=label, split=split, header=header, guessed=not usual)


def _asked(path: str, rows: Sequence[Cells], asked: Asked, leads_to_file: Callable[[str], bool]) -> Columns:
    asked = next(csv.reader([asked]), []) if isinstance(asked, str) else asked
    if len(asked) not in (2, 3):
        raise InputError(f"columns {','.join(map(str, asked))!r}: must be two, IMAGE,LABEL, or three, with SPLIT")
    first = [cell.strip() for cell in rows[0]] if rows else []
    places = [_place(path, first, one) for one in asked]
    if len(set(places)) != len(places):
        raise InputError(f"columns {','.join(map(str, asked))!r}: one column is named twice; name different ones")
    by_name = any(str(one).lower() in map(str.lower, first) for one in asked)
    header = rows[0] if rows and (by_name or not leads_to_file(rows[0][places[0]])) else None
    return Columns(
        image=places[0], label=places[1], split=places[2] if len(places) == 3 else None, header=header, guessed=False
    )


def _place(path: str, first: Cells, column: str | int) -> int:
    lower = [cell.lower() for cell in first]
    word = str(column).strip()
    if word.lower() in lower:
        return lower.index(word.lower())
    if word.isdecimal() and 1 <= int(word) <= len(first):
        return int(word) - 1
    raise InputError(f"{path}: no column {word!r}; the columns are {', '.join(first)}, or 1 to {len(first)}")


def _normal(cells: Cells) -> list[str]:
    return [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]


def _first(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _named_image(names: Sequence[str], rows: Sequence[Cells], leads_to_file: Callable[[str], bool]) -> int | None:
    """Of the columns that are called as images are, the first that leads to files, or else the first."""
    places = [names.index(name) for name in IMAGE_NAMES if name in names]
    for place in places if len(places) > 1 else ():
        if any(leads_to_file(row[place]) for row in rows[:SAMPLE] if place < len(row)):
            return place
    return places[0] if places else None


def _named_split(names: Sequence[str], rows: Sequence[Cells]) -> int | None:
    place = _first(names, SPLIT_COLUMNS)
    if place is None or names[place] == "split":
        return place
    values = {row[place].strip().lower() for row in rows if place < len(row)}
    return place if values and values <= set(SPLIT_NAMES) else None


def _is_header(first: Cells, known: Sequence[int | None], leads_to_file: Callable[[str], bool]) -> bool:
    if any(is_image(cell.strip()) or leads_to_file(cell) for cell in first):
        return False
    return any(place is not None for place in known) or len(first) > 1


def _column_of_files(rows: Sequence[Cells], leads_to_file: Callable[[str], bool]) -> int | None:
    """The column whose cells name images: that are there, or at least by their suffix."""
    sample = rows[:SAMPLE]
    for holds in (leads_to_file, lambda cell: is_image(cell.strip())):
        counts = [sum(map(holds, column)) for column in zip(*sample, strict=False)]
        if counts and max(counts):
            return counts.index(max(counts))
    return None


def _remaining(count: int, image: int | None, label: int | None, split: int | None) -> tuple[int | None, int | None]:
    """The column of the image and of the label, where one of them is the only one that is left."""
    left = [place for place in range(count) if place not in (image, label, split)]
    if len(left) == 1 and image is not None and label is None:
        return image, left[0]
    if len(left) == 1 and label is not None and image is None:
        return left[0], label
    return image, label


def _mend() -> str:
    return "--columns IMAGE,LABEL says which is which, by name or number"
