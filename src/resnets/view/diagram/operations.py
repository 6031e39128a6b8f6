"""Operations as a column of labelled boxes, data flowing down, and one residual block drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from resnets.operation import Kind, Operation
from resnets.spec import BranchKind
from resnets.view.diagram.svg import arrow, path, rectangle, route, shape, text
from resnets.view.shortcuts import LOOKS

GLUED: tuple[Kind, ...] = ("norm", "relu")  # drawn close to what they follow
GAP = 13.0  # between what is not glued, with an arrow in it
SEAM = 2.0
_LINE = 14.5  # between baselines in a box
FILLS: dict[Kind, str] = {
    "conv": "conv", "norm": "norm", "relu": "relu", "max-pool": "pool", "avg-pool": "pool", "global-pool": "pool",
    "linear": "linear", "pad": "pad",
}  # fmt: skip


def shortcut_line(shortcut: BranchKind, line: str, *children: str, kind: str | None = None, **data: str) -> str:
    """The path `line` in the stroke of a kind of shortcut."""
    look = LOOKS[shortcut]
    return shape(
        "path", *children, stroke="shortcut", kind=kind, d=line, stroke_width=look.width,
        stroke_dasharray=look.dash or None, stroke_linecap=None if look.cap == "butt" else look.cap, **data,
    )  # fmt: skip


def words(operation: Operation, *, narrow: bool = False, zeroed: bool = False) -> tuple[str, ...]:
    """What is written on an operation, by line. narrow: no line holds two things. zeroed: its scale starts at 0."""
    stride = f"stride {operation.stride}" if operation.stride > 1 else ""
    window = f"{operation.kernel}×{operation.kernel}"
    c_in, (height, width), c_out = operation.input[0], operation.input[1:], operation.output[0]
    lines: tuple[str, ...] = (operation.kind,)
    match operation.kind:
        case "conv":
            groups = f"{operation.groups} groups" if operation.groups > 1 else ""
            head = (f"conv {window}", stride) if narrow or not stride else (f"conv {window}, {stride}",)
            lines = (*head, f"{c_in} → {c_out}", groups)
        case "max-pool" | "avg-pool":
            lines = (f"{operation.kind.replace('-', ' ')} {window}", stride)
        case "pad":
            lines = ("pad", stride, f"{c_in} → {c_out}" if c_in != c_out else "")
        case "global-pool":
            lines = ("global average pool", f"{height} × {width} → 1 × 1")
        case "linear":
            lines = ("linear", f"{c_in} → {c_out}")
        case "norm":
            lines = ("norm, starts at 0" if zeroed else "norm",)
        case _:
            pass
    return tuple(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class Box:
    """An operation to draw: its words, its colour, and whether it clings to the one above."""

    lines: tuple[str, ...]
    fill: str
    glued: bool

    @property
    def height(self) -> float:
        """Of the drawn box."""
        return 4 + _LINE * len(self.lines)


def boxes(operations: Sequence[Operation], *, narrow: bool = False, zeroed: bool = False) -> tuple[Box, ...]:
    """Operations as boxes. zeroed: the scale of the last norm starts at zero."""
    norms = [operation for operation in operations if operation.kind == "norm"]
    return tuple(
        Box(
            words(operation, narrow=narrow, zeroed=zeroed and operation is norms[-1]),
            FILLS[operation.kind],
            position > 0 and operation.kind in GLUED,
        )
        for position, operation in enumerate(operations)
    )


def height(column: Sequence[Box]) -> float:
    """How tall a column of boxes is drawn."""
    gaps = sum(SEAM if box.glued else GAP for box in column[1:])
    return sum(box.height for box in column) + gaps


def draw(column: Sequence[Box], x: float, y: float, width: float, *, arrows: bool = True) -> str:
    """A column of boxes centred on `x`, its top at `y`."""
    parts: list[str] = []
    for position, box in enumerate(column):
        if position:
            y += SEAM if box.glued else GAP
            if arrows and not box.glued:
                parts.append(arrow(x, y, GAP, down=True))
        parts.append(_box(box, x, y, width))
        y += box.height
    return "".join(parts)


def _box(box: Box, x: float, y: float, width: float) -> str:
    lines = "".join(
        text(x, y + 13.5 + _LINE * row, line, size=12.5, anchor="middle", within=width - 8, smallest=8)
        for row, line in enumerate(box.lines)
    )
    return rectangle(x - width / 2, y, width, box.height, fill=box.fill) + lines


@dataclass(frozen=True, slots=True)
class Detail:
    """One residual block to draw: the boxes of its residual branch and of its shortcut."""

    residual: tuple[Box, ...]
    shortcut: tuple[Box, ...]
    kind: BranchKind

    @property
    def body(self) -> float:
        """The height between where the branches part and where they meet."""
        return max(height(self.residual), height(self.shortcut))

    @property
    def height(self) -> float:
        """From the arrow that comes in to the one that goes out."""
        return ENTRY + self.body + JOIN + SUM + EXIT


ENTRY, JOIN, SUM, EXIT = 27.0, 14.0, 20.0, 48.0
RESIDUAL, SHORTCUT, LANE_GAP = 138.0, 90.0, 10.0  # widths
INSIDE = RESIDUAL + LANE_GAP + SHORTCUT
STUB = 22.0  # the arrow into and out of a column that is no block


def detail(operations: Sequence[Operation], kind: BranchKind, *, zeroed: bool) -> Detail:
    """The block that `operations` make up."""
    residual = [operation for operation in operations if operation.branch == "residual"]
    shortcut = [operation for operation in operations if operation.branch == "shortcut"]
    return Detail(boxes(residual, zeroed=zeroed), boxes(shortcut, narrow=True), kind)


def draw_detail(block: Detail, x: float, y: float) -> str:
    """A residual block, `x` its left edge and `y` its top: x → relu(residual(x) + shortcut(x))."""
    middle, lane = x + RESIDUAL / 2, x + RESIDUAL + LANE_GAP + SHORTCUT / 2
    fork, top = y + 12, y + ENTRY
    join = top + block.body + JOIN + SUM / 2
    bend = 8
    line = route(
        "M", middle, fork, "H", lane - bend, "q", bend, 0, bend, bend,
        "V", join - bend, "q", 0, bend, -bend, bend, "H", middle + SUM / 2 + 6,
    )  # fmt: skip
    kept = height(block.shortcut)
    parts = [
        path("M", middle, y, "V", fork, stroke="line", stroke_width=1.5),
        arrow(middle, top, ENTRY - 12, down=True),
        shortcut_line(block.kind, line),
        path("M", middle + SUM / 2, join, "l 8 -4.5 v 9 z", fill="shortcut"),
        shape("circle", fill="line", cx=middle, cy=fork, r=3),
        draw(block.residual, middle, top, RESIDUAL),
        path("M", middle, top + height(block.residual), "V", top + block.body, stroke="line", stroke_width=1.5),
        arrow(middle, join - SUM / 2, JOIN, down=True),
        plus(middle, join, SUM / 2),
        arrow(middle, join + SUM / 2 + GAP, GAP, down=True),
        _box(Box(("relu",), "relu", False), middle, join + SUM / 2 + GAP, RESIDUAL),
        arrow(middle, join + SUM / 2 + EXIT, EXIT - GAP - 18.5, down=True),
    ]
    if block.shortcut:
        parts.append(draw(block.shortcut, lane, top + (block.body - kept) / 2, SHORTCUT, arrows=False))
    else:
        centre = top + block.body / 2
        parts.append(rectangle(lane - 34, centre - 12, 68, 24, fill="card"))
        parts.append(text(lane, centre + 4.5, LOOKS["identity"].short, size=12.5, fill="shortcut", anchor="middle"))
    return "".join(parts)


def draw_between(column: Sequence[Box], x: float, y: float) -> str:
    """Operations that are no block, `x` their left edge and `y` the top of the arrow that comes in."""
    middle, end = x + RESIDUAL / 2, y + STUB + height(column)
    return (
        arrow(middle, y + STUB, STUB, down=True)
        + draw(column, middle, y + STUB, RESIDUAL)
        + arrow(middle, end + STUB, STUB, down=True)
    )


def plus(x: float, y: float, radius: float) -> str:
    """The circled plus at which a residual and a shortcut are added."""
    arm = radius * 0.55
    cross = path("M", x - arm, y, "h", 2 * arm, "M", x, y - arm, "v", 2 * arm, stroke="ink", stroke_width=1.8)
    return shape("circle", fill="paper", stroke="ink", cx=x, cy=y, r=radius, stroke_width=1.5) + cross
