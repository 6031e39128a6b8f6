"""Whatever the user points at -> ImageSet: a folder, an archive, a table, an array file, a published data set."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from resnets.base.errors import InputError
from resnets.base.names import as_on_disk
from resnets.base.reading import MAX_FILE, read_whole
from resnets.data import shards
from resnets.data.archives import open_archive
from resnets.data.arrays import digits, open_npz
from resnets.data.cifar import DISTRIBUTIONS, Read, identify, open_cifar
from resnets.data.folders import open_folder
from resnets.data.idx import find_idx, open_idx
from resnets.data.imageset import ImageSet
from resnets.data.remote_folders import HUB, open_hub, open_uri
from resnets.data.shard_names import expanded, shards_named
from resnets.data.stores import is_uri
from resnets.data.table_columns import Asked
from resnets.data.tables import open_table

TABLES = (".csv", ".tsv")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
WHAT_WORKS = (
    "what works is a folder with a sub-folder for each class, a zip or tar archive of one, a .csv or .tsv of images "
    "and labels, a folder of CIFAR or IDX files, a MedMNIST .npz, shards such as 'shards/{000..099}.tar', Parquet "
    "files, hf:OWNER/NAME, s3:// and http:// addresses of shards, or the word digits"
)

_CIFAR_FILES = frozenset(file for one in DISTRIBUTIONS for file in one.files)


def open_source(source: str | Path, *, columns: Asked | None = None, images: str | Path | None = None) -> ImageSet:
    """The labelled images that `source` holds, not yet decoded; the kind of source is decided by what is there.

    The text `digits` is scikit-learn's embedded sample, a Path of that name (or ./digits) a folder.
    columns, images: of a table, which columns are the image and its label, and where the images are, as
    `tables.open_table` has them.
    Raises InputError, one line that names the file and what would work, for whatever a user can mend.
    """
    if (columns is not None or images is not None) and not _is_table(str(source)):
        raise InputError(f"{source}: --columns and --images only work with a table, {' or '.join(TABLES)}")
    if source == "digits":
        return digits()
    if far := _open_far(str(source)):
        return far
    name = as_on_disk(str(source))
    try:
        if not name:
            raise InputError(f"no data given; {WHAT_WORKS}")
        if Path(name).is_dir():
            return _open_folder(name)
        if Path(name).is_file():
            return open_table(name, columns=columns, images=images) if _is_table(name) else _open_file(name)
    except OSError as error:
        raise InputError(f"{error.filename or name}: cannot be read ({error.strerror or error})") from error
    raise InputError(f"{name}: no such file or folder; {WHAT_WORKS}")


def _open_far(source: str) -> ImageSet | None:
    """What braces, Parquet files, URIs and the Hub hold; None of another source."""
    if source.startswith(HUB):
        return open_hub(source)
    if shards.is_sharded(source):
        return shards.open_shards(source, shards_named(expanded(source)))
    return open_uri(source) if is_uri(source) else None


def opened(data: str | Path | ImageSet, *, columns: Asked | None = None, images: str | Path | None = None) -> ImageSet:
    """The images of `data`, which may be opened already."""
    return data if isinstance(data, ImageSet) else open_source(data, columns=columns, images=images)


def _is_table(path: str) -> bool:
    return path.lower().endswith(TABLES)


def _open_folder(folder: str) -> ImageSet:
    if shards.shards_in(folder):
        return shards.open_folder_of_shards(folder)
    top = folder.rstrip("/")
    places = (top or "/", *(f"{top}/{one.folder}" for one in DISTRIBUTIONS))
    if cifar := _cifar(folder, places, lambda path: Path(path).is_file(), partial(read_whole, limit=MAX_FILE)):
        return cifar
    if found := find_idx(folder):
        return open_idx(folder, found)
    return open_folder(folder)


def _open_file(path: str) -> ImageSet:
    lower = path.lower()
    if lower.endswith(".tar") and shards.holds_samples(path):
        return shards.open_shards(path, shards_named([path]))
    if lower.endswith(ARCHIVES):
        archive = open_archive(path)
        places = {folder for folder, _, file in (row.rpartition("/") for row in archive.rows) if file in _CIFAR_FILES}
        return _cifar(path, sorted(places), archive.rows.__contains__, archive.read) or archive.image_set()
    if lower.endswith(".npz"):
        return open_npz(path)
    if found := find_idx(path):
        return open_idx(path, found)
    raise InputError(f"{path}: a single file of this type is not a data set; {WHAT_WORKS}")


def _cifar(source: str, places: Iterable[str], is_file: Callable[[str], bool], read: Read) -> ImageSet | None:
    """The CIFAR that one of `places` holds, if any does. Raises InputError when several do."""
    found = [(place, distribution) for place in places if (distribution := identify(place, is_file))]
    if len(found) > 1:
        raise InputError(
            f"{source}: contains {' and '.join(place for place, _ in found)}; unpack them into "
            "separate folders and name one"
        )
    return open_cifar(source, *found[0], read) if found else None
