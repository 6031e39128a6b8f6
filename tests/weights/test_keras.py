"""Keras' ResNet, written here from facts, in each kind of file that Keras writes: our network gives its answers."""

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

import resnets
from resnets.base.errors import InputError

DEPTHS, WIDTHS = (2, 1, 1, 2), (4, 8, 8, 16)
Layers = dict[str, dict[str, NDArray[np.float32]]]


def layers(epsilon_old: bool = False) -> Layers:
    """A small network's layers by Keras' names, in Keras' order: of each block the shortcut is number 0."""
    random = np.random.default_rng(0)

    def convolution(name: str, size: int, c_in: int, c_out: int) -> None:
        bias = random.normal(0, 0.3, c_out).astype(np.float32)
        kernel = random.normal(0, (2 / (size * size * c_in)) ** 0.5, (size, size, c_in, c_out)).astype(np.float32)
        made[f"{name}_conv"] = {"kernel": kernel, "bias": bias}
        low, high = (1e-4, 2e-3) if epsilon_old else (0.5, 1.5)  # small variances, so that epsilon tells
        draws = {"gamma": random.uniform(0.5, 1.5, c_out), "beta": random.normal(0, 0.3, c_out)}
        draws |= {"moving_mean": random.normal(0, 0.3, c_out), "moving_variance": random.uniform(low, high, c_out)}
        made[f"{name}_bn"] = {part: draw.astype(np.float32) for part, draw in draws.items()}

    made: Layers = {}
    convolution("conv1", 7, 3, 64)
    channels = 64
    for stage, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True), 2):
        for block in range(1, depth + 1):
            name = f"conv{stage}_block{block}"
            if block == 1:
                convolution(f"{name}_0", 1, channels, 4 * width)
            convolution(f"{name}_1", 1, channels, width)
            convolution(f"{name}_2", 3, width, width)
            convolution(f"{name}_3", 1, width, 4 * width)
            channels = 4 * width
    made["predictions"] = {
        "kernel": random.normal(0, 0.3, (channels, 5)).astype(np.float32),
        "bias": random.normal(0, 0.3, 5).astype(np.float32),
    }
    return made


def logits(made: Layers, images: NDArray[np.float32], epsilon: float) -> Tensor:
    """What Keras computes for RGB images of 0 to 255, in float64."""

    def layer(name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        part = {key: torch.from_numpy(value).double() for key, value in made[f"{name}_conv"].items()}
        x = F.conv2d(x, part["kernel"].permute(3, 2, 0, 1), part["bias"], stride, padding)
        norm = {key: torch.from_numpy(value).double()[:, None, None] for key, value in made[f"{name}_bn"].items()}
        return norm["gamma"] * (x - norm["moving_mean"]) / (norm["moving_variance"] + epsilon).sqrt() + norm["beta"]

    x = torch.from_numpy(images).double().flip(1) - torch.tensor([103.939, 116.779, 123.68]).double()[:, None, None]
    x = F.max_pool2d(F.pad(layer("conv1", x, 2, 3).relu(), (1, 1, 1, 1)), 3, 2)
    for stage, depth in enumerate(DEPTHS, 2):
        for block in range(1, depth + 1):
            name, stride = f"conv{stage}_block{block}", 2 if stage > 2 and block == 1 else 1
            shortcut = layer(f"{name}_0", x, stride) if block == 1 else x
            inner = layer(f"{name}_2", layer(f"{name}_1", x, stride).relu(), 1, 1).relu()
            x = (layer(f"{name}_3", inner) + shortcut).relu()
    head = {key: torch.from_numpy(value).double() for key, value in made["predictions"].items()}
    return x.mean((2, 3)) @ head["kernel"] + head["bias"]


def config(epsilon: float) -> str:
    """What a whole model's file says of its layers."""
    norms = [name for name in layers() if name.endswith("_bn")]
    listed = [{"class_name": "BatchNormalization", "config": {"name": name, "epsilon": epsilon}} for name in norms]
    return json.dumps({"class_name": "Functional", "config": {"name": "resnet", "layers": listed}})


def write_legacy(file: h5py.Group, made: Layers) -> None:
    for name, parts in made.items():
        for part, array in parts.items():
            file[f"{name}/{name}/{part}:0"] = array


def write_numbered(file: h5py.File, made: Layers) -> None:
    """As Keras 3: classes and numbers for names, the layer's own in an attribute."""
    kinds = {"bn": "batch_normalization", "conv": "conv2d", "predictions": "dense"}
    for number, (name, parts) in enumerate(made.items()):
        group = file.create_group(f"layers/{kinds[name.rpartition('_')[2]]}_{number}/vars")
        group.attrs["name"] = name
        for place, array in enumerate(parts.values()):
            group[str(place)] = array


def weights_alone(path: Path, made: Layers, _: float) -> None:
    with h5py.File(path, "w") as file:
        write_legacy(file, made)


def whole_model(path: Path, made: Layers, epsilon: float) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config(epsilon)
        write_legacy(file.create_group("model_weights"), made)
        file["optimizer_weights/adam/conv1_conv/kernel:0"] = np.ones((7, 7, 3, 64), np.float32)


def nested_model(path: Path, made: Layers, epsilon: float) -> None:
    with h5py.File(path, "w") as file:
        for name, parts in made.items():
            for part, array in parts.items():
                file[f"model_weights/resnet50/{name}/{part}:0"] = array


def numbered(path: Path, made: Layers, _: float) -> None:
    with h5py.File(path, "w") as file:
        write_numbered(file, made)


def archive(path: Path, made: Layers, epsilon: float) -> None:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        write_numbered(file, made)
    with zipfile.ZipFile(path, "w") as found:
        found.writestr("config.json", config(epsilon))
        found.writestr("model.weights.h5", data.getvalue())


def old_names(made: Layers) -> Layers:
    """As keras-applications called them at first."""
    found: Layers = {}
    for name, parts in made.items():
        kind = name.rpartition("_")[2]
        if name.startswith("conv1_"):
            found["conv1" if kind == "conv" else "bn_conv1"] = parts
        elif name == "predictions":
            found["fc1000"] = parts
        else:
            stage, block, place = name[4], int(name[11]), name.split("_")[2]
            begin = "res" if kind == "conv" else "bn"
            branch = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}[place]
            found[f"{begin}{stage}{'ab'[block - 1]}_branch{branch}"] = parts
    return found


