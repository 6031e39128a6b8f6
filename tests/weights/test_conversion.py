"""A checkpoint that says nothing of its images gets what its network is usually given, and that is said."""

import zipfile
from pathlib import Path

import pytest
import torch

import resnets
from resnets.base.errors import InputError
from resnets.cli import main

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

CIFAR = """
depths = [3, 3, 3]
widths = [16, 32, 64]
block = "basic"
shortcut = "pad"
num_classes = 10
stem = {widths = [16], kernel = 3, stride = 1, pool = false}
"""
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def toml(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("stem", "size", "resize"),
    [
        ("stem = {kernel = 3, stride = 1, pool = false}", 32, 32),
        ("stem = {kernel = 3, stride = 1, pool = true}", 64, 64),
        ("", 224, 256),
    ],
)
def test_the_usual_size_follows_from_the_stem(stem: str, size: int, resize: int, tmp_path: Path) -> None:
    spec = toml(tmp_path, f"base = 'resnet18'\nnum_classes = 3\nwidths = [8, 8, 8, 8]\n{stem}")
    torch.save(resnets.resnet(spec).state_dict(), tmp_path / "w.pth")
    classifier, notes = resnets.convert(tmp_path / "w.pth", spec)
    assert (classifier.preprocessing.size, classifier.preprocessing.resize) == (size, resize)
    assert f"preprocessing: {size} pixels out of {resize} (crop, bilinear), 3 channels" in notes[-1]


def test_a_grey_checkpoint_is_known_by_its_first_convolution(tmp_path: Path) -> None:
    torch.save(resnets.resnet("cifar_resnet20", in_channels=1).state_dict(), tmp_path / "w.pth")
    classifier, notes = resnets.convert(tmp_path / "w.pth", "cifar_resnet20")
    assert classifier.network.spec.in_channels == classifier.preprocessing.channels == 1
    assert "1 channel, mean 0.5, std 0.5" in notes[-1]


@pytest.mark.usefixtures("unchecked")
def test_absurd_channels_are_refused_before_anything_is_made_of_them(tmp_path: Path) -> None:
    torch.save(resnets.resnet("cifar_resnet20").state_dict(), tmp_path / "w.pth")
    with pytest.raises(InputError, match="channels = 1000000000: must be a whole number from 1 to 65,536"):
        resnets.convert(tmp_path / "w.pth", "cifar_resnet20", preprocessing={"channels": 10**9})


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")
def test_akamasters_resnet20_with_a_spec_of_its_own_answers_as_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    out = tmp_path / "c.safetensors"
    spec = toml(tmp_path, CIFAR)
    weights = DATA / "resnet20-12fca82f.th"
    main(["convert", str(weights), str(spec), "--classes", str(tmp_path / "names.txt"), "-o", str(out)])
    assert "preprocessing: 32 pixels out of 32" in capsys.readouterr().out
    with zipfile.ZipFile(DATA / "cifar10-test.zip") as archive:
        members = [name for name in archive.namelist() if name.endswith(".png")]
        paths = [archive.extract(name, tmp_path) for label in NAMES for name in _twelve(members, label)]
    answers = resnets.load(out).predict(paths)
    right = sum(Path(path).parent.name == one.label for path, one in zip(paths, answers, strict=True))
    assert right >= 100  # of 120: it has 91.7% of all 10,000


def _twelve(members: list[str], label: str) -> list[str]:
    return [name for name in members if Path(name).parent.name == label][:12]
