"""With which versions, and when, something is made: what the headers of our files say of it."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any


def provenance() -> dict[str, Any]:
    """The versions that decide what comes out, and the time in UTC."""
    versions = {name: version(name) for name in ("resnets", "torch", "pillow", "numpy")}
    return {"versions": versions, "date": datetime.now(UTC).isoformat(timespec="seconds")}
