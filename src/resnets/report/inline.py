"""matplotlib's SVG as a part of a page: the page's own colours, light and dark, and ids that no other drawing has."""

import re
from collections.abc import Mapping

from markupsafe import Markup

# What plots.py and matplotlib draw with -> what the page has for it.
COLOURS: Mapping[str, str] = {
    "#0060a8": "var(--blue)",
    "#b34700": "var(--orange)",
    "#b0b0b0": "var(--muted)",
    "#cccccc": "var(--rule)",
    "#000000": "currentColor",
    "fill: #ffffff; opacity": "fill: var(--ground); opacity",  # a legend's ground
    "stroke: #ffffff": "stroke: var(--ground)",
    "fill: #ffffff": "fill: none",
}


def inline(svg: str, *, name: str, label: str) -> Markup:
    """A drawing for the page's body.

    name: put before its ids. label: what it shows, in words, for those who do not see it.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r"; font-family: [^;\"]*|font-family: [^;\"]*; ?", "", body)
    for drawn, themed in COLOURS.items():
        body = body.replace(drawn, themed)
    tag, rest = body.split(">", 1)
    tag = re.sub(r' (width|height)="[^"]*"', "", tag)  # the page's style sets its size
    return Markup(tag) + Markup(' class="plot" role="img" aria-label="{}">').format(label) + Markup(rest)
