"""Networks -> one HTML file that needs nothing else: its data as JSON, its style, and its modules joined into one.

The modules are plain JavaScript that browsers, linters and editors understand as they are. From a file a page cannot
import modules, so they are joined in the order of their imports, with `import` and `export` taken off.
"""

import dataclasses
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import groupby, permutations
from typing import TYPE_CHECKING, Any

from resnets import catalog
from resnets.catalog import Row
from resnets.operation import Operation
from resnets.spec import blocks
from resnets.structure import MACS_CONVENTION, Structure, structure
from resnets.view.alignment import Status, compare
from resnets.view.comparison import describe
from resnets.view.networks import WINDOWS
from resnets.view.parts import NORMS, differences, reads_activated, unusual
from resnets.view.shortcuts import LOOKS, OPTION_WORDS, look, options, why

if TYPE_CHECKING:
    from resnets.view.explorer.live import Live

MODULES = (
    "words/live.js", "words/page.js", "words.js",
    "dom.js", "data.js", "state.js", "kinds.js", "pictures.js", "field.js", "block.js", "stage.js", "blocks.js",
    "walk.js", "costs.js", "inspector.js", "table.js", "compare.js", "pair.js", "tours.js", "export.js", "keys.js",
    "live/record.js", "live/convolve.js", "live/scale.js", "live/maps.js", "live/picture.js", "live/card.js",
    "live/chooser.js", "live/strip.js", "live/sum.js", "live/products.js", "live/filters.js", "live/view.js", "main.js",
)  # fmt: skip

STYLES = ("style.css", "live/style.css")

# What the guided tours show is in every page.
TOURED = (
    "resnet34", "resnet50_2015", "resnet50b", "resnet50c", "resnet50d", "xresnet50", "resnet50", "resnext50_32x4d",
)  # fmt: skip

Named = tuple[Row, Structure]
Marks = dict[tuple[Status, str], int]  # what a pair of operations is marked with: status and words -> its number


def page(shown: Sequence[Named], live: "Live | None" = None) -> str:
    """The page about `shown`, the first of them selected. Each of its networks is compared with every other one.

    live: what classifiers among them do with images.
    """
    everything = {row.name: (row, built) for row, built in shown}
    for name in TOURED:
        row = catalog.find(name)
        everything.setdefault(name, (row, structure(row.spec, row.image_size)))
    marks: Marks = {}
    data = {
        "shown": list(dict.fromkeys(row.name for row, _ in shown)),
        "convention": MACS_CONVENTION,
        "looks": {kind: dataclasses.asdict(look) for kind, look in LOOKS.items()},
        "options": OPTION_WORDS,
        "windows": WINDOWS,
        "networks": [_network(row, built) for row, built in everything.values()],
        "comparisons": [_comparison(first, second, marks) for first, second in permutations(everything.values(), 2)],
        "marks": list(marks),
    }
    if live is not None:
        data["live"] = live.as_dict()
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    parts = {"style": "\n".join(map(_source, STYLES)), "data": text.replace("<", "\\u003c"), "script": script()}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _source("template.html"))


def script() -> str:
    """The modules as one."""
    return "\n".join(_joined(_source(name)) for name in MODULES)


def _joined(module: str) -> str:
    """A module without its imports, whose names the modules before it have declared, and without `export`."""
    return re.sub(r"^import .*;\n|^export (?=(?:async )?function|class|const)", "", module, flags=re.MULTILINE)


def _source(name: str) -> str:
    return files("resnets.view.explorer").joinpath(name).read_text(encoding="utf-8")


def _network(row: Row, built: Structure) -> dict[str, Any]:
    """A network as the page's data.js reads it; alike reasons and options of blocks are written once."""
    stages = list(dict.fromkeys(operation.stage for operation in built.operations))
    entering = {operation.name.rsplit(".", 1)[0]: operation.input for operation in reversed(built.operations)}
    reasons: dict[tuple[str, object], int] = {}
    listed: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for block in blocks(row.spec):
        name = f"layer{block.stage}.{block.index}"
        reason = (why(row.spec, block, entering[name]), entering[name])
        if reason not in reasons:
            reasons[reason] = len(reasons)
            costs = options(block, built)
            written.append({"why": reason[0], "options": {k: c and dataclasses.asdict(c) for k, c in costs.items()}})
        listed.append(
            {
                "name": name, "index": block.index, "stage": block.stage, "cIn": block.c_in, "width": block.width,
                "cOut": block.c_out, "stride": block.stride, "shortcut": block.shortcut, "reason": reasons[reason],
                "activated": reads_activated(row.spec, block.shortcut),
            }
        )  # fmt: skip
        if (own := look(row.spec, block)) != LOOKS[block.shortcut]:
            listed[-1]["look"] = dataclasses.asdict(own)
    places = {(block["stage"], block["index"]): place for place, block in enumerate(listed)}
    return {
        "name": row.name,
        "source": row.source,
        "depth": row.spec.depth,
        "imageSize": built.image_size,
        "inChannels": row.spec.in_channels,
        "norm": NORMS[row.spec.norm],
        "parts": list(unusual(row.spec).items()),
        "parameters": built.parameters,
        "macs": built.macs,
        "fvcoreMacs": built.fvcore_macs,
        "bytes": built.activation_bytes,
        "stages": [_stage(name, built.stage(name)) for name in stages],
        "blocks": listed,
        "reasons": written,
        "operations": [_operation(one, stages.index(one.stage), places) for one in built.operations],
    }


def _stage(name: str, operations: Sequence[Operation]) -> dict[str, Any]:
    return {
        "name": name.replace(" ", ""),
        "label": name,
        "output": operations[-1].output,
        "parameters": sum(one.parameters for one in operations),
        "macs": sum(one.macs for one in operations),
        "bytes": sum(one.activation_bytes for one in operations),
    }


def _operation(one: Operation, stage: int, places: dict[tuple[int, int], int]) -> list[Any]:
    block = -1 if one.block is None else places[stage, one.block]
    field = (one.field.size, one.field.jump, one.field.start)
    return [
        one.name, stage, block, one.branch, one.kind, one.kernel, one.stride, one.padding, one.groups, one.input,
        one.output, one.parameters, one.macs, field, one.dilation,
    ]  # fmt: skip


def _comparison(first: Named, second: Named, marks: Marks) -> dict[str, Any]:
    """Each pair of operations by the number of its mark, a run of equal ones as [mark, how many].

    Both networks' orders are kept, so that a pair's operations, and what they cost, follow from the marks before it.
    """
    found = compare(first[1], second[1])
    numbers = (marks.setdefault((pair.status, describe(pair)), len(marks)) for pair in found.pairs)
    runs = ((mark, len(list(same))) for mark, same in groupby(numbers))
    return {
        "first": first[0].name,
        "second": second[0].name,
        "marks": [mark if count == 1 else [mark, count] for mark, count in runs],
        "spec": found.spec_changes,
        "words": differences(first[1].spec, second[1].spec),
    }
