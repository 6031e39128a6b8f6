"""Drawings say in the right place what the figures are: read back from the SVG, and compared with the numbers."""

import base64
import io
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from resnets.evaluation import calibration, metrics
from resnets.report import chart, plots
from resnets.report.chart import Axis
from resnets.report.confusion import confusion
from resnets.training.lr_find import Curve
from tests.report import samples

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]


def lines(svg: str, color: str) -> list[list[tuple[float, float]]]:
    """The points of every line of this color."""
    found = [one for one in ET.fromstring(svg).iter(f"{SVG}path") if one.get("stroke") == color]
    lines = [one.attrib["d"] for one in found if one.get("stroke-width") == "1.5" and "L" in one.attrib["d"]]
    return [
        [(float(x), float(y)) for x, y in (point.split() for point in piece.split("L"))]
        for line in lines
        for piece in line.split("M")[1:]
    ]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.sampled_from(["linear", "whole"]))
def test_ticks_are_evenly_spaced_round_values_that_are_written_as_they_are(low: float, size: float, kind: str) -> None:
    axis = Axis(low, low + size, 0, 200, kind)  # pyright: ignore[reportArgumentType] # one of two words
    if axis.high - axis.low < 1e-9 * abs(low):
        return  # no such range can be drawn
    ticks = axis.ticks()
    slack = 1e-6 * size
    assert all(low - slack <= value <= low + size + slack for value, _ in ticks)
    steps = np.diff([value for value, _ in ticks])
    assert np.allclose(steps, steps[:1], rtol=1e-6, atol=1e-9 * abs(low))
    if kind == "whole":
        assert all(value == round(value) and float(words) == value for value, words in ticks)
    else:
        assert 2 <= len(ticks) <= 8
        assert all(float(words) == pytest.approx(value, rel=1e-5, abs=slack) for value, words in ticks)


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten() -> None:
    axis = Axis(1e-4, 2.0, 0, 100, "log")
    assert [words for _, words in axis.ticks()] == ["1e-4", "1e-3", "1e-2", "1e-1", "1e0"]
    assert axis.at(1e-4) == 0
    assert axis.at(math.sqrt(1e-4 * 2.0)) == pytest.approx(50)


def test_a_curve_goes_through_every_epochs_value() -> None:
    rows = samples.rows(9)
    ((*points,),) = lines(plots.loss_curve(rows), chart.BLUE)[:1]
    (x0, y0), (x1, y1) = points[0], points[-1]
    for row, (x, y) in zip(rows, points, strict=True):
        assert (x - x0) / (x1 - x0) == pytest.approx((row["epoch"] - 1) / 8, abs=0.002)
        share = (row["val_loss"] - rows[0]["val_loss"]) / (rows[-1]["val_loss"] - rows[0]["val_loss"])
        assert (y - y0) / (y1 - y0) == pytest.approx(share, abs=0.002)
    assert y1 > y0  # the loss falls, and down is more


def test_the_kept_epoch_is_marked_and_named() -> None:
    svg = plots.accuracy_curve(samples.rows(4), 3)
    (dot,) = ET.fromstring(svg).iter(f"{SVG}circle")
    assert (float(dot.attrib["cx"]), float(dot.attrib["cy"])) == lines(svg, chart.BLUE)[0][2]
    assert "validation top-1 %, kept 83.33" in texts(svg)


def test_a_line_breaks_off_where_a_value_is_no_number() -> None:
    rows = list(samples.rows(6))
    rows[2] = rows[2] | {"val_loss": math.nan}
    assert [len(piece) for piece in lines(plots.loss_curve(rows), chart.BLUE) if len(piece) > 1] == [2, 3]


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1e-12, 1e30])
@pytest.mark.parametrize("epochs", [1, 2])
def test_odd_values_are_drawn_too(value: float, epochs: int) -> None:
    losses = dict.fromkeys(("train_loss", "val_loss", "lr"), value)
    svg = plots.curves(samples.rows(epochs, **losses, val_top1=value if value <= 1 else math.nan), 1)
    assert {"loss", "learning rate", "epoch"} <= set(texts(svg))
    assert "nan" not in svg.replace("kept nan", "")
    assert "inf" not in svg