FILES: dict[str, tuple[Any, float]] = {
    "w.h5": (weights_alone, 1.001e-5),
    "model.h5": (whole_model, 2e-3),
    "nested.h5": (nested_model, 1.001e-5),
    "w.weights.h5": (numbered, 1.001e-5),
    "model.keras": (archive, 2e-3),
    "old.h5": (lambda path, made, epsilon: weights_alone(path, old_names(made), epsilon), 1e-3),
}


@pytest.mark.parametrize("name", FILES)
def test_each_file_of_keras_gives_its_answers(name: str, tmp_path: Path) -> None:
    write, epsilon = FILES[name]
    made = layers(epsilon > 1e-4)
    write(tmp_path / name, made, epsilon)
    classifier, notes = resnets.convert(tmp_path / name)
    images = np.random.default_rng(1).uniform(0, 255, (3, 3, 64, 64)).astype(np.float32)
    given = classifier.preprocessing
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (given.mean, given.std))
    with torch.inference_mode():
        ours = classifier.network.eval()((torch.from_numpy(images) / 255 - mean) / std)
    theirs = logits(made, images, epsilon)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=float(1e-5 * theirs.abs().max()))
    assert classifier.network.spec.stride_at == "conv1"
    assert any("blue, green, red" in note for note in notes)
    assert any("epsilon taken as 0.001" in note for note in notes) == (name == "old.h5")


def test_the_usual_network_is_the_papers_by_the_names_alone(tmp_path: Path) -> None:
    weights_alone(tmp_path / "w.h5", layers(), 0)
    with pytest.raises(InputError, match=r"has its stride on the first 1x1 convolution of a block.* on the 3x3"):
        resnets.convert(tmp_path / "w.h5", "resnet50")


def test_a_file_without_its_top_asks_for_a_new_classifier(tmp_path: Path) -> None:
    made = layers()
    del made["predictions"]
    weights_alone(tmp_path / "notop.h5", made, 0)
    with pytest.raises(InputError, match=r"has no classifier of its own; .* adds one"):
        resnets.convert(tmp_path / "notop.h5")


def renamed(old: str, new: str) -> Layers:
    return {name.replace(old, new): parts for name, parts in layers().items()}


WRONG: dict[str, tuple[Layers, str]] = {
    "ResNet V2": (renamed("conv2_block1_1_bn", "conv2_block1_preact_bn"), "is of Keras' ResNet V2, which strides at"),
    "names of one's own": (renamed("_block", "_part"), "are no ResNet of Keras'; only its ResNet50"),
    "a kernel cut": (
        layers() | {"conv2_block1_2_conv": {"kernel": np.zeros((3, 3, 4, 3), np.float32)}},
        "not the weights of|look like",
    ),
    "a kernel missing": (
        layers() | {"conv2_block1_2_conv": {"bias": np.zeros(4, np.float32)}},
        "conv2_block1_2_conv holds bias, not a layer of Keras' ResNet",
    ),
    "not finite": (
        layers() | {"predictions": {"kernel": np.full((64, 5), np.nan, np.float32)}},
        "fc.weight holds values that are no numbers",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_files_of_keras_are_refused_in_a_line(what: str, tmp_path: Path) -> None:
    made, why = WRONG[what]
    weights_alone(tmp_path / "w.h5", made, 0)
    with pytest.raises(InputError, match=why) as caught:
        resnets.convert(tmp_path / "w.h5")
    assert "\n" not in str(caught.value)


def test_links_and_numbers_in_other_files_are_not_followed(tmp_path: Path) -> None:
    weights_alone(tmp_path / "secret.h5", layers(), 0)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name in layers():
            file[name] = h5py.ExternalLink(str(tmp_path / "secret.h5"), f"/{name}")
    with pytest.raises(InputError, match="no ResNet of Keras'"):
        resnets.convert(tmp_path / "w.h5")
    (tmp_path / "raw").write_bytes(bytes(4 * 7 * 7 * 3 * 64))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        outside = [(str(tmp_path / "raw"), 0, 4 * 7 * 7 * 3 * 64)]
        file.create_dataset("conv1_conv/conv1_conv/kernel:0", (7, 7, 3, 64), "f4", external=outside)
    with pytest.raises(InputError, match="it has numbers in other files"):
        resnets.convert(tmp_path / "w.h5")


def test_numbers_that_unpack_to_far_more_than_the_file_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("conv1_conv/conv1_conv/kernel:0", (1 << 14, 1 << 14, 4, 4), "f4")  # none of them written
    with pytest.raises(InputError, match="it unpacks to far more than its own size"):
        resnets.convert(tmp_path / "w.h5")


def test_without_h5py_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_alone(tmp_path / "w.h5", layers(), 0)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"w\.h5: .* needs h5py: pip install 'resnets\[keras\]'"):
        resnets.convert(tmp_path / "w.h5")
