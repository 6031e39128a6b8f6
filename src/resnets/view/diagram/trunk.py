"""The trunk with its blocks as cells, alike ones folded into one, and their shortcuts as arcs above."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from resnets.base.svg import element, plain, route
from resnets.operation import Shape
from resnets.spec import Block, ResNetSpec, blocks
from resnets.structure import Structure
from resnets.view.diagram.operations import plus, shortcut_line
from resnets.view.diagram.svg import path, rectangle, shape, target, text
from resnets.view.shortcuts import look, why

ABOVE, BELOW = 78.0, 22.0  # what the trunk takes above and below its axis
_SLOT = 190.0  # for one cell and its arc, at most
_PEAK = 58.0  # of an arc, above the axis
_PLUS = 9.0


@dataclass(frozen=True, slots=True)
class Run:
    """Alike blocks of one stage that follow each other; most stages are a first block and a run of the others."""

    first: Block
    repeats: int
    entering: Shape

    @property
    def name(self) -> str:
        """`layer3.1`"""
        return f"layer{self.first.stage}.{self.first.index}"

    @property
    def names(self) -> str:
        """`layer3.1…22`"""
        return self.name if self.repeats == 1 else f"{self.name}…{self.first.index + self.repeats - 1}"


def runs(built: Structure) -> tuple[tuple[Run, ...], ...]:
    """The runs of each stage."""
    entering = {(operation.stage, operation.block): operation.input for operation in reversed(built.operations)}
    stages: list[tuple[Run, ...]] = []
    for _, stage in groupby(blocks(built.spec), key=lambda block: block.stage):
        alike = [list(same) for _, same in groupby(stage, key=lambda block: _look(built.spec, block))]
        stages.append(
            tuple(Run(same[0], len(same), entering[f"stage {same[0].stage}", same[0].index]) for same in alike)
        )
    return tuple(stages)


def _look(spec: ResNetSpec, block: Block) -> tuple[Block, bool]:
    """What blocks that are drawn as one have in common."""
    return replace(block, stage=0, index=0), spec.preactivation and block.first


def shortcut_label(spec: ResNetSpec, block: Block) -> str:
    """What is written above the arc of a block."""
    if block.shortcut == "pooled-projection" and block.stride == 1:
        return "1×1, no pool"
    return look(spec, block).short


def cell_edges(run: int, count: int, x: float, width: float) -> tuple[float, float]:
    """The left and the right edge of the cell of one of `count` runs, in a column that begins at `x`."""
    left, slot = _slot(run, count, x, width)
    return left + 14, left + slot - 30


def draw(spec: ResNetSpec, stage: tuple[Run, ...], x: float, y: float, width: float) -> Iterator[str]:
    """The runs of a stage along the axis `y`, over a trunk that is already there."""
    for position, run in enumerate(stage):
        left, slot = _slot(position, len(stage), x, width)
        start, end = left + 3, left + slot - 12
        edge, other = cell_edges(position, len(stage), x, width)
        joins = run.first.shortcut != "none"
        yield target(
            run.name,
            _arc(spec, run, start, end, y) if joins else "",
            shape("circle", fill="line", cx=start, cy=y, r=3) if joins else "",
            cell(edge, y, other - edge, (run.names, _below(run)), folded=run.repeats > 1),
            plus(end, y, _PLUS) if joins else "",
        )


def cell(x: float, y: float, width: float, lines: tuple[str, str], *, folded: bool = False) -> str:
    """A box of two lines on the trunk, with others behind it where it stands for several."""
    behind = "".join(
        rectangle(x + shift, y - 22 - shift, width, 44, fill="card", stroke="line") for shift in (7, 3.5) if folded
    )
    front = rectangle(x, y - 22, width, 44, fill="card", stroke="line")
    name = text(x + width / 2, y - 4, lines[0], size=12.5, anchor="middle", within=width - 6, smallest=8)
    note = text(
        x + width / 2, y + 13.5, lines[1], size=13 if folded else 12, fill="ink" if folded else "muted",
        anchor="middle", bold=folded, within=width - 8, smallest=8,
    )  # fmt: skip
    return behind + front + name + note


def _slot(run: int, count: int, x: float, width: float) -> tuple[float, float]:
    """Where the room for a run begins, and how wide it is."""
    slot = min(_SLOT, (width - 12) / count)
    return x + (width - count * slot) / 2 + run * slot, slot


def _below(run: Run) -> str:
    return f"× {run.repeats}" if run.repeats > 1 else f"stride {run.first.stride}"


def _arc(spec: ResNetSpec, run: Run, start: float, end: float, y: float) -> str:
    """From where the branches part, over the cell, down into the plus."""
    block, tip, lift = run.first, y - _PLUS, _PEAK * 4 / 3
    line = route("M", start, y, "C", start, y - lift, end, y - lift, end, tip - 6)
    each = f", × {run.repeats}" if run.repeats > 1 else ""
    reason = f"{run.names}{each}: {why(spec, block, run.entering)}"
    arc = shortcut_line(
        block.shortcut, line, element("title", plain(reason)), kind="shortcut",
        data_kind=block.shortcut, data_block=run.name, data_repeats=str(run.repeats),
    )  # fmt: skip
    head = path("M", end, tip, "l -4.5 -8 h 9 z", fill="shortcut")
    label = text(
        (start + end) / 2, y - _PEAK - 9, shortcut_label(spec, block), size=12.5, fill="shortcut", anchor="middle",
        within=end - start + 12,
    )  # fmt: skip
    return arc + head + label
