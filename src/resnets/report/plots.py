"""A run's curves, confusion matrix and reliability as SVG: text stays text, and nothing differs by colour alone."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from resnets.evaluation.calibration import Reliability
from resnets.evaluation.metrics import Evaluation

_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "resnets", "font.size": 10}
_BLUE, _ORANGE = "#0060a8", "#b34700"  # distinct in grey, and for every kind of colour vision
_PALE = "#8fbfe0"  # under hatching
_NAMED = 40  # classes: beyond this, names would overlap
_COUNTED = 16  # classes: beyond this, counts would not fit their cells


def curves(rows: Sequence[dict[str, Any]]) -> str:
    """Loss, accuracy and learning rate by epoch, from the rows of metrics.jsonl."""
    import matplotlib
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in rows]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(10, 3.2), layout="constrained")
        loss, accuracy, rate = figure.subplots(1, 3)
        loss.plot(
            epochs, [row["train_loss"] for row in rows], color=_ORANGE, linestyle="--", label="training (augmented)"
        )
        loss.plot(epochs, [row["val_loss"] for row in rows], color=_BLUE, label="validation")
        loss.set(title="loss", ylim=(0, None))
        loss.legend()
        accuracy.plot(epochs, [100 * row["val_top1"] for row in rows], color=_BLUE)
        best = max(rows, key=lambda row: row["val_top1"])
        accuracy.plot(best["epoch"], 100 * best["val_top1"], "o", color=_BLUE)
        accuracy.set(title=f"validation top-1 %, best {100 * best['val_top1']:.2f}", ylim=(None, 100.5))
        rate.plot(epochs, [row["lr"] for row in rows], color=_BLUE)
        rate.set(title="learning rate")
        for axes in (loss, accuracy, rate):
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
        return _svg(figure)


def confusion(evaluation: Evaluation) -> str:
    """The confusion matrix: a row for each right class, a column for each answer, shaded by the row's share."""
    import matplotlib
    from matplotlib.figure import Figure

    matrix = evaluation.confusion
    count = len(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(12.0, 3.0 + 0.35 * count)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(side + 1, side), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, label="share of the class's images", shrink=0.8)
        axes.set(xlabel="answer", ylabel="right class")
        axes.set_title(f"top-1 {evaluation.top1.value:.2%} of {evaluation.count:,} images")
        if count <= _NAMED:
            names = [_label(score.name) for score in evaluation.classes]
            axes.set_xticks(range(count), names, rotation=90)
            axes.set_yticks(range(count), names)
        if count <= _COUNTED:
            for row, column in np.argwhere(matrix > 0):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=colour, fontsize=8)
        return _svg(figure)


def reliability(found: Reliability) -> str:
    """The reliability diagram: how often answers of about the same probability were right, and how many they were."""
    import matplotlib
    from matplotlib.figure import Figure

    width = found.edges[1] - found.edges[0]
    middles = found.edges[:-1] + width / 2
    there = found.counts > 0
    confidence, accuracy = found.confidence[there], found.accuracy[there]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6, 6.5), layout="constrained")
        rates, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        rates.bar(middles[there], accuracy, width, color=_PALE, edgecolor="white", label="accuracy")
        rates.bar(
            middles[there], confidence - accuracy, width, bottom=accuracy, color="none", edgecolor=_ORANGE,
            hatch="///", label="gap to the mean probability",
        )  # fmt: skip
        rates.plot((0, 1), (0, 1), color="black", linestyle="--", label="calibrated")
        rates.set(ylabel="share right", xlim=(0, 1), ylim=(0, 1))
        rates.set_title(f"ECE {found.ece:.2%}, of {found.counts.sum():,} images")
        figure.legend(loc="outside lower center", ncols=3)
        counts.bar(middles, found.counts, width, color=_PALE, edgecolor="white")
        counts.set(xlabel="probability of the answer", ylabel="images")
        for axes in (rates, counts):
            axes.grid(alpha=0.3)
        return _svg(figure)


def _label(name: str) -> str:
    """A class's name as text: a $ begins no formula, and a control character, which SVG cannot hold, shows as �."""
    return "".join(c if c.isprintable() else "�" for c in name).replace("$", r"\$")


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own font draws the text
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "resnets"})
    return buffer.getvalue()
