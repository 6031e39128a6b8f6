"""SVG as text: elements that are escaped, coordinates, and how wide words come out."""

import re
import unicodedata
from xml.sax.saxutils import escape, quoteattr

# Widths in thousandths of an em of DejaVu Sans, the widest of the usual interface fonts; what fits it, fits the others.
_NARROW = frozenset("ijl.,:;|!'()[]/ ft")
_BROAD = frozenset("mwMWQOGND@%&+=<>→−…")
# Chinese and Japanese, which are as wide as they are high
_SQUARE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]")
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


def route(*steps: str | float) -> str:
    """The `d` of a path."""
    return " ".join(step if isinstance(step, str) else number(step) for step in steps)


def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """An upper estimate of how wide `words` come out."""
    return sum(map(_em, words)) * size / 1000 * (1.12 if bold else 1)


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


def _em(letter: str) -> int:
    if letter in _NARROW:
        return 330 if letter in "ijl., " else 420
    if letter in _BROAD or _SQUARE.match(letter):
        return 1000
    if letter.isascii() or letter == "×":
        return 645 if letter.islower() or letter.isdigit() else 850
    return 0 if unicodedata.category(letter) == "Mn" else 1100


def _quoted(value: str | float) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", value) if isinstance(value, str) else number(value))
