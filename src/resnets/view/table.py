"""A table that knows nothing of its format, and the formats it is written in."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Format = Literal["text", "md", "tex"]


@dataclass(frozen=True, slots=True)
class Bracket:
    """Layers that follow each other, perhaps several times over, as the papers print them: [3×3, 64; 3×3, 64] × 3."""

    layers: tuple[str, ...]
    repeats: int | None = None  # None: not a block; these layers stand once

    def __str__(self) -> str:
        if self.repeats is None and len(self.layers) == 1:
            return self.layers[0]
        return f"[{'; '.join(self.layers)}]" + (f" × {self.repeats}" if self.repeats else "")


Cell = str | Bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table says, whatever its format."""

    caption: str
    headers: tuple[str, ...]
    alignments: str  # a letter a column: l or r
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()  # rows under the last rule, such as totals
    notes: tuple[str, ...] = ()


def render(tables: Iterable[Table], form: Format) -> str:
    """Tables one after the other, in one format."""
    write = {"text": as_text, "md": as_markdown, "tex": as_latex}[form]
    return "\n".join(write(table) for table in tables)


def as_text(table: Table) -> str:
    """Aligned columns for a terminal or a pipe; never wrapped."""
    lines = [tuple(printable(str(cell)) for cell in row) for row in (table.headers, *table.rows, *table.foot)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = tuple("-" * width for width in widths)
    foot = [rule, *lines[1 + len(table.rows) :]] if table.foot else []
    body = [
        "  ".join(_padded(cell, width, side) for cell, width, side in zip(row, widths, table.alignments, strict=True))
        for row in (lines[0], rule, *lines[1 : 1 + len(table.rows)], *foot)
    ]
    caption, *notes = map(printable, (table.caption, *table.notes))
    return "\n".join([caption, "", *(line.rstrip() for line in body), "", *notes]).rstrip() + "\n"


# Control characters, what turns the direction of text, line separators, and halves of a pair.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, *, keep: str = "") -> str:
    """The text with what would tear a table or command a terminal as escapes, but for the characters of `keep`."""
    return UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def _padded(text: str, width: int, alignment: str) -> str:
    return text.rjust(width) if alignment == "r" else text.ljust(width)


def as_markdown(table: Table) -> str:
    """A table of GitHub's Markdown, its caption above and its notes below."""
    dashes = ["--:" if side == "r" else ":--" for side in table.alignments]
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (table.headers, *table.rows, *table.foot)]
    body = [f"| {' | '.join(line)} |" for line in (lines[0], dashes, *lines[1:])]
    notes = [line for note in table.notes for line in ("", note)]
    return "\n".join([f"**{table.caption}**", "", *body, *notes]) + "\n"


PAGE = 40  # rows; a longer table breaks across pages


def as_latex(table: Table) -> str:
    """A LaTeX table for the packages booktabs and, where it is longer than a page, longtable."""
    head = ["\\toprule", _latex_row(table.headers), "\\midrule"]
    body = [_latex_row(row) for row in table.rows]
    if any(isinstance(cell, Bracket) for row in table.rows for cell in row):
        body = "\n\\addlinespace\n".join(body).splitlines()
    foot = ["\\midrule", *map(_latex_row, table.foot)] if table.foot else []
    size = "\\scriptsize\\setlength{\\tabcolsep}{2pt}" if len(table.headers) > 10 else "\\small"
    caption, columns = f"\\caption{{{_escaped(table.caption)}}}", f"{{{table.alignments}}}"
    notes = [f"\\par {_escaped(note)}" for note in table.notes]
    if len(table.rows) > PAGE:
        lines = [
            "% \\usepackage{booktabs, longtable}",
            f"{{{size}",
            f"\\begin{{longtable}}{columns}",
            f"{caption} \\\\", *head, "\\endfirsthead",
            *head, "\\endhead",
            "\\bottomrule", "\\endfoot",
            *body, *foot,
            "\\end{longtable}",
            *notes,
            "\\par}",
        ]  # fmt: skip
    else:
        lines = [
            "% \\usepackage{booktabs}",
            "\\begin{table}",
            f"\\centering{size}",
            caption,
            f"\\begin{{tabular}}{columns}",
            *head, *body, *foot, "\\bottomrule",
            "\\end{tabular}",
            *notes,
            "\\end{table}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _latex_row(row: Sequence[Cell]) -> str:
    return " & ".join(map(_latex_cell, row)) + " \\\\"


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, str) or (cell.repeats is None and len(cell.layers) == 1):
        return _escaped(str(cell))
    layers = " \\\\ ".join(map(_escaped, cell.layers))
    times = f" $\\times$ {cell.repeats}" if cell.repeats else ""
    return f"$\\left[\\begin{{tabular}}{{@{{}}c@{{}}}}{layers}\\end{{tabular}}\\right]${times}"


_LATEX = str.maketrans({
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{character: f"${character}$" for character in "<>|"},
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "×": "$\\times$", "–": "--",
    "−": "$-$", "→": "$\\rightarrow$", "±": "$\\pm$",
})  # fmt: skip


def _escaped(text: str) -> str:
    return text.translate(_LATEX)
