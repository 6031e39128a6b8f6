"""Which network of the catalog a file's tensors look like: by their blocks and widths, in words for a message."""

import re
from collections.abc import Mapping
from itertools import groupby

from torch import Tensor

from resnets.catalog import CATALOG
from resnets.spec import ResNetSpec, blocks
from resnets.weights.heads import shortly

Plan = tuple[tuple[tuple[int, int, int, int], ...], int]  # (stage, width, group width, channels) a block; stem layers


def differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], network: ResNetSpec) -> str | None:
    """How tensors differ from those of a network, in a line of bounded length; None where all fit."""
    missing = [name for name in wanted if name not in found]
    unexpected = [name for name in found if name not in wanted]
    misshapen = [
        f"{name} {tuple(found[name].shape)} for {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    listed = "; ".join(f"{len(names)} {fault}: {shortly(names)}" for fault, names in faults.items() if names)
    if not listed:
        return None
    theirs, ours = like(found), name_of(network)
    if theirs is None or theirs == ours:
        return f"not the weights of {ours}; {listed}"
    return f"the file's tensors look like {_whose(theirs)}, not {_whose(ours)}; {listed}"


def _whose(name: str) -> str:
    return f"those of {name}" if " " in name else f"{name}'s"


def name_of(network: ResNetSpec) -> str:
    """What the catalog calls a network, its classes and channels aside; or what it is made of."""
    plan = _plan_of(network)
    same = [row.name for row in CATALOG.values() if _plan_of(row.spec) == plan]
    exact = [name for name in same if _but_ends(CATALOG[name].spec) == _but_ends(network)]
    return (exact or same or [_described(plan)])[0]


def like(tensors: Mapping[str, Tensor]) -> str | None:
    """What tensors look like: a network of the catalog, or a description of their blocks; None where they have none."""
    plan = _plan_in(tensors)
    if plan is None:
        return None
    projected = any(".downsample." in name for name in tensors)
    same = [row for row in CATALOG.values() if _plan_of(row.spec) == plan]
    fitting = [row.name for row in same if (row.spec.shortcut == "pad") != projected]
    return (fitting or [row.name for row in same] or [_described(plan)])[0]


def _described(plan: Plan) -> str:
    depths = [len(list(members)) for _, members in groupby(block[0] for block in plan[0])]
    widths = [next(members)[3] for _, members in groupby(plan[0], key=lambda block: block[0])]
    return f"a network of {', '.join(map(str, depths))} blocks with {', '.join(map(str, widths))} channels"


def _but_ends(network: ResNetSpec) -> tuple[object, ...]:
    return network.depths, network.widths, network.block, network.stem, network.shortcut, network.groups


def _plan_of(network: ResNetSpec) -> Plan:
    groups = network.groups
    return (
        tuple((block.stage, block.width, block.width // groups, block.c_out) for block in blocks(network)),
        len(network.stem.widths),
    )


def _plan_in(tensors: Mapping[str, Tensor]) -> Plan | None:
    kernels: dict[tuple[int, int], dict[int, Tensor]] = {}
    stem = 0
    for name, tensor in tensors.items():
        if tensor.ndim != 4:
            continue
        stem += name.startswith("conv1.")
        if match := re.fullmatch(r"layer(\d+)\.(\d+)\.conv(\d)\.weight", name):
            stage, block, number = map(int, match.groups())
            kernels.setdefault((stage, block), {})[number] = tensor
    rows: list[tuple[int, int, int, int]] = []
    for (stage, _), block in sorted(kernels.items()):
        if not {1, 2} <= set(block):
            return None
        last = block[max(block)]
        rows.append((stage, len(block[1]), block[2].shape[1], len(last)))
    return (tuple(rows), stem) if rows else None
