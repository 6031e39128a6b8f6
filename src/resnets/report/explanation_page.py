"""The page about one image: what in it speaks for a class, beside a randomized network's map, and the curves."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from resnets.explain.sanity import Curve
from resnets.report import chart, private
from resnets.report.chart import BLUE, ORANGE, Axis, Entry, Frame, Points
from resnets.report.inline import inline
from resnets.report.page import rendered
from resnets.report.thumbnails import uri

if TYPE_CHECKING:
    from resnets.report.explanation import Explanation

WIDTH, HEIGHT = 432.0, 259.0  # of the curves
CELLS = 200  # of a map that are listed, at most


def page(found: "Explanation", command: str = "") -> str:
    """The page as text. command: which makes it again."""
    checks = found.sanity
    places = [found.image, *shlex.split(command)]
    known = sorted({f"{Path(name).parent}/" for name in places if Path(name).is_absolute()} - {"//"}, key=len)[::-1]
    shown = {
        "title": Path(found.image).name or found.image,
        "network": found.network,
        "label": found.label,
        "method": found.method,
        "key_figures": [
            ("probability", f"{found.probability:.1%}", "after calibration"),
            ("logit", f"{found.logit:.3f}", f"of which {found.bias:.3f} is the bias"),
            *(_areas(checks.deletion, checks.random_deletion, "deletion") if checks else []),
            *(_areas(checks.insertion, checks.random_insertion, "insertion") if checks else []),
        ],
        "facts": found.facts(),
        "incomplete": found.completeness is not None and not found.completeness.is_met,
        "picture": uri(found.picture()),
        "exact": found.method == "cam",
        "cells": _cells(found),
        "checks": checks is not None,
        "randomized": uri(found.randomized_picture()) if checks else "",
        "correlation": checks.correlation if checks else None,
        "deletion": _drawn(checks.deletion, checks.random_deletion, "deletion", ORANGE) if checks else "",
        "insertion": _drawn(checks.insertion, checks.random_insertion, "insertion", BLUE) if checks else "",
        "command": command,
    }
    return rendered("explanation.html", private.without_folders(shown, known))


def _areas(curve: Curve, chance: Curve, name: str) -> list[tuple[str, str, str]]:
    return [(f"area under {name}", f"{curve.area:.3f}", f"{chance.area:.3f} at random")]


def _cells(found: "Explanation") -> list[list[str]]:
    """The values of a map that is coarse enough to be read."""
    values = found.map
    return [] if values.size > CELLS else [[f"{value:+.3f}" for value in row] for row in np.asarray(values).tolist()]


def _drawn(curve: Curve, chance: Curve, name: str, color: str) -> Markup:
    points, random = _points(curve), _points(chance)
    highest = max(y for _, y in (*points, *random))
    frame = Frame(Axis(0, 1, 54, WIDTH - 11), Axis(0, 1.05 * highest or 1, HEIGHT - 36, 25))
    names = (Entry("by the map", color), Entry("at random", chart.INK, dashed=True))
    across = "part of the image taken away" if name == "deletion" else "part of the image given back"
    svg = chart.document(WIDTH, HEIGHT, *[
        frame.ground(title=f"{name}: area {curve.area:.3f}", across=across, up="probability"),
        frame.line(random, chart.INK, dashed=True),
        frame.line(points, color),
        chart.legend(names, frame, points),
    ])  # fmt: skip
    told = f"{name} curve: area {curve.area:.3f} by the map, {chance.area:.3f} at random"
    return inline(svg, name=name, label=told)


def _points(curve: Curve) -> Points:
    last = len(curve.probabilities) - 1
    return [(part / last, value) for part, value in enumerate(curve.probabilities)]
