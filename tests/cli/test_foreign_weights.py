"""Weights under names of nobody's: `convert` with what it shows of them, and `train` from them."""

import json
import re
from pathlib import Path

import pytest
import torch

import resnets
from resnets.cli import main
from resnets.network import ResNet
from resnets.spec import ResNetSpec, Stem
from tests import pictures

SPEC = ResNetSpec(depths=(1, 1), widths=(8, 16), block="basic", stem=Stem(widths=(8,), kernel=3, stride=1, pool="none"),
                  num_classes=3)  # fmt: skip
GUESSED = "network: a network of 1-1 basic blocks, widths 8-16, shortcut projection, by the shapes of its layers"
FAST = ["--epochs", "1", "--plan", "usual", "--set", "batch_size=4", "--set", "head=new"]


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Under names of nobody's."""
    torch.manual_seed(seed)
    return {name.replace("layer", "part").replace("fc", "out"): one for name, one in ResNet(SPEC).state_dict().items()}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(state(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.fixture
def two_bodies(tmp_path: Path) -> Path:
    torch.save({"student": state(1), "teacher": state(2)}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_explain_prints_a_line_for_each_layer(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["convert", str(weights), "--explain", "-o", str(tmp_path / "c.safetensors")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == GUESSED
    explained = [line for line in lines if "  ->  " in line]
    assert len(explained) == 2 * 6 + 1  # the stem, two blocks of two, a projection: each with its norm; the classifier
    assert re.fullmatch(r"part2\.0\.downsample\.0 +->  layer2\.0\.downsample\.0  16 x 8 x 1 x 1", explained[10])
    assert re.fullmatch(r"out +->  fc  3 x 16", explained[-1])
    assert lines[-1] == f"classifier  {tmp_path / 'c.safetensors'}"


def test_explain_of_a_known_layout_prints_its_layers_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({f"module.{name}": one for name, one in ResNet(SPEC).state_dict().items()}, tmp_path / "w.pth")
    main(["convert", str(tmp_path / "w.pth"), "--explain", "-o", str(tmp_path / "c.safetensors")])
    assert "layer1.0.conv1  ->  layer1.0.conv1  8 x 8 x 3 x 3\n" in capsys.readouterr().out


def test_check_prints_the_accuracy_on_labelled_images(
    weights: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("\n".join(pictures.CLASSES))
    asked = ["convert", str(weights), "--classes", str(tmp_path / "names.txt"), "--check", str(photos)]
    main([*asked, "-o", str(tmp_path / "c.safetensors")])
    wanted = resnets.load(tmp_path / "c.safetensors").evaluate(photos)
    said = f"check: {wanted.top1.value:.2%} of {wanted.count:,} images of {photos} right\n"
    assert said in capsys.readouterr().out
    main([*asked, "-o", str(tmp_path / "d.safetensors"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["check"]["top1"] == wanted.as_dict()["top1"]
    assert found["check"]["count"] == wanted.count


def test_training_starts_from_weights_whose_network_is_guessed_and_says_so(
    weights: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", str(photos), "--weights", str(weights), "-o", str(tmp_path / "run"), *FAST])
    assert GUESSED in capsys.readouterr().err
    classifier = resnets.load(tmp_path / "run")
    assert (classifier.network.spec.depths, classifier.network.spec.widths) == (SPEC.depths, SPEC.widths)
    assert classifier.origin["weights"] == weights.name


def test_training_starts_from_the_body_that_is_named(two_bodies: Path, photos: Path, tmp_path: Path) -> None:
    asked = ["train", str(photos), "--weights", str(two_bodies), "--set", "lr=0", "--set", "freeze_norms=true", *FAST]
    for body, seed in (("student", 1), ("teacher", 2)):
        main([*asked, "--body", body, "-o", str(tmp_path / body)])
        found = resnets.load(tmp_path / body).network.state_dict()
        assert torch.equal(found["layer2.0.conv2.weight"], state(seed)["part2.0.conv2.weight"])
        assert f'body = "{body}"' in (tmp_path / body / "recipe.toml").read_text()


def test_training_from_several_bodies_asks_for_one(
    two_bodies: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train", str(photos), "--weights", str(two_bodies), "-o", str(tmp_path / "run"), *FAST])
    assert "holds several bodies: student" in (said := capsys.readouterr().err)
    assert "choose one with --body student" in said
