"""Several seeds and how far they spread; a rate that is found by trying."""

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest

import resnets
from resnets.base.errors import InputError
from resnets.training import execution
from resnets.training.execution import Choice
from resnets.training.recipes.plan import Execution
from tests import pictures
from tests.training.samples import TINY

QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 4, "spec": TINY}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a test split, whose scores are reported too."""
    root = tmp_path_factory.mktemp("data") / "photos"
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for label, name in enumerate(pictures.CLASSES):
            for seed in range(count):
                pictures.save(root / split / name / f"{split}{seed}.png", pictures.picture(label, seed + 10 * count))
    return root


def test_seeds_differ_by_chance_alone_and_their_spread_is_reported(photos: Path, tmp_path: Path) -> None:
    spread = resnets.train_seeds(photos, seeds=3, out=tmp_path / "runs", settings=QUICK)
    assert spread.seeds == (0, 1, 2)
    runs = [resnets.load(tmp_path / "runs" / f"seed-{seed}") for seed in spread.seeds]
    assert [run.origin["seed"] for run in runs] == [0, 1, 2]
    losses = [run.metrics["val"]["loss"] for run in runs]
    assert len(set(losses)) == 3
    assert spread.mean("val", "loss") == pytest.approx(statistics.fmean(losses))
    assert spread.deviation("val", "loss") == pytest.approx(statistics.stdev(losses))
    assert spread.figures["test"]["loss"] == pytest.approx([run.evaluate(photos).loss for run in runs])
    assert json.loads((tmp_path / "runs" / "seeds.json").read_text()) == spread.as_dict()


def test_a_rerun_goes_on_with_the_seeds_that_are_missing(photos: Path, tmp_path: Path) -> None:
    resnets.train(photos, out=tmp_path / "runs" / "seed-0", settings=QUICK, plan="usual")
    before = (tmp_path / "runs" / "seed-0" / "classifier.safetensors").read_bytes()
    with pytest.raises(InputError, match="already contains runs; continue them with resume=True"):
        resnets.train_seeds(photos, seeds=2, out=tmp_path / "runs", settings=QUICK)
    (tmp_path / "runs" / ".seeds.json.x1.part").write_bytes(b"half")
    resnets.train_seeds(photos, seeds=2, out=tmp_path / "runs", settings=QUICK, resume=True)
    assert not list((tmp_path / "runs").rglob("*.part"))
    assert (tmp_path / "runs" / "seed-0" / "classifier.safetensors").read_bytes() == before
    assert (tmp_path / "runs" / "seed-1" / "classifier.safetensors").exists()


def test_every_seed_computes_in_the_way_that_was_measured_for_the_first(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock under load may say otherwise for each, and then seeds do not differ by chance alone."""
    ways = [Execution(memory_format="contiguous"), Execution(), Execution()]
    monkeypatch.setattr(execution, "choose", lambda *_, **__: Choice(ways.pop(0), "measured"))
    spread = resnets.train_seeds(photos, seeds=2, out=tmp_path / "runs", settings=QUICK)
    shutil.rmtree(tmp_path / "runs" / "seed-1")
    again = resnets.train_seeds(photos, seeds=2, out=tmp_path / "runs", settings=QUICK, resume=True)
    for run in (spread.path / "seed-0", again.path / "seed-1"):
        assert resnets.load(run).origin["execution"]["chosen"] == "contiguous, float32"
    assert len(ways) == 2
    assert spread.figures == again.figures


def test_one_seed_has_no_spread(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seeds = 1: must be at least 2"):
        resnets.train_seeds(photos, seeds=1, out=tmp_path / "runs", settings=QUICK)


def test_seeds_hold_out_the_same_images(tmp_path: Path) -> None:
    whole = pictures.folder(tmp_path / "photos")
    spread = resnets.train_seeds(whole, seeds=2, out=tmp_path / "runs", settings=QUICK)
    held_out = [resnets.load(spread.path / f"seed-{seed}").origin["data"]["held_out"] for seed in spread.seeds]
    assert held_out[0] == held_out[1]


def test_a_seed_in_the_recipes_table_is_the_first_of_the_seeds(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "recipe": {"seed": 3}}
    spread = resnets.train_seeds(photos, seeds=2, out=tmp_path / "runs", settings=settings)
    assert spread.seeds == (3, 4)
    runs = [resnets.load(tmp_path / "runs" / f"seed-{seed}") for seed in spread.seeds]
    assert [run.origin["seed"] for run in runs] == [3, 4]
    assert spread.deviation("val", "loss") > 0


def test_a_rate_for_another_batch_is_told_as_the_setting_that_makes_it(photos: Path) -> None:
    settings = {**QUICK, "batch_size": 9}
    plain = resnets.lr_find(photos, steps=40, settings=settings)
    scaled = resnets.lr_find(photos, steps=40, settings={**settings, "lr_batch": 36})
    assert plain.lr == plain.suggestion == scaled.suggestion
    assert scaled.lr == pytest.approx(4 * scaled.suggestion)
    assert resnets.lr_find(photos, steps=40, settings={**settings, "batch_size": 64}).images == 18  # all there are


def test_a_rate_is_sought_with_the_teacher_the_run_will_have(photos: Path, tmp_path: Path) -> None:
    resnets.train(photos, out=tmp_path / "teacher", settings=QUICK, plan="usual")
    settings = {**QUICK, "batch_size": 9}
    teacher = {"teacher": str(tmp_path / "teacher" / "classifier.safetensors")}
    alone, taught = (resnets.lr_find(photos, steps=40, settings=one) for one in (settings, {**settings, **teacher}))
    assert alone.curve.losses[0] != taught.curve.losses[0]


def test_a_rate_is_found_where_the_loss_still_falls_and_nothing_is_written(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = resnets.lr_find(photos, steps=60, settings={**QUICK, "batch_size": 9})
    assert 1e-3 < found.suggestion < 10
    assert list(found.curve.rates) == sorted(found.curve.rates)
    assert found.images == 9
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="steps = 5: must be at least 20"):
        resnets.lr_find(photos, steps=5, settings=QUICK)
