"""Settings that fit the data where nobody asked for others: from images per class, size and imbalance, with reasons."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnets.data.preprocessing import SMALL_IMAGE
from resnets.training.optimizers import OPTIMIZERS, USUAL_BATCH
from resnets.training.recipes.plan import Changes
from resnets.training.recipes.recipe import ENDLESS, Recipe, replaced

VIEWS = 200_000  # training images seen in a default run, repeats counted
TRANSFER_VIEWS = 5_000  # the same, where weights that were trained before are fine-tuned
MANY = 500  # images a class from which all of a trained network is trained on
PATIENCE = 6  # epochs in which fine-tuning has to become better than what it began with, or was
# What a linear probe alone does not read, so that it is not told of it.
TRAINED_ONLY = frozenset({"batch_size", "lr", "freeze_stages", "patience", "augment", "crop_padding"})
IMBALANCED = 5.0  # times as many images of the most common class as of the rarest

Reasons = dict[str, str]  # of each setting


def default_recipe(
    counts: NDArray[np.int64], size: int, coloured: bool, changes: Changes, *, stages: int, started: bool
) -> tuple[Recipe, list[str]]:
    """The recipe that fits, with the `changes` made, and the reason for each setting that was chosen here.

    counts: training images of each class. size: of the network's input, in pixels. coloured: whether any image is not
    grey. stages: of the network. started: whether the weights have been trained before.
    """
    asked = changes.recipe
    settings, reasons = _fine_tuning(counts, stages, asked) if started else _from_scratch(counts, asked)
    for extra in (_augmentation(size, coloured), _balance(counts, asked)):
        settings |= extra[0]
        reasons |= extra[1]
    unsaid = {*asked, *(TRAINED_ONLY if asked.get("epochs") == 0 else ())}
    said = [reason for name, reason in reasons.items() if name not in unsaid]
    said += [f"{name} {_as_text(value)}: {changes.origin(name)}" for name, value in asked.items()]
    return replaced(Recipe(**settings), asked, where="recipe"), said


def _from_scratch(counts: NDArray[np.int64], asked: Mapping[str, Any]) -> tuple[dict[str, Any], Reasons]:
    """Warm-up, cosine, smoothing and no decay of norms and biases (He et al. 2018, sections 3 and 5)."""
    count = int(counts.sum())
    batch = 2 ** int(np.log2(min(128, max(8, count / 16))))
    epochs = min(60, max(10, round(VIEWS / count)))
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch}
    reasons = {
        "epochs": f"epochs {epochs}: about {VIEWS:,} views of the {count:,} training images, but 10 to 60 epochs",
        "batch_size": f"batch size {batch}: at least 16 steps per epoch, at most 128 images",
    }
    settings["lr"], reasons["lr"] = _rate(count, {**settings, **asked})
    if len(counts) == 2:  # it draws all sure answers to one value, among which a wrong one can rank anywhere
        settings["label_smoothing"] = 0.0
        reasons["label_smoothing"] = "no label smoothing: with two classes it hurts the ranking of the images"
    return settings, reasons


def _rate(count: int, asked: Mapping[str, Any]) -> tuple[float, str]:
    """The setting that gives the optimizer its usual rate, for the images that a step has, and the reason."""
    plan = replaced(Recipe(epochs=ENDLESS), asked, where="recipe")
    row = OPTIMIZERS[plan.optimizer]
    images = min(plan.images_a_step, count)  # a step never has more than the set
    rate = row.rate_of(images)
    growths = {0.0: "the same for others", 0.5: "growing with the square root of the batch size", 1.0: "in proportion"}
    usual = f"{row.rate:g} for {USUAL_BATCH} images per step with {plan.optimizer}, {growths[row.growth]}"
    if not plan.lr_batch:
        return rate, f"learning rate {rate:g}: {usual}"
    lr = rate / plan.lr_factor(images)
    return lr, f"learning rate {lr:g} for {plan.lr_batch} images, so {rate:g} for the {images} of a step: {usual}"


def _fine_tuning(counts: NDArray[np.int64], stages: int, asked: Mapping[str, Any]) -> tuple[dict[str, Any], Reasons]:
    """Few epochs; and with few images of a class, early layers stay: what they see is the same in all photographs."""
    count, rarest = int(counts.sum()), int(counts.min())
    epochs = min(12, max(3, round(TRANSFER_VIEWS / count)))
    frozen = 1 + stages // 2 if rarest < MANY else 0
    kept = f"stem and {frozen - 1} of {stages} stages are not trained" if frozen else "every layer is trained"
    batch = 16 if count < 5_000 else 64
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch, "freeze_stages": frozen, "patience": PATIENCE}
    plan = replaced(Recipe(epochs=ENDLESS), {**settings, **asked, "epochs": ENDLESS}, where="recipe")
    rate = OPTIMIZERS[plan.optimizer].finetuning_rate
    settings["lr"] = rate / plan.lr_factor(min(plan.images_a_step, count))
    return settings, {
        "epochs": f"epochs {epochs}: about {TRANSFER_VIEWS:,} views of the {count:,} training images, but 3 "
        "to 12 epochs",
        "batch_size": f"batch size {batch}: 16 below 5,000 training images, else 64",
        "lr": f"learning rate {settings['lr']:g}: {rate:g} per step is usual for fine-tuning with {plan.optimizer}",
        "freeze_stages": f"{kept}: the rarest class has {rarest:,} images (with {MANY} or more, every layer "
        "is trained)",
        "patience": f"patience {PATIENCE}: the run stops when {PATIENCE} epochs in a row are no better",
    }


def _augmentation(size: int, coloured: bool) -> tuple[dict[str, Any], Reasons]:
    small = size <= SMALL_IMAGE
    kind, padding = "crop" if small else "resized-crop", max(1, size // 8)
    mirrored = (
        "color images are mirrored"
        if coloured
        else "gray images are often characters or scans, which must not be mirrored"
    )
    reasons = {
        "augment": f"augmentation {kind}" + ("" if small else ": a random box"),
        "flip": f"flip {_as_text(coloured)}: {mirrored}",
    }
    if small:
        reasons["crop_padding"] = f"crop_padding {padding}: shifted by up to an eighth"
    return {"augment": kind, "crop_padding": padding, "flip": coloured}, reasons


def _balance(counts: NDArray[np.int64], asked: Mapping[str, Any]) -> tuple[dict[str, Any], Reasons]:
    """Where classes are far from equally frequent, each weighs the same in the loss and in what "best" means."""
    ratio = counts.max() / max(1, counts.min())
    if ratio < IMBALANCED or asked.get("sampler") == "balanced" or asked.get("logit_adjustment"):
        return {}, {}
    uneven = f"the most common class has {ratio:.1f} times the images of the rarest"
    return {"class_weights": "balanced", "monitor": "balanced_accuracy"}, {
        "class_weights": f"class weights balanced, up to ten to one: {uneven}",
        "monitor": f"best epoch by balanced accuracy, in which every class counts the same: {uneven}",
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as TOML writes it
    return f"{value:g}" if isinstance(value, float) else str(value)
