"""Recipes by name: our own first, then those that somebody published."""

from collections.abc import Mapping
from pathlib import Path

from resnets.base.errors import InputError, nearest
from resnets.training.recipes import plan as plans
from resnets.training.recipes.named_recipe import NamedRecipe
from resnets.training.recipes.plan import Changes
from resnets.training.recipes.published_recipes import PUBLISHED

_OWN = (
    NamedRecipe(
        name="linear-probe",
        summary="From trained weights: logistic regression on fixed features, in seconds on a CPU",
        source="scikit-learn's LogisticRegression, its strength by cross-validation; Kornblith et al. 2019, section 3",
        scores=(
            "measured (resnet18, weights of kill-the-bits): 85.5% of flower-photos' 200 validation images, 94.8% of "
            "ants-bees' 153",
        ),
        recipe={"head": "probe", "epochs": 0},
    ),
    NamedRecipe(
        name="finetune",
        summary="From trained weights: a linear probe first, then the upper half of the network, or all of it",
        source="Kumar et al. 2022 (linear probing, then fine-tuning); layer-wise rates as in BEiT, Bao et al. 2021",
        scores=(
            "measured (resnet18, weights of kill-the-bits, three seeds): 89.0 ± 1.0% of flower-photos' 200 validation "
            "images, in 2 minutes on 2 CPU cores",
        ),
        recipe={
            "head": "probe",
            "optimizer": "adamw",
            "momentum": 0.9,
            "warmup": 0.1,
            "schedule": "cosine",
            "weight_decay": 0.02,
            "layer_decay": 0.85,
            "freeze_norms": True,
            "label_smoothing": 0.1,
            "min_area": 0.35,
        },
    ),
    NamedRecipe(
        name="fast",
        summary="From scratch in little time: one cycle of a high rate",
        source="Smith 2018 (one cycle); Page 2019 (How to train your ResNet), adapted to CPUs",
        scores=(
            "measured (depths 2,2,2,2, widths 32 to 256, one seed): CIFAR-10 91.1% of test in 14 epochs, 92.6% in 19 "
            "with alternate_flip; Fashion-MNIST 94.3% in 18; with mirror images 91.7, 93.1 and 94.8%",
        ),
        recipe={
            "epochs": 14,
            "batch_size": 128,
            "lr": 0.2,
            "lr_batch": 128,
            "schedule": "one-cycle",
            "warmup": 0.2,
            "weight_decay": 5e-4,
            "label_smoothing": 0.1,
        },
        notes=(
            "Small images first (progressive 0.75, 18 epochs) gave cifar_resnet20 89.2% in about the time of 14 "
            "epochs: no gain at 32 pixels.",
        ),
    ),
    NamedRecipe(
        name="fast-cifar",
        summary="CIFAR-10 in 10 epochs of a wide network of 8 layers: Muon, whitening, max pools for strides",
        source="Jordan 2024 (94% on CIFAR-10 in 3.29 seconds; Muon) and cifar10-airbench, with shortcuts",
        scores=(
            "measured (one seed, 0.352 PFLOP): CIFAR-10 93.3% of test, with mirror images 93.8, with ten crops 94.05%",
        ),
        network="cifar_resnet8_wide",
        recipe={
            "epochs": 10,
            "batch_size": 1960,
            "optimizer": "muon",
            "lr": 0.24,
            "schedule": "linear",
            "warmup": 0.0,
            "momentum": 0.85,
            "kernel_momentum": 0.6,
            "weight_decay": 0.0167,
            "decay_norms_and_biases": True,
            "bias_lr": 400.0,
            "scale_lr": 0.0,
            "head_lr": 0.085,
            "first_lr": 0.0,
            "norm_momentum": 0.4,
            "head": "zero",
            "whiten": True,
            "label_smoothing": 0.2,
            "augment": "crop",
            "crop_padding": 2,
            "crop_fill": "mirror",
            "flip": True,
            "alternate_flip": True,
            "val_fraction": 0.02,
        },
        notes=("1,960 images a step make 25 whole steps of the 49,000 that are left to train on.",),
    ),
)

RECIPES: Mapping[str, NamedRecipe] = {row.name: row for row in (*_OWN, *PUBLISHED)}


def find(recipe: str | Path) -> Changes:
    """What a named recipe, or else a TOML file, asks for. Raises InputError with the nearest names for neither."""
    row = RECIPES.get(str(recipe))
    if row is not None:
        return row.changes
    if str(recipe).endswith(".toml") or Path(recipe).exists():
        return plans.read(recipe).of(str(recipe))
    raise InputError(
        f"{recipe}: neither the name of a recipe nor a file; {nearest(str(recipe), RECIPES)} (`resnets recipe list`)"
    )
