"""A run's curves, confusion matrix and reliability as SVG: text stays text, and nothing differs by colour alone."""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from resnets.evaluation.calibration import Reliability
from resnets.evaluation.metrics import Evaluation
from resnets.training.lr_find import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

# Titles stand right above their panel: matplotlib would find the same place by measuring every label once more.
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "resnets", "font.size": 10, "axes.titley": 1.0}
_BLUE, _ORANGE = "#0060a8", "#b34700"  # distinct in grey, and for every kind of colour vision
_PALE = "#8fbfe0"  # under hatching
_NAMED = 40  # classes: beyond this, names would overlap
_COUNTED = 16  # classes: beyond this, counts would not fit their cells


def curves(rows: Rows, best: int) -> str:
    """Loss, accuracy and learning rate by epoch, from the rows of metrics.jsonl. best: the epoch that is marked."""
    return _panels(rows, (_loss, partial(_accuracy, best=best), _rate), (10, 3.2))


def loss_curve(rows: Rows) -> str:
    """Training and validation loss by epoch, from the rows of metrics.jsonl."""
    return _panels(rows, (_loss,), (4, 3))


def accuracy_curve(rows: Rows, best: int) -> str:
    """Validation accuracy by epoch, from the rows of metrics.jsonl. best: the epoch that is marked."""
    return _panels(rows, (partial(_accuracy, best=best),), (4, 3))


def rate_curve(rows: Rows) -> str:
    """The learning rate at each epoch's end, from the rows of metrics.jsonl."""
    return _panels(rows, (_rate,), (4, 3))


def _panels(rows: Rows, panels: Sequence[Callable[[Any, Rows], None]], size: tuple[float, float]) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    marker = "o" if len(rows) == 1 else "None"  # of one point there is no line
    with matplotlib.rc_context({**_STYLE, "lines.marker": marker}):
        figure = Figure(figsize=size)
        count = len(panels)
        across = (size[0] - 0.15) / count - 0.75  # of one panel; 0.75 inches have room for 0.00125
        _margins(figure, left=0.75, right=0.15, bottom=0.5, top=0.35, wspace=0.75 / across)
        for axes, panel in zip(figure.subplots(1, count, squeeze=False)[0], panels, strict=True):
            panel(axes, rows)
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
        return _svg(figure)


def _margins(figure: "Figure", *, left: float, right: float, bottom: float, top: float, **between: float) -> None:
    """Sets margins in inches. matplotlib finds its own ("constrained") only by drawing everything several times."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - top / height, **between
    )


def _loss(axes: Any, rows: Rows) -> None:
    epochs = [row["epoch"] for row in rows]
    training, validation = ([row[name] for row in rows] for name in ("train_loss", "val_loss"))
    axes.plot(epochs, training, color=_ORANGE, linestyle="--", label="training (augmented)")
    axes.plot(epochs, validation, color=_BLUE, label="validation")
    axes.set(title="loss", ylim=(0, None))
    axes.legend(frameon=False)


def _accuracy(axes: Any, rows: Rows, best: int) -> None:
    axes.plot([row["epoch"] for row in rows], [100 * row["val_top1"] for row in rows], color=_BLUE)
    kept = [100 * row["val_top1"] for row in rows if row["epoch"] == best]
    axes.plot([best] * len(kept), kept, "o", color=_BLUE)
    axes.set(title="validation top-1 %" + "".join(f", kept {value:.2f}" for value in kept), ylim=(None, 100.5))


def _rate(axes: Any, rows: Rows) -> None:
    axes.plot([row["epoch"] for row in rows], [row["lr"] for row in rows], color=_BLUE)
    axes.set(title="learning rate")


def confusion(evaluation: Evaluation) -> str:
    """The confusion matrix: a row for each right class, a column for each answer, shaded by the row's share."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        return _svg(confusion_figure(evaluation))


def confusion_figure(evaluation: Evaluation) -> "Figure":
    """The confusion matrix as matplotlib draws it."""
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
        axes.set(xlabel="answer", ylabel="true class")
        axes.set_title(f"top-1 {evaluation.top1.value:.2%} of {evaluation.count:,} images")
        if count <= _NAMED:
            names = [_label(score.name) for score in evaluation.classes]
            axes.set_xticks(range(count), names, rotation=90)
            axes.set_yticks(range(count), names)
        if count <= _COUNTED:
            for row, column in np.argwhere(matrix > 0):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=colour, fontsize=8)
    return figure


def reliability(found: Reliability) -> str:
    """The reliability diagram: how often answers of about the same probability were right, and how many they were."""
    import matplotlib
    from matplotlib.figure import Figure

    width = found.edges[1] - found.edges[0]
    middles = found.edges[:-1] + width / 2
    there = found.counts > 0
    confidence, accuracy = found.confidence[there], found.accuracy[there]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6, 6.5))
        _margins(figure, left=0.7, right=0.15, bottom=0.85, top=0.35, hspace=0.15)
        rates, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        rates.bar(middles[there], accuracy, width, color=_PALE, edgecolor="white", label="accuracy")
        rates.bar(
            middles[there], confidence - accuracy, width, bottom=accuracy, color="none", edgecolor=_ORANGE,
            hatch="///", label="gap to the mean probability",
        )  # fmt: skip
        rates.plot((0, 1), (0, 1), color="black", linestyle="--", label="calibrated")
        rates.set(ylabel="share right", xlim=(0, 1), ylim=(0, 1))
        rates.set_title(f"ECE {found.ece:.2%}, of {found.counts.sum():,} images")
        figure.legend(loc="lower center", ncols=3)
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


def learning_rates(curve: Curve, suggestion: float) -> str:
    """The loss at each learning rate that was tried, and the one suggested."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(curve.rates, curve.losses, color=_BLUE)
        axes.axvline(suggestion, color=_ORANGE, linestyle="--", label=f"suggested: {suggestion:.2g}")
        finite = sorted(curve.losses)
        axes.set(
            xscale="log", xlabel="learning rate", ylabel="loss", ylim=(None, finite[int(0.9 * (len(finite) - 1))] * 1.2)
        )
        axes.grid(alpha=0.3)
        axes.legend()
        return _svg(figure)
