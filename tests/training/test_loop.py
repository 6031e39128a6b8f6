"""A run that was stopped, or killed, ends with the same weights as one that was not, bit for bit."""

import dataclasses
import logging
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import resnets
from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.evaluation import calibration
from resnets.evaluation.calibration import Threshold
from resnets.training import checkpoint
from resnets.training import splits as preparation
from resnets.training.run_folder import RunFolder
from tests import pictures, processes
from tests.training import samples
from tests.training.samples import QUICK, StopAfter, assert_same_run, rows


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing disturbed."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "whole")
    resnets.train(photos, out=folder.path, settings=QUICK, plan="usual")
    return folder


def test_a_run_leaves_its_files_where_people_look_for_them(whole: RunFolder, photos: Path) -> None:
    names = {str(path.relative_to(whole.path)) for path in whole.path.rglob("*") if path.is_file()}
    pictures_and_text = {"metrics.jsonl", "recipe.toml", "curves.svg", "confusion.svg", "report.html"}
    assert names == {
        "classifier.safetensors",
        "samples.zip",
        "last/state.safetensors",
        *pictures_and_text,
        "last/previous.safetensors",
    }
    assert [row["epoch"] for row in rows(whole)] == [1, 2, 3]
    assert list(rows(whole)[0]) == [
        "epoch", "step", "seconds", "images_per_second", "lr", "train_loss", "val_loss", "val_top1", "val_top5",
    ]  # fmt: skip
    assert "<text" in whole.curves.read_text()
    assert "blue" in whole.confusion.read_text()
    assert str(photos) in whole.recipe.read_text().splitlines()[1]


def test_the_classifier_is_the_best_on_validation_and_says_where_it_comes_from(whole: RunFolder, photos: Path) -> None:
    classifier = resnets.load(whole.path)
    best = max(rows(whole), key=lambda row: (row["val_top1"], -row["val_loss"]))
    assert classifier.metrics["val"]["epoch"] == best["epoch"]
    assert classifier.metrics["val"]["top1"] == best["val_top1"]
    found = classifier.evaluate(photos)
    assert found.on.endswith("the images held out of training")
    assert found.count == 6
    assert found.top1.value == best["val_top1"]
    uncalibrated = dataclasses.replace(classifier, temperature=1.0).evaluate(photos)
    assert uncalibrated.loss == pytest.approx(best["val_loss"], rel=1e-5)  # another batch size, other last bits
    assert found.loss <= uncalibrated.loss
    origin = classifier.origin
    assert (origin["seed"], origin["data"]["train"], origin["data"]["val"]) == (0, 24, 6)
    assert {"resnets", "torch"} <= set(origin["versions"])


@pytest.mark.parametrize(("steps", "number"), [(1, signal.SIGINT), (8, signal.SIGTERM), (12, signal.SIGINT)])
def test_a_stopped_run_is_saved_and_resumes_to_the_same_weights(
    steps: int, number: int, whole: RunFolder, photos: Path, tmp_path: Path
) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted, match=r"saved in .*last; the same call with resume=True") as stopped:
        resnets.train(photos, out=folder.path, settings=QUICK, watch=StopAfter(steps, number), plan="usual")
    assert stopped.value.signal == number
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    standing = checkpoint.read(folder.state).run_state
    assert standing.epoch * 6 + standing.step >= steps
    resnets.train(photos, out=folder.path, resume=True, plan="usual")
    assert_same_run(folder, whole)


