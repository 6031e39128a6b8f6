"""What is in a folder or an archive: every folder, the images in each, and what was left out."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from resnets.base.names import composed
from resnets.data import image_formats
from resnets.data.image_formats import Kind


def is_image(name: str) -> bool:
    """Whether a file of this name is read as an image: by its suffix, and never a hidden one."""
    kind = image_formats.named(name)
    return kind is not None and not is_hidden(name) and image_formats.is_read(kind)


def picture_kind(name: str, head: Callable[[], bytes]) -> Kind | None:
    """Which kind of picture a file is, read here or not: by its suffix, or by its first bytes where it has none."""
    if is_hidden(name):
        return None
    return image_formats.found(head()) if image_formats.without_suffix(name) else image_formats.named(name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out: .DS_Store, .ipynb_checkpoints, what macOS adds to a zip."""
    return name.startswith(".") or name == "__MACOSX"


def joined(folder: str, name: str) -> str:
    """`folder`/`name`, where the top folder is the empty string."""
    return f"{folder}/{name}" if folder else name


class Names:
    """Many strings in one block: less than half the memory of a list, and forked workers do not copy it by counting."""

    def __init__(self, strings: Iterable[str]) -> None:
        block, ends = bytearray(), [0]
        for string in strings:
            block += string.encode(errors="surrogatepass")
            ends.append(len(block))
        self._block, self._ends = bytes(block), np.array(ends, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"name {index} of {len(self)}")
        return self._block[self._ends[index] : self._ends[index + 1]].decode(errors="surrogatepass")


@dataclass
class LeftOut:
    """How many things of one kind were left out, and the first of them by name."""

    count: int = 0
    example: str = ""

    def add(self, path: str) -> None:
        """Count one more."""
        self.count += 1
        self.example = min(self.example or path, path)


@dataclass
class Listing:
    """Every folder and every image of a source; paths are relative to it, with `/`, and its top is the empty string."""

    source: str  # what messages call it
    images: dict[str, list[str]] = field(default_factory=lambda: {"": []})  # folder -> images directly in it
    others: LeftOut = field(default_factory=LeftOut)  # files that are no images
    unread: dict[Kind, dict[str, LeftOut]] = field(default_factory=dict[Kind, dict[str, LeftOut]])
    # pictures of kinds that cannot be read, by the folder that they are directly in
    hidden: LeftOut = field(default_factory=LeftOut)  # images directly in hidden folders
    links: LeftOut = field(default_factory=LeftOut)  # in an archive; in a folder pipes and devices

    def add_folder(self, folder: str) -> None:
        """Record a folder, and those it is in."""
        while folder not in self.images:
            self.images[folder] = []
            folder = folder.rpartition("/")[0]

    def add_file(self, folder: str, name: str, head: Callable[[], bytes]) -> None:
        """Record a file of a folder that is recorded already. head: gives its first bytes, if they are needed."""
        kind = picture_kind(name, head)
        if kind is not None and image_formats.is_read(kind):
            self.images[folder].append(name)
        elif kind is not None:
            self.unread.setdefault(kind, {}).setdefault(folder, LeftOut()).add(joined(folder, name))
        elif not is_hidden(name):
            self.others.add(joined(folder, name))

    def unread_notes(self, top: str = "") -> list[str]:
        """Of each kind of picture that cannot be read: how many are in `top` or below, and what would help."""
        notes: list[str] = []
        for kind, folders in self.unread.items():
            found = [left for folder, left in folders.items() if not top or f"{folder}/".startswith(f"{top}/")]
            if found:
                count, example = sum(left.count for left in found), min(left.example for left in found)
                files = "file, which cannot" if count == 1 else "files, which cannot"
                notes.append(f"{count:,} {kind.name} {files} be read, such as {self.where(example)}: {kind.remedy}")
        return notes

    def add_member(self, path: str, head: Callable[[], bytes] = bytes, *, folder: bool = False) -> None:
        """Record an archive's file, or its folder, and the folders it is in. head: as in `add_file`."""
        *above, name = path.split("/")
        concealed = [place for place, part in enumerate(above) if is_hidden(part)]
        if concealed == [len(above) - 1] and is_image(name) and not folder:
            self.hidden.add("/".join(above))
        if concealed or (folder and is_hidden(name)):
            return
        self.add_folder(path if folder else "/".join(above))
        if not folder:
            self.add_file("/".join(above), name, head)

    def subfolders(self, folder: str) -> list[str]:
        """The names of the folders directly in `folder`, sorted."""
        return self._subfolders.get(folder, [])

    def below(self, folder: str) -> list[str]:
        """The images in `folder` and its sub-folders, as torchvision's ImageFolder orders them: by folder, by name.

        Names are ordered by their composed form, so that a copy from another system has the same order.
        """
        return list(chain.from_iterable(map(self._directly_in, sorted(self._tree(folder), key=composed))))

    def has_images(self, folder: str) -> bool:
        """Whether there is any image in `folder` or its sub-folders."""
        return any(self.images.get(inner) for inner in self._tree(folder))

    def all_images(self) -> Iterator[str]:
        """Every image there is, in no special order."""
        return (joined(folder, name) for folder, names in self.images.items() for name in names)

    def where(self, path: str) -> str:
        """What a message calls a path of this listing."""
        return f"{self.source.rstrip('/')}/{path}" if path else self.source

    def _directly_in(self, folder: str) -> list[str]:
        return [joined(folder, name) for name in sorted(self.images.get(folder, ()), key=composed)]

    def _tree(self, folder: str) -> list[str]:
        if not folder:
            return self._folders
        first, end = (bisect_left(self._folders, folder + edge) for edge in ("/", "0"))  # 0 comes after /
        return [folder, *self._folders[first:end]]

    @cached_property
    def _folders(self) -> list[str]:
        return sorted(self.images)

    @cached_property
    def _subfolders(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in filter(None, self._folders):
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
        return {folder: sorted(names) for folder, names in found.items()}
