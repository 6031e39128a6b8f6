"""What the strokes, boxes and lengths of a diagram mean."""

from collections.abc import Iterator

from resnets.base.svg import route
from resnets.spec import NORM_GROUPS, BranchKind, ResNetSpec, blocks
from resnets.structure import MACS_CONVENTION, Structure
from resnets.view.diagram import volumes
from resnets.view.diagram.operations import plus, shortcut_line, times
from resnets.view.diagram.svg import rectangle, text
from resnets.view.parts import dilated
from resnets.view.shortcuts import LOOKS, look

_LINE = 17.0  # between the lines of what is remarked
_CAPTION = 160.0  # the width of a ruler's


def height(spec: ResNetSpec) -> float:
    """Of the legend of a network."""
    return 88.0 + _LINE * max(0, len(_remarks(spec)) - 3)


def legend(built: Structure, scale: volumes.Scales, x: float, y: float, width: float) -> Iterator[str]:
    """The legend, `y` its top: the shortcuts that this network has, then what else is drawn, then the scale."""
    present = {block.shortcut for block in blocks(built.spec)}
    kinds: list[BranchKind] = [kind for kind in LOOKS if kind in present]
    shown = {block.shortcut: look(built.spec, block) for block in blocks(built.spec)}  # the last of each kind
    for row, kind in enumerate(kinds):
        line = y + 18 + 24 * row
        yield shortcut_line(kind, route("M", x, line - 4.5, "h", 46))
        yield text(x + 58, line, f"{shown[kind].label}: {shown[kind].meaning}")
    yield from _symbols(built.spec, x + 470, y)
    for row, words in enumerate(_remarks(built.spec)):
        line = y + 18 + _LINE * row
        if words.startswith("×"):
            yield times(x + 826, line - 4.5, 7)
        yield text(x + (838 if words.startswith("×") else 820), line, words.removeprefix("×"), within=266)
    bottom = y + height(built.spec) - 6
    yield from _scale(scale, x + width, y, bottom)
    yield text(x, bottom, _small_print(built), size=12, fill="muted", within=width - 560)


def _remarks(spec: ResNetSpec) -> tuple[str, ...]:
    """What else a reader should know, in short lines; one that begins with × has its sign drawn before it."""
    lines: list[str] = []
    if spec.preactivation:
        lines += ["norm and activation come before their", "convolution (He et al. 2016)"]
    if spec.zero_last_norm:
        what = ("conv", "weights do") if spec.preactivation else ("norm", "scale does")
        lines += [f"{what[0]}, starts at 0: its {what[1]}, so that", "each block begins as its shortcut"]
    if spec.attention == "se":
        lines += ["×each map times its weight:", "squeeze-and-excitation (Hu et al. 2018)"]
    if spec.attention == "eca":
        lines += ["×each map times its weight: efficient", "channel attention (Wang et al. 2020)"]
    if spec.antialias == "blur":
        lines += ["blur: a fixed filter takes the stride", "(Zhang 2019)"]
    if spec.antialias == "average":
        lines += ["avg pool: an average takes the stride"]
    if spec.antialias == "max":
        lines += ["max pool: the largest of four takes", "the stride (Page 2018)"]
    if spec.norm == "group":
        lines += [f"group norm: {NORM_GROUPS} groups (Wu & He 2018)"]
    if spec.norm == "frozen":
        lines += ["frozen norm: its numbers never change"]
    if spec.conv_bias:
        lines += ["convolutions with bias"]
    if where := dilated(spec):
        lines += [f"output stride {where}"]
    return tuple(lines)


def _symbols(spec: ResNetSpec, x: float, y: float) -> Iterator[str]:
    if spec.shortcut != "none":
        yield plus(x + 24, y + 13.5, 9)
        then = "" if spec.preactivation else f", then {spec.activation.replace('-', ' ')}"
        yield text(x + 58, y + 18, f"sum of residual and shortcut{then}")
    for shift in (7, 3.5, 0):
        yield rectangle(x + 4 + shift, y + 33 - shift, 38, 22, fill="card", stroke="line")
    yield text(x + 23, y + 48.5, "× n", bold=True, anchor="middle")
    yield text(x + 58, y + 48, "n alike blocks, drawn once")


def _scale(scale: volumes.Scales, right: float, y: float, bottom: float) -> Iterator[str]:
    pixels = right - max(scale.pixels.length + 12, _CAPTION)
    channels = pixels - max(scale.channels.length + 12, _CAPTION) - 24
    yield volumes.axes(channels - 100, y + 50)
    yield volumes.ruler(channels, y + 30, scale.channels, f"C: {_kind(scale.channels)}")
    yield volumes.ruler(pixels, y + 30, scale.pixels, f"H, W: {_kind(scale.pixels)}")
    shape = "C × H × W: channels × height × width, W at half length"
    yield text(right, bottom, shape, size=12, fill="muted", anchor="end")


def _kind(scale: volumes.Scale) -> str:
    return "linear scale" if scale.linear else "square-root scale"


def _small_print(built: Structure) -> str:
    height, width = built.image_size
    image = f"{built.spec.in_channels} × {height} × {width}"
    depth = "Depth: weighted layers on the trunk, a stem counted as one."
    return f"MACs: {MACS_CONVENTION}, for one image of {image}. {depth}"
