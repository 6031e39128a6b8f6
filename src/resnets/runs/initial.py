"""The classifier before its first step: weights by seed, whitening filters, trained weights, a linear probe."""

import logging
import time

import torch

from resnets.base.versions import provenance
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.network import ResNet
from resnets.runs.opened import Run
from resnets.structure import totals
from resnets.training import transfer
from resnets.training.checkpoint import RunState
from resnets.training.step import whitening

log = logging.getLogger(__name__)


def untrained(run: Run, device: torch.device) -> Classifier:
    """The classifier before its first step. Its weights depend on the seed alone.

    Raises InputError where the images are too small for the network.
    """
    plan, splits = run.plan, run.splits
    totals(plan.spec, plan.preprocessing.size)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(plan.recipe.seed)  # the CPU's alone: fork_rng puts it back
        network = ResNet(plan.spec)
    return Classifier(
        network=network.to(device),
        classes=splits.train.classes,
        preprocessing=plan.preprocessing,
        origin={
            "recipe": plan.as_dict()["recipe"],
            "network": plan.network,
            "data": splits.origin,
            "seed": plan.recipe.seed,
            **provenance(),
        },
    )


def with_starting_weights(run: Run, classifier: Classifier) -> Run:
    """Put into the classifier what training starts from: whitening filters, or weights and a linear probe of them."""
    recipe, begun = run.plan.recipe, time.monotonic()
    if recipe.whiten:
        _whiten(run, classifier)
    if run.start is not None:
        for note in run.start.into(classifier):
            log.info("%s", note)
        run = run.with_saved(origin=run.start.origin)
    if recipe.head == "zero":
        torch.nn.init.zeros_(classifier.network.fc.weight)
        torch.nn.init.zeros_(classifier.network.fc.bias)
    if recipe.head != "probe":
        return run
    probe = transfer.probe(
        classifier, run.splits.train, balanced=bool(recipe.balancing), mirror=recipe.flip, seed=recipe.seed,
        watch=run.request.watch,
    )  # fmt: skip
    log.info(
        "linear probe: C = %.3g, %.2f%% correct in cross-validation on the training images",
        probe.strength,
        100 * probe.accuracy,
    )
    probe.into(classifier)
    return run.with_saved(run_state=RunState(seconds=time.monotonic() - begun, probe_loss=probe.loss))


def _whiten(run: Run, classifier: Classifier) -> None:
    sample = run.splits.train.evenly(whitening.IMAGES, seed=run.plan.recipe.seed)
    preprocessing = classifier.preprocessing
    pixels = (torch.from_numpy(one) for one in loading.evaluation_pixels(sample, preprocessing))
    whitening.whiten(classifier.network, (preprocessing.normalize(one[None])[0] for one in pixels))
