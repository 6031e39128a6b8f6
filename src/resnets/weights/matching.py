"""A file's layers held against a network's, by order and shape: one way in which they fit, or a reason why not.

The stem, the blocks and the head come one after the other in a file, as in the network. Within a block the residual
branch keeps its order, and the shortcut (or an attention module) stands before it, behind it, or in a module
of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise

from resnets.base.errors import InputError
from resnets.spec import ResNetSpec
from resnets.weights.assignment import Match, Pairs
from resnets.weights.layers import Layer, Ordered, kinship, told_apart
from resnets.weights.slots import TRUNK, Slot, SlotKind, Unit, followers, units


def match(theirs: Ordered, spec: ResNetSpec) -> Match:
    """The one way in which a file's layers are this network's.

    A classifier for other classes is taken as it is, and a missing one left out. Raises InputError, in a line that says
    which layer, where they do not fit, or fit in several ways.
    """
    *body, last = units(spec)
    ours = [*body, Unit(last.name, tuple(slot for slot in last.slots if slot.name != "fc"))]
    inside = {slot.shape for unit in body for slot in unit.of("convolution")}
    layers, head, left = _sorted_out(theirs.layers, inside, spec.stage_channels[-1])
    norms = [slot for unit in ours for slot in unit.of("norm")]
    bare = sum(slot.group == "shortcut" for slot in norms)
    if bare and sum(layer.kind == "norm" for layer in layers) == len(norms) - bare:  # convolutions alone
        ours = [Unit(u.name, tuple(s for s in u.slots if (s.kind, s.group) != ("norm", "shortcut"))) for u in ours]
    pairs = _aligned(ours, layers, theirs)
    _check_modules(ours, pairs)
    return Match(spec, units(spec), pairs, head, left)


def _sorted_out(
    layers: Sequence[Layer], inside: set[tuple[int, ...]], features: int
) -> tuple[list[Layer], Layer | None, tuple[Layer, ...]]:
    """The layers of the body, the classifier, and the rest."""
    body: list[Layer] = []
    linear: list[Layer] = []
    rest: list[Layer] = []
    for layer in layers:
        if layer.kind == "linear":
            (body if (*layer.shape, 1, 1) in inside else linear).append(layer)
        elif layer.kind == "other":
            rest.append(layer)
        else:
            body.append(layer)
    if not linear and body and body[-1].shape[1:] == (features, 1, 1) and "bias" in body[-1].parts:
        linear.append(body.pop())  # a classifier that is a 1x1 convolution
    if linear:  # norms between and before the layers of a projection head
        roots = {layer.path[:-1] for layer in linear if len(layer.path) > 1}
        roots -= {layer.path[:depth] for layer in body if layer.kind != "norm" for depth in range(len(layer.path))}
        stray = [one for one in body if one.kind == "norm" and one.path[:-1] in roots]
        body, rest = [one for one in body if one not in stray], [*rest, *stray]
    head = linear[0] if len(linear) == 1 and linear[0].shape[1] == features else None
    return body, head, (*(layer for layer in linear if layer is not head), *rest)


def _aligned(ours: Sequence[Unit], layers: Sequence[Layer], theirs: Ordered) -> Pairs:
    place = {layer.name: position for position, layer in enumerate(theirs.layers)}
    convolutions = [layer for layer in layers if layer.kind != "norm"]
    norms = [layer for layer in layers if layer.kind == "norm"]
    first, second = _cut(ours, {"convolution": convolutions, "norm": norms})
    pairs: Pairs = {}
    for unit, of_unit, their_norms in zip(ours, first, second, strict=True):
        chosen = _chosen(unit, "convolution", of_unit, {}, place, defined=theirs.defined)
        pairs |= chosen | _chosen(unit, "norm", their_norms, chosen, place, defined=theirs.defined)
    _check_together(ours, pairs, place)
    if not theirs.defined:
        _check_told_apart(ours[1:], pairs)
    return pairs


def _cut(ours: Sequence[Unit], layers: Mapping[SlotKind, Sequence[Layer]]) -> list[list[list[Layer]]]:
    """The layers of each kind, a list for each unit. The stem may stand last, where names were sorted."""
    for kind, of_kind in layers.items():
        wanted = sum(len(unit.of(kind)) for unit in ours)
        if len(of_kind) != wanted:
            raise InputError(
                f"{len(of_kind)} {kind}s, where the network has {wanted}; {_first_fault(ours, kind, of_kind)}"
            )
    faults: list[str] = []
    for units_now in (list(ours), [*ours[1:], ours[0]]):
        cuts, fault = list[list[list[Layer]]](), ""
        for kind, of_kind in layers.items():
            cut, start = dict[str, list[Layer]](), 0
            for unit in units_now:
                slots = unit.of(kind)
                cut[unit.name] = list(of_kind[start : start + len(slots)])
                start += len(slots)
                fault = fault or _fault(unit, slots, cut[unit.name])
            cuts.append([cut[unit.name] for unit in ours])
        if not fault:
            return cuts
        faults.append(fault)
    raise InputError(faults[0])


def _first_fault(ours: Sequence[Unit], kind: SlotKind, layers: Sequence[Layer]) -> str:
    """Of layers that are too many or too few: the first that does not fit, in the order of the file."""
    start = 0
    for unit in ours:
        slots = unit.of(kind)
        found = layers[start : start + len(slots)]
        start += len(slots)
        if len(found) < len(slots):
            return f"none is left for {slots[len(found)].name}"
        if fault := _fault(unit, slots, found):
            return fault
    return f"{layers[start].name} is one too many"


def _fault(unit: Unit, slots: Sequence[Slot], layers: Sequence[Layer]) -> str:
    """Why a unit's layers are not those that stand in its place, if they are not."""
    if next(_fitting(slots, layers), None) is not None:
        return ""
    wanted = sorted(slot.shape for slot in slots)
    for layer in layers:
        if _shape(layer) not in wanted:
            return (
                f"{layer.name} has the shape {layer.shape}; {unit.name} of the network has "
                f"{', '.join(map(str, dict.fromkeys(wanted)))} there"
            )
        wanted.remove(_shape(layer))
    return f"{layers[0].name} and what follows it have the shapes of {unit.name}, but in another order"


