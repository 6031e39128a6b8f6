"""Recipes: settings to and from TOML, defaults that fit the data, and the steps they lead to."""

import dataclasses
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from resnets.base.errors import InputError
from resnets.catalog import find
from resnets.data.checkup import survey
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.training.optimizers import OPTIMIZERS
from resnets.training.recipes import named
from resnets.training.recipes import plan as plans
from resnets.training.recipes.default_plan import plan
from resnets.training.recipes.default_recipe import default_recipe
from resnets.training.recipes.plan import Changes, Execution, Plan
from resnets.training.recipes.recipe import Optimizer, Recipe, documented
from tests import pictures


def planned(folder: Path, **changes: Any) -> Plan:
    train = open_source(folder)
    return plan(train, survey(train), Changes(**changes))


def test_a_plan_survives_toml(tmp_path: Path) -> None:
    first = planned(pictures.folder(tmp_path / "photos"), recipe={"epochs": 3, "lr": 1})
    (tmp_path / "recipe.toml").write_text(plans.write(first, comment="two\nlines"))
    again = planned(tmp_path / "photos", **dataclasses.asdict(plans.read(tmp_path / "recipe.toml")))
    assert (again.spec, again.preprocessing, again.recipe) == (first.spec, first.preprocessing, first.recipe)
    assert (again.network, again.execution) == (first.network, first.execution)


def test_every_setting_says_what_it_is_and_stands_in_a_runs_recipe(tmp_path: Path) -> None:
    written = plans.write(planned(pictures.folder(tmp_path / "photos")), comment="one line")
    for name, what in documented().items():
        assert len(what) > 10
        assert any(line.startswith(f"{name} = ") and line.endswith(f"# {what}") for line in written.splitlines()), name
    assert set(documented()) == {field.name for field in dataclasses.fields(Recipe)}


def test_small_images_keep_their_size_and_their_positions(tmp_path: Path) -> None:
    found = planned(pictures.folder(tmp_path / "photos", size=(20, 20)))
    assert found.network == "cifar_resnet20"
    assert (found.preprocessing.size, found.preprocessing.resize) == (20, 20)
    assert found.recipe.augment == "crop"
    named = planned(tmp_path / "photos", network="resnet18")
    assert (named.spec.stem.stride, named.spec.stem.pool, named.spec.stem.kernel) == (1, "none", 3)
    assert any("stem: 3x3" in reason for reason in named.reasons)


def test_photographs_get_a_multiple_of_32_and_random_boxes(tmp_path: Path) -> None:
    found = planned(pictures.folder(tmp_path / "photos", count=2, size=(150, 140)))
    assert found.network == "resnet18"
    assert (found.preprocessing.size, found.preprocessing.resize) == (128, 146)
    assert found.spec.stem.stride == 2
    assert found.recipe.augment == "resized-crop"


def test_grey_images_get_one_channel_and_no_mirror(tmp_path: Path) -> None:
    for label, name in enumerate(pictures.CLASSES):
        for seed in range(4):
            pictures.save(tmp_path / name / f"{seed}.png", pictures.picture(label, seed)[:, :, 0])
    found = planned(tmp_path)
    assert (found.spec.in_channels, found.preprocessing.channels, len(found.preprocessing.mean)) == (1, 1, 1)
    assert not found.recipe.flip
    assert planned(tmp_path, preprocessing={"channels": 3}).spec.in_channels == 3


def test_mean_and_deviation_are_the_training_pixels(tmp_path: Path) -> None:
    found = planned(pictures.folder(tmp_path / "photos"))
    pixels = np.stack([pictures.picture(label, seed) for label in range(3) for seed in range(10)]) / 255
    assert found.preprocessing.mean == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-4)  # rounded to 4 decimals
    assert found.preprocessing.std == pytest.approx(pixels.std((0, 1, 2)), abs=1e-4)


def test_everything_can_be_set_and_is_said(tmp_path: Path) -> None:
    found = planned(
        pictures.folder(tmp_path / "photos"),
        network="resnet50d",
        recipe={"epochs": 7, "flip": False},
        preprocessing={"size": 32, "fit": "pad"},
        spec={"widths": [8, 16, 32, 64]},
    )
    assert found.recipe.epochs == 7
    assert (found.preprocessing.size, found.preprocessing.fit) == (32, "pad")
    assert (found.spec.widths, found.spec.shortcut, found.spec.num_classes) == ((8, 16, 32, 64), "pooled-projection", 3)
    assert "epochs 7: as set" in found.reasons


