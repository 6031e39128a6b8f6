"""What a page that is passed on need not say: in which folders of its author's machine things lie."""

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from resnets.report.evaluated import RunReport


def folders(run: RunReport) -> tuple[str, ...]:
    """The absolute folders that the report's own names begin with, the longest first, each with its last `/`."""
    recipe: Mapping[str, Any] = run.classifier.origin.get("recipe") or {}
    named = [run.images.name, *shlex.split(run.command), *map(str, recipe.values())]
    named += [] if run.train is None else [run.train.name]
    named += [] if run.classifier.path is None else [str(run.classifier.path)]
    found = {f"{Path(name).parent}/" for name in named if Path(name).is_absolute()} - {"//"}
    return tuple(sorted(found, key=len, reverse=True))


def without_folders(value: Any, known: Collection[str]) -> Any:
    """Texts, at any depth of lists and dictionaries, without these folders; markup stays as it is."""
    if isinstance(value, str):
        if isinstance(value, Markup) or value.startswith("data:"):
            return value
        for folder in known:
            value = value.replace(folder, "")
        return value
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [without_folders(one, known) for one in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {name: without_folders(one, known) for name, one in value.items()}
    return value
