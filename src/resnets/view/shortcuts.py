"""Shortcuts in words, strokes and numbers: how each kind is drawn, why a block has its kind, what others would cost.

The diagram and the explorer page both take their strokes from here; the page gets them in its JSON. Its words, which it
has in two languages, are in view/explorer/words, and a test holds the English ones against these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from resnets.base.errors import InputError
from resnets.operation import Shape
from resnets.spec import Block, BranchKind, ResNetSpec, ShortcutKind, Stem
from resnets.structure import Structure, structure
from resnets.variants import SHORTCUT_OPTIONS, ShortcutOption
from resnets.variants import shortcut_option as with_option


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one kind of shortcut is named and drawn. Color never tells kinds apart: the stroke and a name do."""

    label: str
    short: str  # on an arc of the diagram
    sign: str  # on an arc of the page, where there is less room
    meaning: str
    dash: str = ""  # SVG's stroke-dasharray; empty: a solid line
    width: float = 2.2
    cap: str = "butt"  # SVG's stroke-linecap


LOOKS: Mapping[BranchKind, Look] = {
    "identity": Look(label="identity", short="identity", sign="", meaning="x itself"),
    "projection": Look(
        label="1×1 projection", short="1×1 projection", sign="1×1", meaning="convolution, norm",
        dash="0.1 5.4", width=2.6, cap="round",  # dots
    ),
    "pad": Look(
        label="padded identity", short="pad", sign="pad", meaning="zeros for the new channels", dash="9 4"
    ),
    "pooled-projection": Look(
        label="average pool, then 1×1", short="avg pool + 1×1", sign="avg", meaning="pool where the stride is 2",
        dash="10 4 2 4",
    ),
    "none": Look(label="no shortcut", short="none", sign="none", meaning="a plain network", dash="0 9"),  # no line
}  # fmt: skip


def look(spec: ResNetSpec, block: Block) -> Look:
    """How the shortcut of one block is named and drawn: kernels may be larger, and pre-activation has no norm in it."""
    found = LOOKS[block.shortcut]
    if block.shortcut == "projection" and (kernel := _projection_kernel(spec, block)) > 1:
        window = f"{kernel}×{kernel}"
        found = replace(found, label=f"{window} projection", short=f"{window} projection", sign=window)
    if block.shortcut == "projection" and spec.preactivation:
        found = replace(found, meaning="convolution")
    return found


def _projection_kernel(spec: ResNetSpec, block: Block) -> int:
    return spec.projection_kernel if block.stride > 1 or block.dilation > 1 else 1


OPTION_WORDS: Mapping[ShortcutOption, str] = {
    "A": "pad where the shape changes",
    "B": "project where the shape changes",
    "C": "project everywhere",
    "D": "average, then project, where the shape changes",
}


