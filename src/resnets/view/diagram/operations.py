"""Operations as a column of labelled boxes, data flowing down."""

from collections.abc import Sequence
from dataclasses import dataclass

from resnets.operation import ACTIVATIONS, Kind, Operation
from resnets.spec import BranchKind, ResNetSpec
from resnets.view.diagram.svg import arrow, path, rectangle, shape, target, text
from resnets.view.parts import POOLS
from resnets.view.shortcuts import LOOKS

GAP = 13.0  # between what is not glued, with an arrow in it
SEAM = 2.0
_LINE = 14.5  # between baselines in a box
FILLS: dict[Kind, str] = {
    "conv": "conv", "norm": "norm", "max-pool": "pool", "avg-pool": "pool", "global-pool": "pool", "blur": "pool",
    "linear": "linear", "pad": "pad", "squeeze": "pool", "channel-conv": "conv", "sigmoid": "relu",
    **dict.fromkeys(ACTIVATIONS, "relu"),
}  # fmt: skip
NORMS = {"batch": "norm", "group": "group norm", "frozen": "frozen norm"}


def shortcut_line(shortcut: BranchKind, line: str, *children: str, kind: str | None = None, **data: str) -> str:
    """The path `line` in the stroke of a kind of shortcut."""
    look = LOOKS[shortcut]
    return shape(
        "path", *children, stroke="shortcut", kind=kind, d=line, stroke_width=look.width,
        stroke_dasharray=look.dash or None, stroke_linecap=None if look.cap == "butt" else look.cap, **data,
    )  # fmt: skip


def words(spec: ResNetSpec, operation: Operation, *, narrow: bool = False, zeroed: bool = False) -> tuple[str, ...]:
    """What is written on an operation, by line. narrow: no line holds two things. zeroed: it starts at 0."""
    starts = ", starts at 0" if zeroed else ""
    stride = f"stride {operation.stride}" if operation.stride > 1 else ""
    window = f"{operation.kernel}×{operation.kernel}"
    c_in, (height, width), c_out = operation.input[0], operation.input[1:], operation.output[0]
    lines: tuple[str, ...] = (operation.kind.replace("-", " "),)
    match operation.kind:
        case "conv" if operation.of_attention:
            lines = (f"fc, {c_in} → {c_out}",)
        case "conv":
            dilation = f"dilation {operation.dilation}" if operation.dilation > 1 else ""
            groups = f"{operation.groups} groups" if operation.groups > 1 else ""
            head = (f"conv {window}", stride) if narrow or not stride else (f"conv {window}, {stride}",)
            lines = (*head, dilation, f"{c_in} → {c_out}{starts}", groups)
        case "blur":
            lines = (f"blur {window}, {stride}",) if stride else (f"blur {window}",)
        case "squeeze":
            lines = ("mean per map",)
        case "channel-conv":
            lines = ("channel conv", f"kernel {operation.parameters}")
        case "max-pool" | "avg-pool":
            lines = (f"{operation.kind.replace('-', ' ')} {window}", stride)
        case "pad":
            lines = ("pad", stride, f"{c_in} → {c_out}" if c_in != c_out else "")
        case "global-pool":
            lines = (POOLS[spec.pool], f"{height} × {width} → 1 × 1")
        case "linear":
            lines = ("linear", f"{c_in} → {c_out}")
        case "norm":
            lines = (NORMS[spec.norm] + starts,)
        case _:
            pass
    return tuple(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class Box:
    """An operation to draw: its words, its colour, and whether it clings to the one above."""

    at: str  # the operation's name
    lines: tuple[str, ...]
    fill: str
    glued: bool

    @property
    def height(self) -> float:
        """Of the drawn box."""
        return 4 + _LINE * len(self.lines)


def boxes(
    spec: ResNetSpec, operations: Sequence[Operation], *, narrow: bool = False, zeroed: bool = False
) -> tuple[Box, ...]:
    """Operations as boxes. zeroed: the last norm, or in pre-activation the last convolution, starts at zero.

    What always goes together is glued: norm and activation behind their convolution or, in pre-activation, before it.
    """
    last = [operation for operation in operations if operation.kind == ("conv" if spec.preactivation else "norm")]
    return tuple(
        Box(
            operation.name,
            words(spec, operation, narrow=narrow, zeroed=zeroed and operation is last[-1]),
            "linear" if operation.of_attention and operation.kind == "conv" else FILLS[operation.kind],
            position > 0 and _glued(operations[position - 1], operation, first=spec.preactivation and not narrow),
        )
        for position, operation in enumerate(operations)
    )


def _glued(before: Operation, operation: Operation, *, first: bool) -> bool:
    """first: norm and activation stand before the convolution that they belong to."""
    if operation.of_attention or before.kind == "norm":
        return True
    clings = (*ACTIVATIONS, "norm")
    if first and before.branch == "residual":
        return before.kind in clings and operation.kind == "conv"
    return operation.kind in clings


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
        parts.append(draw_box(box, x, y, width))
        y += box.height
    return "".join(parts)


def draw_box(box: Box, x: float, y: float, width: float) -> str:
    lines = "".join(
        text(x, y + 13.5 + _LINE * row, line, size=12.5, anchor="middle", within=width - 8, smallest=8)
        for row, line in enumerate(box.lines)
    )
    return target(box.at, rectangle(x - width / 2, y, width, box.height, fill=box.fill), lines)


RESIDUAL = 138.0  # the width of a column
STUB = 22.0  # the arrow into and out of a column that is no block


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


def times(x: float, y: float, radius: float) -> str:
    """The circled cross at which each map is multiplied by its weight."""
    arm = radius * 0.42
    cross = path(
        "M", x - arm, y - arm, "l", 2 * arm, 2 * arm, "M", x - arm, y + arm, "l", 2 * arm, -2 * arm,
        stroke="ink", stroke_width=1.8,
    )  # fmt: skip
    return shape("circle", fill="paper", stroke="ink", cx=x, cy=y, r=radius, stroke_width=1.5) + cross
