"""Recipes: settings to and from TOML, defaults that fit the data, and the steps they lead to."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resnets.data.checkup import survey
from resnets.data.sources import open_source
from resnets.errors import InputError
from resnets.network import resnet
from resnets.training import recipe as recipes
from resnets.training.optimization import learning_rate, optimizer
from resnets.training.recipe import Changes, Plan, Recipe
from resnets.training.recipes import plan
from tests import pictures


def planned(folder: Path, **changes: Any) -> Plan:
    train = open_source(folder)
    return plan(train, survey(train), Changes(**changes))


def test_a_plan_survives_toml(tmp_path: Path) -> None:
    first = planned(pictures.folder(tmp_path / "photos"), recipe={"epochs": 3, "lr": 1})
    (tmp_path / "recipe.toml").write_text(recipes.write(first, comment="two\nlines"))
    again = planned(tmp_path / "photos", **dataclasses.asdict(recipes.read(tmp_path / "recipe.toml")))
    assert (again.spec, again.preprocessing, again.recipe) == (first.spec, first.preprocessing, first.recipe)
    assert again.network == first.network


def test_small_images_keep_their_size_and_their_positions(tmp_path: Path) -> None:
    found = planned(pictures.folder(tmp_path / "photos", size=(20, 20)))
    assert found.network == "cifar_resnet20"
    assert (found.preprocessing.size, found.preprocessing.resize) == (20, 20)
    assert found.recipe.augment == "crop"
    named = planned(tmp_path / "photos", network="resnet18")
    assert (named.spec.stem.stride, named.spec.stem.pool, named.spec.stem.kernel) == (1, False, 3)
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
    settings = recipes.parse_settings(
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
        ({"epochs": 0}, "epochs = 0: must be a whole number of at least 1"),
        ({"epochs": 2.5}, "epochs = 2.5: must be a whole number"),
        ({"lr": -1}, "lr = -1"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"lr": "fast"}, "lr = 'fast'"),
        ({"flip": 1}, "flip = 1: must be true or false"),
        ({"schedule": "step"}, "must be one of cosine, linear, constant"),
        ({"augment": "mixup"}, "must be one of none, crop, resized-crop"),
        ({"label_smoothing": 1.5}, "from 0 to 1"),
        ({"preprocessing": 3}, r"must be a table, \[preprocessing\]"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_the_rule(values: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=f"my.toml: .*{why}|{why}"):
        recipes.changes(values, where="my.toml")


def test_norms_and_biases_do_not_decay_unless_asked() -> None:
    network = resnet("cifar_resnet20")
    groups = optimizer(network, Recipe(weight_decay=0.01)).param_groups
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in decayed) == name.endswith(("conv1.weight", "conv2.weight", "fc.weight")), name
    everything = optimizer(network, Recipe(weight_decay=0.01, decay_norms_and_biases=True)).param_groups
    assert sum(len(group["params"]) for group in everything if group["weight_decay"]) == len(list(network.parameters()))


@pytest.mark.parametrize(
    ("schedule", "peer"),
    [
        ("cosine", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=80)),
        ("linear", lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1, end_factor=0, total_iters=80)),
        ("constant", lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1)),
    ],
)
def test_the_learning_rate_is_torchs_schedule_after_warm_up(schedule: Any, peer: Any) -> None:
    recipe = Recipe(lr=0.4, warmup=0.2, schedule=schedule)
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = peer(sgd)
    rates = [learning_rate(step, 100, recipe) for step in range(100)]
    assert rates[:20] == pytest.approx([0.4 * (step + 1) / 20 for step in range(20)])
    for rate in rates[20:]:
        assert rate == pytest.approx(sgd.param_groups[0]["lr"], abs=1e-9)  # torch computes it from the one before
        sgd.step()
        scheduler.step()
