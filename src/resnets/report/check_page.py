"""The page about a data set: what a check found, with the pictures concerned beside each other."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.checks import looks
from resnets.checks.finding import Checkup, Finding, Item
from resnets.data.imageset import ImageSet
from resnets.data.loading import in_order
from resnets.report import private
from resnets.report.page import rendered
from resnets.report.thumbnails import LARGEST, SMALLEST, uri

SHOWN = 30  # things of each kind
TOGETHER = 4  # pictures of one thing


def page(found: Checkup, command: str = "") -> str:
    """The page as text. command: which makes it again."""
    folder = f"{Path(found.data).parent}/"
    known = (folder,) if Path(found.data).is_absolute() and folder != "//" else ()
    severities = [finding.severity for finding in found.findings for _ in finding.items]
    shown: dict[str, Any] = {
        "title": Path(found.data).name or found.data,
        "count": found.count,
        "classes": len(found.classes),
        "splits": [(word, count) for word, count in found.splits.items() if word != "all"],
        "leaks": list(map(str, found.leaks)),
        "serious": severities.count("serious"),
        "others": severities.count("worth knowing"),
        "left_out": len(found.left_out),
        "findings": [_shown(found.images, finding) for finding in found.findings],
        "command": command,
    }
    return rendered("check.html", private.without_folders(shown, known))


def write(path: str | Path, found: Checkup, command: str = "") -> Path:
    """Write the page. Raises RunFailed when the system refuses."""
    return write_whole(path, page(found, command))


def _shown(images: ImageSet, finding: Finding) -> dict[str, Any]:
    items = finding.items[:SHOWN]
    chosen = sorted({place for item in items for place in item.images[:TOGETHER]})
    pictures = dict(zip(chosen, in_order(lambda place: _picture(images, place), chosen), strict=True))
    return {
        "kind": finding.kind,
        "title": finding.title,
        "severity": finding.severity,
        "means": finding.means,
        "count": len(finding.items),
        "more": len(finding.items) - len(items),
        "pictured": any(pictures.values()),
        "shown": [
            {"images": _named(item, pictures), "note": item.note, "more": max(0, len(item.names) - TOGETHER)}
            for item in items
        ],
    }


def _named(item: Item, pictures: dict[int, str]) -> list[tuple[str, str]]:
    """The first names of an item, each with its picture where there is one."""
    places: list[int | None] = [*item.images, *[None] * (len(item.names) - len(item.images))]
    pairs = zip(item.names, places, strict=True)
    return [(name, "" if place is None else pictures.get(place, "")) for name, place in list(pairs)[:TOGETHER]]


def _picture(images: ImageSet, place: int) -> str:
    """A small picture of an image as a data: URI; nothing of one that cannot be decoded."""
    try:
        image = looks.picture(images, place)
    except InputError:
        return ""
    longest = max(image.size)
    if longest > LARGEST:
        size = tuple(max(1, round(side * LARGEST / longest)) for side in image.size)
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)
    elif longest < SMALLEST:
        factor = -(-SMALLEST // longest)
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    pixels = np.asarray(image)
    return uri(pixels if pixels.ndim == 3 else pixels[:, :, None])
