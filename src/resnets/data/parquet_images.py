"""Images in a column of Parquet files: as bytes, or as Hugging Face's struct of bytes and path."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from resnets.base.errors import InputError
from resnets.data import members
from resnets.data.stores import arrow

SUFFIX = ".parquet"
COLUMNS = ("image", "bytes", "jpg", "jpeg", "png", "webp", "img", "image_bytes")
ROWS_AT_ONCE = 16  # images in memory for each thread that reads


class NoColumn(InputError):  # noqa: N818 - the message says the rest
    """A Parquet file without a column of images: another kind of table than was meant."""


def places(name: str, file: IO[bytes]) -> Iterator[tuple[int, tuple[int, int]]]:
    """The number of each row of a table, and where it is: its row group, and its place in it.

    Raises NoColumn when no column holds images, InputError when it is no Parquet file or damaged.
    """
    table = opened(name, file)
    image_column(name, table.schema_arrow)
    row = 0
    for group in range(table.metadata.num_row_groups):
        for place in range(table.metadata.row_group(group).num_rows):
            yield row, (group, place)
            row += 1


def image_column(name: str, schema: Any) -> str:
    """The column of a schema that holds images; of a struct, its field of bytes."""
    from pyarrow import types

    for column in COLUMNS:
        place = schema.get_field_index(column)
        if place < 0:
            continue
        kind = schema.field(place).type
        if types.is_binary(kind) or types.is_large_binary(kind):
            return column
        if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return f"{column}.bytes"
    raise NoColumn(
        f"{name}: no column of image bytes among {', '.join(schema.names)}; it must be called "
        f"{', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}, and hold bytes or a struct with a field of bytes"
    )


@dataclass
class Cursor:
    """Reads rows of one table in order. A row behind the last one costs reading its row group from the beginning."""

    name: str
    file: IO[bytes]
    _group: int = -1
    _next: int = 0  # the place in the row group of the first row of `_rows` that was not read
    _rows: Iterator[bytes | None] = field(default_factory=lambda: iter(()))
    _damage: str = ""  # what `_rows` ended with before its row group did

    def __post_init__(self) -> None:
        self._table = opened(self.name, self.file)
        self._column = image_column(self.name, self._table.schema_arrow)

    def read(self, group: int, place: int) -> bytes:
        """The image at a row. Raises InputError when there is none, OSError when the file is damaged."""
        if group != self._group or place < self._next:
            self._rows, self._damage = self._group_rows(group), ""
            self._group, self._next = group, 0
        if self._damage:
            raise OSError(0, self._damage, self.name)
        try:
            for value in self._rows:
                self._next += 1
                if self._next > place:
                    return _bytes(self.name, value)
        except InputError:
            raise
        except OSError:  # of a disk or a store, which may be there again for the next row
            self._group = -1
            raise
        except (ValueError, arrow(self.name).ArrowException) as error:  # what pyarrow raises on damaged pages
            self._damage = f"damaged: {error}"  # of all rows from here, whichever of them a thread begins at
            raise OSError(0, self._damage, self.name) from error
        raise OSError(0, "has fewer rows than when it was listed", self.name)

    def _declared(self, group: int) -> tuple[int, int]:
        """The rows of a row group, and the bytes that their images unpack to. Raises OSError for what is a bomb."""
        described = self._table.metadata.row_group(group)
        columns = map(described.column, range(described.num_columns))
        packed, size = next(
            (one.total_compressed_size, one.total_uncompressed_size)
            for one in columns
            if one.path_in_schema == self._column
        )
        if size > max(members.LARGE, members.MAX_EXPANSION * packed):
            why = f"{packed / 2**20:,.1f} MiB that declare to be {size / 2**20:,.0f} MiB when unpacked"
            raise OSError(errno.EIO, f"damaged: {why}", self.name)
        return described.num_rows, size

    def _group_rows(self, group: int) -> Iterator[bytes | None]:
        rows, size = self._declared(group)
        most = max(1, min(ROWS_AT_ONCE, members.LARGE * rows // max(1, size)))
        batches = self._table.iter_batches(
            batch_size=most, row_groups=[group], columns=[self._column], use_threads=False
        )
        for batch in batches:
            column = batch.column(0)
            yield from (value.as_py() for value in (column.field(0) if "." in self._column else column))


def _bytes(name: str, value: bytes | None) -> bytes:
    if value is None:
        raise InputError(f"{name}: this row has no image bytes")
    members.check_size(name, len(value))
    return value


def opened(name: str, file: IO[bytes]) -> Any:
    """pyarrow's reader of a Parquet file. Raises InputError when it is none, or damaged."""
    pyarrow = arrow(name)
    try:
        return pyarrow.parquet.ParquetFile(file, buffer_size=2**20, pre_buffer=False)  # never a whole column in memory
    except (pyarrow.ArrowException, ValueError) as error:
        raise InputError(f"{name}: not a Parquet file, or damaged ({error}); copy it or create it again") from error
