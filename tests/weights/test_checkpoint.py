"""Checkpoints of every layout load to the same network; others are refused with every name that does not fit."""

import lzma
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from resnets import resnet
from resnets.base.errors import InputError
from resnets.catalog import find
from resnets.network import ResNet
from resnets.weights import checkpoint as weights


def source(name: str, seed: int = 0, **fields: Any) -> ResNet:
    """A network with random weights and statistics."""
    torch.manual_seed(seed)
    network = resnet(name, **fields)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    return network


def short(name: str) -> ResNet:
    """`source` of a network with one block a stage and two in one of them: all behind the second are named alike."""
    return source(name, depths=(1, 2, 1, 1)[: len(find(name).spec.depths)])


def assert_loads(path: Path, original: ResNet, layout: str) -> None:
    fresh = resnet(original.spec)
    found = weights.load(path)
    assert layout in found.layout
    found.into(fresh)
    for name, value in original.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name


def fastai_name(name: str) -> str:
    """What fastai calls a parameter of ours, written down from its source independently of our translation."""
    if name.startswith("fc."):
        return name.replace("fc.", "11.")
    stem = {"conv1.0": "0.0", "conv1.1": "0.1", "conv1.3": "1.0", "conv1.4": "1.1", "conv1.6": "2.0", "bn1": "2.1"}
    for ours, theirs in stem.items():
        if name.startswith(f"{ours}."):
            return name.replace(f"{ours}.", f"{theirs}.", 1)
    stage, block, rest = re.match(r"layer(\d)\.(\d+)\.(.+)", name).groups()  # pyright: ignore[reportOptionalMemberAccess] # a failed match fails the test
    begin = f"{int(stage) + 3}.{block}"
    if rest.startswith("downsample"):
        _, part, parameter = rest.split(".")
        place = 0 if stage == "1" else 1  # behind the pool, where there is one
        return f"{begin}.idpath.{place}.{int(part) - 1}.{parameter}"
    kind, parameter = rest.split(".")
    return f"{begin}.convpath.{int(kind[-1]) - 1}.{0 if kind.startswith('conv') else 1}.{parameter}"


@pytest.mark.parametrize("name", ["resnet18", "resnet50d", "cifar_resnet20"])
def test_torchvisions_and_timms_names_load_as_they_are(name: str, tmp_path: Path) -> None:
    network = short(name)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", network, "torchvision's and timm's names")


@pytest.mark.parametrize("name", ["xresnet18", "xresnet50"])
def test_fastais_positions_become_names(name: str, tmp_path: Path) -> None:
    network = short(name)
    theirs = {fastai_name(ours): value for ours, value in network.state_dict().items()}
    torch.save({"model": theirs, "opt": {"lr": [0.1]}}, tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", network, "fastai XResNet names")


def test_a_fastai_learner_gives_its_body_and_a_new_head(tmp_path: Path) -> None:
    network = source("resnet18", num_classes=7)
    layers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    theirs = {
        f"0.{layers[name.split('.')[0]]}.{name.split('.', 1)[1]}": value
        for name, value in network.state_dict().items()
        if not name.startswith("fc.")
    }
    theirs |= {"1.2.weight": torch.zeros(1024), "1.8.weight": torch.zeros(7, 512)}
    torch.save(theirs, tmp_path / "w.pth")
    fresh = resnet("resnet18", num_classes=7)
    notes = weights.load(tmp_path / "w.pth").into(fresh)
    assert "fastai Learner" in notes[0]
    assert "replaced by a new one for 7" in notes[1]
    assert torch.equal(fresh.get_parameter("layer3.1.conv2.weight"), network.get_parameter("layer3.1.conv2.weight"))


def test_akamasters_names_and_dataparallels_prefix_are_understood(tmp_path: Path) -> None:
    network = source("cifar_resnet20")
    theirs = {f"module.{name.replace('fc.', 'linear.')}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": theirs, "best_prec1": 91.73}, tmp_path / "w.th")
    assert_loads(tmp_path / "w.th", network, "akamaster's CIFAR names, without the prefix module.")


def test_a_cifar_shortcut_by_another_name_is_understood(tmp_path: Path) -> None:
    network = source("cifar_resnet20", shortcut="projection")
    theirs = {
        re.sub(r"^fc\.", "linear.", name).replace("downsample", "shortcut"): value
        for name, value in network.state_dict().items()
    }
    torch.save(theirs, tmp_path / "w.th")
    assert_loads(tmp_path / "w.th", network, "akamaster's CIFAR names")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("envelope", ["state_dict", "model", "model_state_dict", None])
def test_wrappers_and_envelopes_are_taken_off(prefix: str, envelope: str | None, tmp_path: Path) -> None:
    network = source("cifar_resnet20")
    theirs = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    torch.save({envelope: theirs, "epoch": 3} if envelope else theirs, tmp_path / "w.pt")
    assert_loads(tmp_path / "w.pt", network, "without the prefix")


def test_safetensors_and_compressed_files_load(tmp_path: Path) -> None:
    network = source("cifar_resnet20")
    data = safetensors.torch.save({name: value.clone() for name, value in network.state_dict().items()})
    (tmp_path / "w.safetensors").write_bytes(data)
    (tmp_path / "w.safetensors.xz").write_bytes(lzma.compress(data))
    assert_loads(tmp_path / "w.safetensors", network, "torchvision's")
    assert_loads(tmp_path / "w.safetensors.xz", network, "torchvision's")


def test_old_checkpoints_without_batch_counts_load(tmp_path: Path) -> None:
    network = source("resnet18")
    kept = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    torch.save(kept, tmp_path / "w.pth")
    fresh = resnet("resnet18")
    weights.load(tmp_path / "w.pth").into(fresh)
    assert torch.equal(fresh.conv1.weight, network.conv1.weight)  # pyright: ignore[reportArgumentType] # a convolution here


