"""Two networks laid side by side: stage by stage, block by block, operation by operation, with what differs marked.

Marked is what a designer chooses and what it costs is counted. Three rules follow:

- Stages and blocks are paired by number. Within a branch of a block, two operations pair only where their kinds agree,
  and by the longest common subsequence, in which an operation of the same name counts twice. A 7x7 stem against three
  3x3s therefore pairs `conv1` with `conv1.0` (both read the image, both hold the stem's stride) and the norm, ReLU and
  pool that both have; the two other convolutions, with what stands between, are added.
- Chosen are an operation's presence, kernel, stride, padding, groups and dilation, the channels that a convolution of
  the trunk or of a residual branch, or the classifier, gives, by how much attention reduces its channels, and which
  activation it is (two kinds of activation pair; operations of attention pair only with each other). What the norms
  and the last pool are is said of the whole network. Everything else follows and is never marked: channels that come
  in (but the image's), channels of a shortcut (the residual branch sets them), sizes, costs, receptive fields.
- A stride that leaves one operation and appears on another of its branch has moved, and is marked on both. Where the
  one operation was removed and the other added, neither has moved: one replaces the other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, Literal

from resnets.operation import ACTIVATIONS, BranchName, Operation
from resnets.spec import ResNetSpec
from resnets.structure import Structure

Status = Literal["same", "changed", "moved", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Deltas:
    """The second network's numbers less the first's: one operation's, a stage's or the whole network's."""

    parameters: int = 0
    macs: int = 0
    activation_bytes: int = 0

    def __add__(self, other: "Deltas") -> "Deltas":
        return Deltas(
            self.parameters + other.parameters,
            self.macs + other.macs,
            self.activation_bytes + other.activation_bytes,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One chosen number of an operation that differs; where it has moved, from which operation to which."""

    attribute: str  # kernel, stride, padding, groups, dilation, channels in, channels out, reduction, activation
    first: int | str | None  # None: the first network has no such operation
    second: int | str | None
    kind: Literal["changed", "moved"] = "changed"
    origin: Operation | None = None  # of a moved number: who had it in the first network
    destination: Operation | None = None  # who has it in the second


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An operation of the first network and the one of the second in its place; None where there is none."""

    stage: str
    block: int | None
    branch: BranchName
    first: Operation | None
    second: Operation | None
    changes: tuple[Change, ...] = ()

    @property
    def status(self) -> Status:
        """`moved` where nothing but moves is marked; an added or removed operation may have a moved number too."""
        if self.first is None:
            return "added"
        if self.second is None:
            return "removed"
        kinds = {change.kind for change in self.changes}
        return "changed" if "changed" in kinds else "moved" if kinds else "same"

    @property
    def deltas(self) -> Deltas:
        """What the second operation costs less what the first does; an absent one costs nothing."""
        costs = [
            (operation.parameters, operation.macs, operation.activation_bytes) if operation else (0, 0, 0)
            for operation in (self.first, self.second)
        ]
        return Deltas(*(second - first for first, second in zip(*costs, strict=True)))


@dataclass(frozen=True, slots=True)
class StageDeltas:
    """What a stage costs in the second network less what it does in the first."""

    stage: str
    deltas: Deltas


@dataclass(frozen=True)
class Comparison:
    """Two networks, aligned. Every operation of both is in exactly one pair; both orders are kept."""

    first: Structure
    second: Structure
    pairs: tuple[Pair, ...]
    spec_changes: tuple[str, ...]  # fields of the spec that differ: `init: "he" → "xresnet"`

    @cached_property
    def stages(self) -> tuple[StageDeltas, ...]:
        """What each stage costs more or less, in the order in which they run."""
        sums: dict[str, Deltas] = {}
        for pair in self.pairs:
            sums[pair.stage] = sums.get(pair.stage, Deltas()) + pair.deltas
        return tuple(StageDeltas(stage, deltas) for stage, deltas in sums.items())

    @property
    def total(self) -> Deltas:
        """The second network's totals less the first's."""
        return sum((stage.deltas for stage in self.stages), Deltas())

    @property
    def marked(self) -> tuple[Pair, ...]:
        """The pairs in which something was chosen differently."""
        return tuple(pair for pair in self.pairs if pair.status != "same")


def compare(first: Structure, second: Structure) -> Comparison:
    """`first` and `second` aligned; changes and deltas read from the first to the second."""
    places = (_places(first), _places(second))
    pairs: list[Pair] = []
    for place in sorted(places[0].keys() | places[1].keys(), key=_order):
        aligned = _aligned(places[0].get(place, ()), places[1].get(place, ()))
        pairs.extend(_pairs(place, tuple(aligned)))
    return Comparison(first, second, tuple(pairs), spec_changes(first.spec, second.spec))


def spec_changes(first: ResNetSpec, second: ResNetSpec) -> tuple[str, ...]:
    """The fields in which two specs differ, as text: `stem.widths: [64] → [32, 32, 64]`."""
    before, after = dict(_fields(asdict(first))), dict(_fields(asdict(second)))
    return tuple(
        f"{name}: {json.dumps(before[name])} → {json.dumps(after[name])}"
        for name in before
        if before[name] != after[name]
    )


def local_name(operation: Operation) -> str:
    """The operation's name within its block: `conv1` for `layer2.0.conv1`."""
    return operation.name if operation.block is None else operation.name.split(".", 2)[2]


# Places: where an operation stands, so that only a handful of operations are ever aligned with each other.

_Place = tuple[str, int | None, BranchName]
_Aligned = tuple[Operation | None, Operation | None]


def _places(built: Structure) -> Mapping[_Place, Sequence[Operation]]:
    places: dict[_Place, list[Operation]] = {}
    for operation in built.operations:
        places.setdefault((operation.stage, operation.block, operation.branch), []).append(operation)
    return places


def _order(place: _Place) -> tuple[float, int, int]:
    """The order in which networks run: residual branch, shortcut, then what follows their sum."""
    stage, block, branch = place
    outer = {"stem": 0.0, "head": float("inf")}
    position = outer[stage] if stage in outer else float(stage.removeprefix("stage "))
    order: Sequence[BranchName] = ("residual", "shortcut", "trunk")
    return position, -1 if block is None else block, order.index(branch)


def _aligned(first: Sequence[Operation], second: Sequence[Operation]) -> Iterator[_Aligned]:
    """Both sequences in their order, paired by the longest common subsequence; of equals, the earliest pairs."""
    if [(one.kind, local_name(one)) for one in first] == [(one.kind, local_name(one)) for one in second]:
        yield from zip(first, second, strict=True)  # nothing can be longer, and most blocks of most networks are alike
        return
    best = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            paired = best[i + 1][j + 1] + _likeness(first[i], second[j])
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(first) and j < len(second):
        likeness = _likeness(first[i], second[j])
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            yield first[i], second[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield first[i], None
            i += 1
        else:
            yield None, second[j]
            j += 1
    yield from ((operation, None) for operation in first[i:])
    yield from ((None, operation) for operation in second[j:])


def _likeness(first: Operation, second: Operation) -> int:
    """0: cannot pair."""
    activations = first.kind in ACTIVATIONS and second.kind in ACTIVATIONS
    if (first.kind != second.kind and not activations) or first.of_attention != second.of_attention:
        return 0
    return 2 if local_name(first) == local_name(second) else 1


# Marks: what was chosen differently.


def _pairs(place: _Place, aligned: Sequence[_Aligned]) -> Iterator[Pair]:
    stage, block, branch = place
    moves = _moved_strides(aligned)
    for position, (first, second) in enumerate(aligned):
        changes = tuple(_changes(first, second, moves.get(position)))
        if (stage, position) == ("stem", 0) and first and second and first.input[0] != second.input[0]:
            changes += (Change("channels in", first.input[0], second.input[0]),)  # the image's: no operation sets them
        yield Pair(stage=stage, block=block, branch=branch, first=first, second=second, changes=changes)


def _changes(first: Operation | None, second: Operation | None, move: Change | None) -> Iterator[Change]:
    if first is None or second is None:
        if move:
            yield move
        return
    for (attribute, before), (_, after) in zip(_chosen(first), _chosen(second), strict=True):
        if before != after:
            yield move if move and attribute == "stride" else Change(attribute, before, after)


def _chosen(operation: Operation) -> Iterator[tuple[str, int | str]]:
    """What a designer chose about an operation; the rest follows from this and from what comes in."""
    if operation.kind in ACTIVATIONS:
        yield "activation", operation.kind
    yield "kernel", operation.kernel
    yield "stride", operation.stride
    yield "padding", operation.padding
    yield "groups", 1 if operation.kind == "blur" else operation.groups  # a blur never mixes channels
    yield "dilation", operation.dilation
    if operation.of_attention:
        if operation.name.endswith(".fc1"):
            yield "reduction", round(operation.input[0] / operation.output[0])
    elif operation.kind == "linear" or (operation.kind == "conv" and operation.branch != "shortcut"):
        yield "channels out", operation.output[0]


def _moved_strides(aligned: Sequence[_Aligned]) -> Mapping[int, Change]:
    """The move at each position whose stride went to, or came from, another position of the branch."""
    moves: dict[int, Change] = {}
    for here, there in permutations(range(len(aligned)), 2):
        (origin, stays), (arrives, destination) = aligned[here], aligned[there]
        if not (origin and destination) or not (stays or arrives) or here in moves or there in moves:
            continue
        leaves = origin.stride > 1 and _stride(stays) != origin.stride
        if leaves and destination.stride == origin.stride != _stride(arrives):
            for position in (here, there):
                first, second = map(_stride, aligned[position])
                moves[position] = Change("stride", first, second, "moved", origin, destination)
    return moves


def _stride(operation: Operation | None) -> int | None:
    return operation.stride if operation else None


def _fields(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType] # JSON values
        else:
            yield f"{prefix}{name}", value
