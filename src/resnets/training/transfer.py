"""Starting from weights that were trained before: which they are, what is carried over, and a first classifier.

A linear probe is scikit-learn's logistic regression on the features that the network gives, its strength chosen by
cross-validation, folded back into the network's classifier layer.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch, unwatched
from resnets.catalog import Row
from resnets.classifier import header
from resnets.classifier.file import Classifier
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.evaluation import metrics
from resnets.folding import folded
from resnets.weights import checkpoint, hub
from resnets.weights.checkpoint import Checkpoint

log = logging.getLogger(__name__)

MIRRORED = 500  # training images below which a probe learns from mirror images too: more of them it does not need
ONE_THREAD_BELOW = 10**8  # multiplications of a regression's step: one thread is then faster, by 1.7 here, at 3e6 by 6
STRENGTHS = np.logspace(-3, 1, 9)  # C of the logistic regression: the inverse of its regularization
FOLDS = 5
BATCH = 64


@dataclass(frozen=True)
class Start:
    """Weights to start from, and what is known of how they are to be used."""

    checkpoint: Checkpoint
    name: str
    network: str | None = None  # the catalog's name, or None where the file does not say
    spec: Mapping[str, Any] | None = None  # a classifier's own
    preprocessing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    classes: tuple[str, ...] | None = None  # that its own classifier is for, where they are known
    licence: str | None = None
    notes: tuple[str, ...] = ()  # what the user should know of where it comes from

    @cached_property
    def guessed(self) -> tuple[Row, str]:
        """The network by the shapes of the weights, and how it was found. Raises InputError where they fit none."""
        row, notes = self.checkpoint.network()
        return row, "; ".join(notes)

    @property
    def origin(self) -> dict[str, Any]:
        """What a classifier that starts from it says of it."""
        return {"weights": self.name, "licence": self.licence}

    def into(self, classifier: Classifier) -> tuple[str, ...]:
        """Copy the weights into a classifier's network, its last layer only if it may be for the same classes.

        Returns what the user should know.
        """
        layer = classifier.network.fc
        fresh = {name: value.clone() for name, value in layer.state_dict().items()}
        theirs = self.checkpoint.of(classifier.network.spec)
        notes = (*self.notes, *theirs.into(classifier.network))
        same_count = theirs.num_classes == len(classifier.classes)
        if not same_count or self.classes in (None, classifier.classes):
            return notes
        layer.load_state_dict(fresh)
        return (*notes, "the last layer of the weights is for other classes, so a new one replaces it")


def find(name: str, body: str | None = None, watch: Watch = unwatched) -> Start:
    """The weights called `name`: a file (a classifier's brings its preprocessing), or a published name, fetched.

    body: which network of several that the file holds. Raises InputError when there are none such or they cannot be
    had.
    """
    path = Path(name)
    if path.is_dir() and (path / "classifier.safetensors").is_file():  # the folder of a run
        path /= "classifier.safetensors"
    if path.is_file() and (known := _classifier_header(path)):
        network = known.get("origin", {}).get("network") or known.get("origin", {}).get("data", {}).get("network")
        return Start(
            checkpoint.load(path, body), path.name, network, known["spec"], known["preprocessing"],
            tuple(known["classes"]), known.get("origin", {}).get("licence"),
        )  # fmt: skip
    found = hub.fetch(name, watch=watch)
    loaded = checkpoint.load_fetched(found, body)
    return Start(
        loaded, name if found.origin == str(found.path) else found.origin, found.network,
        preprocessing={**loaded.preprocessing, **(found.preprocessing or {})}, classes=found.classes,
        licence=found.licence, notes=found.notes,
    )  # fmt: skip


def _classifier_header(path: Path) -> dict[str, Any] | None:
    """What a classifier's file says, or None for weights without such a header."""
    if path.suffix != ".safetensors":
        return None
    try:
        return header.read_header(path)
    except InputError:
        return None


def features(
    classifier: Classifier, images: ImageSet, *, mirror: bool = False, watch: Watch = unwatched
) -> Float[np.ndarray, "rows features"]:
    """What the network's classifier layer reads of each image, as it is evaluated.

    mirror: a row for each image, then one for each mirror image. An image is decoded once for both.
    """
    network, preprocessing = folded(classifier.network), classifier.preprocessing
    device = network.fc.weight.device
    times = 2 if mirror else 1
    found: list[NDArray[np.float32]] = []
    waiting: list[NDArray[np.uint8]] = []
    for done, pixels in enumerate(loading.evaluation_pixels(images, preprocessing), 1):
        waiting += [pixels, pixels[:, ::-1]][:times]
        if len(waiting) >= BATCH or done == len(images):
            batch = preprocessing.normalize(torch.from_numpy(np.stack(waiting)).to(device))
            with torch.inference_mode():
                found.append(network.features(batch).float().cpu().numpy())
            waiting = []
            watch(Progress("features", done, len(images)))
    rows = np.concatenate(found)
    return np.concatenate([rows[view::times] for view in range(times)])


@dataclass(frozen=True)
class Probe:
    """A linear classifier on features: logits = features @ weight.T + bias."""

    weight: Float[np.ndarray, "classes features"]
    bias: Float[np.ndarray, " classes"]
    strength: float  # C, as chosen
    accuracy: float  # of the training images, each when held out
    loss: float  # cross-entropy on the images it was fitted to

    def into(self, classifier: Classifier) -> None:
        """Become the classifier layer of the network."""
        layer = classifier.network.fc
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(self.weight))
            layer.bias.copy_(torch.from_numpy(self.bias))


