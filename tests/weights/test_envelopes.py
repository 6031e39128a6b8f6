"""Networks come out of whatever training scripts put around them; strangers stay behind, and choices are said."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import resnets
from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.spec import ResNetSpec, Stem
from resnets.weights import checkpoint

SPEC = ResNetSpec(depths=(1, 1), widths=(8, 16), block="basic", stem=Stem(widths=(8,)), num_classes=5)
State = dict[str, Tensor]


def network(seed: int = 0) -> ResNet:
    torch.manual_seed(seed)
    made = ResNet(SPEC)
    for value in made.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    return made


def state(seed: int = 0) -> State:
    return network(seed).state_dict()


def under(prefix: str, tensors: State | None = None) -> State:
    return {f"{prefix}{name}": value for name, value in (tensors or state()).items()}


def body(tensors: State | None = None) -> State:
    return {name: value for name, value in (tensors or state()).items() if not name.startswith("fc.")}


def loaded(content: Any, folder: Path, **options: Any) -> checkpoint.Checkpoint:
    torch.save(content, folder / "w.pth")
    return checkpoint.load(folder / "w.pth", **options)


def assert_is(found: checkpoint.Checkpoint, wanted: State, *, head: bool = True) -> None:
    fresh = ResNet(SPEC)
    found.into(fresh)
    for name, value in wanted.items():
        if head or not name.startswith("fc."):
            assert torch.equal(fresh.state_dict()[name], value), name
    assert found.num_classes == (5 if head else None)


class Average(nn.Module):
    """As torch.optim.swa_utils.AveragedModel: the network as `module`, and a count beside it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("n_averaged", torch.tensor(3))


class Lit(nn.Module):
    """As a LightningModule with its loss and a torchmetrics score."""

    def __init__(self) -> None:
        super().__init__()
        self.model = network()
        self.criterion = nn.Module()
        self.criterion.weight = nn.Parameter(torch.ones(5))
        self.accuracy = nn.Module()
        self.accuracy.register_buffer("confmat", torch.zeros(5, 5))


class Learner:
    """As fastai's: not a module, but one is among its attributes."""

    def __init__(self) -> None:
        self.model = network()
        self.opt = {"state": [torch.zeros(3)]}
        self.path = Path()


