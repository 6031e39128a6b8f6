"""What the strokes, boxes and lengths of a diagram mean."""

from collections.abc import Iterator

from resnets.spec import BranchKind, blocks
from resnets.structure import MACS_CONVENTION, Structure
from resnets.view.diagram import volumes
from resnets.view.diagram.operations import plus, shortcut_line
from resnets.view.diagram.svg import rectangle, route, text
from resnets.view.shortcuts import LOOKS

HEIGHT = 88.0
_CAPTION = 160.0  # the width of a ruler's


def legend(built: Structure, scale: volumes.Scales, x: float, y: float, width: float) -> Iterator[str]:
    """The legend, `y` its top: the shortcuts that this network has, then what else is drawn, then the scale."""
    present = {block.shortcut for block in blocks(built.spec)}
    kinds: list[BranchKind] = [kind for kind in LOOKS if kind in present]
    for row, kind in enumerate(kinds):
        line = y + 18 + 24 * row
        yield shortcut_line(kind, route("M", x, line - 4.5, "h", 46))
        yield text(x + 58, line, f"{LOOKS[kind].label}: {LOOKS[kind].meaning}")
    yield from _symbols(x + 470, y)
    if built.spec.zero_last_norm:
        for row, words in enumerate(
            ("norm, starts at 0: its scale does, so that", "each block begins as its shortcut")
        ):
            yield text(x + 820, y + 18 + 17 * row, words, within=266)
    yield from _scale(scale, x + width, y)
    yield text(x, y + HEIGHT - 6, _small_print(built), size=12, fill="muted", within=width - 560)


def _symbols(x: float, y: float) -> Iterator[str]:
    yield plus(x + 24, y + 13.5, 9)
    yield text(x + 58, y + 18, "sum of residual and shortcut, then relu")
    for shift in (7, 3.5, 0):
        yield rectangle(x + 4 + shift, y + 33 - shift, 38, 22, fill="card", stroke="line")
    yield text(x + 23, y + 48.5, "× n", bold=True, anchor="middle")
    yield text(x + 58, y + 48, "n alike blocks, drawn once")


def _scale(scale: volumes.Scales, right: float, y: float) -> Iterator[str]:
    pixels = right - max(scale.pixels.length + 12, _CAPTION)
    channels = pixels - max(scale.channels.length + 12, _CAPTION) - 24
    yield volumes.axes(channels - 100, y + 50)
    yield volumes.ruler(channels, y + 30, scale.channels, f"C: {_kind(scale.channels)}")
    yield volumes.ruler(pixels, y + 30, scale.pixels, f"H, W: {_kind(scale.pixels)}")
    shape = "C × H × W: channels × height × width, W at half length"
    yield text(right, y + HEIGHT - 6, shape, size=12, fill="muted", anchor="end")


def _kind(scale: volumes.Scale) -> str:
    return "linear scale" if scale.linear else "square-root scale"


def _small_print(built: Structure) -> str:
    height, width = built.image_size
    image = f"{built.spec.in_channels} × {height} × {width}"
    depth = "Depth: weighted layers on the trunk, a stem counted as one."
    return f"MACs: {MACS_CONVENTION}, for one image of {image}. {depth}"
