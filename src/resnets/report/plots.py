"""A run's curves, confusion matrix and reliability as SVG: text stays text, and nothing differs by color alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from resnets.evaluation.calibration import Reliability
from resnets.report import chart
from resnets.report.chart import BLUE, GROUND, INK, ORANGE, PALE, Axis, Entry, Frame, Points
from resnets.training.lr_find import Curve

Rows = Sequence[Mapping[str, Any]]
Panel = Callable[[Rows, "Room"], str]

LEFT, RIGHT, TOP, BOTTOM = 54.0, 11.0, 25.0, 36.0  # margins; the left one has room for 0.00125


@dataclass(frozen=True, slots=True)
class Room:
    """Where the frame of a panel goes."""

    left: float
    right: float
    bottom: float
    top: float

    def frame(self, across: tuple[float, float], up: tuple[float, float], kind: Any = "linear") -> Frame:
        """Axes of these two ranges. kind: of the axis that goes across."""
        return Frame(Axis(*across, self.left, self.right, kind), Axis(*up, self.bottom, self.top))


def curves(rows: Rows, best: int) -> str:
    """Loss, accuracy and learning rate by epoch, from the rows of metrics.jsonl. best: the epoch that is marked."""
    return _panels(rows, (_loss, partial(_accuracy, best=best), _rate), 720, 230)


def loss_curve(rows: Rows) -> str:
    """Training and validation loss by epoch, from the rows of metrics.jsonl."""
    return _panels(rows, (_loss,), 288, 216)


def accuracy_curve(rows: Rows, best: int) -> str:
    """Validation accuracy by epoch, from the rows of metrics.jsonl. best: the epoch that is marked."""
    return _panels(rows, (partial(_accuracy, best=best),), 288, 216)


def rate_curve(rows: Rows) -> str:
    """The learning rate at each epoch's end, from the rows of metrics.jsonl."""
    return _panels(rows, (_rate,), 288, 216)


def _panels(rows: Rows, panels: Sequence[Panel], width: float, height: float) -> str:
    each = width / len(panels)
    rooms = (
        Room(place * each + LEFT, (place + 1) * each - RIGHT, height - BOTTOM, TOP) for place in range(len(panels))
    )
    return chart.document(width, height, *(panel(rows, room) for panel, room in zip(panels, rooms, strict=True)))


def _by_epoch(rows: Rows, name: str, factor: float = 1) -> Points:
    return [(row["epoch"], factor * row[name]) for row in rows]


def _epochs(rows: Rows, room: Room, up: tuple[float, float]) -> Frame:
    return room.frame(chart.fitting([row["epoch"] for row in rows]), up, "whole")


def _loss(rows: Rows, room: Room) -> str:
    training, validation = _by_epoch(rows, "train_loss"), _by_epoch(rows, "val_loss")
    frame = _epochs(rows, room, chart.fitting([y for _, y in (*training, *validation)], low=0))
    names = (Entry("training (augmented)", ORANGE, dashed=True), Entry("validation", BLUE))
    return "".join([
        frame.ground(title="loss", across="epoch"),
        frame.line(training, ORANGE, dashed=True),
        frame.line(validation, BLUE),
        chart.legend(names, frame, [*training, *validation]),
    ])  # fmt: skip


def _accuracy(rows: Rows, room: Room, best: int) -> str:
    top1 = _by_epoch(rows, "val_top1", 100)
    kept = [(epoch, value) for epoch, value in top1 if epoch == best]
    frame = _epochs(rows, room, chart.fitting([value for _, value in top1], high=100.5))
    title = "validation top-1 %" + "".join(f", kept {value:.2f}" for _, value in kept)
    return frame.ground(title=title, across="epoch") + frame.line(top1, BLUE) + frame.dots(kept, BLUE)


def _rate(rows: Rows, room: Room) -> str:
    rates = _by_epoch(rows, "lr")
    frame = _epochs(rows, room, chart.fitting([rate for _, rate in rates]))
    return frame.ground(title="learning rate", across="epoch") + frame.line(rates, BLUE)


def reliability(found: Reliability) -> str:
    """The reliability diagram: how often answers of about the same probability were right, and how many they were."""
    edges, counts = found.edges.tolist(), found.counts.tolist()
    width = edges[1] - edges[0]
    bins = [
        (edge + width / 2, accuracy, confidence, count)
        for edge, accuracy, confidence, count in zip(
            edges[:-1], found.accuracy.tolist(), found.confidence.tolist(), counts, strict=True
        )
    ]
    there = [one for one in bins if one[3]]
    rates = Room(50, 421, 300, TOP).frame((0, 1), (0, 1))
    images = Room(50, 421, 410, 314).frame((0, 1), (0, 1.05 * max(counts)))
    gap = f"url(#{chart.HATCH})"
    names = (
        Entry("calibrated", INK, dashed=True), Entry("accuracy", GROUND, box=PALE),
        Entry("gap to the mean probability", ORANGE, box=gap),
    )  # fmt: skip
    return chart.document(432, 468, *[
        chart.hatching(ORANGE),
        rates.ground(title=f"ECE {found.ece:.2%}, of {sum(counts):,} images", up="share right", bare=True),
        rates.bars([(middle, 0, accuracy) for middle, accuracy, _, _ in there], width, fill=PALE, edge=GROUND),
        rates.bars([(middle, low, high) for middle, low, high, _ in there], width, fill=gap, edge=ORANGE),
        rates.line(((0, 0), (1, 1)), INK, dashed=True),
        images.ground(across="probability of the answer", up="images"),
        images.bars([(middle, 0, count) for middle, _, _, count in bins if count], width, fill=PALE, edge=GROUND),
        *(name.drawn(x, 459) for name, x in zip(names, (40, 150, 240), strict=True)),
    ])  # fmt: skip


def learning_rates(curve: Curve, suggestion: float) -> str:
    """The loss at each learning rate that was tried, and the one suggested."""
    rates, losses = list(map(float, curve.rates)), list(map(float, curve.losses))
    finite = sorted(losses)
    low, high = min(losses), finite[int(0.9 * (len(finite) - 1))] * 1.2
    frame = Room(LEFT, 421, 223, 11).frame((min(rates), max(rates)), chart.fitting([low, high], high=high), "log")
    points = list(zip(rates, losses, strict=True))
    upright = ((suggestion, frame.y.low), (suggestion, high))
    return chart.document(432, 259, *[
        frame.ground(across="learning rate", up="loss"),
        frame.within(frame.line(points, BLUE), frame.line(upright, ORANGE, dashed=True)),
        chart.legend([Entry(f"suggested: {suggestion:.2g}", ORANGE, dashed=True)], frame, points),
    ])  # fmt: skip
