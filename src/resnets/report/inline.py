"""A drawing as a part of a page: the page's own colours, light and dark, and ids that no other drawing has."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from resnets.report import chart

# What a drawing is painted with -> what the page has for it.
COLORS: Mapping[str, str] = {
    chart.BLUE: "var(--blue)",
    chart.ORANGE: "var(--orange)",
    chart.GRID: "var(--muted)",
    chart.INK: "currentColor",
    chart.GROUND: "var(--ground)",
}


def inline(svg: str, *, name: str, label: str) -> Markup:
    """A drawing for the page's body.

    name: put before its ids. label: what it shows, in words, for those who do not see it.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    for drawn, themed in COLORS.items():
        body = body.replace(f'="{drawn}"', f'="{themed}"')
    tag, rest = body.split(">", 1)
    tag = re.sub(r' (width|height|font-family)="[^"]*"', "", tag)  # the page's style sets its size
    return Markup(tag) + Markup(' class="plot" role="img" aria-label="{}">').format(label) + Markup(rest)
