"""What a trained run leaves: the calibrated classifier, its report, and samples of its images."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from resnets.base.files import write_whole
from resnets.base.interruption import interrupted_with
from resnets.classifier import file as classifiers
from resnets.classifier.file import Classifier
from resnets.evaluation.calibration import Threshold, calibrate
from resnets.evaluation.chance import no_better_than_chance
from resnets.report import page
from resnets.report.confusion import confusion
from resnets.report.evaluated import RunReport
from resnets.runs import samples
from resnets.runs.opened import Run
from resnets.training import best_epoch as selection
from resnets.training.checkpoint import RunState

log = logging.getLogger(__name__)


def finish(run: Run, state: RunState, logits: NDArray[np.float32] | None) -> Classifier:
    """Calibrate the best classifier on the validation images, and write what there is to see of the run.

    logits: the best classifier's for these images; None where its epoch was in an earlier sitting.
    Raises Interrupted, saying what is kept, on Ctrl-C and SIGTERM.
    """
    with _kept(run, "calibrating", "as trained, without temperature and report"):
        said = _calibrated(run, state, logits)
        said.classifier.save(run.folder.classifier)
    with _kept(run, "reporting", "calibrated; report.html is not finished"):
        write_whole(run.folder.confusion, confusion(said.evaluation))
        page.write(run.folder.report, said)
        if run.request.samples and run.saved.origin.get("samples", True):
            samples.write(run.folder.samples, run.splits.train, run.splits.val, seed=run.plan.recipe.split_seed)
    return said.classifier


@contextmanager
def _kept(run: Run, doing: str, how: str) -> Generator[None]:
    """What a signal while the block runs leaves, as its message."""
    message = f"stopped while {doing}; {run.folder.classifier} is kept {how}; the same command with --resume continues"
    with interrupted_with(message):
        yield


def _calibrated(run: Run, state: RunState, logits: NDArray[np.float32] | None) -> RunReport:
    """The best classifier, calibrated, with its scores in its header, and what the report says of it."""
    recipe, val = run.plan.recipe, run.splits.val
    best = classifiers.load(run.folder.classifier, device=str(run.request.device))
    if logits is None:
        logits = best.scored(val, split="all", watch=run.request.watch).logits
    found = calibrate(logits, val.labels, error_rate=recipe.abstain_error or None)
    best.temperature, best.abstain_below = found.temperature, found.abstain_below
    if found.threshold is not None:
        _tell_threshold(found.threshold, recipe.abstain_error, len(val))
    said = RunReport(
        classifier=best, images=val, labels=val.labels, logits=logits, on=f"{val.name}, the validation images",
        train=run.splits.train, rows=tuple(state.rows), plan=run.plan, command=run.command,
        notes=run.splits.notes, recipe=str(run.request.recipe or ("finetune" if recipe.weights else "")),
    )  # fmt: skip
    if guessing := no_better_than_chance(said.evaluation):
        log.warning("%s", guessing)
    best.metrics["val"] |= {**selection.summary(said.evaluation), "ece_before": found.ece_before}
    return said


def _tell_threshold(found: Threshold, wanted: float, images: int) -> None:
    if found.threshold is None:
        log.warning(
            "abstain_error %g: even the most confident answers to the %d validation images are wrong more "
            "often, so only an answer with probability 1 counts as sure; allow more errors, or train further",
            wanted, images,
        )  # fmt: skip
    else:
        log.info(
            "answers with a probability of at least %.4g count as sure: %.1f%% of the validation images; "
            "%.2f%% of these are wrong",
            found.threshold, 100 * found.coverage, 100 * (found.error or 0.0),
        )  # fmt: skip
