"""Class folders in an object store, and Hugging Face's datasets as Parquet files -> ImageSet."""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np

from resnets.base.errors import InputError
from resnets.data import image_formats, shards
from resnets.data.class_folders import arrange, image_set
from resnets.data.fetching import WEB, fetch
from resnets.data.imageset import ImageSet
from resnets.data.listing import Listing, Names
from resnets.data.parquet_images import SUFFIX
from resnets.data.shard_names import MANIFEST, shards_named
from resnets.data.stores import Store, store_of

HUB = "hf:"


@dataclass(frozen=True)
class StoreFiles:
    """Image files in an object store."""

    store: Store
    before: str  # what every path begins with: the folder and a slash
    paths: Names

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, /) -> bytes:
        """The file's bytes. Raises OSError when it does not come after several tries."""
        file = io.BytesIO()
        fetch(self.name(index), file)
        return file.getvalue()

    def name(self, index: int, /) -> str:
        """The URI."""
        return self.store.name(self.before + self.paths[index])


def open_uri(uri: str) -> ImageSet:
    """The images of a folder behind a URI: shards with a manifest, or class folders.

    Raises InputError when it cannot be listed, and as `class_folders.arrange` does.
    """
    if uri.startswith(WEB):
        return shards.open_folder_of_shards(uri)  # a web server lists no folders, so a manifest has to
    store = store_of(uri)
    top = store.path(uri).rstrip("/")
    try:
        if not store.is_folder(top):
            raise InputError(
                f"{uri}: no such folder; name a folder of class folders, or shards as {uri}/{{000..099}}.tar"
            )
        if store.is_file(f"{top}/{MANIFEST}"):
            return shards.open_folder_of_shards(uri)
        listing = _listed(store, uri, top)
    except OSError as error:
        raise InputError(f"{uri}: cannot be read ({error})") from error
    arrangement = arrange(listing)
    files = StoreFiles(store, f"{top}/", Names(arrangement.paths))
    return image_set(uri, arrangement, files, np.arange(len(files)))


def _listed(store: Store, uri: str, top: str) -> Listing:
    listing = Listing(uri)
    for path in store.below(top):
        folder, _, name = path.removeprefix(f"{top}/").rpartition("/")
        listing.add_folder(folder)
        listing.add_file(folder, name, partial(_head, store, path))
    return listing


def _head(store: Store, path: str) -> bytes:
    with store.open(store.name(path)) as file:
        return file.read(image_formats.HEAD)


def open_hub(name: str) -> ImageSet:
    """A dataset of Hugging Face's Hub, hf:OWNER/NAME or hf:OWNER/NAME/FOLDER, or a local folder of its Parquet files.

    The files are read one after the other, and never all at hand. Raises InputError when it has none, or cannot be
    reached.
    """
    return shards.open_shards(name, shards_named(hub_files(name)))


def hub_files(name: str) -> list[str]:
    """The Parquet files of such a dataset: paths, or addresses. Raises InputError as `open_hub` does."""
    place = name.removeprefix(HUB)
    local = (str(path) for path in Path(place).rglob(f"*{SUFFIX}"))
    found = sorted(local) if Path(place).is_dir() else _on_hub(place)
    if not found:
        raise InputError(f"{name}: has no Parquet files, the one format that is read of such datasets")
    return found


def _on_hub(place: str) -> list[str]:
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    owner, _, rest = place.partition("/")
    repository, _, folder = rest.partition("/")
    identity = f"{owner}/{repository}"
    try:
        files = HfApi().list_repo_files(identity, repo_type="dataset")
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{HUB}{place}: cannot be read from the Hub ({first}); check the name, or give a local folder"
        ) from error
    inside = sorted(file for file in files if file.endswith(SUFFIX) and (not folder or file.startswith(f"{folder}/")))
    tops = {file.partition("/")[0] for file in inside}
    if len(tops) > 1 and not folder:
        raise InputError(
            f"{HUB}{place}: holds several datasets: {', '.join(sorted(tops))}; name one, as {HUB}{place}/{min(tops)}"
        )
    return [hf_hub_url(identity, quote(file), repo_type="dataset") for file in inside]
