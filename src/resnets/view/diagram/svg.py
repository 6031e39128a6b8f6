"""Pieces of a diagram as SVG: elements painted from the palette, and words that fit."""

from resnets.base.svg import element, fitted, plain, route
from resnets.view.diagram.palette import LIGHT

SIZE = 13.0  # of a letter, where nothing else is said


def shape(
    tag: str,
    *children: str,
    fill: str | None = None,
    stroke: str | None = None,
    kind: str | None = None,
    **attributes: str | float | None,
) -> str:
    """An element painted with colours named in the palette; `kind` is a class of its own, for whoever looks for it.

    The light colours are also written as attributes, for programs that know no custom properties.
    """
    classes = [kind, fill and f"fill-{fill}", stroke and f"stroke-{stroke}"]
    paint: dict[str, str | None] = {
        "class_": " ".join(name for name in classes if name) or None,
        "fill": LIGHT[fill] if fill else "none",
        "stroke": LIGHT[stroke] if stroke else None,
    }
    return element(tag, *children, **paint, **attributes)


def target(at: str | None, *parts: str) -> str:
    """What stands for the stage, block or operation `at` of the network; a page may let it be chosen."""
    return element("g", *parts, data_at=at) if at else "".join(parts)


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = SIZE,
    fill: str = "ink",
    anchor: str | None = None,
    bold: bool = False,
    within: float | None = None,
    smallest: float = 9,
    kind: str | None = None,
) -> str:
    """Words on a baseline at `y`. Where they are wider than `within` they are set smaller, and then cut short."""
    if within is not None:
        words, size = fitted(words, size, within, bold=bold, smallest=smallest)
    weight = "700" if bold else None
    return shape(
        "text", plain(words), fill=fill, kind=kind, x=x, y=y, font_size=size, text_anchor=anchor, font_weight=weight
    )


def two_lines(x: float, y: float, lines: tuple[str, str], *, size: float) -> str:
    """One text on two lines, centred on `x`; read aloud or copied, it is one."""
    first, second = map(plain, lines)
    spans = element("tspan", first, x=x, y=y), " ", element("tspan", second, x=x, y=y + 1.25 * size)
    return shape("text", *spans, fill="ink", font_size=size, text_anchor="middle")


def rectangle(
    x: float, y: float, width: float, height: float, *, fill: str, stroke: str | None = None, radius: float = 4
) -> str:
    """A rectangle with round corners."""
    return shape("rect", fill=fill, stroke=stroke, x=x, y=y, width=width, height=height, rx=radius or None)


def path(
    *steps: str | float, fill: str | None = None, stroke: str | None = None, stroke_width: float | None = None
) -> str:
    """A path from commands and coordinates in turn: `path("M", 0, 0, "H", 10, stroke="ink")`."""
    return shape("path", fill=fill, stroke=stroke, stroke_width=stroke_width, d=route(*steps))


def arrow(x: float, y: float, length: float, *, down: bool, fill: str = "line") -> str:
    """A straight arrow that ends in (x, y), coming from the left or from above."""
    if down:
        return path("M", x, y - length, "V", y - 5, stroke=fill, stroke_width=1.5) + path(
            "M", x, y, "l -4 -7 h 8 z", fill=fill
        )
    return path("M", x - length, y, "H", x - 5, stroke=fill, stroke_width=1.5) + path(
        "M", x, y, "l -7 -4 v 8 z", fill=fill
    )
