"""The settings of training: one frozen value, every field of it documented and checked where it stands."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from resnets.base import settings
from resnets.base.checks import MOST_ITEMS
from resnets.base.errors import InputError, nearest
from resnets.base.settings import setting
from resnets.data.augmentation_settings import Augmentation, Mixing
from resnets.training.step.schedules import Schedule

Optimizer = Literal["sgd", "muon", "adamw", "lamb", "radam", "ranger"]
Loss = Literal["cross-entropy", "bce"]
ClassWeights = Literal["none", "balanced"]
Head = Literal["new", "zero", "probe"]
Monitor = Literal["top1", "top5", "loss", "macro_f1", "balanced_accuracy", "auc", "ece", "brier"]

ENDLESS = 1_000_000  # epochs: more than anybody waits for
BATCHES = 1_000_000  # images: more than any memory holds at once


@dataclass(frozen=True, kw_only=True)
class Recipe(Augmentation, Mixing):
    """The settings of training. Raises InputError naming the setting and what it may be."""

    epochs: int = setting(30, "how often to go through the training images; 0: only fit a linear probe", 0, ENDLESS)
    batch_size: int = setting(128, "images per batch; batch norms average over it", 2, BATCHES)
    accumulate: int = setting(1, "batches whose gradients are averaged into one step", 1, 10_000)
    seed: int = setting(0, "decides the first weights, the order of images and every random choice", 0, 2**63 - 1)
    # The learning rate
    lr: float = setting(0.1, "learning rate at its highest", 0, 1e3)
    lr_batch: int = setting(
        0, "images per step that lr is meant for; other numbers scale lr in proportion; 0: no scaling", 0, BATCHES
    )
    warmup: float = setting(0.1, "part of the run in which the learning rate rises to lr", 0, 1)
    schedule: Schedule = setting(
        "cosine", "how the learning rate falls afterwards; step: by `decay` at each of `milestones`"
    )
    milestones: tuple[float, ...] = setting(
        (), "parts of the run after which the learning rate is multiplied by decay", 0, 1
    )
    decay: float = setting(0.1, "factor at each milestone", 0, 1)
    flat: float = setting(
        0.0, "part of the run after warm-up in which the learning rate stays the same before it falls", 0, 1
    )
    lr_end: float = setting(0.0, "final learning rate of cosine, linear and one-cycle, as a part of lr", 0, 1)
    # The optimizer
    optimizer: Optimizer = setting(
        "sgd",
        "sgd: with momentum; muon: sgd that turns kernels in all directions alike; adamw; lamb: for large batches; "
        "radam: needs no warm-up; ranger: radam, lookahead",
    )
    nesterov: bool = setting(True, "whether sgd and muon use Nesterov's momentum, which looks ahead")
    momentum: float = setting(
        0.9, "momentum of sgd, and of what muon does not turn; decay of the first moment in all others", 0, 1
    )
    kernel_momentum: float = setting(0.6, "momentum of the kernels that muon turns", 0, 1)
    beta2: float = setting(0.999, "decay of the second moment, in optimizers that have one", 0, 1)
    weight_decay: float = setting(5e-4, "how strongly weights are pulled toward zero", 0, 1)
    decay_norms_and_biases: bool = setting(False, "whether norms and biases are pulled too")
    bias_lr: float = setting(1.0, "learning rate of the biases of norms, as a multiple of lr", 0, 10_000)
    scale_lr: float = setting(
        1.0, "learning rate of the scales of norms, as a multiple of lr; 0: they stay as they are", 0, 1000
    )
    head_lr: float = setting(1.0, "learning rate of the classifier, as a multiple of lr", 0, 1000)
    first_lr: float = setting(
        1.0, "learning rate of the first convolution, as a multiple of lr; 0: it stays as it is", 0, 1000
    )
    clip_norm: float = setting(0.0, "largest norm of the gradient over all weights; 0: no limit", 0, 1e12)
    ema: float = setting(
        0.0,
        "validate and keep a moving average of the weights, with this decay per step; 0: the weights themselves",
        0,
        0.999999,
    )
    # The loss
    loss: Loss = setting("cross-entropy", "bce: binary cross-entropy, each class a question of its own")
    bce_threshold: float = setting(0.0, "bce: targets above it count as 1, others as 0; 0: as they are", 0, 1)
    label_smoothing: float = setting(0.1, "part of each label spread over all classes", 0, 1)
    class_weights: ClassWeights = setting(
        "none", "balanced: images of rare classes weigh more, up to about ten times as much"
    )
    logit_adjustment: float = setting(0.0, "tau of logit adjustment for imbalanced classes; 0: off", 0, 10)
    teacher: str = setting("", "a classifier file of the same classes to learn from; empty: none")
    distill_weight: float = setting(0.5, "part of the loss that is agreement with the teacher", 0, 1)
    distill_temperature: float = setting(2.0, "temperature that softens both sets of answers for that", 0.01, 100)
    # The network while it trains
    drop_path: float = setting(0.0, "stochastic depth: how often the residual of the last block is left out", 0, 0.9)
    train_size: int = setting(0, "image size in training, in pixels; 0: that of the preprocessing", 0, 4096)
    progressive: float = setting(1.0, "image size in the first epochs, as a part of the size in the last ones", 0.25, 1)
    norm_momentum: float = setting(
        0.1, "how far batch norms' statistics move toward each batch's own; more for runs of few steps", 0, 1
    )
    whiten: bool = setting(False, "whether the first convolution begins as a whitening of the training images' patches")
    # Weights that were trained before
    weights: str = setting(
        "", "weights to start from: a file, or a name that `resnets list --weights` prints; empty: random weights"
    )
    body: str = setting("", "network to take if that file holds several, such as teacher; empty: the usual one")
    head: Head = setting(
        "new",
        "last layer at the start; new: random, or that of the weights if the classes are the same; "
        "zero: all zeros; probe: a linear probe",
    )
    freeze_epochs: int = setting(0, "number of first epochs in which only the last layer is trained", 0, ENDLESS)
    freeze_stages: int = setting(
        0, "how many parts (stem, then stages) are not trained; 0: all are trained", 0, MOST_ITEMS + 1
    )
    layer_decay: float = setting(1.0, "learning rate of each block as a part of that of the next block", 0, 1)
    freeze_norms: bool = setting(False, "whether norms keep their statistics, scales and biases")
    sync_norms: bool = setting(False, "several GPUs: whether batch norms average over the images of all of them")
    # Judging
    split_seed: int = setting(0, "decides which images are held out", 0, 2**63 - 1)
    val_fraction: float = setting(
        0.0, "part of each class held out if there is no validation split; 0: a fifth, but at most 5,000 images", 0, 0.9
    )
    monitor: Monitor = setting("top1", "the validation score that decides which epoch is best")
    patience: int = setting(0, "stop when this many epochs in a row are no better; 0: never", 0, ENDLESS)
    abstain_error: float = setting(
        0.0, "error rate allowed among sure answers; the others are marked as not sure; 0: no marks", 0, 0.5
    )

    def __post_init__(self) -> None:
        settings.check(self)
        if self.schedule == "step" and not self.milestones:
            raise InputError('milestones = (): schedule = "step" needs milestones, such as milestones = [0.5, 0.75]')
        if self.head == "probe" and not self.weights:
            raise InputError('head = "probe": needs trained weights; name them with --weights')
        if self.body and not self.weights:
            raise InputError(f"body = {self.body!r:.80}: needs trained weights; name them with --weights")
        if self.whiten and self.weights:
            raise InputError("whiten: replaces the first layer of the trained weights; use only one of the two")
        if not self.epochs and self.head != "probe":
            raise InputError('epochs = 0: trains nothing; use at least 1, or head = "probe" for a linear probe alone')
        if self.freeze_epochs > self.epochs:
            raise InputError(f"freeze_epochs = {self.freeze_epochs}: must be at most epochs = {self.epochs}")
        if len(balancing := self.balancing) > 1:
            raise InputError(f"{' and '.join(balancing)}: rare classes would be favored twice; keep one")

    @property
    def balancing(self) -> list[str]:
        """The settings that let rare classes count as much as common ones."""
        asked = {
            'class_weights = "balanced"': self.class_weights == "balanced",
            'sampler = "balanced"': self.sampler == "balanced",
            f"logit_adjustment = {self.logit_adjustment:g}": self.logit_adjustment > 0,
        }
        return [name for name, there in asked.items() if there]

    @property
    def images_a_step(self) -> int:
        """Images that one step of the optimizer sees, of a set that has as many."""
        return self.batch_size * self.accumulate

    def lr_factor(self, images: int) -> float:
        """What `lr` is multiplied with for steps of so many images: 1 unless `lr_batch` says for how many it is."""
        return images / self.lr_batch if self.lr_batch else 1.0


def documented() -> dict[str, str]:
    """What each setting is, in the order in which they are shown: the run first, then augmentation and mixing."""
    fields = dataclasses.fields(Recipe)
    own = [field for field in fields if field.name in Recipe.__annotations__]
    return {field.name: field.metadata["what"] for field in (*own, *(f for f in fields if f not in own))}


def replaced(recipe: Recipe, values: Mapping[str, Any], *, where: str) -> Recipe:
    """`recipe` with some settings replaced. A whole number is taken for a fraction, a list for a tuple."""
    known = {field.name: field.type for field in dataclasses.fields(Recipe)}
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown setting {name!r}; {nearest(name, known)}")
    plain = {name: _as(known[name], value) for name, value in values.items()}
    try:
        return dataclasses.replace(recipe, **plain)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _as(kind: Any, value: Any) -> Any:
    if kind is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def check_each(values: Mapping[str, Any], *, where: str) -> None:
    """Raise InputError for a setting that can work with no others, before the others are known.

    What only works or fails together (milestones and schedule, say) waits for the whole recipe.
    """
    roomy: dict[str, Any] = {"epochs": ENDLESS, "milestones": (0.5,)}
    probed: dict[str, Any] = {"head": "probe", "weights": "some"}
    for name, value in values.items():
        others = {**roomy, **(probed if name in ("epochs", "head") else {})}
        alone = Recipe(**{key: room for key, room in others.items() if key != name})
        replaced(alone, {name: value}, where=where)
