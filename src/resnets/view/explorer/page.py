"""Networks -> one HTML file that needs nothing else: its data as JSON, its style, and its modules joined into one.

The data is a spec for every network of the catalog and for those that are shown; what they are made of, what they cost
and what two of them differ in, the page computes itself (structure/*.js). The modules are plain JavaScript that
browsers, linters and editors understand as they are. From a file a page cannot import modules, so they are joined in
the order of their imports, each as a function of its own.
"""

import dataclasses
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from resnets.catalog import CATALOG, Row
from resnets.spec import ResNetSpec
from resnets.structure import Structure
from resnets.view.diagram import palette
from resnets.view.formats import Language
from resnets.view.shortcuts import LOOKS

if TYPE_CHECKING:
    from resnets.view.explorer.live import Live

STYLES = ("style.css", "diagram.css", "live/style.css")

Named = tuple[Row, Structure]
USUAL = ResNetSpec(depths=(3, 4, 6, 3))  # of each network only what differs from it is written


def page(shown: Sequence[Named], language: Language = "en", live: "Live | None" = None) -> str:
    """The page that begins with `shown`, the first of them selected, and can show every network of the catalog.

    language: what it speaks at first; a reader can change it there. live: what classifiers among them do with images.
    """
    sizes = {row.name: built.image_size for row, built in shown}
    rows = {**CATALOG, **{row.name: row for row, _ in shown}}
    data = {
        "shown": list(sizes),
        "language": language,
        "usual": dataclasses.asdict(USUAL),
        "looks": {kind: {"dash": one.dash, "width": one.width, "cap": one.cap} for kind, one in LOOKS.items()},
        "palette": {"light": palette.LIGHT, "dark": palette.DARK, "print": palette.PRINT},
        "fading": json.loads(_source("fading.json")),
        "rows": [_row(row, sizes.get(row.name, (row.image_size, row.image_size))) for row in rows.values()],
    }
    if live is not None:
        data["live"] = live.as_dict()
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    parts = {"style": "".join(map(_source, STYLES)), "data": text.replace("<", "\\u003c"), "script": script()}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _source("template.html"))


def script() -> str:
    """The modules as one, each a function of its own, so that none sees another's names but by its imports."""
    return "\n".join(_scoped(name) for name in modules())


@cache
def modules() -> tuple[str, ...]:
    """The modules in the order of their imports: each behind those that it reads, `main.js` the last."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for imported in re.findall(r'^import .* from "(.+)";$', _source(name), flags=re.MULTILINE):
            visit(_beside(name, imported))
        found.setdefault(name)

    visit("main.js")
    return tuple(found)


def _scoped(name: str) -> str:
    """`const $dom = (() => { …; return { html, svg }; })();`, with what it imports taken from the modules before it."""
    given = re.sub(
        r'^import (.*) from "(.+)";$',
        lambda line: f"const {line[1]} = {_variable(_beside(name, line[2]))};",
        _source(name),
        flags=re.MULTILINE,
    )
    exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", given, flags=re.MULTILINE)
    body = re.sub(
        r"^export (?=(?:async )?(?:function|class|const) \w)", "", given, flags=re.MULTILINE
    )  # another form stays, and fails
    return f"const {_variable(name)} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();"


def _variable(module: str) -> str:
    return "$" + module.removesuffix(".js").replace("/", "_")


def _beside(module: str, imported: str) -> str:
    """What a module means by `./words.js` or `../data.js`, as a path in this folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), imported))


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
