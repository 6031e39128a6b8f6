"""Weights that were trained before: what is carried over, and the linear probe that a run may begin with."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.linear_model import LogisticRegression

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.training import transfer
from resnets.training.run_folder import RunFolder
from tests import pictures

SPEC: Any = {"spec": {"depths": [1, 1, 1], "widths": [8, 16, 32], "stem": {"widths": [8]}}}
SETTINGS = {"epochs": 2, "batch_size": 4, "lr": 1e-4}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of other classes, of a small network: as good a start as any."""
    torch.manual_seed(3)
    network = resnets.resnet("cifar_resnet20", num_classes=5, **SPEC["spec"])
    preprocessing = Preprocessing(size=24, resize=28, fit="crop", mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    origin = {"network": "cifar_resnet20"}
    return Classifier(network=network, classes=tuple("abcde"), preprocessing=preprocessing, origin=origin).save(path)


def test_fine_tuning_carries_network_and_preprocessing_over_and_begins_with_a_probe(
    photos: Path, start: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="resnets"):
        tuned = resnets.train(photos, weights=start, out=tmp_path / "run", settings={**SETTINGS, **SPEC}, plan="usual")
    assert tuned.preprocessing == dataclasses.replace(resnets.load(start).preprocessing, resize=24)
    assert tuned.network.spec.num_classes == 3
    assert tuned.origin["weights"] == start.name
    assert "network cifar_resnet20: that of the weights" in caplog.messages
    assert any(message.startswith("patience 6: the run stops when 6 epochs") for message in caplog.messages)
    rows = [json.loads(line) for line in RunFolder(tmp_path / "run").metrics.read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert rows[0]["lr"] == 0
    assert tuned.metrics["val"]["top1"] == max(row["val_top1"] for row in rows)
    last = safetensors.torch.load_file(RunFolder(tmp_path / "run").state)
    before, name = resnets.load(start).network.state_dict(), "layer3.0.conv1.weight"
    assert not torch.equal(last[f"network.{name}"], before[name])


def test_a_linear_probe_changes_the_classifier_layer_alone(
    photos: Path, start: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="resnets"):
        probe = resnets.train(
            photos, weights=start, recipe="linear-probe", out=tmp_path / "run", settings=SPEC, plan="usual"
        )
    assert "flip true: color images are mirrored" in caplog.messages
    assert not [said for said in caplog.messages if said.startswith(("batch", "stem and", "patience", "augment"))]
    ours, before = probe.network.state_dict(), resnets.load(start).network.state_dict()
    for name, tensor in before.items():
        assert name.startswith("fc.") or torch.equal(ours[name], tensor), name
    assert probe.metrics["val"]["epoch"] == 0
    assert resnets.train(photos, out=tmp_path / "run", resume=True, plan="usual").metrics == probe.metrics


@pytest.mark.parametrize("classes", [2, 3])
def test_a_probe_is_scikit_learns_regression_folded_into_the_layer(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 120)
    found = (random.normal(size=(120, 6)) * 3 + 5 + labels[:, None]).astype(np.float32)
    probe = transfer.fit_probe(found, labels, classes=classes)
    scaled = (found - found.mean(axis=0)) / found.std()
    peer = LogisticRegression(C=probe.strength, max_iter=500).fit(scaled, labels)
    logits = torch.from_numpy(found @ probe.weight.T + probe.bias)
    expected = peer.predict_proba(scaled)
    assert torch.softmax(logits, 1).numpy() == pytest.approx(expected, abs=1e-4)  # the layer is float32
    assert probe.strength in transfer.STRENGTHS
    assert 1 / classes < probe.accuracy <= 1


def test_a_probe_keeps_an_image_and_its_mirror_in_one_fold_and_works_with_one_image_a_class() -> None:
    random = np.random.default_rng(1)
    found = random.normal(size=(2, 4)).astype(np.float32)
    twice = np.concatenate([found, found])
    probe = transfer.fit_probe(twice, np.array([0, 1, 0, 1]), classes=2, groups=np.array([0, 1, 0, 1]))
    assert probe.strength == 0.1  # nothing to choose it by
    with pytest.raises(InputError, match="class 2 has no training images"):
        transfer.fit_probe(twice, np.array([0, 1, 0, 1]), classes=3)


def test_few_images_are_probed_with_their_mirror_images_and_many_without(
    photos: Path, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier, images = resnets.load(start), resnets.open_source(photos)
    mirrored = transfer.probe(classifier, images, balanced=False, mirror=True, seed=0)
    alone = transfer.probe(classifier, images, balanced=False, mirror=False, seed=0)
    assert not np.array_equal(mirrored.weight, alone.weight)
    monkeypatch.setattr(transfer, "MIRRORED", len(images))
    many = transfer.probe(classifier, images, balanced=False, mirror=True, seed=0)
    assert np.array_equal(many.weight, alone.weight)


def test_a_head_for_other_classes_is_not_kept_even_where_they_are_as_many(photos: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, **SPEC, "head": "new", "freeze_epochs": 1, "epochs": 1, "lr": 1e-12}
    network = resnets.resnet("cifar_resnet20", num_classes=3, **SPEC["spec"])
    for classes in (("blue", "green", "red"), ("x", "y", "z")):
        path = Classifier(network=network, classes=classes, preprocessing=Preprocessing(size=24, resize=24)).save(
            tmp_path / f"{classes[0]}.safetensors"
        )
        tuned = resnets.train(
            photos, "cifar_resnet20", weights=path, out=tmp_path / classes[0], settings=settings, plan="usual"
        )
        assert tuned.classes == ("blue", "green", "red")
        kept = torch.allclose(tuned.network.fc.weight, network.fc.weight, atol=1e-6)
        assert kept is (classes == tuned.classes)


def test_frozen_epochs_leave_all_but_the_classifier_alone(photos: Path, start: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, **SPEC, "head": "new", "freeze_epochs": 2}
    tuned = resnets.train(photos, weights=start, out=tmp_path / "run", settings=settings, plan="usual")
    before = resnets.load(start).network.state_dict()
    for name, tensor in tuned.network.state_dict().items():
        assert name.startswith("fc.") or torch.equal(tensor, before[name]), name


def test_frozen_norms_keep_what_they_came_with(photos: Path, start: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, **SPEC, "freeze_norms": True}
    tuned = resnets.train(photos, weights=start, out=tmp_path / "run", settings=settings, plan="usual")
    before = resnets.load(start).network.state_dict()
    for name, tensor in tuned.network.state_dict().items():
        assert (".bn" not in name and "bn1" not in name) or torch.equal(tensor, before[name]), name


def test_frozen_stages_keep_weights_and_statistics(photos: Path, start: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, **SPEC, "head": "new", "freeze_stages": 2, "lr": 0.05}
    tuned = resnets.train(photos, weights=start, out=tmp_path / "run", settings=settings, plan="usual")
    before = resnets.load(start).network.state_dict()
    before |= {name: tensor for name, tensor in tuned.network.state_dict().items() if name.startswith("fc.")}
    changed = {name for name, tensor in tuned.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[0] for name in changed} == {"layer2", "layer3"}


def test_images_no_larger_than_the_network_sees_are_not_enlarged_to_be_cropped(
    photos: Path, start: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probe = resnets.train(
        photos, weights=start, recipe="linear-probe", out=tmp_path / "run", settings=SPEC, plan="usual"
    )
    assert (probe.preprocessing.size, probe.preprocessing.resize) == (24, 24)  # photos of 20 pixels; weights: 28
    asked = {**SPEC, "preprocessing": {"resize": 28}}
    probe = resnets.train(
        photos, weights=start, recipe="linear-probe", out=tmp_path / "other", settings=asked, plan="usual"
    )
    assert probe.preprocessing.resize == 28


def test_what_cannot_be_started_from_is_refused_before_anything_is_written(
    photos: Path, start: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.pth"
    torch.save(resnets.load(start).network.state_dict(), plain)
    refused = {
        "such as a VGG too, .*; name the network if it is that": {"weights": plain, "settings": SETTINGS},
        "body = 'teacher': needs trained weights": {"body": "teacher", "settings": SETTINGS},
        "no such file, and no published weights": {"weights": "resnet5", "settings": SETTINGS},
        "of 1, 1, 1 blocks with 8, 16, 32 channels, not resnet18's": {
            "weights": start,
            "network": "resnet18",
            "settings": SETTINGS,
        },
        "needs trained weights": {"recipe": "linear-probe"},
    }
    for why, options in refused.items():
        with pytest.raises(InputError, match=why):
            resnets.train(photos, out=tmp_path / "run", **options)  # pyright: ignore[reportArgumentType] # options of several types
        assert not (tmp_path / "run").exists()


def test_weights_of_colour_images_start_a_network_for_grey_ones_where_that_is_asked(
    photos: Path, start: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {"spec": {**SPEC["spec"], "in_channels": 1}}
    with caplog.at_level(logging.INFO, logger="resnets"):
        tuned = resnets.train(photos, weights=start, out=tmp_path / "run", plan="usual", settings={**SETTINGS, **spec})
    assert tuned.network.spec.in_channels == tuned.preprocessing.channels == 1
    assert tuned.preprocessing.mean == (pytest.approx(0.4),)
    assert "conv1.weight: for 3 channels, summed to one, as the network reads 1" in caplog.text
