"""Files and folders of a source that are no images of it: litter, hidden folders, pictures outside the classes."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from resnets.base.reading import head
from resnets.checks.finding import Finding, Item
from resnets.data import image_formats
from resnets.data.archives import TarMembers, ZipMembers
from resnets.data.folders import Files
from resnets.data.imageset import ImageSet
from resnets.data.listing import is_hidden, joined, picture_kind

LITTER = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})  # what systems leave in folders


def findings(images: ImageSet, names: frozenset[str]) -> list[Finding]:
    """What lies beside the images. names: those of all images, relative to the source."""
    hidden: dict[str, int] = {}
    strays: list[Item] = []
    unused: list[Item] = []
    folders = {name.rpartition("/")[0] for name in names}
    for path, data in _paths(images):
        folder, _, name = path.rpartition("/")
        if (top := _hidden_part(folder)) is not None:
            hidden[top] = hidden.get(top, 0) + bool(name)
        elif name and path not in names:
            if name.lower() in LITTER or name.startswith("._"):
                strays.append(Item((path,), "left by a system"))
            elif (kind := picture_kind(name, data)) is not None:
                unused.append(Item((path,), "" if image_formats.is_read(kind) else f"{kind.name}: {kind.remedy}"))
            elif folder in folders:
                strays.append(Item((path,)))
    return [
        Finding(
            kind="hidden-folders", title="hidden folders", severity="worth knowing",
            means="they are left out, whatever is in them; remove them, or rename what you miss",
            items=tuple(Item((name,), f"files in it: {count:,}") for name, count in sorted(hidden.items())),
        ),
        Finding(
            kind="strays", title="files that are not images", severity="worth knowing",
            means="they are left out; remove them, if other programs stumble over them",
            items=tuple(sorted(strays, key=lambda item: item.names)),
        ),
        Finding(
            kind="unused-images", title="pictures that are left out", severity="worth knowing",
            means="they are in no class folder, or of a kind that cannot be read; move or convert them",
            items=tuple(sorted(unused, key=lambda item: item.names)),
        ),
    ]  # fmt: skip


def _hidden_part(folder: str) -> str | None:
    """The path down to the first hidden folder, if there is one."""
    parts = folder.split("/")
    for place, part in enumerate(parts):
        if is_hidden(part):
            return "/".join(parts[: place + 1])
    return None


Entry = tuple[str, "partial[bytes]"]  # a path relative to the source, and what gives its first bytes


def _paths(images: ImageSet) -> Iterator[Entry]:
    """Every file, and every hidden folder with a `/` at its end."""
    source = images.images
    if isinstance(source, ZipMembers | TarMembers):
        for index in range(len(source)):
            if path := source.paths[index]:
                yield path, partial(_first_bytes, source, index)
    elif isinstance(source, Files) and source.before:
        for path in _walk(source.before):
            yield path, partial(head, source.before + path, image_formats.HEAD)


def _first_bytes(source: ZipMembers | TarMembers, index: int) -> bytes:
    with suppress(OSError):
        return source.read(index)[: image_formats.HEAD]
    return b""


def _walk(top: str) -> Iterator[str]:
    """Files below `top`, and hidden folders; of what is in these, only files: they may be a file system's snapshots."""
    for place, folders, files in os.walk(top):
        inner = place.removeprefix(top).strip("/")
        yield from (joined(inner, name) for name in sorted(files))
        yield from (f"{joined(inner, name)}/" for name in folders if is_hidden(name))
        folders[:] = [] if _hidden_part(inner) is not None else sorted(folders)