def _shape(layer: Layer) -> tuple[int, ...]:
    return (*layer.shape, 1, 1) if layer.kind == "linear" else layer.shape


def _fitting(slots: Sequence[Slot], layers: Sequence[Layer]) -> Iterator[tuple[Slot, ...]]:
    """Each order of the slots in which their shapes are those of the layers."""
    for order in _orders(slots):
        if all(slot.shape == _shape(layer) for slot, layer in zip(order, layers, strict=True)):
            yield order


def _orders(slots: Sequence[Slot]) -> Iterable[tuple[Slot, ...]]:
    """Each order that keeps the residual branch's, with what stands beside it before, behind or between."""
    found: dict[tuple[Slot, ...], None] = {tuple(slot for slot in slots if slot.group == TRUNK): None}
    for group in dict.fromkeys(slot.group for slot in slots if slot.group != TRUNK):
        members = tuple(slot for slot in slots if slot.group == group)
        found = {
            (*order[:place], *members, *order[place:]): None for order in found for place in range(len(order), -1, -1)
        }
    return found


def _chosen(
    unit: Unit, kind: SlotKind, layers: Sequence[Layer], known: Pairs, place: dict[str, int], *, defined: bool
) -> Pairs:
    """The order that the file's modules and positions speak for. `known`: the convolutions, when norms are chosen."""
    orders = list(_fitting(unit.of(kind), layers))
    choices = [{slot.name: layer for slot, layer in zip(order, layers, strict=True)} for order in orders]
    scores = [_spoken_for(unit, known | choice, place) for choice in choices]
    best = [number for number, score in enumerate(scores) if score == max(scores)]
    if len(best) > 1 and defined:  # nothing but positions speaks: what stands beside the branch is behind or before it
        ends = [number for number in best if TRUNK in (orders[number][0].group, orders[number][-1].group)]
        beside = _sides(unit, known, place)
        best = [number for number in ends if _side(orders[number]) == beside] if beside else ends
    if len(best) != 1:
        slots = [slot for slot in unit.of(kind) if len({choice[slot.name].name for choice in choices}) > 1]
        names = dict.fromkeys(choice[slot.name].name for slot in slots for choice in choices)
        raise InputError(
            f"{' and '.join(list(names)[:2])} have the same shape, and neither names nor order say which of them is "
            f"{slots[0].name}"
        )
    return choices[best[0]]


