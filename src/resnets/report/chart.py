"""Axes as SVG: a frame with its ticks, lines and bars in the data's own units, a legend. Lengths are points.

A few lines and bars need no drawing library: matplotlib takes a second to load, and a tenth of one for each picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from resnets.base.svg import element, number, plain, width_of

SIZE = 10.0  # of a letter
BLUE, ORANGE, PALE = "#0060a8", "#b34700", "#8fbfe0"  # distinct in grey, and for every kind of color vision
INK, GRID, GROUND = "#000000", "#b0b0b0", "#ffffff"
DASHES = "5 2.5"
SAMPLE = 22.0  # how wide a legend's sample is
LINE = 14.0  # from one of its lines to the next
HATCH = "gap"  # the id of its pattern
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high`, drawn from `start` to `end`. On a whole axis every tick is a whole number."""

    low: float
    high: float
    start: float
    end: float
    kind: Literal["linear", "whole", "log"] = "linear"

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        low, high = self.low, self.high
        if self.kind == "log":
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values within the axis, and how each is written."""
        if self.kind == "log":
            powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            return [(10.0**power, f"1e{power}") for power in powers]
        step = self._step(abs(self.end - self.start) / 30)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        places = max(0, 2 - math.floor(math.log10(step))) if step else 0
        places = next(p for p in range(places + 1) if math.isclose(round(step, p), step, rel_tol=1e-6))
        values = [tick * step for tick in range(first, last + 1)]
        return [(value, f"{value:.{places}f}" if places <= 5 and step < 1e5 else f"{value:g}") for value in values]

    def _step(self, most: float) -> float:
        rough = (self.high - self.low) / max(most, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in STEPS if factor * power >= rough * (1 - 1e-9))
        return max(1.0, math.ceil(step)) if self.kind == "whole" else step


def fitting(values: Sequence[float], *, low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """The range of an axis: all finite values with a margin, unless an end is given."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    least = min(finite) if low is None else low
    most = max(finite) if high is None else high
    margin = 0.05 * (most - least) or 0.05 * abs(most) or 0.5
    return (least - margin if low is None else low), (most + margin if high is None else high)


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle whose sides are two axes. What is drawn in the data's units goes into it."""

    x: Axis
    y: Axis

    def ground(self, *, title: str = "", across: str = "", up: str = "", bare: bool = False) -> str:
        """The frame, its grid, its ticks with their values (those of x not where it is `bare`), title and labels."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        columns = [(self.x.at(value), words) for value, words in self.x.ticks()]
        rows = [(self.y.at(value), words) for value, words in self.y.ticks()]
        grid = [*(f"M{number(x)} {number(top)}V{number(bottom)}" for x, _ in columns)]
        grid += [f"M{number(left)} {number(y)}H{number(right)}" for _, y in ((w, y) for y, w in rows)]
        ticks = [f"M{number(x)} {number(bottom)}v3.5" for x, _ in columns]
        ticks += [f"M{number(left)} {number(y)}h-3.5" for y, _ in rows]
        outline = f"M{number(left)} {number(top)}H{number(right)}V{number(bottom)}H{number(left)}Z"
        middle, centre = (left + right) / 2, (top + bottom) / 2
        return "".join([
            stroke("".join(grid), GRID, width=0.8, opacity=0.3),
            stroke(outline + "".join(ticks), INK, width=0.8),
            *(text(x, bottom + 14, words, anchor="middle") for x, words in columns if not bare),
            *(text(left - 6, y + 3.5, words, anchor="end") for y, words in rows),
            text(middle, top - 7, title, size=12, anchor="middle") if title else "",
            text(middle, bottom + 29, across, anchor="middle") if across else "",
            text(left - 40, centre, up, anchor="middle", upright=True) if up else "",
        ])  # fmt: skip

    def within(self, *drawn: str) -> str:
        """Only what lies in the frame is seen."""
        left, top = self.x.start, self.y.end
        width, height = self.x.end - left, self.y.start - top
        box = f"{number(left)} {number(top)} {number(width)} {number(height)}"
        return element("svg", *drawn, x=left, y=top, width=width, height=height, viewBox=box)

    def line(self, points: Points, color: str, *, dashed: bool = False) -> str:
        """A line through the points; it breaks off where a value is no number. A single point is a dot."""
        pieces: list[list[str]] = [[]]
        for x, y in points:
            if math.isfinite(x) and math.isfinite(y):
                pieces[-1].append(f"{number(self.x.at(x))} {number(self.y.at(y))}")
            else:
                pieces.append([])
        if len(points) == 1:
            return self.dots(points, color)
        return stroke("".join("M" + "L".join(piece) for piece in pieces if piece), color, width=1.5, dashed=dashed)

    def dots(self, points: Points, color: str) -> str:
        """A dot on each point that is a number."""
        return "".join(
            element("circle", cx=self.x.at(x), cy=self.y.at(y), r=3.0, fill=color)
            for x, y in points
            if math.isfinite(x) and math.isfinite(y)
        )

    def bars(self, bars: Sequence[tuple[float, float, float]], width: float, *, fill: str, edge: str) -> str:
        """Bars of `width` around a middle, from one value to another: (middle, from, to)."""
        drawn: list[str] = []
        for middle, *ends in bars:
            top, bottom = sorted(map(self.y.at, ends))
            left, right = self.x.at(middle - width / 2), self.x.at(middle + width / 2)
            drawn.append(f"M{number(left)} {number(bottom)}H{number(right)}V{number(top)}H{number(left)}Z")
        return element("path", d="".join(drawn), fill=fill, stroke=edge, stroke_width="1") if drawn else ""

    def emptiest(self, width: float, height: float, points: Points) -> tuple[float, float]:
        """The corner of the frame where a box of this size covers the least of a line: the box's left and top."""
        there = [(self.x.at(x), self.y.at(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        parts = [part / 10 for part in range(10)]
        drawn = there[-1:] + [
            (x + part * (after_x - x), y + part * (after_y - y))
            for (x, y), (after_x, after_y) in pairwise(there)
            for part in parts
        ]
        right, low = self.x.end - width - 6, self.y.start - height - 6
        left, high = self.x.start + 6, self.y.end + 6

        def covered(corner: tuple[float, float]) -> int:
            return sum(corner[0] <= x <= corner[0] + width and corner[1] <= y <= corner[1] + height for x, y in drawn)

        return min(((right, high), (left, high), (right, low), (left, low)), key=covered)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a legend: what it says, beside a stroke or a box."""

    words: str
    color: str
    dashed: bool = False
    box: str | None = None  # what fills it; a stroke where there is none

    @property
    def width(self) -> float:
        """An upper estimate."""
        return SAMPLE + 6 + width_of(self.words, SIZE)

    def drawn(self, x: float, y: float) -> str:
        """The line, its left end at x, its baseline at y."""
        if self.box is None:
            sample = stroke(
                f"M{number(x)} {number(y - 3.5)}h{number(SAMPLE)}", self.color, width=1.5, dashed=self.dashed
            )
        else:
            sample = element(
                "rect", x=x, y=y - 7, width=SAMPLE, height=7.0, fill=self.box, stroke=self.color, stroke_width="1"
            )
        return sample + text(x + SAMPLE + 6, y, self.words)


def legend(entries: Sequence[Entry], frame: Frame, points: Points) -> str:
    """Entries below each other in the corner of the frame where they cover the least of the line through `points`."""
    width, height = max(entry.width for entry in entries), LINE * len(entries)
    left, top = frame.emptiest(width, height, points)
    return "".join(entry.drawn(left, top + LINE * (place + 0.75)) for place, entry in enumerate(entries))


def stroke(route: str, color: str, *, width: float, dashed: bool = False, opacity: float | None = None) -> str:
    """A path that is not filled."""
    return element(
        "path", d=route, fill="none", stroke=color, stroke_width=f"{width:g}",
        stroke_dasharray=DASHES if dashed else None, stroke_opacity=None if opacity is None else f"{opacity:g}",
    )  # fmt: skip


def text(
    x: float, y: float, words: str, *, size: float = SIZE, anchor: str | None = None, upright: bool = False,
    style: str | None = None,
) -> str:  # fmt: skip
    """Words on a baseline at y, or, `upright`, from below to above."""
    turned = f"rotate(-90 {number(x)} {number(y)})" if upright else None
    return element(
        "text", plain(words), x=x, y=y, font_size=size, text_anchor=anchor, transform=turned, style=style
    )  # fmt: skip


def hatching(color: str) -> str:
    """The pattern that `url(#gap)` fills with."""
    line = stroke("M-1 7L7 -1M-1 1L1 -1M5 7L7 5", color, width=1)
    return element("pattern", line, id=HATCH, width=6.0, height=6.0, patternUnits="userSpaceOnUse")


def document(width: float, height: float, *drawn: str) -> str:
    """The whole drawing."""
    size = f"0 0 {number(width)} {number(height)}"
    svg = element(
        "svg", *drawn, xmlns="http://www.w3.org/2000/svg", width=f"{number(width)}pt", height=f"{number(height)}pt",
        viewBox=size, font_family="DejaVu Sans, system-ui, sans-serif", fill=INK,
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}\n'
