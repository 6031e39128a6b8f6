"""Pieces of an SVG document as text: elements that are escaped, painted from the palette, and words that fit."""

import re
import unicodedata
from xml.sax.saxutils import escape, quoteattr

from resnets.view.diagram.palette import LIGHT

SIZE = 13.0  # of a letter, where nothing else is said

# Widths in em of DejaVu Sans, the widest of the usual interface fonts; what fits it, fits the others.
_NARROW = frozenset("ijl.,:;|!'()[]/ ft")
_BROAD = frozenset("mwMWQOGND@%&+=<>→−…")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def number(value: float) -> str:
    """A coordinate to a tenth of a unit, written as shortly as it can be."""
    tenths = round(value * 10)
    return str(tenths // 10) if tenths % 10 == 0 else f"{tenths / 10:.1f}"


def plain(words: str) -> str:
    """`words` for the content of an element; what no XML document may hold becomes U+FFFD."""
    return escape(_NOT_XML.sub("\ufffd", words))


def element(tag: str, *children: str, **attributes: str | float | None) -> str:
    """One element. Children are markup; attributes are plain values, `_` in their names standing for `-`."""
    written = "".join(
        f" {name.strip('_').replace('_', '-')}={_quoted(value)}"
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{''.join(children)}</{tag}>" if children else f"<{tag}{written}/>"


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


def route(*steps: str | float) -> str:
    """The `d` of a path."""
    return " ".join(step if isinstance(step, str) else number(step) for step in steps)


def arrow(x: float, y: float, length: float, *, down: bool, fill: str = "line") -> str:
    """A straight arrow that ends in (x, y), coming from the left or from above."""
    if down:
        return path("M", x, y - length, "V", y - 5, stroke=fill, stroke_width=1.5) + path(
            "M", x, y, "l -4 -7 h 8 z", fill=fill
        )
    return path("M", x - length, y, "H", x - 5, stroke=fill, stroke_width=1.5) + path(
        "M", x, y, "l -7 -4 v 8 z", fill=fill
    )


def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """An upper estimate of how wide `words` come out."""
    return sum(map(_em, words)) * size * (1.12 if bold else 1)


def fitted(words: str, size: float, within: float, *, bold: bool = False, smallest: float = 9) -> tuple[str, float]:
    """`words` and the letter size, at most `size`, at which they are no wider than `within`, perhaps cut short."""
    wide = width_of(words, size, bold=bold)
    if wide <= within:
        return words, size
    size = max(smallest, int(2 * size * within / wide) / 2)
    if width_of(words, size, bold=bold) <= within:
        return words, size
    room = within - width_of("…", size, bold=bold)
    for end, letter in enumerate(words):
        room -= width_of(letter, size, bold=bold)
        if room < 0:
            return words[:end] + "…", size
    return words, size


def _em(letter: str) -> float:
    if letter in _NARROW:
        return 0.33 if letter in "ijl., " else 0.42
    if letter in _BROAD:
        return 1.0
    if letter.isascii() or letter == "×":
        return 0.645 if letter.islower() or letter.isdigit() else 0.85
    return 0.0 if unicodedata.combining(letter) else 1.1


def _quoted(value: str | float) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", value) if isinstance(value, str) else number(value))
