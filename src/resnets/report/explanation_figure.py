"""An explanation as one picture: the map on its image, that of a randomized network beside it, and the curves."""

import io
import warnings
from typing import TYPE_CHECKING, Any

from resnets.report import chart

if TYPE_CHECKING:
    from resnets.report.explanation import Explanation

DOTS = 150  # per inch


def png(found: "Explanation") -> bytes:
    """The picture. Without the sanity checks it is the map on its image alone."""
    from matplotlib.figure import Figure

    checks = found.sanity
    figure = Figure(figsize=(12.6 if checks else 4.6, 4.9), dpi=DOTS, layout="constrained")
    figure.suptitle(
        f"{found.label[:60]}: {found.probability:.1%}, logit {found.logit:.3f}, by {found.method}", parse_math=False
    )
    axes = figure.subplots(1, 3 if checks else 1, squeeze=False)[0]
    _picture(axes[0], found.picture(), "orange: for the class; blue stripes: against it\nframe: what the network saw")
    if checks is not None:
        likeness = "none" if checks.correlation is None else f"{checks.correlation:.2f}"
        _picture(axes[1], found.randomized_picture(), f"of a randomized network\nrank correlation {likeness}")
        _curves(axes[2], found)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as a box
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _picture(axes: Any, pixels: Any, title: str) -> None:
    axes.imshow(pixels)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def _curves(axes: Any, found: "Explanation") -> None:
    checks = found.sanity
    assert checks is not None
    lines = (
        ("deletion", checks.deletion, chart.ORANGE, "o-"),
        ("deletion at random", checks.random_deletion, "0.4", "o:"),
        ("insertion", checks.insertion, chart.BLUE, "s--"),
        ("insertion at random", checks.random_insertion, "0.4", "s:"),
    )
    for name, curve, colour, style in lines:
        parts = [part / (len(curve.probabilities) - 1) for part in range(len(curve.probabilities))]
        axes.plot(parts, curve.probabilities, style, color=colour, markersize=3, label=f"{name}, area {curve.area:.3f}")
    axes.set_title("probability of the class", fontsize=9)
    axes.set_xlabel("part of the image taken away, or given back")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