def test_a_head_for_other_classes_is_replaced_and_said(tmp_path: Path) -> None:
    network = source("resnet18", num_classes=5)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    fresh = resnet("resnet18", num_classes=3)
    head = fresh.fc.weight.clone()
    notes = weights.load(tmp_path / "w.pth").into(fresh)
    assert "classifier is for 5 classes: replaced by a new one for 3" in notes[1]
    assert torch.equal(fresh.fc.weight, head)
    assert torch.equal(fresh.get_parameter("layer1.0.conv1.weight"), network.get_parameter("layer1.0.conv1.weight"))


def test_another_networks_weights_are_refused_in_a_line_that_says_whose_they_are_and_change_nothing(
    tmp_path: Path,
) -> None:
    torch.save(source("resnet18").state_dict(), tmp_path / "w.pth")
    fresh = resnet("resnet34")
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    with pytest.raises(InputError) as refused:
        weights.load(tmp_path / "w.pth").into(fresh)
    message = str(refused.value)
    theirs = source("resnet18").state_dict()
    missing = [name for name in before if name not in theirs and "num_batches" not in name]
    assert "the file's tensors look like resnet18's, not resnet34's" in message
    assert f"{len(missing)} missing: {', '.join(missing[:3])} and {len(missing) - 3} more" in message
    assert len(message) < 600
    assert all(torch.equal(value, before[name]) for name, value in fresh.state_dict().items())


def test_misshapen_and_unexpected_weights_are_listed_with_their_shapes(tmp_path: Path) -> None:
    tensors: dict[str, Tensor] = dict(source("resnet18").state_dict())
    tensors["layer1.0.conv1.weight"] = torch.zeros(64, 1, 3, 3)
    tensors["layer1.0.se.weight"] = torch.zeros(3)
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(
        InputError, match=r"1 unexpected: layer1\.0\.se\.weight; 1 misshapen: layer1\.0\.conv1\.weight \(64, 1, 3, 3\)"
    ):
        weights.load(tmp_path / "w.pth").into(resnet("resnet18"))


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    torch.save({"state_dict": Harmful(tmp_path / "ran")}, tmp_path / "w.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harmful(tmp_path / "ran")))
    for name, says in (
        ("w.pth", "names .*getattr, which is no part"),
        ("plain.pth", r"holds pathlib\.Path"),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{says}"):
            weights.load(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("w.pth", b"", "is an empty file, not a checkpoint"),
        ("w.pth", b"not a checkpoint at all", "is text, not a checkpoint"),
        ("w.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "holds no weights"),
        ("w.safetensors", b"\xff\xfe", "damaged, or not a safetensors file"),
        ("w.pth.xz", b"not xz", "cannot be read"),
    ],
)
def test_what_is_no_checkpoint_is_refused(name: str, content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=why):
        weights.load(tmp_path / name)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    tensors = dict(source("cifar_resnet20").state_dict())
    tensors["layer2.0.bn1.bias"][3] = float("nan")
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"layer2\.0\.bn1\.bias holds values that are no numbers"):
        weights.load(tmp_path / "w.pth")


def test_weights_of_no_known_layout_are_refused_with_some_of_their_names(tmp_path: Path) -> None:
    torch.save({"encoder.block.weight": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"encoder\.block\.weight are of no layout known"):
        weights.load(tmp_path / "w.pth")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_sparse_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def a_bomb(path: Path) -> None:
    """80 MB of zeros in 12 kB."""
    path.write_bytes(lzma.compress(bytes(80 << 20), preset=0))


def a_deflated_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(80 << 20))


def saved(tensor: Tensor) -> Callable[[Path], None]:
    return lambda path: torch.save({"layer1.0.conv1.weight": tensor}, path)


def float8_without_pickle(path: Path) -> None:
    path.write_bytes(safetensors.torch.save({"layer1.0.conv1.weight": torch.zeros(4).to(torch.float8_e5m2)}))


HOSTILE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a pipe": ("w.pth", a_pipe, "w.pth: is a pipe, not a file"),
    "a sparse file": ("w.safetensors", a_sparse_file, "w.safetensors: has more than 16 GiB"),
    "an xz bomb": ("w.pth.xz", a_bomb, "w.pth.xz: unpacks to more than 67,108,864 bytes"),
    "a zip bomb": ("w.pth", a_deflated_bomb, "w.pth: unpacks to more than 67,108,864 bytes"),
    "a stride of zero": (
        "w.pth", saved(torch.zeros(1).as_strided((10**5, 10**5), (0, 0))),
        r"w.pth: layer1.0.conv1.weight of shape \(100000, 100000\) stands for far more numbers than the file",
    ),
    "meta": ("w.pth", saved(torch.zeros(4, device="meta")), "w.pth: layer1.0.conv1.weight is on the device meta"),
    "float8": ("w.pth", saved(torch.zeros(4).to(torch.float8_e4m3fn)), "w.pth: layer1.0.conv1.weight is float8_e4m3fn"),
    "float8 in safetensors": ("w.safetensors", float8_without_pickle, "layer1.0.conv1.weight is float8_e5m2"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_hangs_or_fills_the_memory_is_refused_by_name(
    name: str, make: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    with pytest.raises(InputError, match=says):
        weights.load(tmp_path / name)


def test_the_first_convolution_says_how_many_channels_are_read(tmp_path: Path) -> None:
    torch.save(source("resnet18d", in_channels=1).state_dict(), tmp_path / "w.pth")
    assert weights.load(tmp_path / "w.pth").in_channels == 1
