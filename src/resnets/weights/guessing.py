"""Which network a file's layers are of, from their shapes alone: a row of the catalog, or else a spec of its own."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, Row, usual_size
from resnets.network import ResNet
from resnets.spec import EXPANSION, BlockKind, ResNetSpec, ShortcutKind, Stem
from resnets.structure import structure
from resnets.weights import plausibility
from resnets.weights.assignment import Match
from resnets.weights.layers import Layer, Ordered
from resnets.weights.matching import match
from resnets.weights.slots import Undrawn
from resnets.weights.topology import OtherTopology

CLEARLY = 0.8  # of the usual network's divergence: another of the same shapes that has less is taken instead
MOST = 8  # networks that are compared by their statistics

_STRIDED_FIRST = re.compile(r"(^|\.)(conv\d_block\d+_\d_|res\d[a-z]\d*_branch)")  # keras.applications, Caffe
_SHORTCUTS: tuple[ShortcutKind, ...] = ("projection", "projection-always", "pad", "pooled-projection")


@dataclass(frozen=True)
class Guess:
    """The network that layers are of, how they fit into it, and what there is to say about it."""

    row: Row
    match: Match
    notes: tuple[str, ...]


def guess(theirs: Ordered) -> Guess:
    """The network whose layers these are.

    Of several with the same shapes, which differ in where a stride or a pool stands, the first of the catalog is taken,
    unless the statistics of the batch norms clearly agree better with another. Raises InputError where there is none.
    """
    convolutions = [layer for layer in theirs.layers if layer.kind == "convolution"]
    if not convolutions:
        raise InputError("holds no convolution, so it is no residual network's")
    others: list[OtherTopology] = []
    fitting = list(_fitting(theirs, _rows(convolutions), others))
    if not fitting:
        rows = (Row("custom", one, "from shapes", usual_size(one.stem)) for one in _inferred(convolutions))
        fitting = list(_fitting(theirs, rows, others))
    if not fitting and others:
        raise others[0]
    if not fitting:
        counts = Counter(layer.kind for layer in theirs.layers)
        raise InputError(
            f"the shapes of its {counts['convolution']} convolutions, {counts['norm']} norms and {counts['linear']} "
            "linear layers fit no network of the catalog and none of basic or bottleneck blocks; if it is a residual "
            "network, name it to see what does not fit"
        )
    if _strided_first(theirs):
        fitting.sort(key=lambda one: one[0].spec.stride_at != "conv1")
    return _chosen(fitting)


def _fitting(theirs: Ordered, rows: Iterator[Row], others: list[OtherTopology]) -> Iterator[tuple[Row, Match]]:
    """The rows that the layers fit, each kind of network once; into `others`, why those of the same shapes do not."""
    seen: set[ResNetSpec] = set()
    for row in rows:
        computes = replace(row.spec, init="he", zero_last_norm=False, num_classes=1)
        if computes in seen:
            continue
        seen.add(computes)
        try:
            found = match(theirs, row.spec)
            found.check_topology()
        except OtherTopology as error:
            others.append(OtherTopology(f"looks like {_called(row)}, but {error}"))
            continue
        except InputError:
            continue
        classes = row.spec.num_classes if found.head is None else found.head.shape[0]
        yield replace(row, spec=replace(row.spec, num_classes=classes)), found


def _strided_first(theirs: Ordered) -> bool:
    """Whether names are of a publisher whose bottlenecks have the stride on the first convolution."""
    return any(_STRIDED_FIRST.search(layer.name) for layer in theirs.layers)


def _chosen(fitting: Sequence[tuple[Row, Match]]) -> Guess:
    """The usual network, or the one that the batch norms clearly speak for."""
    row, found = fitting[0]
    notes = [f"network: {_called(row)}, by the shapes of its layers"]
    if len(fitting) > 1:
        others = ", ".join(_called(other) for other, _ in fitting[1:4])
        usual = _loaded(fitting[0])
        alike = [usual, *(_loaded(one) for one in fitting[1:MOST])] if plausibility.is_trained(usual) else []
        measures = [plausibility.measured(one) for one in alike] or [0.0]
        best = min(range(len(measures)), key=lambda number: measures[number])
        if measures[best] < CLEARLY * measures[0]:
            row, found = fitting[best]
            notes = [
                f"network: {_called(row)}, by the shapes of its layers and the statistics of its batch norms, which "
                f"agree less with {_called(fitting[0][0])}"
            ]
        else:
            notes.append(f"the same shapes, with a stride or a pool elsewhere, have {others}; name one if it is that")
    _check_residual(row, found)
    return Guess(row, found, tuple(notes))


def _check_residual(row: Row, found: Match) -> None:
    """Raise InputError where shortcuts without weights may just as well be none: a VGG with norms has such layers."""
    blocks = found.units[1:-1]
    if any(slot.branch == "shortcut" for unit in blocks for slot in unit.slots):
        return
    paths = [[found.pairs[slot.name].path for slot in unit.slots] for unit in blocks]
    apart = all(_module(paths, number) for number in range(len(paths)))
    if max(row.spec.depths) == 1 or not apart or not plausibility.is_trained(_loaded((row, found))):
        raise InputError(
            f"its layers are those of {_called(row)}, and those of a plain row of layers such as a VGG too, as neither "
            "weights nor modules speak of shortcuts; name the network if it is that"
        )


def _module(paths: Sequence[Sequence[tuple[str, ...]]], number: int) -> bool:
    """Whether a block's layers have a module for themselves."""
    own = paths[number]
    shared = next((depth for depth, parts in enumerate(zip(*own, strict=False)) if len(set(parts)) > 1), 0)
    others = (path for place, block in enumerate(paths) if place != number for path in block)
    return shared > 0 and all(path[:shared] != own[0][:shared] for path in others)