def test_a_run_killed_in_mid_epoch_resumes_to_the_same_weights(whole: RunFolder, photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = processes.begun(samples.train_in_a_process, str(photos), str(folder.path), torch.get_num_threads())
    while process.is_alive():
        if folder.state.exists() and checkpoint.read(folder.state).run_state.step >= 2:
            break
        time.sleep(0.002)  # leave the run a core
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert 0 < checkpoint.read(folder.state).run_state.epoch * 6 + checkpoint.read(folder.state).run_state.step < 18
    resnets.train(photos, out=folder.path, resume=True, plan="usual")
    assert_same_run(folder, whole)


def test_saving_within_an_epoch_changes_nothing(whole: RunFolder, photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    resnets.train(photos, out=folder.path, settings=QUICK, save_every=0, plan="usual")
    assert_same_run(folder, whole)


def test_the_same_command_with_resume_goes_on(whole: RunFolder, photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted):
        resnets.train(photos, out=folder.path, settings=QUICK, watch=StopAfter(7, signal.SIGINT), plan="usual")
    resnets.train(photos, out=folder.path, settings=QUICK, resume=True, plan="usual")
    assert_same_run(folder, whole)


EVERYTHING: Mapping[str, Any] = {
    **QUICK, "ema": 0.9, "drop_path": 0.2, "mixup": 0.2, "cutmix": 1.0, "erase": 0.5, "policy": "rand-augment",
    "repeats": 2, "accumulate": 2, "progressive": 0.5, "clip_norm": 1.0, "loss": "bce", "schedule": "one-cycle",
    "sampler": "balanced",
}  # fmt: skip


@pytest.mark.parametrize("optimizer", ["sgd", "muon", "adamw", "lamb", "radam", "ranger"])
def test_a_run_with_everything_on_resumes_to_the_same_weights(optimizer: str, photos: Path, tmp_path: Path) -> None:
    settings = {**EVERYTHING, "optimizer": optimizer, "lr": 0.01}
    undisturbed, stopped = RunFolder(tmp_path / "undisturbed"), RunFolder(tmp_path / "stopped")
    resnets.train(photos, out=undisturbed.path, settings=settings, plan="usual")
    with pytest.raises(Interrupted):
        resnets.train(photos, out=stopped.path, settings=settings, watch=StopAfter(4, signal.SIGINT), plan="usual")
    resnets.train(photos, out=stopped.path, resume=True, plan="usual")
    assert_same_run(stopped, undisturbed)


def test_a_run_that_no_longer_becomes_better_ends_and_stays_ended(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {**QUICK, "epochs": 30, "patience": 2, "lr": 0.0, "monitor": "macro_f1"}
    with caplog.at_level(logging.INFO, logger="resnets"):
        first = resnets.train(photos, out=tmp_path / "run", settings=settings, plan="usual")
    assert "stopped early: macro_f1 was no better for 2 epochs in a row" in caplog.messages
    found = rows(RunFolder(tmp_path / "run"))
    assert len(found) < 30
    assert "val_macro_f1" in found[0]
    assert resnets.train(photos, out=tmp_path / "run", resume=True, plan="usual").metrics == first.metrics


def test_tensorboards_files_hold_every_epoch_after_a_resume(photos: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted):
        resnets.train(
            photos, out=folder.path, settings=QUICK, tensorboard=True, watch=StopAfter(7, signal.SIGINT), plan="usual"
        )
    resnets.train(photos, out=folder.path, resume=True, tensorboard=True, plan="usual")
    events = EventAccumulator(str(folder.board))
    events.Reload()
    points = events.Scalars("accuracy/validation_top1")
    assert [point.step for point in points] == [1, 2, 3]
    assert [point.value for point in points] == pytest.approx([row["val_top1"] for row in rows(folder)])


def test_a_run_is_calibrated_on_its_validation_images(whole: RunFolder, photos: Path) -> None:
    classifier = resnets.load(whole.path)
    assert classifier.temperature != 1
    assert {"ece", "ece_before", "macro_f1"} <= set(classifier.metrics["val"])
    assert "temperature" in whole.report.read_text()


def test_an_error_rate_that_is_wanted_becomes_a_threshold_that_predict_honours(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "val_fraction": 0.5, "abstain_error": 0.01}
    classifier = resnets.train(photos, out=tmp_path / "run", settings=settings, plan="usual")
    assert classifier.abstain_below > 0
    answers = classifier.predict(sorted(photos.rglob("*.png")))
    assert {answer.sure for answer in answers} == {answer.probability >= classifier.abstain_below for answer in answers}


def test_an_error_rate_that_cannot_be_had_leaves_no_answer_sure_and_is_said(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "abstention_threshold", lambda *_, **__: Threshold(None, 0.0, None, 0))
    settings = {**QUICK, "epochs": 1, "abstain_error": 0.01}
    classifier = resnets.train(photos, out=tmp_path / "run", settings=settings, plan="usual")
    assert "abstain_error 0.01: even the most confident answers to the 6 validation images are wrong" in caplog.text
    assert not any(answer.sure for answer in classifier.predict(sorted(photos.rglob("*.png"))))


def test_large_sets_hold_out_no_more_than_is_needed_to_tell_epochs_apart(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "HELD_OUT", 3)
    data = resnets.train(photos, out=tmp_path / "run", settings={**QUICK, "epochs": 1}, plan="usual").origin["data"]
    assert (data["train"], data["val"], data["held_out"]["fraction"]) == (27, 3, 0.1)


def test_a_run_that_ended_before_its_first_state_can_begin_anew_and_no_other(photos: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    settings = {**QUICK, "epochs": 1}
    resnets.train(photos, out=folder.path, settings=settings, plan="usual")
    states = folder.state, folder.earlier_state
    for path in (*states, folder.report):
        path.unlink()
    resnets.train(photos, out=folder.path, settings=settings, plan="usual")
    for path in states:
        path.unlink()
    with pytest.raises(InputError, match="already contains a run"):  # a finished one, without what could be resumed
        resnets.train(photos, out=folder.path, settings=settings, plan="usual")


def test_more_or_less_can_be_held_out_for_validation(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "epochs": 1, "val_fraction": 0.5}
    data = resnets.train(photos, out=tmp_path / "run", settings=settings, plan="usual").origin["data"]
    assert (data["train"], data["val"], data["held_out"]["fraction"]) == (15, 15, 0.5)


def test_a_spec_of_ones_own_trains(photos: Path, tmp_path: Path) -> None:
    spec = resnets.ResNetSpec(depths=(1, 1), widths=(4, 8), block="basic", stem=resnets.Stem(widths=(4,), kernel=3))
    classifier = resnets.train(
        photos, spec, out=tmp_path / "run", settings={"epochs": 1, "batch_size": 8}, plan="usual"
    )
    assert (classifier.network.spec.depths, classifier.network.spec.num_classes) == ((1, 1), 3)


def test_a_finished_run_resumes_to_itself(whole: RunFolder, photos: Path) -> None:
    before = whole.classifier.read_bytes()
    classifier = resnets.train(photos, out=whole.path, resume=True, plan="usual")
    assert whole.classifier.read_bytes() == before
    assert classifier.metrics["val"]["count"] == 6


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    whole: RunFolder, photos: Path, tmp_path: Path
) -> None:
    again, other = RunFolder(tmp_path / "again"), RunFolder(tmp_path / "other")
    resnets.train(photos, out=again.path, recipe=whole.recipe, plan="usual")
    assert_same_run(again, whole)
    resnets.train(photos, out=other.path, settings={**QUICK, "seed": 1}, plan="usual")
    weights = [safetensors.torch.load_file(folder.classifier)["fc.weight"] for folder in (whole, other)]
    assert not torch.equal(*weights)


def test_training_leaves_the_global_generator_and_threads_alone(photos: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    resnets.train(photos, out=tmp_path / "run", settings={**QUICK, "epochs": 1}, plan="usual")
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_resuming_refuses_other_images_and_other_settings(whole: RunFolder, photos: Path, tmp_path: Path) -> None:
    others = pictures.folder(tmp_path / "photos", count=9)
    with pytest.raises(InputError, match="not the images that"):
        resnets.train(others, out=whole.path, resume=True, plan="usual")
    with pytest.raises(InputError, match="uses the recipe that the run began with"):
        resnets.train(photos, out=whole.path, resume=True, settings={"lr": 0.3}, plan="usual")
    with pytest.raises(InputError, match="this run trains cifar_resnet20, not resnet18"):
        resnets.train(photos, "resnet18", out=whole.path, resume=True, plan="usual")


def test_a_folder_that_holds_a_run_is_not_overwritten(whole: RunFolder, photos: Path) -> None:
    before = whole.classifier.read_bytes()
    with pytest.raises(InputError, match="already contains a run"):
        resnets.train(photos, out=whole.path, settings=QUICK, plan="usual")
    assert whole.classifier.read_bytes() == before


def test_new_runs_get_new_folders(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {**QUICK, "epochs": 1}
    paths = [resnets.train(photos, settings=settings, plan="usual").path for _ in range(2)]
    assert [str(path) for path in paths] == [
        "runs/photos-cifar_resnet20/classifier.safetensors",
        "runs/photos-cifar_resnet20-2/classifier.safetensors",
    ]


def test_resume_finds_the_newest_run_of_the_same_data(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures.folder(tmp_path / "photos-more", count=5)
    settings = {**QUICK, "epochs": 1}
    ours = resnets.train(photos, settings=settings, plan="usual").path
    resnets.train(tmp_path / "photos-more", settings=settings, plan="usual")
    assert resnets.train(photos, resume=True, plan="usual").path == ours


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(photos: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "epochs": 40, "lr": 1000.0, "warmup": 0.0, "momentum": 1.0, "weight_decay": 1.0}
    with pytest.raises(RunFailed, match=r"in epoch \d+, step \d+ \(learning rate .*\); try settings={\"lr\": 250"):
        resnets.train(photos, out=tmp_path / "run", settings=settings, save_every=0, plan="usual")
    folder = RunFolder(tmp_path / "run")
    assert all(value.isfinite().all() for value in safetensors.torch.load_file(folder.state).values())
    assert not folder.classifier.exists()


def test_bad_images_stop_a_run_before_it_begins_or_are_left_out_and_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = pictures.folder(tmp_path / "photos")
    (folder / "red" / "003.png").write_bytes(b"no image")
    (folder / "blue" / "005.png").write_bytes((folder / "blue" / "004.png").read_bytes()[:80])
    with pytest.raises(InputError, match=r"blue/005\.png: .* \(and 1 more\); .*skip_bad=True"):
        resnets.train(folder, out=tmp_path / "run", settings=QUICK, plan="usual")
    assert not (tmp_path / "run").exists()
    with caplog.at_level(logging.WARNING, logger="resnets"):
        classifier = resnets.train(
            folder, out=tmp_path / "run", settings={**QUICK, "epochs": 1}, skip_bad=True, plan="usual"
        )
    said = [record.message for record in caplog.records if record.message.startswith("left out")]
    left_out = [message.split("photos/")[1].split(":")[0] for message in said]
    assert left_out == ["blue/005.png", "red/003.png"]
    assert "--skip-bad" in RunFolder(tmp_path / "run").recipe.read_text()  # in the command that repeats it
    assert classifier.origin["data"]["left_out"] == 2
    assert classifier.origin["data"]["train"] + classifier.origin["data"]["val"] == 28


def test_training_learns(photos: Path, tmp_path: Path) -> None:
    settings = {"epochs": 25, "spec": QUICK["spec"], "batch_size": 8}
    classifier = resnets.train(photos, out=tmp_path / "run", settings=settings, plan="usual")
    assert classifier.metrics["val"]["top1"] == 1.0
    assert classifier.predict(pictures.picture(2, 99)).label == "red"
