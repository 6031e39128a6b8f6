"""Networks -> one HTML file that needs nothing else: its data as JSON, its style, and its modules joined into one.

The data is a spec for every network of the catalog and for those that are shown; what they are made of, what they cost
and what two of them differ in, the page computes itself (structure/*.js). The modules are plain JavaScript that
browsers, linters and editors understand as they are. From a file a page cannot import modules, so they are joined in
the order of their imports, with `import` and `export` taken off.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from resnets.catalog import CATALOG, Row
from resnets.spec import ResNetSpec
from resnets.structure import Structure
from resnets.view.diagram import palette
from resnets.view.formats import Language
from resnets.view.shortcuts import LOOKS

MODULES = (
    "words/page.js", "words/operations.js", "words/views.js", "words/inspector.js", "words/tours.js",
    "words/tours_zh.js", "words/parts.js", "words/problems.js", "words/shortcuts.js", "words/structure.js",
    "words/diagram.js", "words.js",
    "structure/spec.js", "structure/problem.js", "structure/branch.js", "structure/rows.js", "structure/shortcuts.js",
    "structure/parts.js", "structure/alignment.js", "structure/comparison.js", "structure/families.js",
    "structure/network.js",
    "diagram/palette.js",
    "dom.js", "data.js", "state.js", "kinds.js", "pictures.js", "field.js", "block.js", "stage.js",
    "diagram/text.js", "diagram/marks.js", "diagram/volumes.js", "diagram/operations.js", "diagram/trunk.js",
    "diagram/detail.js", "diagram/columns.js", "diagram/legend.js", "diagram/drawing.js", "opening.js",
    "blocks.js", "walk.js", "walk_bar.js", "costs.js", "inspector.js", "table.js", "compare.js", "pair.js", "tours.js",
    "export.js", "keys.js", "header.js", "main.js",
)  # fmt: skip

STYLES = ("style.css", "diagram.css")

Named = tuple[Row, Structure]
USUAL = ResNetSpec(depths=(3, 4, 6, 3))  # of each network only what differs from it is written


def page(shown: Sequence[Named], language: Language = "en") -> str:
    """The page that begins with `shown`, the first of them selected, and can show every network of the catalog.

    language: what it speaks at first; a reader can change it there.
    """
    sizes = {row.name: built.image_size for row, built in shown}
    rows = {**CATALOG, **{row.name: row for row, _ in shown}}
    data = {
        "shown": list(sizes),
        "language": language,
        "usual": dataclasses.asdict(USUAL),
        "looks": {kind: {"dash": one.dash, "width": one.width, "cap": one.cap} for kind, one in LOOKS.items()},
        "palette": {"light": palette.LIGHT, "dark": palette.DARK, "print": palette.PRINT},
        "rows": [_row(row, sizes.get(row.name, (row.image_size, row.image_size))) for row in rows.values()],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    parts = {"style": "".join(map(_source, STYLES)), "data": text.replace("<", "\\u003c"), "script": script()}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _source("template.html"))


def script() -> str:
    """The modules as one."""
    return "\n".join(_joined(_source(name)) for name in MODULES)


def _joined(module: str) -> str:
    """A module without its imports, whose names the modules before it have declared, and without `export`."""
    return re.sub(r"^import .*;\n|^export (?=function|class|const)", "", module, flags=re.MULTILINE)


def _source(name: str) -> str:
    return files("resnets.view.explorer").joinpath(name).read_text(encoding="utf-8")


def _row(row: Row, size: tuple[int, int]) -> list[Any]:
    """A network as the page's data.js reads it."""
    published = row.published and [row.published.top1, row.published.data, row.published.by]
    differences = _differences(dataclasses.asdict(row.spec), dataclasses.asdict(USUAL))
    return [row.name, row.source, differences, size[0] if size[0] == size[1] else size, published]


def _differences(values: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _differences(value, usual[name]) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType] # JSON values
        for name, value in values.items()
        if value != usual[name]
    }