OPTIMIZER = {"state": {0: {"exp_avg": torch.zeros(8, 3, 7, 7)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
WRAPPED: dict[str, Callable[[], Any]] = {
    "torchvision's script": lambda: {"model": state(), "optimizer": OPTIMIZER, "args": argparse.Namespace(a=1)},
    "timm's script": lambda: {"state_dict": state(), "arch": "resnet", "args": argparse.Namespace(lr=0.1)},
    "ImageNet example": lambda: {"state_dict": under("module."), "best_acc1": torch.tensor(70.0)},
    "Lightning": lambda: {
        "state_dict": Lit().state_dict(), "hyper_parameters": {"lr": 0.1}, "optimizer_states": [OPTIMIZER],
        "callbacks": {"EarlyStopping": {"best": torch.tensor(1.0)}}, "loops": {}, "pytorch-lightning_version": "2.0",
    },
    "compiled inside DDP": lambda: {"net": under("module._orig_mod.")},
    "nested twice": lambda: {"checkpoint": {"model": {"params": under("backbone.")}}},
    "one network's dictionary in an unknown word": lambda: {"weights": under("resnet.")},
    "module, whole": network,
    "module in DataParallel, whole": lambda: nn.DataParallel(network()),
    "module in a dictionary": lambda: {"model": network(), "epoch": 1},
    "Lightning module, whole": Lit,
    "fastai's learn.export": Learner,
    "fastai's learn.save": lambda: {"model": state(), "opt": OPTIMIZER},
    "NumPy's arrays": lambda: {"model": {name: value.numpy() for name, value in state().items()}},
    "half": lambda: {name: value.half() if value.is_floating_point() else value for name, value in state().items()},
}  # fmt: skip


@pytest.mark.parametrize("make", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_network_comes_out_of_what_is_around_it(make: Callable[[], Any], tmp_path: Path) -> None:
    wanted = state()
    found = loaded(make(), tmp_path)
    if any("float16 converted" in note for note in found.notes):
        wanted = {name: value.half().to(value.dtype) for name, value in wanted.items()}
    assert_is(found, wanted)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore")  # that tracing is deprecated, and that sizes become constants
def test_torchscripts_archive_gives_names_and_tensors_alone(tmp_path: Path) -> None:
    made = network().eval()
    torch.jit.save(torch.jit.trace(made, torch.zeros(1, 3, 32, 32), check_trace=False), tmp_path / "w.pt")
    assert_is(checkpoint.load(tmp_path / "w.pt"), made.state_dict())


def test_strangers_are_left_out_and_said(tmp_path: Path) -> None:
    found = loaded({"state_dict": Lit().state_dict()}, tmp_path)
    assert found.notes == ("left out, as no part of the network: criterion.weight, accuracy.confmat",)
    many = {**state(), "criterion.weight": torch.ones(5), "n_averaged": torch.tensor(1)}
    assert any("criterion.weight, n_averaged" in note for note in loaded(many, tmp_path).notes)


@pytest.mark.parametrize("extra", ["conv2.weight", "layer1.0.se.fc1.weight", "layer3.0.conv1.weight"])
def test_layers_that_the_network_has_not_are_no_strangers(extra: str, tmp_path: Path) -> None:
    found = loaded({**state(), extra: torch.zeros(8, 8, 3, 3)}, tmp_path)
    with pytest.raises(InputError, match=f"1 unexpected: {re.escape(extra)}"):
        found.into(ResNet(SPEC))


def test_averaged_weights_come_before_plain_ones_and_that_is_said(tmp_path: Path) -> None:
    both = {"state_dict": state(1), "state_dict_ema": state(0), "epoch": 3}
    found = loaded(both, tmp_path)
    assert_is(found, state(0))
    assert found.notes == ("averaged weights (EMA) taken, state_dict_ema; --body chooses among it and state_dict",)
    assert_is(loaded(both, tmp_path, body="state_dict"), state(1))
    nested = {"model": under("module.", state(1)), "model_ema": Average(network(0)).state_dict()}
    assert_is(loaded(nested, tmp_path), state(0))
    assert "averaged weights (EMA) taken" in loaded(Average(network(0)), tmp_path).notes[0]


def moco(*, layers: int) -> dict[str, Any]:
    head = {"fc.weight": torch.zeros(4, 16), "fc.bias": torch.zeros(4)}
    if layers == 2:
        head = {f"fc.{place}.{name}": torch.zeros(16, 16)[:, 0] if name == "bias" else torch.zeros(16, 16)
                for place in (0, 2) for name in ("weight", "bias")}  # fmt: skip
    query, key = ({**body(state(seed)), **head} for seed in (0, 1))
    return {
        "state_dict": {
            **under("module.encoder_q.", query), **under("module.encoder_k.", key),
            "module.queue": torch.zeros(4, 32), "module.queue_ptr": torch.zeros(1),
        }
    }  # fmt: skip


@pytest.mark.parametrize("layers", [1, 2])
def test_moco_gives_its_query_encoder_without_the_projection(layers: int, tmp_path: Path) -> None:
    found = loaded(moco(layers=layers), tmp_path)
    assert_is(found, state(0), head=False)
    said = " ".join(found.notes)
    assert "state_dict.module.encoder_q taken; --body chooses among it and state_dict.module.encoder_k" in said
    assert "self-supervised training has no classifier: " in said
    assert_is(loaded(moco(layers=layers), tmp_path, body="encoder_k"), state(1), head=False)


def dino() -> dict[str, Any]:
    head = {
        "mlp.0.weight": torch.zeros(16, 16),
        "mlp.2.weight": torch.zeros(16, 16),
        "last_layer.weight_g": torch.ones(9, 1),
    }
    return {
        "student": {**under("module.backbone.", body(state(1))), **under("module.head.", head)},
        "teacher": {**under("backbone.", body(state(0))), **under("head.", head)},
        "dino_loss": {"center": torch.zeros(1, 9)},
        "optimizer": OPTIMIZER,
    }  # fmt: skip


def test_a_student_and_its_teacher_are_listed_and_one_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"several bodies: student\.module\.backbone.*teacher\.backbone.*body="):
        loaded(dino(), tmp_path)
    assert_is(loaded(dino(), tmp_path, body="teacher"), state(0), head=False)
    assert_is(loaded(dino(), tmp_path, body="student.module.backbone"), state(1), head=False)
    with pytest.raises(InputError, match=r"no body called 'pupil'; it holds student\.module\.backbone"):
        loaded(dino(), tmp_path, body="pupil")


HEADS: dict[str, Callable[[Tensor, Tensor], State]] = {
    "linear": lambda weight, bias: {"linear.weight": weight, "linear.bias": bias},
    "fc.1": lambda weight, bias: {"fc.1.weight": weight, "fc.1.bias": bias},
    "last_linear": lambda weight, bias: {"last_linear.weight": weight, "last_linear.bias": bias},
    "classifier.1": lambda weight, bias: {"classifier.1.weight": weight, "classifier.1.bias": bias},
    "head.fc": lambda weight, bias: {"head.fc.weight": weight, "head.fc.bias": bias},
    "output": lambda weight, bias: {"output.weight": weight, "output.bias": bias},
    "fc.0": lambda weight, bias: {"fc.0.weight": weight, "fc.0.bias": bias},
    "convolution": lambda weight, bias: {"fc.weight": weight[:, :, None, None], "fc.bias": bias},
}


@pytest.mark.parametrize("prefix", ["", "backbone."])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_single_linear_layer_of_any_name_is_the_classifier(
    head: Callable[[Tensor, Tensor], State], prefix: str, tmp_path: Path
) -> None:
    wanted = state()
    theirs = {**under(prefix, body(wanted)), **head(wanted["fc.weight"], wanted["fc.bias"])}
    assert_is(loaded(theirs, tmp_path), wanted)


def test_a_classifier_without_a_bias_gets_one_of_zeros(tmp_path: Path) -> None:
    wanted = {**state(), "fc.bias": torch.zeros(5)}
    assert_is(loaded({**body(), "classifier.weight": wanted["fc.weight"]}, tmp_path), wanted)


@pytest.mark.parametrize(
    "head",
    [
        {"projector.0.weight": torch.zeros(16, 16), "projector.2.weight": torch.zeros(4, 16)},
        {"fc.0.weight": torch.zeros(32, 16), "fc.2.weight": torch.zeros(5, 32)},
        {"head.0.weight": torch.ones(16), "head.0.running_mean": torch.ones(16), "head.1.weight": torch.zeros(5, 16)},
        {"prototypes.weight": torch.zeros(30, 16)},
        {"fc_a.weight": torch.zeros(3, 16), "fc_b.weight": torch.zeros(4, 16)},
        {},
    ],
)
def test_other_heads_are_no_classifier_of_its_own(head: State, tmp_path: Path) -> None:
    found = loaded({**body(), **head}, tmp_path)
    assert found.num_classes is None
    assert all(any(name in note for note in found.notes) for name in head)
    with pytest.raises(InputError, match="has no classifier of its own; new_head=True adds one"):
        resnets.convert(tmp_path / "w.pth", "resnet18")


def test_a_deep_or_shared_tangle_of_dictionaries_is_refused(tmp_path: Path) -> None:
    shared: dict[str, Any] = {"w": torch.zeros(1)}
    for _ in range(30):
        shared = {"a": shared, "b": shared}
    with pytest.raises(InputError, match="holds more than 200,000 entries"):
        loaded(shared, tmp_path)
