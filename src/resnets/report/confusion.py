"""The confusion matrix as SVG: shaded by the share of each class's images, with names and counts where they fit."""

import base64
import io

import numpy as np
from jaxtyping import Float
from PIL import Image

from resnets.base.svg import element, fitted, number, width_of
from resnets.evaluation.metrics import Evaluation
from resnets.report import chart
from resnets.report.chart import INK, SIZE, Axis

NAMED = 40  # classes: beyond this, names would overlap
COUNTED = 16  # classes: beyond this, counts would not fit their cells
CRISP = 100  # classes: beyond this a cell may be narrower than a pixel
CELL, SMALLEST, LARGEST = 25.0, 110.0, 700.0  # points: of a cell, and of the whole matrix
LONGEST = 150.0  # points for a name
BAR = 75.0  # points for the bar that explains the shades
TOP = 25.0
# From none to all of a class's images: ColorBrewer's "Blues" (Cynthia Brewer, Pennsylvania State University).
BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
SHADES = "shades"  # the id of their gradient


def confusion(evaluation: Evaluation) -> str:
    """The confusion matrix: a row for each right class, a column for each answer, shaded by the row's share."""
    matrix = evaluation.confusion
    count = len(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(LARGEST, max(SMALLEST, CELL * count))
    names = [fitted(_printable(score.name), SIZE, LONGEST)[0] for score in evaluation.classes] if count <= NAMED else []
    label = 12 + max((width_of(name, SIZE) for name in names), default=24.0)
    left, bottom = 20 + label, TOP + side
    across, down = Axis(0, count, left, left + side, "whole"), Axis(0, count, TOP, bottom, "whole")
    title = f"top-1 {evaluation.top1.value:.2%} of {evaluation.count:,} images"
    width = max(left + side + BAR, left + side / 2 + width_of(title, 12) / 2)
    return chart.document(width, bottom + label + 20, *[
        _shaded(shares, left, side),
        _counts(evaluation, shares, side / count, left) if count <= COUNTED else "",
        _outline(left, TOP, side, side),
        _names(names, across, down) if names else _numbers(across, down),
        chart.text(left + side / 2, TOP - 8, title, size=12, anchor="middle"),
        chart.text(left + side / 2, bottom + label + 12, "answer", anchor="middle"),
        chart.text(12, TOP + side / 2, "true class", anchor="middle", upright=True),
        _bar(left + side + 15, TOP + 0.1 * side, 0.8 * side),
    ])  # fmt: skip


def _printable(name: str) -> str:
    """A class's name as text: a control character, which SVG cannot hold, shows as �."""
    return "".join(c if c.isprintable() else "�" for c in name)


def _shaded(shares: Float[np.ndarray, "classes classes"], left: float, side: float) -> str:
    """The cells as one picture, a pixel for each."""
    cells = Image.fromarray(np.round(255 * shares).astype(np.uint8))
    corners = np.array([[int(color[place : place + 2], 16) for place in (1, 3, 5)] for color in BLUES])
    steps = np.linspace(0, len(BLUES) - 1, 256)
    palette = np.empty((256, 3), dtype=np.uint8)
    for channel in range(3):
        palette[:, channel] = np.interp(steps, np.arange(len(BLUES)), corners[:, channel]).round()
    cells.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    cells.save(buffer, format="png")
    return element(
        "image", x=left, y=TOP, width=side, height=side, preserveAspectRatio="none",
        style="image-rendering: pixelated" if len(shares) <= CRISP else None,
        href=f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}",
    )  # fmt: skip


def _counts(evaluation: Evaluation, shares: Float[np.ndarray, "classes classes"], cell: float, left: float) -> str:
    matrix = evaluation.confusion
    return "".join(
        chart.text(
            left + (column + 0.5) * cell, TOP + (row + 0.5) * cell + 3, str(matrix[row, column]), size=8,
            anchor="middle", style=f"fill: {'white' if shares[row, column] > 0.5 else 'black'}",
        )
        for row, column in np.argwhere(matrix > 0).tolist()
    )  # fmt: skip


def _names(names: list[str], across: Axis, down: Axis) -> str:
    return "".join(
        chart.text(across.at(place + 0.5) + 3.5, down.end + 6, name, anchor="end", upright=True)
        + chart.text(across.start - 6, down.at(place + 0.5) + 3.5, name, anchor="end")
        for place, name in enumerate(names)
    )


def _numbers(across: Axis, down: Axis) -> str:
    """Of many classes: their numbers, here and there."""
    return "".join(
        [
            chart.text(across.at(value + 0.5), down.end + 14, words, anchor="middle")
            for value, words in across.ticks()[:-1]
        ]
        + [
            chart.text(across.start - 6, down.at(value + 0.5) + 3.5, words, anchor="end")
            for value, words in down.ticks()[:-1]
        ]
    )


def _bar(left: float, top: float, height: float) -> str:
    """The shades, and the shares that they stand for."""
    axis = Axis(0, 1, top + height, top)
    stops = [
        element("stop", offset=f"{place / (len(BLUES) - 1):g}", stop_color=color) for place, color in enumerate(BLUES)
    ]
    return "".join([
        element("linearGradient", *stops, id=SHADES, x1="0", y1="1", x2="0", y2="0"),
        element("rect", x=left, y=top, width=12.0, height=height, fill=f"url(#{SHADES})"),
        _outline(left, top, 12, height),
        *(chart.text(left + 17, axis.at(value) + 3.5, words) for value, words in axis.ticks()),
        chart.text(left + 52, top + height / 2, "share of the class's images", size=8, anchor="middle", upright=True),
    ])  # fmt: skip


def _outline(left: float, top: float, width: float, height: float) -> str:
    route = f"M{number(left)} {number(top)}h{number(width)}v{number(height)}h{number(-width)}Z"
    return chart.stroke(route, INK, width=0.8)
