"""Volumes as oblique boxes: channels to the right, height upwards, width into the page, on a scale that is stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from resnets.operation import Shape
from resnets.structure import Structure
from resnets.view.diagram.svg import path, shape, text

SLOPE = sqrt(0.5) / 2  # right and up, for each unit into the page: 45 degrees, at half length
_LINEAR = 64  # the largest size whose smallest companions, down to 1, still show on a linear scale


@dataclass(frozen=True, slots=True)
class Scale:
    """How long a size is drawn: linear where that shows the small ones too, with the square root where not."""

    largest: int
    length: float  # of the largest

    @property
    def linear(self) -> bool:
        """Whether lengths are proportional to sizes, and not to their square roots."""
        return self.largest <= _LINEAR

    def __call__(self, size: float) -> float:
        share = size / self.largest
        return self.length * (share if self.linear else sqrt(share))

    @property
    def marks(self) -> tuple[int, ...]:
        """Sizes to mark on a ruler: the largest and, where it is larger than 1, one drawn about half as long."""
        half = round(self.largest / (2 if self.linear else 4))
        return (half, self.largest) if 0 < half < self.largest else (self.largest,)


@dataclass(frozen=True, slots=True)
class Scales:
    """The scale of channels, and the one that height and width share."""

    channels: Scale
    pixels: Scale

    def size(self, volume: Shape) -> tuple[float, float, float]:
        """How long the three edges of a volume are, before the one into the page is foreshortened."""
        channels, height, width = volume
        return self.channels(channels), self.pixels(height), self.pixels(width)

    def extent(self, volume: Shape) -> tuple[float, float]:
        """Width and height of the drawn box."""
        right, up, back = self.size(volume)
        return right + SLOPE * back, up + SLOPE * back


def scales(built: Structure, *, channels: float, pixels: float) -> Scales:
    """The scales on which a network's largest volumes have edges as long as given."""
    shapes = [built.operations[0].input, *(operation.output for operation in built.operations)]
    return Scales(
        Scale(max(shape[0] for shape in shapes), channels),
        Scale(max(max(shape[1:]) for shape in shapes), pixels),
    )


def box(volume: Shape, x: float, ground: float, scale: Scales) -> str:
    """The volume standing on `ground`, the middle of what is drawn at `x`."""
    right, up, back = scale.size(volume)
    shift = SLOPE * back
    left, top = x - (right + shift) / 2, ground - up
    corner = left + right
    faces = (
        path("M", left, top, "l", shift, -shift, "h", right, "l", -shift, shift, "z", fill="top"),
        path("M", corner, top, "l", shift, -shift, "v", up, "l", -shift, shift, "z", fill="side"),
        path("M", left, top, "h", right, "v", up, "h", -right, "z", fill="front"),
    )
    name = size_label(volume)
    return shape("g", *faces, stroke="edge", stroke_linejoin="round", data_volume=name)


def size_label(volume: Shape) -> str:
    """`512 × 28 × 28`"""
    return " × ".join(map(str, volume))


def ruler(x: float, y: float, scale: Scale, caption: str) -> str:
    """A ruler from zero with its marks below and a caption above."""
    ticks: list[str | float] = []
    numbers: list[str] = []
    for mark in (0, *scale.marks):
        at = x + scale(mark)
        ticks += ["M", at, y - 4, "v", 8]
        numbers.append(text(at, y + 18, str(mark), size=11, fill="muted", anchor="middle"))
    line = path("M", x, y, "h", scale.length, *ticks, stroke="line", stroke_width=1.5)
    return line + "".join(numbers) + text(x, y - 12, caption, size=12, fill="muted")


def axes(x: float, y: float) -> str:
    """A small box whose edges are named C, H and W, its front lower left corner at (x, y)."""
    right, up, back = 42.0, 26.0, 18.0
    faces = (
        path("M", x, y - up, "l", back, -back, "h", right, "l", -back, back, "z", fill="top"),
        path("M", x + right, y - up, "l", back, -back, "v", up, "l", -back, back, "z", fill="side"),
        path("M", x, y - up, "h", right, "v", up, "h", -right, "z", fill="front"),
    )
    letters: Sequence[tuple[str, float, float]] = (
        ("C", x + right / 2, y + 14),
        ("H", x - 9, y - up / 2 + 4),
        ("W", x + right + back / 2 + 11, y - back / 2 + 9),
    )
    names = "".join(text(a, b, letter, size=12, anchor="middle") for letter, a, b in letters)
    return shape("g", *faces, stroke="edge", stroke_linejoin="round") + names
