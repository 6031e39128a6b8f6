"""One step of training: images and labels in, better weights out. What it does is the recipe's, how is the plan's."""

import gc
import logging
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from resnets.classifier.file import Classifier
from resnets.data import augmentation
from resnets.data.training_batches import Batch
from resnets.training.optimizers import OPTIMIZERS
from resnets.training.recipes.plan import Execution
from resnets.training.recipes.recipe import Recipe
from resnets.training.step import losses, mixing, schedules
from resnets.training.step.averaging import Average
from resnets.training.step.dropout import FeatureDropout, drawn_dropout
from resnets.training.step.inputs import Piece, StepInputs, pieces_of
from resnets.training.step.optimization import (
    optimizer_of,
    parameter_groups,
    rates_from,
    rates_of,
    set_norm_momentum,
    set_rate,
    to_training,
)
from resnets.training.step.recording import Outputs, Recorder
from resnets.training.step.stochastic_depth import StochasticDepth, stochastic_depth
from resnets.training.step.synchronized import Pass, synchronized, unsynchronized, with_shared_norms
from resnets.training.step.teacher import Teacher
from resnets.training.step.winograd import WinogradGradients
from resnets.training.world import ALONE, World

log = logging.getLogger(__name__)


class Step:
    """What changes in a step: the network, its optimizer, and the average of its weights if the recipe keeps one."""

    def __init__(
        self, classifier: Classifier, recipe: Recipe, execution: Execution, *,
        class_counts: NDArray[np.int64], steps: int, images: int, teacher: Teacher | None = None, world: World = ALONE,
    ) -> None:  # fmt: skip
        """steps: in an epoch. images: in a step, of all processes. class_counts: of the training images, for what
        rebalances classes.
        """
        if recipe.sync_norms:
            with_shared_norms(classifier.network, world)
        set_norm_momentum(classifier.network, recipe.norm_momentum)
        self.world = world
        self.images = images
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
                scale_lr=recipe.scale_lr, head_lr=recipe.head_lr, first_lr=recipe.first_lr,
                orthogonal=OPTIMIZERS[recipe.optimizer].orthogonal,
            ),
            rule=recipe.optimizer, lr=self.peak_lr, momentum=recipe.momentum, nesterov=recipe.nesterov,
            beta2=recipe.beta2, kernel_momentum=recipe.kernel_momentum,
        )  # fmt: skip
        self.average = Average(self.network, decay=recipe.ema) if recipe.ema else None
        if execution.memory_format == "contiguous":
            self.network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
        self.one_pass = Pass(self.network, torch.compile(self.network) if execution.compile else self.network)
        self._learning: Any = None  # the parameters that `forward` is for
        self.forward: Any = self.one_pass
        self.updates_too = OPTIMIZERS[recipe.optimizer].recordable
        self.recorder: Recorder | None = None
        if execution.graph and self.device.type == "cuda" and world.is_alone:
            self.recorder = Recorder(parameters=[] if self.updates_too else list(self.network.parameters()))
        elif execution.graph:
            log.warning("steps are not recorded as a CUDA graph: that needs a GPU, and a single process")
        if execution.winograd and (self.device.type != "cpu" or execution.precision != "float32"):
            log.warning("gradients are not found in Winograd's basis: that is for a CPU, and for float32")

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
        self._synchronize()
        rate = 0.0 if frozen else recipe.drop_path
        with stochastic_depth(self.network, rate) as depth, drawn_dropout(self.network) as self.dropout:
            self.depth = depth if rate else None
            yield

    def _synchronize(self) -> None:
        """Of several processes, let each average its gradients with the others', anew where other layers learn."""
        learning = [parameter.requires_grad for parameter in self.network.parameters()]
        if self.world.is_alone or learning == self._learning:
            return
        self.forward = self.one_pass
        gc.collect()  # the one before would go on averaging
        self.forward, self._learning = synchronized(self.one_pass), learning

    def learning_rate(self, epoch: int, step: int) -> float:
        """Of step `step` (from 0) of epoch `epoch`, for layers that are not slowed down."""
        recipe = self.recipe
        return self.peak_lr * schedules.factor(
            epoch * self.steps + step, recipe.epochs * self.steps, kind=recipe.schedule, warmup=recipe.warmup,
            flat=recipe.flat, milestones=recipe.milestones, decay=recipe.decay, end=recipe.lr_end,
        )  # fmt: skip

    def __call__(self, batch: Batch, epoch: int, step: int, *, rate: float | None = None) -> tuple[Tensor, Tensor]:
        """Make one step: the batch's mean loss, and how many of its images were right.

        Of several processes, each is given its part of the batch. What they return adds up to the loss and the number.
        rate: the learning rate, where it is not the schedule's.
        """
        rate = self.learning_rate(epoch, step) if rate is None else rate
        set_rate(self.optimizer, rate, single=self.device.type == "cuda")
        loss, right = self._compute(self._inputs(batch, epoch, step), frozen=epoch < self.recipe.freeze_epochs)
        if self.average:
            self.average.update(self.network, epoch * self.steps + step)
        return loss, right

    def _inputs(self, batch: Batch, epoch: int, step: int) -> StepInputs:
        """All that this step computes from, on the device."""
        pieces = tuple(
            self._drawn(piece, (epoch, step, self._first_piece + number))
            for number, piece in enumerate(pieces_of(batch, self.recipe.batch_size))
        )
        return StepInputs(pieces, torch.tensor(rates_of(self.optimizer))).on(self.device)

    @property
    def _pieces(self) -> int:
        """The pieces of a step in one process, at most."""
        images = math.ceil(self.images / self.world.size)
        return math.ceil(images / self.recipe.batch_size)

    @property
    def _first_piece(self) -> int:
        """The number of this process's first piece in a step."""
        return self.world.rank * self._pieces

    def _drawn(self, batch: Batch, place: tuple[int, int, int]) -> Piece:
        """A piece of a step with its random numbers, which are a function of its place in the run."""
        recipe, (epoch, step, number) = self.recipe, place
        mixed = None
        if recipe.mixup or recipe.cutmix:
            random = augmentation.generator(recipe.seed, epoch, augmentation.MIX, step, number)
            height, width = batch.images.shape[1:3]
            mixed = mixing.draw(len(batch.labels), (height, width), settings=recipe, random=random)
        piece = step * max(recipe.accumulate, self._pieces * self.world.size) + number  # of the epoch
        for drawn in (self.depth, self.dropout):
            if drawn is not None:
                drawn.draw(len(batch.labels), seed=recipe.seed, epoch=epoch, step=piece)
        depth, dropout = (drawn and drawn.scales for drawn in (self.depth, self.dropout))
        return Piece(batch.images, batch.labels, batch.boxes, mixed, depth, dropout)

    def _compute(self, inputs: StepInputs, *, frozen: bool) -> Outputs:
        """The step itself, which depends on nothing but its inputs, the weights and the optimizer's sums."""
        if self.recorder is None:
            found = self._gradients(inputs, frozen=frozen)
            self.optimizer.step()
            return found
        if not self.updates_too:
            found = self.recorder(partial(self._gradients, frozen=frozen), inputs, frozen)
            self.optimizer.step()
            return found
        return self.recorder(partial(self._gradients_and_update, frozen=frozen), inputs, frozen)

    def _gradients_and_update(self, inputs: StepInputs, *, frozen: bool) -> Outputs:
        found = self._gradients(inputs, frozen=frozen)
        with rates_from(self.optimizer, inputs.rates):
            self.optimizer.step()
        return found

    def _gradients(self, inputs: StepInputs, *, frozen: bool) -> Outputs:
        """New gradients in place of the last step's; the mean loss, and how many images were right."""
        self.optimizer.zero_grad(set_to_none=True)
        loss_sum, right = torch.zeros((), device=self.device), torch.zeros((), dtype=torch.int64, device=self.device)
        images = sum(len(piece.labels) for piece in inputs.pieces) if self.world.is_alone else self.images
        for number, piece in enumerate(inputs.pieces, 1):
            share = len(piece.labels) / images
            with unsynchronized(self.forward) if number < len(inputs.pieces) else nullcontext():
                loss, hits = self._backward(piece, share * self.world.size, frozen=frozen)
            loss_sum += loss.detach() * share
            right += hits
        if self.recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        return loss_sum, right

    def _backward(self, piece: Piece, share: float, *, frozen: bool) -> tuple[Tensor, Tensor]:
        """Add the gradients of some images of the batch, which count as `share` of this process's."""
        images = self.preprocessing.normalize(piece.images)
        if piece.boxes is not None:
            images = augmentation.erase(images, piece.boxes)
        targets = losses.one_hot(piece.labels, self.network.spec.num_classes)
        if piece.mix is not None:
            images, targets = mixing.mixed(images, targets, piece.mix)
        if self.execution.memory_format == "contiguous":
            images = images.contiguous()
        bfloat16 = self.execution.precision == "bfloat16"
        with WinogradGradients() if self.execution.winograd else nullcontext():
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
                logits = self._logits(images, piece, frozen=frozen)
                loss = self.loss(logits, targets)
                if self.teacher is not None:
                    loss = self._with_teacher(loss, logits, images)
            (loss * share).backward()
        return loss, (logits.argmax(1) == piece.labels).sum()

    def _logits(self, images: Tensor, piece: Piece, *, frozen: bool) -> Tensor:
        if self.depth is not None:
            self.depth.scales = piece.depth
        if self.dropout is not None:
            self.dropout.scales = piece.dropout
        return self.forward(images, frozen=frozen)

    def _with_teacher(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        assert self.teacher is not None
        recipe = self.recipe
        agreement = losses.distillation(logits, self.teacher(images), temperature=recipe.distill_temperature)
        return (1 - recipe.distill_weight) * loss + recipe.distill_weight * agreement


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
