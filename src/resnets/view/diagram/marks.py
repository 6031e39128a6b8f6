"""What was measured of each block, as bars under the trunk: a figure and a length for each, colour for none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnets.base.svg import element, plain
from resnets.view.diagram.svg import path, shape, text
from resnets.view.diagram.trunk import Run

HEIGHT = 112.0  # of the strip
_BAR, _LETTERS = 50.0, 9.5  # of the longest bar; of the figures
_PITCH = 10.5  # from one bar to the next, at least, where figures are written


@dataclass(frozen=True, slots=True)
class Mark:
    """What was measured of one block."""

    size: float  # 0 to 1 of the longest bar
    words: str  # the figure
    told: str  # in words, for whoever points at it


def draw(marks: Mapping[str, Mark], stage: Sequence[Run], x: float, y: float, width: float) -> Iterator[str]:
    """The bars of a stage's blocks, in order and side by side, `x` and `y` the strip's upper left corner."""
    names = [f"layer{run.first.stage}.{run.first.index + place}" for run in stage for place in range(run.repeats)]
    pitch = min(34.0, (width - 24) / len(names))
    left, ground = x + (width - pitch * len(names)) / 2, y + HEIGHT - 20
    yield path("M", x + 12, ground, "h", width - 24, stroke="line", stroke_width=1)
    for place, name in enumerate(names):
        mark, middle = marks[name], left + pitch * (place + 0.5)
        high = max(1.0, _BAR * mark.size)
        bar = element(
            "rect", element("title", plain(mark.told)), x=middle - 0.35 * pitch, y=ground - high, width=0.7 * pitch,
            height=high,
        )  # fmt: skip
        yield shape("g", bar, fill="edge", kind="contribution", data_block=name)
        if pitch >= _PITCH:
            yield _upright(middle + _LETTERS / 3, ground - high - 4, mark.words)
    if pitch >= _PITCH:
        for place, name in ((0, names[0]), (len(names) - 1, names[-1])):
            yield text(
                left + pitch * (place + 0.5),
                ground + 13,
                name.removeprefix("layer"),
                size=9.5,
                fill="muted",
                anchor="middle",
            )
    else:
        yield text(x + width / 2, ground + 13, f"{names[0]} … {names[-1]}", size=10, fill="muted", anchor="middle")


def caption(x: float, y: float, width: float) -> str:
    """What the bars are, for the stem's column, which has none."""
    return "".join(
        text(x + 14, y + 30 + 16 * row, line, size=12, fill="muted", within=width - 24)
        for row, line in enumerate(
            ("bars: points of top-1 that are lost", "when the block is replaced by its", "shortcut (Veit et al. 2016)")
        )
    )


def _upright(x: float, y: float, words: str) -> str:
    return shape(
        "text", plain(words), fill="ink", x=x, y=y, font_size=_LETTERS, transform=f"rotate(-90 {x:.1f} {y:.1f})"
    )
