"""Named recipes: every row holds together, reads back from its own file, and trains."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

import resnets
from resnets.base.errors import InputError
from resnets.runs.request import TrainRequest
from resnets.training.recipes import named as recipes
from resnets.training.recipes import plan as plans
from resnets.training.recipes.named import RECIPES
from resnets.training.recipes.named_recipe import to_toml
from resnets.training.recipes.plan import Changes
from resnets.training.recipes.recipe import Recipe, documented, replaced
from tests import pictures
from tests.training.samples import TINY

NAMES = ("he2015-imagenet", "he2015-cifar", "bag-of-tricks", "rsb-a1", "rsb-a2", "rsb-a3", "resnext2017",
         "fastai-imagenette", "fast", "fast-cifar", "finetune", "linear-probe")  # fmt: skip


def test_the_recipes_are_those_that_are_documented() -> None:
    assert set(RECIPES) == set(NAMES)
    for row in RECIPES.values():
        assert row.source
        assert all("published" in score or "measured" in score for score in row.scores), row.name


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_shown_and_read_back_is_itself(name: str, tmp_path: Path) -> None:
    text = to_toml(RECIPES[name])
    (tmp_path / "my.toml").write_text(text)
    again = plans.read(tmp_path / "my.toml")
    ours = RECIPES[name].changes
    plain: dict[str, Any] = {"weights": "w"} if ours.recipe.get("head") == "probe" else {}
    assert replaced(Recipe(), {**again.recipe, **plain}, where="") == replaced(
        Recipe(), {**ours.recipe, **plain}, where=""
    )
    assert plans.Changes(preprocessing=again.preprocessing, spec=again.spec) == Changes(
        preprocessing={k: list(v) if isinstance(v, tuple) else v for k, v in ours.preprocessing.items()}, spec=ours.spec
    )
    for setting, what in documented().items():
        lines = [line for line in text.splitlines() if line.startswith((f"{setting} = ", f"# {setting} = "))]
        assert len(lines) == 1, setting
        assert lines[0].endswith(what)
        assert lines[0].startswith("#") == (setting not in ours.recipe)


def test_a_comment_taken_away_sets_the_value_it_shows(tmp_path: Path) -> None:
    lines = to_toml(RECIPES["fast"]).splitlines()
    free = [line.removeprefix("# ") if " = " in line and line.startswith("# ") else line for line in lines]
    values = tomllib.loads("\n".join(line for line in free if not line.startswith(("network", "# "))))
    assert set(values["recipe"]) == set(documented())


def test_the_paper_s_figures_are_in_the_rows() -> None:
    a3, tricks, cifar = (RECIPES[name].recipe for name in ("rsb-a3", "bag-of-tricks", "he2015-cifar"))
    assert (a3["optimizer"], a3["lr"], a3["weight_decay"], a3["train_size"], a3["epochs"]) == (
        "lamb",
        8e-3,
        0.02,
        160,
        100,
    )
    for row, images, factor in ((a3, 2048, 1), (tricks, 1024, 4)):  # 0.1 for 256 images, at a batch of 1024
        recipe = Recipe(**row)
        assert (recipe.images_a_step, recipe.lr_factor(recipe.images_a_step)) == (images, factor)
    assert RECIPES["bag-of-tricks"].spec == {"zero_last_norm": True}
    assert (cifar["milestones"], cifar["epochs"], cifar["val_fraction"]) == ((0.5, 0.75), 182, 0.1)
    assert not cifar["nesterov"]


def test_fastais_figures_are_in_the_row() -> None:
    """As the command and the script it names have them; at 128 pixels it resizes to 152 both ways and cuts out 128."""
    row = RECIPES["fastai-imagenette"]
    recipe = Recipe(**row.recipe)
    assert (recipe.optimizer, recipe.lr, recipe.momentum, recipe.beta2) == ("ranger", 8e-3, 0.95, 0.99)
    assert (recipe.warmup, recipe.flat, recipe.schedule, recipe.lr_end) == (0.0, 0.75, "cosine", 1e-5)
    assert (recipe.weight_decay, recipe.decay_norms_and_biases, recipe.batch_size) == (1e-2, False, 64)
    assert (recipe.augment, recipe.min_area, recipe.label_smoothing) == ("resized-crop", 0.35, 0.1)
    assert {name: row.preprocessing[name] for name in ("size", "resize", "fit")} == {
        "size": 128, "resize": 152, "fit": "squash",
    }  # fmt: skip
    assert (row.network, row.spec) == ("xse_resnext50", {"activation": "mish"})


def test_a_recipe_of_one_network_trains_it_unless_another_is_named_or_weights_are_given(tmp_path: Path) -> None:
    name = "fastai-imagenette"
    alone = TrainRequest(data="photos", recipe=name).changes
    assert (alone.network, alone.origin("network")) == ("xse_resnext50", f"from recipe {name}")
    other = TrainRequest(data="photos", recipe=name, network="xresnet18").changes
    assert (other.network, other.spec, other.sources.get("network")) == ("xresnet18", {"activation": "mish"}, None)
    assert other.origin("lr") == f"from recipe {name}"
    assert TrainRequest(data="photos", recipe=name, settings={"network": "resnet50"}).changes.network == "resnet50"
    assert TrainRequest(data="photos", recipe=name, weights="w.pth").changes.network is None
    (tmp_path / "my.toml").write_text(to_toml(RECIPES[name]))
    assert recipes.find(tmp_path / "my.toml").network == "xse_resnext50"


def test_an_unknown_recipe_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="rsb-a4: neither the name of a recipe nor a file; did you mean rsb-a3"):
        recipes.find("rsb-a4")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("finetune", "linear-probe")])
def test_every_recipe_trains_from_scratch(name: str, tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos", count=6)
    small = {"epochs": 2, "batch_size": 4, "accumulate": 1, "spec": TINY}
    sizes = {"preprocessing": {"size": 32, "resize": 32}, "train_size": 0}
    settings = {**small, **sizes, "bce_threshold": RECIPES[name].recipe.get("bce_threshold", 0.0)}
    out = tmp_path / "run"
    classifier = resnets.train(photos, "cifar_resnet20", out=out, recipe=name, settings=settings, plan="usual")
    assert classifier.metrics["val"]["count"] == 3
    assert classifier.origin["recipe"]["optimizer"] == RECIPES[name].recipe.get("optimizer", "sgd")
