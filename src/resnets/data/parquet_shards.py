"""A Parquet file of images and labels -> a tar file, whose members can be read in any order."""

import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from resnets.base.errors import InputError
from resnets.data.parquet_images import Cursor, opened, places
from resnets.data.table_columns import LABEL_NAMES

ROWS = 1024  # labels that are read at once
UNKNOWN = -1  # the label that Hugging Face's datasets give an image without one


def as_tar(name: str, file: IO[bytes], target: IO[bytes]) -> None:
    """Write each row's image and label to `target`, as a sample of a WebDataset shard.

    name: what messages call the file. The label's column is found by its name; numbers get the class names that Hugging
    Face's datasets write into the file. Raises InputError when there is no such column, OSError for a damaged file.
    """
    table = opened(name, file)
    column, called = _label_column(name, table.schema_arrow)
    cursor = Cursor(name, file)
    labels: list[Any] = []
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for row, (group, place) in places(name, file):
            if place % ROWS == 0:
                labels = _labels(table, group, column)[place : place + ROWS]
            label = labels[place % ROWS]
            _add(tar, f"row{row}", cursor.read(group, place))
            if label is None or label == UNKNOWN:
                raise InputError(f"{name}: row {row} has no label; leave such rows out")
            _add(tar, f"row{row}.cls", called(label).encode())


def _labels(table: Any, group: int, column: str) -> list[Any]:
    return table.read_row_group(group, columns=[column]).column(0).to_pylist()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, BytesIO(content))


def _label_column(name: str, schema: Any) -> tuple[str, Callable[[Any], str]]:
    """The column of labels, and what a value is called."""
    column = next((one for one in LABEL_NAMES if one in schema.names), None)
    if column is None:
        raise InputError(
            f"{name}: no column of labels among {', '.join(schema.names)}; it must be called "
            f"{', '.join(LABEL_NAMES[:4])} or the like"
        )
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    names = described.get("info", {}).get("features", {}).get(column, {}).get("names")
    return column, lambda value: str(names[value] if names and isinstance(value, int) else value)
