"""Which epoch is the best, when a run ends."""

import numpy as np
import pytest

from resnets.base.errors import InputError
from resnets.evaluation import metrics
from resnets.training.best_epoch import check, monitored, score
from resnets.training.early_stopping import has_ended
from resnets.training.recipes.recipe import Monitor
from tests.report.samples import images

LABELS = np.array([0, 0, 0, 1])
SURE = metrics.evaluate(np.array([[4.0, 0], [4, 0], [4, 0], [4, 0]]), LABELS, ("a", "b"))  # three right, none of b
FAIR = metrics.evaluate(np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]]), LABELS, ("a", "b"))  # three right, b among them


@pytest.mark.parametrize("monitor", ["top1", "loss", "macro_f1", "balanced_accuracy", "auc", "brier"])
def test_the_better_epoch_has_the_greater_score(monitor: Monitor) -> None:
    assert score(FAIR, monitor) > score(SURE, monitor)


def test_of_equal_figures_the_lower_loss_decides() -> None:
    assert score(FAIR, "top1")[0] == score(SURE, "top1")[0] == 0.75
    assert monitored(FAIR, "balanced_accuracy") == pytest.approx((2 / 3 + 1) / 2)


def test_a_figure_that_cannot_be_had_is_the_worst() -> None:
    one_class = metrics.evaluate(np.zeros((2, 2)), np.array([0, 0]), ("a", "b"))
    assert monitored(one_class, "auc") == float("-inf")


def test_an_area_that_no_epoch_will_have_is_refused_before_the_first() -> None:
    val = images(("a", "b"), np.array([0, 1, 1]), size=2, channels=1)
    check("auc", val)
    check("top1", val.subset(np.array([1])))
    with pytest.raises(InputError, match='monitor = "auc": a has no validation image'):
        check("auc", val.subset(np.array([1])))


def test_a_run_ends_when_its_patience_does() -> None:
    assert not has_ended(5, 5, 3)
    assert not has_ended(7, 5, 3)
    assert has_ended(8, 5, 3)
    assert not has_ended(500, 5, 0)
