"""One name, whichever of Unicode's forms it is written in: macOS and some archives take letters and accents apart."""

import os
import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    """`name` in Unicode's composed form (NFC), by which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def as_on_disk(path: str) -> str:
    """`path` as the disk writes its names, where it has them in another of Unicode's forms; else as it is."""
    if path.isascii() or os.path.lexists(path):
        return path
    folder, slash, name = path.rstrip("/").rpartition("/")
    above = as_on_disk(folder) if folder else folder
    try:
        names = (entry.name for entry in Path(above or slash or ".").iterdir())
        there = next((entry for entry in names if composed(entry) == composed(name)), name)
    except (OSError, ValueError):
        return path
    return f"{above}{slash}{there}"