def test_settings_are_values_as_toml_writes_them() -> None:
    settings = plans.parse_settings(
        ["lr=0.3", "flip=false", "epochs=4", "schedule=linear", "preprocessing.fit=squash", "spec.depths=[1, 2]"]
    )
    assert settings == {
        "lr": 0.3,
        "flip": False,
        "epochs": 4,
        "schedule": "linear",
        "preprocessing": {"fit": "squash"},
        "spec": {"depths": [1, 2]},
    }


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"learning_rate": 0.1}, "unknown setting 'learning_rate'"),
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean epochs"),
        ({"recipe": {"momentun": 0.9}}, "unknown setting 'momentun'; did you mean momentum"),
        ({"epochs": -1}, "epochs = -1: must be a whole number from 0 to"),
        ({"epochs": 2.5}, "epochs = 2.5: must be a whole number"),
        ({"lr": -1}, "lr = -1"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"lr": "fast"}, "lr = 'fast'"),
        ({"flip": 1}, "flip = 1: must be true or false"),
        ({"schedule": "stepped"}, "must be one of cosine, linear, constant, step, one-cycle"),
        ({"milestones": [0.5, 2]}, r"milestones = \(0.5, 2\): must be a list of numbers from 0 to 1"),
        ({"teacher": 3}, "teacher = 3: must be text"),
        ({"execution": {"threads": -1}}, "threads = -1"),
        ({"execution": {"compiled": True}}, "unknown setting 'compiled'; did you mean compile"),
        ({"augment": "mixup"}, "must be one of none, crop, resized-crop"),
        ({"label_smoothing": 1.5}, "from 0 to 1"),
        ({"crop_padding": 10**9}, "crop_padding = 1000000000: must be a whole number from 0 to 512"),
        ({"freeze_stages": 99}, "freeze_stages = 99: must be a whole number from 0 to 17"),
        ({"lr_batch": -1}, "lr_batch = -1: must be a whole number from 0 to"),
        ({"batch_size": 10**12}, "batch_size = 1000000000000: must be a whole number from 2 to"),
        ({"preprocessing": 3}, r"must be a table, \[preprocessing\]"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_the_rule(values: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=f"my.toml: .*{why}|{why}"):
        plans.changes(values, where="my.toml")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"schedule": "step"}, "needs milestones, such as milestones"),
        ({"epochs": 0}, "epochs = 0: trains nothing"),
        ({"head": "probe"}, "needs trained weights"),
        ({"epochs": 3, "freeze_epochs": 4}, "freeze_epochs = 4: must be at most epochs = 3"),
        ({"class_weights": "balanced", "sampler": "balanced"}, "rare classes would be favored twice"),
        ({"sampler": "balanced", "logit_adjustment": 1.0}, 'sampler = "balanced" and logit_adjustment = 1: rare'),
    ],
)
def test_settings_that_cannot_work_together_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        Recipe(**settings)


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"settings: epochs is set twice, alone and as recipe\.epochs; keep one"):
        plans.changes({"epochs": 3, "recipe": {"epochs": 5}}, where="settings")


def test_a_rate_for_another_batch_is_scaled_in_proportion() -> None:
    assert Recipe(lr_batch=256).lr_factor(1024) == 4
    assert Recipe(batch_size=128, accumulate=8).lr_factor(1024) == 1


def test_rare_classes_weigh_as_much_as_common_ones_unless_the_user_rebalances(tmp_path: Path) -> None:
    for label, count in enumerate((12, 12, 2)):
        for seed in range(count):
            path = tmp_path / pictures.CLASSES[label] / f"{seed}.png"
            pictures.save(path, pictures.picture(label, seed))
    found = planned(tmp_path)
    assert (found.recipe.class_weights, found.recipe.monitor) == ("balanced", "balanced_accuracy")
    assert any("6.0 times the images of the rarest" in reason for reason in found.reasons)
    assert planned(tmp_path, recipe={"sampler": "balanced"}).recipe.class_weights == "none"


@pytest.mark.parametrize(("recipe", "lr", "at"), [
    ({}, 0.1 * 16 / 128, 16),
    ({"batch_size": 4}, 0.1 * 4 / 128, 4),
    ({"batch_size": 4, "accumulate": 3}, 0.1 * 12 / 128, 12),
    ({"batch_size": 64, "accumulate": 8}, 0.1 * 30 / 128, 30),  # there are no more images
    ({"batch_size": 16, "lr_batch": 256}, 0.1 * 256 / 128, 16),  # the rate of a step stays
    ({"batch_size": 16, "optimizer": "adamw"}, 2e-3 * (16 / 128) ** 0.5, 16),
    ({"batch_size": 16, "optimizer": "lamb", "lr_batch": 32}, 2 * 2e-3 * (16 / 128) ** 0.5, 16),
    ({"batch_size": 16, "optimizer": "ranger"}, 0.011 * (16 / 128) ** 0.5, 16),
])  # fmt: skip
def test_the_default_rate_is_the_optimizers_usual_one_for_the_images_of_a_step(
    recipe: dict[str, Any], lr: float, at: int, tmp_path: Path
) -> None:
    found = planned(pictures.folder(tmp_path / "photos"), recipe={"batch_size": 16, **recipe}).recipe
    assert found.lr == pytest.approx(lr)
    usual = OPTIMIZERS[found.optimizer].rate_of(at)
    assert found.lr * found.lr_factor(at) == pytest.approx(usual)


