"""What `resnets evaluate` prints: the scores as tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.evaluation.metrics import ClassScore, Evaluation

SHOWN = 20  # classes whose confusion matrix is printed whole, and confusions that are listed beyond


def tables(found: "Evaluation") -> list[Table]:
    """Totals, each class, and what is taken for what."""
    met = [score for score in found.classes if score.count]
    shown = met if len(found.classes) > SHOWN else found.classes
    left_out = len(found.classes) - len(shown)
    classes = Table(
        caption="Each class",
        headers=("class", "images", "answered", "precision", "recall", "F1"),
        alignments="lrrrrr",
        rows=tuple(
            (s.name, f"{s.count:,}", f"{s.predicted:,}", *(_share(v if s.count else None) for v in _figures(s)))
            for s in shown
        ),
        notes=(
            "precision: correct among the images with this answer; recall: correct among the images of this "
            "class; –: no images.",
            *([f"{left_out:,} class{'es' if left_out > 1 else ''} without images not listed."] if left_out else []),
        ),
    )
    return [_totals(found), classes, _confusion(found)]


def _totals(found: "Evaluation") -> Table:
    from resnets.evaluation.chance import no_better_than_chance

    rows = list(_rows(found))
    notes = ["calibration error: how far the probabilities are, on average, from how often the answers are right."]
    if found.abstained is not None:
        notes.append(f"sure: the answer's probability is {found.abstained.below:.4g} or more.")
    if said := no_better_than_chance(found):
        notes.append(said)
    columns = 4 if found.intervals is None else 5
    return Table(
        caption=f"Scores on {found.on}",
        headers=("", "value", "right", "of", "95% interval")[:columns],
        alignments="lrrrr"[:columns],
        rows=tuple(row[:columns] for row in rows),
        notes=tuple(notes),
    )


def _rows(found: "Evaluation") -> Iterator[tuple[str, ...]]:
    """Name, value, right, of, and 95% interval of each figure."""
    count, ends = f"{found.count:,}", found.intervals or {}

    def interval(name: str, form: str) -> str:
        return " to ".join(format(end, form) for end in ends[name]) if name in ends else ""

    yield "top-1", f"{found.top1.value:.2%}", f"{found.top1.correct:,}", count, interval("top1", ".2%")
    if len(found.classes) > 5:
        yield "top-5", f"{found.top5.value:.2%}", f"{found.top5.correct:,}", count, interval("top5", ".2%")
    yield "balanced accuracy", f"{found.balanced_accuracy:.2%}", "", count, interval("balanced_accuracy", ".2%")
    yield "macro F1", f"{found.macro_f1:.2%}", "", count, interval("macro_f1", ".2%")
    yield "ROC AUC", "–" if found.auc is None else f"{found.auc:.4f}", "", count, interval("auc", ".4f")
    yield "loss", f"{found.loss:.4f}", "", count, interval("loss", ".4f")
    yield "Brier score", f"{found.brier:.4f}", "", count, interval("brier", ".4f")
    yield "calibration error", f"{found.ece:.2%}", "", count, ""
    if (sure := found.abstained) is not None:
        yield "sure", f"{sure.answered / found.count:.2%}", f"{sure.answered:,}", count, ""
        yield "top-1 where sure", _share(sure.accuracy), f"{sure.correct:,}", f"{sure.answered:,}", ""


def _confusion(found: "Evaluation") -> Table:
    import numpy as np

    names = [score.name for score in found.classes]
    if len(names) <= SHOWN:
        return Table(
            caption="Confusion: a row for each true class, a column for each answer",
            headers=("", *names),
            alignments="l" + "r" * len(names),
            rows=tuple(
                (name, *(f"{n:,}" if row.any() else _share(None) for n in row))
                for name, row in zip(names, found.confusion, strict=True)
            ),
        )
    wrong = found.confusion - np.diag(np.diag(found.confusion))
    most = np.argsort(-wrong, axis=None, kind="stable")[:SHOWN]
    pairs = [divmod(int(place), len(names)) for place in most if wrong.flat[place]]
    return Table(
        caption="Most frequent confusions",
        headers=("true class", "answer", "images"),
        alignments="llr",
        rows=tuple((names[right], names[answer], f"{wrong[right, answer]:,}") for right, answer in pairs),
    )


def _figures(score: "ClassScore") -> tuple[float | None, ...]:
    return score.precision, score.recall, score.f1


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
