"""A classifier in other libraries' layouts: those libraries load it, and give the same logits to the last bit."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import resnets
from resnets.base.errors import InputError, RunFailed
from resnets.base.files import write_folder_whole
from resnets.catalog import CATALOG
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.weights import hub_push
from resnets.weights.conversion import convert
from resnets.weights.outward import crop_share, in_layout
from tests.hub_server import Hub
from tests.peers import resolve_data_config, timm, torchvision


def classifier(name: str, *, channels: int = 3, **fields: Any) -> Classifier:
    torch.manual_seed(0)
    return Classifier(
        network=resnets.resnet(name, num_classes=3, in_channels=channels, **fields),
        classes=("ant", "bee", "wäsp"),
        preprocessing=Preprocessing(
            size=64,
            resize=73,
            interpolation="bicubic",
            channels=channels,
            mean=(0.4,) * channels,
            std=(0.2,) * channels,
        ),
        metrics={"val": {"top1": 0.9, "count": 120, "ece": 0.02}},
        temperature=1.3,
    )


def logits(network: torch.nn.Module, channels: int = 3) -> torch.Tensor:
    images = torch.randn(2, channels, 64, 48, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return network.eval().to(memory_format=torch.contiguous_format)(images)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload


@pytest.mark.parametrize(
    ("name", "channels", "pool"),
    [
        ("resnet18", 3, "average"),
        ("resnet18", 1, "both"),
        ("seresnext26t_32x4d", 3, "max"),
        ("resnetblur18", 4, "average"),
    ],
)
def test_timm_loads_the_folder_and_gives_the_same_logits(name: str, channels: int, pool: str, tmp_path: Path) -> None:
    ours = classifier(name, channels=channels, pool=pool)
    folder = write_folder_whole(tmp_path / "timm", in_layout(ours, "timm").files)
    theirs: Any = timm.create_model(f"local-dir:{folder}", pretrained=True)
    assert torch.equal(logits(theirs, channels), logits(ours.network, channels))
    data = resolve_data_config({}, model=theirs)
    assert (data["input_size"][1], math.floor(64 / data["crop_pct"]), data["interpolation"]) == (64, 73, "bicubic")
    assert theirs.pretrained_cfg["label_names"] == ["ant", "bee", "wäsp"]


def test_what_timm_would_load_comes_back_as_the_same_classifier(tmp_path: Path) -> None:
    ours = classifier("seresnext26t_32x4d")
    folder = write_folder_whole(tmp_path / "timm", in_layout(ours, "timm").files)
    back, _ = convert(folder)
    assert (back.classes, back.preprocessing) == (ours.classes, ours.preprocessing)
    assert torch.equal(logits(back.network), logits(ours.network))


@pytest.mark.parametrize(
    "name", ["resnet18", "resnext50_32x4d", pytest.param("wide_resnet50_2", marks=pytest.mark.slow)]
)
def test_torchvision_loads_the_file_and_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    ours = classifier(name)
    layout = in_layout(ours, "torchvision")
    ((file, content),) = layout.files.items()
    (tmp_path / file).write_bytes(content)
    theirs = torchvision.models.get_model(layout.network, num_classes=3)
    theirs.load_state_dict(torch.load(tmp_path / file, weights_only=True))
    assert torch.equal(logits(theirs), logits(ours.network))


def test_transformers_names_are_those_of_microsofts_resnet_50() -> None:
    """benchmarks/round_trip.py loads the folder with transformers itself."""
    layout = in_layout(classifier("resnet50_2015"), "transformers")
    config = json.loads(layout.files["config.json"])
    assert (config["layer_type"], config["downsample_in_bottleneck"]) == ("bottleneck", True)
    assert config["id2label"] == {"0": "ant", "1": "bee", "2": "wäsp"}
    assert json.loads(layout.files["preprocessor_config.json"])["size"] == {"shortest_edge": 64}
    for name in (
        "resnet.embedder.embedder.convolution.weight",
        "resnet.encoder.stages.0.layers.0.shortcut.convolution.weight",
        "resnet.encoder.stages.3.layers.2.layer.2.normalization.running_mean",
        "classifier.1.bias",
    ):
        assert f'"{name}"'.encode() in layout.files["model.safetensors"][:100_000]


def test_what_a_layout_has_no_place_for_is_said() -> None:
    assert any("divide its logits by 1.3" in note for note in in_layout(classifier("resnet18"), "timm").notes)


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("cifar_resnet20", "timm"),
        ("resnet18d", "torchvision"),
        ("resnet18d", "transformers"),
        ("seresnet18", "transformers"),
    ],
)
def test_a_network_that_a_library_lacks_is_refused(name: str, library: str) -> None:
    with pytest.raises(InputError, match=f"{library} has no such network"):
        in_layout(classifier(name), library)  # pyright: ignore[reportArgumentType] # one of the three


def test_every_row_that_names_timm_as_its_source_is_timms() -> None:
    for row in CATALOG.values():
        if "timm.models.resnet" in row.source or "torchvision.models.resnet" in row.source:
            assert timm.is_model(row.name), row.name


@pytest.mark.parametrize(("size", "resize"), [(224, 256), (224, 235), (288, 288), (160, 168), (64, 73), (176, 232)])
def test_the_crops_share_gives_back_the_size_before_it(size: int, resize: int) -> None:
    assert math.floor(size / crop_share(Preprocessing(size=size, resize=resize))) == resize


# The Hub.


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, server: Hub) -> Hub:
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # read when it is imported; git LFS then
    return server


def test_a_pushed_repository_is_loaded_by_timm_and_by_us(
    writer: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = classifier("resnet18")
    done = hub_push.push(ours, "anna/insects", private=True, licence="mit")
    assert done.files == ("README.md", "config.json", "model.safetensors")
    assert writer.created[0]["visibility"] == "private"
    readme = bytes(writer.repositories["anna/insects"]["README.md"]).decode()
    for part in ("license: mit", "library_name: timm", "90.00%", "120 validation images", "wäsp", "1.3", "## Limits"):
        assert part in readme
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", writer.address)  # read once, when it is imported
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "timm"))
    template = writer.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    theirs = timm.create_model("hf-hub:anna/insects", pretrained=True)
    assert torch.equal(logits(theirs), logits(ours.network))
    back, _ = convert("anna/insects")
    assert torch.equal(logits(back.network), logits(ours.network))


def test_who_may_not_write_is_told_so(writer: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    with pytest.raises(InputError, match=r"anna/insects: .* does not let this login write there \(403\)"):
        hub_push.push(classifier("resnet18"), "anna/insects")
    assert not writer.repositories


def test_a_hub_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    with pytest.raises(RunFailed, match="cannot be reached"):
        hub_push.push(classifier("resnet18"), "anna/insects")


@pytest.mark.parametrize("name", ["insects", "a/b/c", "../x", "anna/.hidden"])
def test_a_name_that_is_no_repositorys_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="must be OWNER/NAME"):
        hub_push.push(classifier("resnet18"), name)


# As commands.


def test_the_commands_write_a_folder_and_a_repository(
    writer: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from resnets.cli.app import app

    path, folder = classifier("resnet18").save(tmp_path / "mine.safetensors"), tmp_path / "timm"
    again = ["convert", str(path), "--to", "timm", "-o", str(folder)]
    app(again, result_action="return_value")
    assert sorted(one.name for one in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert "timm.create_model" in capsys.readouterr().out
    app(["hub", "push", str(path), "anna/insects", "--licence", "mit"], result_action="return_value")
    assert f"{writer.address}/anna/insects" in capsys.readouterr().out
    with pytest.raises(InputError, match="already exists"):
        app(
            ["convert", str(path), "--to", "timm", "-o", str(folder)], result_action="return_value", exit_on_error=False
        )
    with pytest.raises(InputError, match="timm: takes a classifier as it is"):
        app(["convert", str(path), "resnet18", "--to", "timm"], result_action="return_value", exit_on_error=False)