def test_every_optimizer_has_its_row_and_one_rate_is_not_for_all() -> None:
    assert set(OPTIMIZERS) == set(get_args(Optimizer))
    rates = {name: row.finetuning_rate for name, row in OPTIMIZERS.items()}
    assert rates["radam"] == rates["adamw"]  # Adam's, but for the first steps
    assert len(set(rates.values())) == len(OPTIMIZERS) - 1


@pytest.mark.parametrize("settings", [{}, {"optimizer": "sgd"}, {"optimizer": "sgd", "lr_batch": 160}])
def test_trained_weights_are_tuned_at_the_optimizers_rate(settings: dict[str, Any], tmp_path: Path) -> None:
    recipe = named.find("finetune") | Changes(recipe={"weights": "w", "batch_size": 16, **settings})
    train = open_source(pictures.folder(tmp_path / "photos"))
    counts = train.class_counts()
    found, reasons = default_recipe(counts, 20, True, recipe, stages=3, started=True)
    assert found.lr * found.lr_factor(16) == pytest.approx({"adamw": 1e-4, "sgd": 1e-2}[found.optimizer])
    source = "as set" if settings else "from recipe finetune"
    assert f"optimizer {found.optimizer}: {source}" in reasons
    assert "layer_decay 0.85: from recipe finetune" in reasons


def test_photographs_without_weights_are_told_what_trained_weights_would_bring(tmp_path: Path) -> None:
    large = planned(pictures.folder(tmp_path / "large", count=2, size=(150, 140)))
    (said,) = (reason for reason in large.reasons if reason.startswith("weights: none"))
    assert said.endswith("--weights torchvision/resnet18.v1")
    small = planned(pictures.folder(tmp_path / "small"))
    assert not any(reason.startswith("weights") for reason in small.reasons)


def test_a_reason_stands_on_its_own_whatever_is_set_beside_it(tmp_path: Path) -> None:
    for label, count in enumerate((12, 12, 2)):
        for seed in range(count):
            pictures.save(tmp_path / pictures.CLASSES[label] / f"{seed}.png", pictures.picture(label, seed))
    found = planned(tmp_path, recipe={"class_weights": "none"})
    (said,) = (reason for reason in found.reasons if reason.startswith("best epoch"))
    assert said.endswith("the most common class has 6.0 times the images of the rarest")


def test_labels_of_two_classes_are_not_smoothed_unless_the_user_says_so(tmp_path: Path) -> None:
    for label in range(3):
        for seed in range(4):
            path = tmp_path / pictures.CLASSES[label] / f"{seed}.png"
            pictures.save(path, pictures.picture(label, seed))
        if label == 1:
            found = planned(tmp_path)
            assert found.recipe.label_smoothing == 0
            assert any("no label smoothing" in reason for reason in found.reasons)
            assert planned(tmp_path, recipe={"label_smoothing": 0.2}).recipe.label_smoothing == 0.2
    assert planned(tmp_path).recipe.label_smoothing == 0.1


def test_a_way_to_compute_reads_as_words() -> None:
    said = str(Execution(threads=4, precision="bfloat16", compile=True))
    assert said == "channels_last, bfloat16, compiled, 4 threads"


def test_stages_that_a_network_lacks_cannot_be_frozen() -> None:
    spec = find("cifar_resnet20").spec
    recipe = Recipe(freeze_stages=4)
    assert Plan(spec=spec, preprocessing=Preprocessing(), recipe=recipe).recipe is recipe
    with pytest.raises(InputError, match="freeze_stages = 5: must be at most 4, the stem and the 3 stages of mine"):
        Plan(spec=spec, preprocessing=Preprocessing(), recipe=Recipe(freeze_stages=5), network="mine")


def test_an_lr_batch_of_zero_leaves_the_learning_rate_as_it_stands() -> None:
    assert Recipe(lr_batch=0).lr_factor(4096) == 1
    assert Recipe(lr_batch=256).lr_factor(512) == 2
