"""One step of training: images and labels in, better weights out. What it does is the recipe's, how is the plan's."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from resnets.classifier.file import Classifier
from resnets.data import augmentation
from resnets.data.training_batches import Batch
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step import losses, schedules
from resnets.training.step.averaging import Average
from resnets.training.step.dropout import FeatureDropout, drawn_dropout
from resnets.training.step.mixing import mix
from resnets.training.step.optimization import optimizer_of, parameter_groups, set_rate, to_training
from resnets.training.step.stochastic_depth import StochasticDepth, stochastic_depth
from resnets.training.step.teacher import Teacher


class Step:
    """What changes in a step: the network, its optimizer, and the average of its weights if the recipe keeps one."""

    def __init__(
        self, classifier: Classifier, recipe: Recipe, execution: Execution, *,
        class_counts: NDArray[np.int64], steps: int, images: int, teacher: Teacher | None = None,
    ) -> None:  # fmt: skip
        """steps: in an epoch. images: in a step. class_counts: of the training images, for what rebalances classes."""
        self.network = classifier.network
        self.preprocessing = classifier.preprocessing
        self.recipe = recipe
        self.execution = execution
        self.steps = steps
        self.peak_lr = recipe.lr * recipe.lr_factor(images)
        self.teacher = teacher
        self.device = self.network.fc.weight.device
        self.loss = Objective(recipe, class_counts, self.device)
        self.depth: StochasticDepth | None = None  # while an epoch with stochastic depth is trained
        self.dropout: FeatureDropout | None = None  # while an epoch is trained
        self.optimizer = optimizer_of(
            parameter_groups(
                self.network, weight_decay=recipe.weight_decay, decay_norms_and_biases=recipe.decay_norms_and_biases,
                layer_decay=recipe.layer_decay, freeze_norms=recipe.freeze_norms, bias_lr=recipe.bias_lr,
            ),
            rule=recipe.optimizer, lr=self.peak_lr, momentum=recipe.momentum, nesterov=recipe.nesterov,
            beta2=recipe.beta2,
        )  # fmt: skip
        self.average = Average(self.network, decay=recipe.ema) if recipe.ema else None
        if execution.memory_format == "contiguous":
            self.network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
        self.forward: Any = torch.compile(self.network) if execution.compile else self.network

    def evaluation_weights(self) -> AbstractContextManager[None]:
        """Within, the network is the one to validate and to keep: the average of its weights, if there is one."""
        return self.average.in_place_of(self.network) if self.average else nullcontext()

    @contextmanager
    def epoch(self, epoch: int) -> Iterator[None]:
        """Within, every layer is in its mode: training, or evaluation where it is frozen."""
        recipe = self.recipe
        to_training(self.network, norms_frozen=recipe.freeze_norms, stages_frozen=recipe.freeze_stages)
        frozen = epoch < recipe.freeze_epochs
        if frozen:
            self.network.eval().requires_grad_(requires_grad=False)
            self.network.fc.requires_grad_(True)
            self.network.dropout.train()
        rate = 0.0 if frozen else recipe.drop_path
        with stochastic_depth(self.network, rate) as depth, drawn_dropout(self.network) as self.dropout:
            self.depth = depth if rate else None
            yield

    def learning_rate(self, epoch: int, step: int) -> float:
        """Of step `step` (from 0) of epoch `epoch`, for layers that are not slowed down."""
        recipe = self.recipe
        return self.peak_lr * schedules.factor(
            epoch * self.steps + step, recipe.epochs * self.steps, kind=recipe.schedule, warmup=recipe.warmup,
            flat=recipe.flat, milestones=recipe.milestones, decay=recipe.decay, end=recipe.lr_end,
        )  # fmt: skip

    def __call__(self, batch: Batch, epoch: int, step: int, *, rate: float | None = None) -> tuple[Tensor, Tensor]:
        """Make one step: the batch's mean loss, and how many of its images were right.

        rate: the learning rate, where it is not the schedule's.
        """
        set_rate(self.optimizer, self.learning_rate(epoch, step) if rate is None else rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss_sum, right = torch.zeros((), device=self.device), torch.zeros((), dtype=torch.int64, device=self.device)
        for number, piece in enumerate(_split(batch, self.recipe.batch_size)):
            share = len(piece.labels) / len(batch.labels)
            loss, hits = self._backward(piece, (epoch, step, number), share)
            loss_sum += loss.detach() * share
            right += hits
        self._update(epoch * self.steps + step)
        return loss_sum, right

    def _backward(self, batch: Batch, place: tuple[int, int, int], share: float) -> tuple[Tensor, Tensor]:
        """Add the gradients of some images of the batch, which are `share` of it."""
        labels = batch.labels.to(self.device, non_blocking=True)
        images = self.preprocessing.normalize(batch.images.to(self.device, non_blocking=True))
        if batch.boxes is not None:
            images = augmentation.erase(images, batch.boxes.to(self.device))
        images, targets = self._mixed(images, labels, place)
        if self.execution.memory_format == "contiguous":
            images = images.contiguous()
        bfloat16 = self.execution.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
            logits = self._logits(images, place)
            loss = self.loss(logits, targets)
            if self.teacher is not None:
                loss = self._with_teacher(loss, logits, images)
        (loss * share).backward()
        return loss, (logits.argmax(1) == labels).sum()

    def _mixed(
        self, images: Float[Tensor, "batch _ _ _"], labels: Int64[Tensor, " batch"], place: tuple[int, int, int]
    ) -> tuple[Tensor, Tensor]:
        """Images and their labels as probabilities, mixed."""
        recipe, (epoch, *where) = self.recipe, place
        targets = losses.one_hot(labels, self.network.spec.num_classes)
        if recipe.mixup or recipe.cutmix:
            random = augmentation.generator(recipe.seed, epoch, augmentation.MIX, *where)
            images, targets = mix(images, targets, settings=recipe, random=random)
        return images, targets

    def _logits(self, images: Tensor, place: tuple[int, int, int]) -> Tensor:
        epoch, step, piece = place
        batch = step * self.recipe.accumulate + piece
        for drawn in (self.depth, self.dropout):
            if drawn is not None:
                drawn.draw(len(images), seed=self.recipe.seed, epoch=epoch, step=batch, device=self.device)
        if epoch < self.recipe.freeze_epochs:
            with torch.no_grad():
                features = self.network.features(images)
            return self.network.classify(features)
        return self.forward(images)

    def _with_teacher(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        assert self.teacher is not None
        recipe = self.recipe
        agreement = losses.distillation(logits, self.teacher(images), temperature=recipe.distill_temperature)
        return (1 - recipe.distill_weight) * loss + recipe.distill_weight * agreement

    def _update(self, done: int) -> None:
        if self.recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        if self.average:
            self.average.update(self.network, done)


def _split(batch: Batch, size: int) -> Iterator[Batch]:
    """The batch in as few pieces of at most `size` images as it takes, all nearly the same in size.

    A set smaller than a step has fewer pieces, not smaller ones, over which batch norms could not average.
    """
    pieces = -(-len(batch.labels) // size)
    boxes = batch.boxes.tensor_split(pieces) if batch.boxes is not None else (None,) * pieces
    images, labels = batch.images.tensor_split(pieces), batch.labels.tensor_split(pieces)
    yield from (Batch(*piece) for piece in zip(images, labels, boxes, strict=True))


class Objective:
    """The loss of a recipe against labels that may be mixed, before any teacher has a say."""

    def __init__(self, recipe: Recipe, class_counts: NDArray[np.int64], device: torch.device) -> None:
        self.recipe = recipe
        balanced = recipe.class_weights == "balanced"
        self.weights = losses.class_weights(class_counts.tolist()).to(device) if balanced else None
        tau = recipe.logit_adjustment
        self.offsets = losses.logit_adjustment(class_counts.tolist(), tau).to(device) if tau else None

    def __call__(
        self, logits: Float[Tensor, "batch classes"], labels: Float[Tensor, "batch classes"]
    ) -> Float[Tensor, ""]:
        """The mean loss. labels: rows of probabilities, mixed but not smoothed, since an image weighs what it shows."""
        if self.offsets is not None:
            logits = logits + self.offsets
        weights = None if self.weights is None else (labels * self.weights).sum(1)
        targets = losses.smoothed(labels, self.recipe.label_smoothing)
        if self.recipe.loss == "bce":
            threshold = self.recipe.bce_threshold or None
            return losses.binary_cross_entropy(logits, targets, threshold=threshold, image_weights=weights)
        return losses.cross_entropy(logits, targets, image_weights=weights)
