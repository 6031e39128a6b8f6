"""Lists of images to leave out: a name a line, and why in a comment above it.

Names are relative to the data (of a table, to its folder), so a list holds wherever the data lies. A line that begins
with # is a comment; a name that does so is written with ./ before it.
"""

from collections.abc import Mapping
from pathlib import Path

from resnets.base.errors import InputError
from resnets.base.names import composed
from resnets.base.reading import read_whole
from resnets.data.folders import Files
from resnets.data.imageset import ImageSet

HEADING = "# Images to leave out of"


def short_name(images: ImageSet, index: int) -> str:
    """What a list calls an image: its path in the data, or its place in an array."""
    return _short(images, images.image_name(index))


def written(data: str, names: Mapping[str, str]) -> bytes:
    """A list of names, and why each is on it. Raises InputError for a name of several lines."""
    lines = [f"{HEADING} {_one_line(data)}: `resnets train DATA --leave-out THIS_FILE`"]
    for name, why in names.items():
        if len(name.splitlines()) > 1:
            raise InputError(f"{name!r}: a name with a line break cannot be on a list; rename the file")
        lines += [f"# {_one_line(why)}", f"./{name}" if name.startswith(("#", "./", " ")) else name]
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


def read(path: str | Path) -> tuple[str, ...]:
    """The names on a list. Raises InputError when it cannot be read."""
    try:
        text = read_whole(path).decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); `resnets check --fix-list FILE` writes such a list"
        ) from error
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return tuple(line.removeprefix("./") for line in lines if line.strip() and not line.startswith("#"))


def places(images: ImageSet, path: str | Path) -> tuple[int, ...]:
    """The places in `images` of those that the list at `path` names. Raises InputError for a name that is not there."""
    at = {composed(short_name(images, index)): index for index in range(len(images))}
    found: set[int] = set()
    for name in read(path):
        place = at.get(composed(name), at.get(composed(_short(images, name))))
        if place is None:
            raise InputError(
                f"{path}: {images.name} has no image {name}; names are paths in the data, as `resnets check` has them"
            )
        found.add(place)
    return tuple(sorted(found))


def without(images: ImageSet, path: str | Path | None) -> ImageSet:
    """The images that the list at `path` does not name. Raises InputError as `places`, and when none is left."""
    return images if path is None else images.without(places(images, path))


def _short(images: ImageSet, name: str) -> str:
    source = images.name.rstrip("/")
    if isinstance(images.images, Files) and not images.images.before:  # of a table, whose folder they are in
        source = str(Path(source).parent)
    return name.removeprefix(f"{source}/").removeprefix(f"{source}, ")


def _one_line(text: str) -> str:
    return " ".join(text.split())
