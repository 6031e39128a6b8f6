"""The inside of one residual block: its residual branch, perhaps with attention, its shortcut, and their sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from resnets.base.svg import route
from resnets.operation import Operation
from resnets.spec import BranchKind, ResNetSpec
from resnets.view.diagram.operations import (
    GAP,
    RESIDUAL,
    Box,
    boxes,
    draw,
    draw_box,
    height,
    plus,
    shortcut_line,
    times,
)
from resnets.view.diagram.svg import arrow, path, rectangle, shape, target, text
from resnets.view.parts import reads_activated
from resnets.view.shortcuts import LOOKS

ENTRY, JOIN, SUM, EXIT = 27.0, 14.0, 20.0, 48.0
SHORTCUT, LANE_GAP = 90.0, 10.0  # widths
INSIDE = RESIDUAL + LANE_GAP + SHORTCUT
_PART, _TIMES = 7.0, 9.0  # where attention's path leaves the branch; the radius of what multiplies
_BYPASS = 22.0  # the room beside attention's boxes in which the maps themselves go down


@dataclass(frozen=True, slots=True)
class Detail:
    """One residual block to draw, as boxes."""

    name: str
    before: tuple[Box, ...]  # what both branches read: in pre-activation, where the shortcut is no identity
    residual: tuple[Box, ...]
    attention: tuple[Box, ...]  # its side path
    shortcut: tuple[Box, ...]
    add: str | None  # the sum's name, and the product's if there is one; None: a plain network
    scale: str | None
    after: tuple[Box, ...]  # what follows the sum
    kind: BranchKind

    @property
    def body(self) -> float:
        """The height between where the branches part and where they meet."""
        return max(height(self.residual) + self.gate, height(self.shortcut))

    @property
    def gate(self) -> float:
        """The height of attention."""
        return _PART + GAP + height(self.attention) + GAP + 2 * _TIMES if self.attention else 0.0

    @property
    def lead(self) -> float:
        """The height of what both branches read."""
        return GAP + height(self.before) if self.before else 0.0

    @property
    def height(self) -> float:
        """From the arrow that comes in to the one that goes out."""
        return self.lead + ENTRY + self.body + JOIN + SUM + (EXIT if self.after else GAP + 8)


def detail(spec: ResNetSpec, operations: Sequence[Operation], kind: BranchKind) -> Detail:
    """The block that `operations` make up."""
    residual = [one for one in operations if one.branch == "residual" and one.kind != "scale"]
    shared = list(takewhile(lambda one: one.kind != "conv", residual)) if reads_activated(spec, kind) else []
    branch = boxes(spec, [one for one in residual if not one.of_attention], zeroed=spec.zero_last_norm)
    return Detail(
        name=operations[0].name.rsplit(".", 1)[0],
        before=branch[: len(shared)],
        residual=branch[len(shared) :],
        attention=boxes(spec, [one for one in residual if one.of_attention]),
        shortcut=boxes(spec, [one for one in operations if one.branch == "shortcut"], narrow=True),
        add=next((one.name for one in operations if one.kind == "add"), None),
        scale=next((one.name for one in operations if one.kind == "scale"), None),
        after=boxes(spec, [one for one in operations if one.branch == "trunk" and one.kind != "add"]),
        kind=kind,
    )


def draw_detail(block: Detail, x: float, y: float) -> str:
    """A residual block, `x` its left edge and `y` its top: x → relu(residual(x) + shortcut(x)).

    In pre-activation nothing follows the sum, and a shortcut that changes something leaves behind the first activation.
    """
    middle = x + RESIDUAL / 2
    lead = ""
    if block.before:
        lead = arrow(middle, y + GAP, GAP, down=True) + draw(block.before, middle, y + GAP, RESIDUAL)
        y += block.lead
    top = y + ENTRY
    end = top + block.body + JOIN + SUM / 2
    drawn = height(block.residual) + block.gate
    parts = [
        lead,
        path("M", middle, y, "V", y + 12, stroke="line", stroke_width=1.5),
        arrow(middle, top, ENTRY - 12, down=True),
        _shortcut(block, x, y + 12, end),
        draw(block.residual, middle, top, RESIDUAL),
        _attention(block, x, top + height(block.residual)),
        path("M", middle, top + drawn, "V", top + block.body, stroke="line", stroke_width=1.5),
        *_sum(block, middle, top + block.body, end),
    ]
    below = end + SUM / 2
    if block.after:
        parts += [arrow(middle, below + GAP, GAP, down=True), draw_box(block.after[0], middle, below + GAP, RESIDUAL)]
        parts.append(arrow(middle, below + EXIT, EXIT - GAP - 18.5, down=True))
    else:
        parts.append(arrow(middle, below + GAP + 8, GAP + 8, down=True))
    return "".join(parts)


def _sum(block: Detail, x: float, y: float, end: float) -> tuple[str, ...]:
    """The plus at `end`, and the arrow into it from `y`; a plain network has only the way on."""
    if block.kind == "none":
        return (path("M", x, y, "V", end + SUM / 2, stroke="line", stroke_width=1.5),)
    return arrow(x, end - SUM / 2, JOIN, down=True), target(block.add, plus(x, end, SUM / 2))


def _shortcut(block: Detail, x: float, fork: float, join: float) -> str:
    """From where the branches part to where they meet, with what stands on it."""
    if block.kind == "none":
        return ""
    middle, lane, bend = x + RESIDUAL / 2, x + RESIDUAL + LANE_GAP + SHORTCUT / 2, 8
    line = route(
        "M", middle, fork, "H", lane - bend, "q", bend, 0, bend, bend,
        "V", join - bend, "q", 0, bend, -bend, bend, "H", middle + SUM / 2 + 6,
    )  # fmt: skip
    parts = [
        shortcut_line(block.kind, line),
        path("M", middle + SUM / 2, join, "l 8 -4.5 v 9 z", fill="shortcut"),
        shape("circle", fill="line", cx=middle, cy=fork, r=3),
    ]
    centre = fork - 12 + ENTRY + block.body / 2
    if not block.shortcut:
        parts.append(rectangle(lane - 34, centre - 12, 68, 24, fill="card"))
        parts.append(text(lane, centre + 4.5, LOOKS["identity"].short, size=12.5, fill="shortcut", anchor="middle"))
    boxes_on_it = draw(block.shortcut, lane, centre - height(block.shortcut) / 2, SHORTCUT, arrows=False)
    return target(block.name, *parts) + boxes_on_it


def _attention(block: Detail, x: float, y: float) -> str:
    """The side path that finds a weight for each map, and the maps on their way past it to the product."""
    if not block.attention:
        return ""
    middle, fork, wide = x + RESIDUAL / 2, y + _PART, RESIDUAL - _BYPASS
    top = fork + GAP
    cross = top + height(block.attention) + GAP + _TIMES
    return "".join([
        path("M", middle, y, "V", fork, stroke="line", stroke_width=1.5),
        path(
            "M", middle, fork, "H", x + 8, "V", cross, "H", middle - _TIMES - 5, stroke="line", stroke_width=1.5
        ),
        path("M", middle - _TIMES, cross, "l -7 -4 v 8 z", fill="line"),
        shape("circle", fill="line", cx=middle, cy=fork, r=3),
        arrow(middle, top, GAP, down=True),
        draw(block.attention, x + _BYPASS + wide / 2, top, wide),
        arrow(middle, cross - _TIMES, GAP, down=True),
        target(block.scale, times(middle, cross, _TIMES)),
    ])  # fmt: skip
