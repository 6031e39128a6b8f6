"""Several processes train what one would: the same images in each step, the same weights, each image judged once."""

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.data.arrays import digits
from resnets.data.augmentation_settings import Augmentation
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import TrainingBatches
from resnets.training.loop import training_batches
from resnets.training.recipes.recipe import Recipe
from resnets.training.run_folder import RunFolder
from resnets.training.step.synchronized import with_shared_norms
from resnets.training.validation import Validation
from resnets.training.world import World
from tests import pictures
from tests.processes import Command, begun, free_ports, together
from tests.training.meeting import part_in_an_error
from tests.training.samples import TINY, rows
from tests.training.step.test_step import classifier

SMALL = ["--plan", "usual", "--no-samples"]
NETWORK = [
    "--set", "spec.depths=[1, 1, 1]", "--set", "spec.widths=[4, 8, 16]", "--set", "spec.stem.widths=[4]", "--set",
    "preprocessing.size=16", "--set", "preprocessing.resize=16",
]  # fmt: skip
SETTINGS: Sequence[dict[str, Any]] = (
    {"batch_size": 6, "accumulate": 2, "mixup": 0.5, "drop_path": 0.3, "ema": 0.9},
    {"batch_size": 6, "accumulate": 2, "freeze_epochs": 1, "optimizer": "adamw", "lr": 1e-3},
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


def words(photos: Path, out: Path, settings: dict[str, Any]) -> list[str]:
    changes = [word for name, value in {"epochs": 2, **settings}.items() for word in ("--set", f"{name}={value}")]
    return ["train", str(photos), "cifar_resnet20", "-o", str(out), *SMALL, *NETWORK, *changes]


def ended(commands: Sequence[Command]) -> list[int]:
    found = [command.ended() for command in commands]
    assert all(code == 0 for code, _ in found), found
    return [code for code, _ in found]


def differing(one: RunFolder, other: RunFolder, kind: str) -> list[str]:
    """Names of tensors that are not equal to the last bit; statistics of norms are each process's own."""
    ours, theirs = load_file(one.state), load_file(other.state)
    names = [name for name in ours if name.startswith(kind) and "running" not in name and "tracked" not in name]
    assert names
    return [name for name in names if not torch.equal(ours[name], theirs[name])]


@pytest.mark.parametrize("settings", SETTINGS, ids=["mixing-depth-average", "frozen-first-adamw"])
def test_two_processes_train_the_weights_of_one(photos: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    alone, both = RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "both")
    ended([Command(words(photos, alone.path, settings), tmp_path)])
    commands = together(words(photos, both.path, settings), tmp_path, 2)
    ended(commands)
    for kind in ("network", "optimizer", *(["average"] if "ema" in settings else [])):
        assert differing(alone, both, kind) == []
    losses = [[row["train_loss"] for row in rows(run)] for run in (alone, both)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert commands[1].err.read_text() == commands[1].out.read_text() == ""  # the first one speaks for both
    assert "2 processes train together" in commands[0].err.read_text()


def test_two_that_are_stopped_go_on_as_one_or_two(photos: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS[0], "epochs": 15}
    commands = together(words(photos, tmp_path / "run", settings), tmp_path, 2)
    commands[0].wait_for("epoch 2/15")
    commands[1].send(signal.SIGTERM)  # one alone is asked to stop; both do, after the same step
    assert [command.ended()[0] for command in commands] == [143, 143]
    at = RunFolder(tmp_path / "run").saved().run_state
    assert at.epoch >= 2
    results: list[RunFolder] = []
    for size in (0, 2):
        copy = RunFolder(tmp_path / f"copy-{size}")
        shutil.copytree(tmp_path / "run", copy.path)
        again = [*words(photos, copy.path, settings), "--resume"]
        ended(together(again, tmp_path, size) if size else [Command(again, tmp_path)])
        results.append(copy)
    assert differing(results[0], results[1], "network") == []


def test_any_number_of_processes_see_the_batches_of_one() -> None:
    images, preprocessing = digits(), Preprocessing(size=8, resize=8, channels=1, mean=(0.5,), std=(0.25,))
    settings = Augmentation(augment="crop", crop_padding=1, flip=True, erase=0.5)

    def batches(size: int, rank: int) -> list[Any]:
        part = World(rank, size).part
        return list(TrainingBatches(images, preprocessing, settings, batch_size=50, seed=3, part=part).epoch(2))

    whole = batches(1, 0)
    for size in (2, 3, 4):
        parts = [batches(size, rank) for rank in range(size)]
        assert [len(part) for part in parts] == [len(whole)] * size
        for step, one in enumerate(whole):
            for name in ("images", "labels", "boxes"):
                joined = torch.cat([getattr(part[step], name) for part in parts])
                assert torch.equal(joined, getattr(one, name))


class Gathering(World):
    """A world whose other processes' values are known."""

    others: list[Any]

    def gathered(self, value: Any) -> list[Any]:
        return [*self.others, value]


@pytest.mark.parametrize("size", [2, 3])
def test_each_image_is_judged_once_to_the_same_bits(size: int) -> None:
    images = digits().subset(np.arange(201))  # no multiple of the batch, nor of the processes
    alone = classifier_of_digits()
    expected = Validation(images, alone).logits()
    known: list[Any] = []
    found = np.empty_like(expected)
    for rank in range(size):
        world = Gathering(rank, size)
        object.__setattr__(world, "others", list(known))
        one = Validation(images, alone, world=world)
        found = one.logits()
        known.append((one.rows, found[one.rows]))
    assert sorted(np.concatenate([own for own, _ in known]).tolist()) == list(range(201))
    assert np.array_equal(found, expected)


def classifier_of_digits() -> Classifier:
    torch.manual_seed(0)
    network = resnets.resnet("cifar_resnet20", num_classes=10, in_channels=1, **TINY)
    preprocessing = Preprocessing(size=8, resize=8, channels=1, mean=(0.5,), std=(0.25,))
    return Classifier(network=network, classes=tuple("0123456789"), preprocessing=preprocessing)


def test_an_error_of_the_first_process_ends_all_of_them(tmp_path: Path) -> None:
    commands = together(["train", str(tmp_path / "missing")], tmp_path, 2)
    codes, said = zip(*(command.ended() for command in commands), strict=True)
    assert codes == (2, 1)
    assert "missing" in said[0]
    assert said[1].startswith("resnets: process 1: the first process failed (InputError: ")


def test_processes_that_part_in_an_error_never_wait_for_their_own_threads() -> None:
    ports = free_ports(4)
    pair = [begun(part_in_an_error, rank, ports) for rank in range(2)]
    for one in pair:
        one.join(60)
    codes = [one.exitcode for one in pair]
    for one in pair:
        one.kill()
    assert codes == [0, 0]


def test_what_several_processes_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match=r"^batch_size = 3: 2 processes need at least 4$"):
        training_batches(
            digits(), classifier_of_digits(), Recipe(batch_size=3), workers=0, watch=lambda _: None, world=World(0, 2)
        )
    with pytest.raises(InputError, match=r"^sync_norms: batch norms are shared between GPUs only"):
        with_shared_norms(classifier().network, World(0, 2))


def test_several_seeds_are_no_work_for_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.setenv(name, "0")
    with pytest.raises(InputError, match=r"^seeds = 3: under torchrun train one seed at a time, with settings="):
        resnets.train_seeds("digits", seeds=3, out=tmp_path)


def test_parts_are_whole_and_nearly_equal() -> None:
    for count in (2, 7, 128):
        parts = [range(count)[World(rank, 3).part(count)] for rank in range(3)]
        assert [place for part in parts for place in part] == list(range(count))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
