"""A folder of image files -> ImageSet. Nothing is read but the names."""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from resnets.base.reading import head, read_regular
from resnets.data import image_formats
from resnets.data.class_folders import arrange, image_set
from resnets.data.imageset import ImageSet
from resnets.data.listing import Listing, Names, is_hidden, is_image, joined


@dataclass(frozen=True)
class Files:
    """Image files on disk."""

    before: str  # what every path begins with: the folder and a slash, or nothing
    paths: Names

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, /) -> bytes:
        """The file's bytes. Raises the OSError of a file that is gone, may not be read, or is no regular one."""
        return read_regular(self.name(index))

    def name(self, index: int, /) -> str:
        """The path, beginning as the source was given."""
        return self.before + self.paths[index]


def open_folder(folder: str) -> ImageSet:
    """The images of a folder of class folders, or of split folders of class folders.

    Raises InputError as `layout.arrange` does, and OSError for a folder that may not be read.
    """
    arrangement = arrange(scan(folder))
    files = Files(folder.rstrip("/") + "/", Names(arrangement.paths))
    return image_set(folder, arrangement, files, np.arange(len(files)))


def scan(folder: str) -> Listing:
    """What is in `folder`, at any depth. Linked folders are followed, but never back into themselves."""
    listing = Listing(folder)
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        inner, above = waiting.pop()
        place = listing.where(inner)
        status = Path(place).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            continue
        listing.add_folder(inner)
        with os.scandir(place) as entries:
            for entry in entries:
                if not _is_folder(entry):
                    if not entry.is_symlink() and not entry.is_file():
                        listing.links.add(joined(inner, entry.name))
                        continue
                    # A broken link, or one to a pipe or a device, is reported when it is read.
                    listing.add_file(inner, entry.name, partial(head, entry.path, image_formats.HEAD))
                elif is_hidden(entry.name):
                    _count_hidden(listing, joined(inner, entry.name))
                else:
                    waiting.append((joined(inner, entry.name), above | {identity}))
    return listing


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False


def _count_hidden(listing: Listing, folder: str) -> None:
    """Record the images directly in a hidden folder. It is not searched deeper: it may be a file system's snapshots."""
    with suppress(OSError), os.scandir(listing.where(folder)) as entries:
        for entry in entries:
            if is_image(entry.name):
                listing.hidden.add(folder)
