"""The colours of a drawing by what they are for: light, dark, and on paper.

Every colour of letters keeps a contrast of at least 4.5 to 1 on whatever it is written on, in each of the three
(WCAG 2.1, success criterion 1.4.3).
"""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "band": "#f3f5f8",  # behind a stage
    "card": "#ffffff",
    "ink": "#17202c",
    "muted": "#4e5968",
    "line": "#6b7685",  # the trunk and its arrows
    "rule": "#cfd5dd",  # outlines
    "shortcut": "#b3202f",
    "edge": "#2f557f",  # of a volume
    "front": "#a9c6e6",
    "top": "#d6e5f5",
    "side": "#7fa6cf",
    "conv": "#d3e4f8",
    "norm": "#e6e1f4",
    "relu": "#fde3c6",
    "pool": "#d3eddb",
    "linear": "#f8dbe4",
    "pad": "#e4e6ea",
}

DARK: Mapping[str, str] = {
    "paper": "#0f141b",
    "band": "#19202a",
    "card": "#0f141b",
    "ink": "#ebeff5",
    "muted": "#a8b3c1",
    "line": "#8d98a7",
    "rule": "#3a4553",
    "shortcut": "#ff8a8a",
    "edge": "#a9c6e6",
    "front": "#31557f",
    "top": "#4573a6",
    "side": "#22405f",
    "conv": "#234469",
    "norm": "#403763",
    "relu": "#68431a",
    "pool": "#1f5235",
    "linear": "#652c42",
    "pad": "#3d4550",
}

PRINT: Mapping[str, str] = {**LIGHT, "band": "#ffffff", "ink": "#000000", "muted": "#333333", "rule": "#9aa1ab"}

SCOPE = "resnets-diagram"


def style() -> str:
    """The style sheet: custom properties, which a page around the drawing may set, and what is painted with them.

    All of it stands in at-rules, which programs without custom properties skip; they use the attributes instead.
    """
    paints = "".join(
        f".{SCOPE} .fill-{name}{{fill:var(--resnets-{name})}}.{SCOPE} .stroke-{name}{{stroke:var(--resnets-{name})}}"
        for name in LIGHT
    )
    return "\n".join([
        f"@media all{{{_properties(LIGHT)}",
        f"{paints}}}",
        f"@media (prefers-color-scheme: dark){{{_properties(DARK)}}}",
        f"@media print{{{_properties(PRINT)}}}",
    ])  # fmt: skip


def _properties(colours: Mapping[str, str]) -> str:
    return f".{SCOPE}{{{';'.join(f'--resnets-{name}:{colour}' for name, colour in colours.items())}}}"