def _side(order: Sequence[Slot]) -> str:
    return "behind" if order[0].group == TRUNK else "before"


def _sides(unit: Unit, known: Pairs, place: dict[str, int]) -> str:
    """Where the unit's convolutions have what stands beside the branch, if they are known."""
    slots = [slot for slot in unit.slots if slot.name in known]
    return _side(sorted(slots, key=lambda slot: place[known[slot.name].name])) if slots else ""


def _spoken_for(unit: Unit, pairs: Pairs, place: dict[str, int]) -> tuple[bool, float]:
    """How well a choice agrees with the file: norms next to their convolutions, and groups that share modules."""
    where = sorted(place[layer.name] for layer in pairs.values())
    coupled = [(one, two) for one, two in followers(unit) if {one.name, two.name} <= set(pairs)]
    beside = [
        where.index(place[pairs[two.name].name]) - where.index(place[pairs[one.name].name]) for one, two in coupled
    ]
    kin = sum(kinship(pairs[one.name], pairs[two.name]) for one, two in coupled)
    for group in {slot.group for slot in unit.slots}:
        members = [pairs[slot.name] for slot in unit.slots if slot.group == group and slot.name in pairs]
        kin += sum(kinship(one, two) for one, two in combinations(members, 2))
    return bool(beside) and all(step == 1 for step in beside), kin


def _check_together(ours: Sequence[Unit], pairs: Pairs, place: Mapping[str, int]) -> None:
    """Raise InputError where the layers of one block stand among those of another."""
    ranges = {unit.name: sorted(place[pairs[slot.name].name] for slot in unit.slots) for unit in ours if unit.slots}
    kinds = [kind for _, kind in sorted((place[layer.name], layer.kind) for layer in pairs.values())]
    if sum(one != two for one, two in pairwise(kinds)) == 1:
        return  # all convolutions, then all norms
    spans = sorted((places[0], places[-1], name) for name, places in ranges.items())
    for (_, end, one), (start, _, two) in pairwise(spans):
        if start < end:
            raise InputError(f"what has the shapes of {one} and of {two} stands mixed, so it is not this network")


def _check_told_apart(ours: Sequence[Unit], pairs: Pairs) -> None:
    """Raise InputError where sorted names leave open which of two equal layers comes first."""
    for kind in ("convolution", "norm"):
        slots = [slot for unit in ours for slot in unit.of(kind) if slot.group == TRUNK]
        for one, two in pairwise(slots):
            first, second = pairs[one.name], pairs[two.name]
            if one.shape == two.shape and not told_apart(first, second):
                raise InputError(
                    f"{first.name} and {second.name} have the same shape, the file keeps no order, and their names do "
                    f"not say which of them is {one.name}"
                )


def _check_modules(ours: Sequence[Unit], pairs: Pairs) -> None:
    """Raise InputError where a module of the file holds one block of the network and a part of another."""
    blocks = ours[1:-1]
    kinds: dict[tuple[str, ...], set[str]] = {}
    held: dict[tuple[str, ...], Counter[int]] = {}
    for number, unit in enumerate(blocks):
        for layer in (pairs[slot.name] for slot in unit.slots):
            for depth in range(1, len(layer.path)):
                held.setdefault(layer.path[:depth], Counter())[number] += 1
                kinds.setdefault(layer.path[:depth], set()).add(layer.kind)
    for module, counts in held.items():
        if len(counts) == 1 or len(kinds[module]) == 1:
            continue
        for number, count in counts.items():
            if count < len(blocks[number].slots):
                raise InputError(
                    f"{'.'.join(module)} holds a part of {blocks[number].name} and of another block, so its modules "
                    "are not this network's"
                )