def rule(kind: ShortcutKind) -> str:
    """What the shortcuts of a network do: `shortcuts pad where the shape changes (option A)`."""
    if kind == "none":
        return "no shortcuts (plain)"
    named: list[ShortcutOption] = [option for option, theirs in SHORTCUT_OPTIONS.items() if theirs == kind]
    (option,) = named
    source = "ResNet-D" if option == "D" else f"option {option}"
    return f"shortcuts {OPTION_WORDS[option]} ({source})"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a shortcut costs for one image; multiply-accumulates counted as `resnets.structure` counts them."""

    parameters: int
    macs: int


def why(spec: ResNetSpec, block: Block, shape: Shape | None = None) -> str:
    """Why `block` of `spec` has the shortcut it has, with the numbers in: `channels 64 → 256, stride 1: projection`.

    shape: what enters the block (channels, height, width), where a shape that stays is to be named whole.
    """
    same = block.stride == 1 and block.c_in == block.c_out
    whole = " × ".join(map(str, shape)) if shape else f"{block.c_in} channels, stride 1"
    channels = f"{block.c_in} → {block.c_out}" if block.c_in != block.c_out else f"stay {block.c_in}"
    if block.shortcut == "none":
        return "no shortcut: a plain network"
    if block.shortcut == "identity":
        return f"same shape ({whole}): identity"
    if block.shortcut == "pad":
        return _padded(block)
    if block.shortcut == "pooled-projection" and block.stride > 1:
        return f"channels {channels}, stride {block.stride}: 2×2 average pool, then projection of stride 1 (ResNet-D)"
    if same and spec.shortcut == "projection-always":
        return f"same shape ({whole}), but option C projects everywhere: projection"
    return f"channels {channels}, stride {block.stride}: projection"


def options(block: Block, built: Structure) -> dict[ShortcutOption, Cost | None]:
    """What the shortcut of `block`, one of the blocks of `built`, would cost under each option.

    The paper's A pads, B projects where the shape changes, C projects everywhere; D is ResNet-D's. None: impossible,
    since padding only adds channels, or since all but D round sizes up and the network rounds down. Raises InputError
    where `built` has no such block.
    """
    return dict(_options(_smallest(built.spec, block), _entering(block, built)))


@cache
def _options(smallest: ResNetSpec, shape: Shape) -> Mapping[ShortcutOption, Cost | None]:
    c_in, c_out = smallest.stem.widths[0], smallest.widths[-1]
    costs: dict[ShortcutOption, Cost | None] = {}
    for option in SHORTCUT_OPTIONS:
        impossible = (option == "A" and c_out < c_in) or (option != "D" and smallest.antialias == "max")
        costs[option] = None if impossible else _cost(with_option(smallest, option), shape)
    return costs


def _padded(block: Block) -> str:
    did: list[str] = []
    if block.c_in != block.c_out:
        did.append(f"pads {block.c_in} → {block.c_out} channels with zeros")
    if block.stride > 1:
        did.append(f"keeps every other row and column (stride {block.stride})")
    return f"option A {' and '.join(did)}: no parameters"


def _entering(block: Block, built: Structure) -> Shape:
    for operation in built.operations:
        if (operation.stage, operation.block) == (f"stage {block.stage}", block.index):
            return operation.input
    raise InputError(f"stage {block.stage}, block {block.index}: the network has no such block")


def _smallest(spec: ResNetSpec, block: Block) -> ResNetSpec:
    """The smallest network whose last block has `block`'s channels, stride and dilation, and `spec`'s shortcuts.

    Its stem keeps the size, and a block with a stride, which only begins a later stage, has a stage before it. So an
    option costs what it does at this block, whatever the other blocks of the real network would allow. Where the block
    has dilation instead of a stride, so has this network: its stem takes all the stride that there may be.
    """
    dilated = block.stride == 1 and block.dilation > 1
    widths = (block.c_in, block.c_out) if block.stride > 1 or dilated else (block.c_out,)
    return ResNetSpec(
        depths=(1,) * len(widths),
        widths=widths,
        block="basic",
        stem=Stem(widths=(block.c_in,), kernel=1, stride=_ALL if dilated else 1, pool="none"),
        shortcut="pooled-projection",
        antialias="max" if spec.antialias == "max" and block.stride > 1 else "none",
        output_stride=_ALL if dilated else None,
        preactivation=spec.preactivation,
        norm=spec.norm,
        conv_bias=spec.conv_bias,
        projection_kernel=spec.projection_kernel,
    )


_ALL = 8  # an output stride


def _cost(spec: ResNetSpec, shape: Shape) -> Cost:
    """Of the shortcut in the last block of `spec`, entered by `shape`."""
    _, height, width = shape
    built = structure(spec, (height * spec.stem.stride, width * spec.stem.stride))
    last = built.stage(f"stage {len(spec.depths)}")
    shortcut = [operation for operation in last if operation.branch == "shortcut"]
    return Cost(sum(operation.parameters for operation in shortcut), sum(operation.macs for operation in shortcut))