def _called(row: Row) -> str:
    """The row's name, or what an inferred spec is made of."""
    if row.name != "custom":
        return row.name
    spec = row.spec
    grouped = f", {spec.groups} groups of {spec.group_width}" if (spec.groups, spec.group_width) != (1, 64) else ""
    depths, widths = ("-".join(map(str, values)) for values in (spec.depths, spec.widths))
    stride = ", the stride on conv1" if spec.stride_at == "conv1" else ""
    stem = f" behind a stem of {len(spec.stem.widths)} convolutions" if len(spec.stem.widths) > 1 else ""
    return (
        f"a network of {depths} {spec.block} blocks{stem}, widths {widths}{grouped}, shortcut {spec.shortcut}{stride}"
    )


def _loaded(one: tuple[Row, Match]) -> ResNet:
    row, found = one
    with Undrawn():
        network = ResNet(row.spec)
    network.load_state_dict(found.tensors(), strict=False)
    return network


def _rows(convolutions: Sequence[Layer]) -> Iterator[Row]:
    """The catalog's rows with as many convolutions of each number of channels."""
    channels = Counter(layer.shape[0] for layer in convolutions)
    for name, row in CATALOG.items():
        if row.spec.stage_channels[-1] not in channels:  # so that few rows' operations need to be counted
            continue
        first = first_convolution(convolutions, row.spec.stem)
        if first is not None and _channels(name) == channels:
            yield replace(row, spec=replace(row.spec, in_channels=first.shape[1]))


@cache
def _channels(name: str) -> Counter[int]:
    operations = structure(CATALOG[name].spec, 32).operations
    return Counter(one.output[0] for one in operations if one.kind == "conv")


def first_convolution(convolutions: Sequence[Layer], stem: Stem | None = None) -> Layer | None:
    """The convolution that reads the image: of the largest kernel, and three channels, or else the fewest."""
    usable = [
        layer
        for layer in convolutions
        if len(layer.shape) == 4 and (stem is None or layer.shape[::2] == (stem.widths[0], stem.kernel))
    ]
    return min(usable, key=lambda layer: (-layer.shape[2], layer.shape[1] != 3, layer.shape[1]), default=None)


def _inferred(convolutions: Sequence[Layer]) -> Iterator[ResNetSpec]:
    """Specs whose convolutions might have these shapes; whether they do is for `match` to say."""
    shapes: list[tuple[int, ...]] = [layer.shape for layer in convolutions if len(layer.shape) == 4]
    first = first_convolution(convolutions)
    if first is None or first.shape[2] % 2 == 0:
        return
    start = [layer is first for layer in convolutions if len(layer.shape) == 4].index(True)
    kernel = first.shape[2]
    for length in (1, 3, 2):
        stem = shapes[start : start + length]
        rest = [*shapes[start + length :], *shapes[:start]]  # sorted names may have the stem last
        if len(stem) < length or any(shape[2] != kernel for shape in stem):
            continue
        if length > 1 and stem[0][0] >= stem[-1][0]:  # else a first block of as many channels looks like a stem's part
            continue
        large = kernel > 3 or length > 1
        pool = "max" if large else "none"
        made = Stem(widths=tuple(shape[0] for shape in stem), kernel=kernel, stride=2 if large else 1, pool=pool)
        for block in ("bottleneck", "basic"):
            for shortcut in _SHORTCUTS if length == 1 else _SHORTCUTS[::-1]:
                try:
                    yield from _of_blocks(made, rest, block, shortcut, first.shape[1])
                except (InputError, ZeroDivisionError, IndexError):
                    continue


def _of_blocks(
    stem: Stem, shapes: Sequence[tuple[int, ...]], block: BlockKind, shortcut: ShortcutKind, in_channels: int
) -> Iterator[ResNetSpec]:
    """Specs of one kind of block. Each 3x3 convolution but the stem's is a bottleneck's, each two a basic block's."""
    places = [place for place, shape in enumerate(shapes) if shape[2] == 3]
    groups, group_width = 1, 64
    if block == "basic":
        outs = [shapes[place][0] for place in places[1::2]]
    else:
        middle = shapes[places[0]]
        outs = [[s[0] for s in shapes[place:] if s[1:] == (shapes[place][0], 1, 1)][0] for place in places]  # noqa: RUF015
        groups = middle[0] // middle[1]
        group_width = middle[0] * 64 * EXPANSION[block] // (outs[0] * groups)
    stages = [(channels // EXPANSION[block], len(list(members))) for channels, members in groupby(outs)]
    usual = ResNetSpec(
        depths=tuple(depth for _, depth in stages), widths=tuple(width for width, _ in stages), block=block, stem=stem,
        shortcut=shortcut, groups=groups, group_width=group_width, in_channels=in_channels,
    )  # fmt: skip
    yield usual
    if block == "bottleneck":
        yield replace(usual, stride_at="conv1")