def test_bars_are_as_high_as_the_share_that_was_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    found = calibration.reliability(probabilities, np.array([0, 0, 0, 1, 0]))
    svg = plots.reliability(found)
    accuracy = next(one for one in ET.fromstring(svg).iter(f"{SVG}path") if one.get("fill") == chart.PALE)
    heights = []
    for bar in accuracy.attrib["d"].split("M")[1:]:
        bottom = float(bar.split("H")[0].split()[1])
        heights.append((bottom - float(bar.split("V")[1].split("H")[0])) / (300 - 25))
    assert heights == pytest.approx([1.0, 0.75], abs=0.002)
    assert f"ECE {found.ece:.2%}, of 5 images" in texts(svg)


def test_a_confusion_matrix_shades_each_row_by_its_shares() -> None:
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1, 2, 2, 2, 0]]
    found = metrics.evaluate(logits, np.array([0, 1, 0, 2, 2, 2, 2]), ("a", "b", "c"))
    svg = confusion(found)
    (cells,) = ET.fromstring(svg).iter(f"{SVG}image")
    picture = Image.open(io.BytesIO(base64.b64decode(cells.attrib["href"].partition(",")[2])))
    assert np.asarray(picture).tolist() == [[128, 128, 0], [0, 255, 0], [64, 0, 191]]
    shades = np.asarray(picture.convert("RGB"))
    assert shades[1, 1].tolist() == [0x08, 0x30, 0x6B]
    assert shades[1, 0].tolist() == [0xF7, 0xFB, 0xFF]
    assert [words for words in texts(svg) if words.isdigit()] == ["1", "1", "1", "1", "3"]


@pytest.mark.parametrize(("classes", "named"), [(16, True), (40, True), (41, False), (300, False)])
def test_names_are_written_where_they_fit(classes: int, named: bool) -> None:
    names = tuple(f"class {number}" for number in range(classes))
    said = texts(confusion(samples.run(names, count=2 * classes).evaluation))
    assert said.count("class 3") == (2 if named else 0)
    assert ("20" in said) == (classes > 40)


def test_hostile_names_stay_text_and_within_the_picture() -> None:
    svg = confusion(samples.run(samples.HOSTILE).evaluation)
    said = texts(svg)
    assert said.count("{{ 7 * 7 }} {% raw %}") == 2
    assert said.count("$x^2$ &amp; <b>bold</b>") == 2
    assert said.count("a�b�c�") == 2
    assert max(map(len, said)) < 40
    assert {one.tag.removeprefix(SVG) for one in ET.fromstring(svg).iter()} == {
        "svg", "image", "path", "text", "linearGradient", "stop", "rect"
    }  # fmt: skip


def test_rates_that_diverge_are_cut_off_above_and_the_suggested_one_is_marked() -> None:
    rates = tuple(10 ** (-4 + step / 10) for step in range(31))
    losses = tuple(2.0 - 0.05 * step if step < 25 else 4.0 ** (step - 24) for step in range(31))
    svg = plots.learning_rates(Curve(rates, losses, diverged=True), 0.02)
    assert "suggested: 0.02" in texts(svg)
    (inner,) = ET.fromstring(svg).iterfind(f"{SVG}svg")
    upright = lines(svg, chart.ORANGE)[0]
    left, width = float(inner.attrib["x"]), float(inner.attrib["width"])
    for x, _ in upright:
        assert (x - left) / width == pytest.approx((math.log10(0.02) + 4) / 3, abs=0.002)
    assert min(y for _, y in lines(svg, chart.BLUE)[0]) < float(inner.attrib["y"])
