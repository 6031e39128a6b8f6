"""The file that a table's cell means: as it stands, with another slash, with a suffix, or in another Unicode form."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from resnets.base.names import as_on_disk, composed
from resnets.data.listing import is_hidden, is_image


@dataclass
class TableFiles:
    """Finds the files of a table whose paths are absolute or relative to `folder`. Each folder is read once."""

    folder: str
    suffixed: bool = False  # whether a suffix had to be added to any name
    doubt: str = ""  # of a name that could be several files, which
    _folders: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]], repr=False)

    def find(self, cell: str) -> str | None:
        """The path of the image that a cell names; None where there is none, or several differ in their suffix."""
        for name in dict.fromkeys((cell, cell.strip(), cell.strip().replace("\\", "/"))):
            if name and (found := self._found(os.path.join(self.folder, name))):  # noqa: PTH118 - a million paths
                return found
        return None

    def where(self, cell: str) -> str:
        """What a message calls the file of a cell."""
        return str(Path(self.folder) / cell)

    def _found(self, path: str) -> str | None:
        try:
            if os.path.isfile(path):  # noqa: PTH113
                return path
        except ValueError:  # a null byte
            return None
        folder, _, name = path.rpartition("/")
        folder = as_on_disk(folder)
        there = self._names(folder or ".").get(composed(name), [])
        if len(there) != 1:
            self.doubt = f": it may be {' or '.join(there)}" if there else self.doubt
            return None
        self.suffixed |= not is_image(name)
        return os.path.join(folder, there[0])  # noqa: PTH118

    def _names(self, folder: str) -> dict[str, list[str]]:
        """The files of a folder, by their composed name; the images among them also without their suffix."""
        if folder not in self._folders:
            found: dict[str, list[str]] = {}
            for name in _listed(folder):
                for key in {composed(name), composed(name.rpartition(".")[0]) if is_image(name) else composed(name)}:
                    found.setdefault(key, []).append(name)
            self._folders[folder] = found
        return self._folders[folder]


def subfolders(folder: str) -> list[str]:
    """The folders directly in `folder`, and those in these, sorted; what is hidden is left out."""
    found = [f"{folder}/{name}" for name in _listed(folder, folders=True)]
    return found + [f"{one}/{name}" for one in found for name in _listed(one, folders=True)]


def _listed(folder: str, *, folders: bool = False) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() == folders and not is_hidden(entry.name))
    except OSError:
        return []
