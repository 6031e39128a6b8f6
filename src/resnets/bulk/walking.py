"""A folder's files, at any depth."""

import os
from collections.abc import Iterator
from pathlib import Path

from resnets.base.errors import InputError
from resnets.data.listing import is_hidden
from resnets.data.stores import WORK_FILES

Identity = tuple[int, int]  # of a folder: its device, its inode


def files_below(folder: str) -> Iterator[str]:
    """Every file in `folder`, at any depth, files and folders by name; links are followed, but not back into
    themselves; what is hidden is left out, and what bulk predictions have left behind."""
    entered = [_entered(folder, frozenset())]
    while entered:
        path, inside, above = entered[-1]
        name, is_folder = next(inside, ("", False))
        if not name:
            entered.pop()
            continue
        path = os.path.join(path, name)  # noqa: PTH118 - as it was given: a Path would drop a leading ./
        if is_folder:
            entered.append(_entered(path, above))
        else:
            yield path


def _entered(folder: str, above: frozenset[Identity]) -> tuple[str, Iterator[tuple[str, bool]], frozenset[Identity]]:
    """A folder, what is in it, and the folders above its content; nothing is in one that is among those already.

    Raises InputError when it cannot be read.
    """
    try:
        status = Path(folder).stat()
        identity = (status.st_dev, status.st_ino)
        inside = [] if identity in above else sorted(_in(folder))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from error
    return folder, iter(inside), above | {identity}


def _in(folder: str) -> Iterator[tuple[str, bool]]:
    """The names directly in a folder, and whether each is a folder's; of millions, a hundred bytes each."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                if not of_a_run(entry.path):
                    yield entry.name, True
            else:  # a broken link, a pipe and the like are reported when they are read
                yield entry.name, False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False


def of_a_run(folder: str) -> bool:
    """Whether a folder holds the parts of a bulk prediction."""
    return folder.endswith(".parts") and any((Path(folder) / name).is_file() for name in WORK_FILES)