def probe(
    classifier: Classifier, train: ImageSet, *, balanced: bool, mirror: bool, seed: int, watch: Watch = unwatched
) -> Probe:
    """A linear probe of the classifier's network on its training images; if they are few, on their mirror images too.

    mirror: whether a mirror image shows the same class.
    """
    found = features(classifier, train, mirror=mirror and len(train) < MIRRORED, watch=watch)
    times = len(found) // len(train)
    return fit_probe(
        found, np.tile(train.labels, times), classes=len(train.classes),
        groups=np.tile(np.arange(len(train)), times), balanced=balanced, seed=seed, watch=watch,
    )  # fmt: skip


def fit_probe(
    found: Float[np.ndarray, "images features"], labels: Int64[np.ndarray, " images"], *, classes: int,
    groups: Int64[np.ndarray, " images"] | None = None, balanced: bool = False, seed: int = 0, watch: Watch = unwatched,
) -> Probe:  # fmt: skip
    """Logistic regression by scikit-learn, its C chosen by the log loss of stratified cross-validation.

    The features are centred, and divided by one number for all, so that C means the same for every network while
    features that vary little stay small. groups: rows of one image (it and its mirror image) share a number and so a
    fold. balanced: every class weighs the same. Where a class has too few images for folds, C is 0.1. Centre and scale
    are folded into weight and bias. Raises InputError unless every class has an image.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedGroupKFold
    from threadpoolctl import threadpool_limits

    if not np.isfinite(found).all():
        raise RunFailed("the features are not finite numbers, so the weights are damaged; use another copy")
    groups = np.arange(len(labels)) if groups is None else groups
    counts = np.bincount(labels[np.unique(groups, return_index=True)[1]], minlength=classes)
    if not counts.all():
        raise InputError(f"linear-probe: class {int(counts.argmin())} has no training images; add some or remove it")
    centre, scale = found.mean(axis=0), float(found.std()) or 1.0
    scaled = (found - centre) / scale

    threads = 1 if found.size * classes < ONE_THREAD_BELOW else None

    def regression(strength: float, rows: NDArray[np.intp] | slice) -> LogisticRegression:
        made = LogisticRegression(C=strength, max_iter=500, class_weight="balanced" if balanced else None)
        with threadpool_limits(threads, user_api="blas"):
            return made.fit(scaled[rows], labels[rows])

    folds = min(FOLDS, int(counts.min()))
    strength, accuracy = 0.1, float("nan")
    if folds > 1:
        fold = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 2**32)
        splits = list(fold.split(scaled, labels, groups))
        tried: list[tuple[float, float, float]] = []  # log loss, C, accuracy
        for candidate in STRENGTHS:
            said = np.empty((len(labels), classes))
            for fit, test in splits:
                said[test] = regression(candidate, fit).predict_proba(scaled[test])
            said /= said.sum(axis=1, keepdims=True)  # they are of float32
            right = float((said.argmax(axis=1) == labels).mean())
            tried.append((float(log_loss(labels, said, labels=range(classes))), float(candidate), right))
            watch(Progress("choosing the strength", len(tried), len(STRENGTHS)))
            if len(tried) > 2 and tried[-1] > tried[-2] > tried[-3]:  # it has passed its lowest, and the rest is slow
                break
        _, strength, accuracy = min(tried)
    weight, bias = _folded(regression(strength, slice(None)), centre, scale)
    loss = float(metrics.cross_entropy(found @ weight.T + bias, labels).mean())
    return Probe(weight, bias, strength, accuracy, loss)


def _folded(fitted: Any, centre: NDArray[np.float32], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A regression on scaled features as a layer on the features themselves."""
    weight, bias = fitted.coef_, fitted.intercept_
    if len(weight) == 1:  # two classes: scikit-learn keeps the second one's logit alone
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scale
    bias = bias - weight @ centre
    return weight.astype(np.float32), bias.astype(np.float32)
