"""Which epoch is the best: a figure to watch on validation, and when no better one is to be expected."""

from resnets.base.errors import InputError
from resnets.data.imageset import ImageSet
from resnets.evaluation.metrics import Evaluation
from resnets.training.recipes.recipe import Monitor

LOWER_IS_BETTER: frozenset[Monitor] = frozenset({"loss", "ece", "brier"})


def check(monitor: Monitor, val: ImageSet) -> None:
    """Raise InputError when the figure that `monitor` names cannot be had of these validation images."""
    counts = val.class_counts()
    if monitor == "auc" and not counts.all():
        missing = val.classes[int(counts.argmin())]
        raise InputError(
            f'monitor = "auc": {missing} has no validation image; add some, leave the class out, or use '
            '"balanced_accuracy"'
        )


def monitored(evaluation: Evaluation, monitor: Monitor) -> float:
    """The figure that `monitor` names. A figure that cannot be had (an AUC of one class) counts as the worst."""
    if monitor in ("top1", "top5"):
        return getattr(evaluation, monitor).value
    value: float | None = getattr(evaluation, monitor)
    return value if value is not None else float("inf" if monitor in LOWER_IS_BETTER else "-inf")


def summary(evaluation: Evaluation) -> dict[str, float | int | None]:
    """The figures that a classifier's header keeps."""
    return {
        "count": evaluation.count,
        "top1": evaluation.top1.value,
        "top5": evaluation.top5.value,
        "loss": evaluation.loss,
        "ece": evaluation.ece,
        "macro_f1": evaluation.macro_f1,
    }


def score(evaluation: Evaluation, monitor: Monitor) -> tuple[float, float]:
    """What makes one epoch better than another: the monitored figure, then the loss; greater is better."""
    figure = monitored(evaluation, monitor)
    return (-figure if monitor in LOWER_IS_BETTER else figure), -evaluation.loss


def named_epoch(epoch: int) -> str:
    """An epoch in words; the one before the first is the linear probe that a run begins with."""
    return f"epoch {epoch}" if epoch else "the linear probe"
