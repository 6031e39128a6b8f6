"""Weights from other homes: torchvision's quantized networks, TorchScript, pickled modules, halves; timm's resnetv2."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import resnets
from resnets.base.errors import InputError
from tests.peers import timm, torchvision
from tests.weights.test_foreign_layouts import images, trained

Block = torchvision.models.resnet.BasicBlock


def torchvisions() -> nn.Module:
    return trained(torchvision.models.ResNet(Block, [1, 1, 1, 1], num_classes=5), 64)


def spec(folder: Path) -> Path:
    """Of `torchvisions`, so that nothing has to be guessed."""
    path = folder / "small.toml"
    path.write_text("base = 'resnet18'\ndepths = [1, 1, 1, 1]\nnum_classes = 5")
    return path


def timms() -> nn.Module:
    return trained(timm.create_model("resnet26d", num_classes=5), 64)


def scripted(module: nn.Module) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(module)


def saved(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(scripted(module), path)


@pytest.mark.parametrize("made", [torchvisions, timms])
@pytest.mark.parametrize("write", [torch.save, saved])
def test_a_whole_module_gives_its_logits_of_names_and_tensors_alone(
    made: Callable[[], nn.Module], write: Callable[[nn.Module, Path], None], tmp_path: Path
) -> None:
    module = made()
    write(module, tmp_path / "w.pt")
    classifier, _ = resnets.convert(tmp_path / "w.pt", "resnet26d" if made is timms else spec(tmp_path))
    given = images(64, 9)
    with torch.inference_mode():
        torch.testing.assert_close(classifier.network.eval()(given), module(given), rtol=1e-4, atol=1e-5)


def test_a_frozen_torchscript_module_is_refused_for_what_it_is(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(scripted(torchvisions())), tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"w\.pt: holds a frozen TorchScript module, whose weights are constants"):
        resnets.convert(tmp_path / "w.pt")


def quantized() -> nn.Module:
    """torchvision's quantized network, calibrated on random images."""
    models = torchvision.models.quantization.resnet
    torch.manual_seed(0)
    network = models.QuantizableResNet(models.QuantizableBasicBlock, [1, 1, 1, 1], num_classes=5)
    trained(network, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fuse_model(is_qat=False)
        setattr(network, "qconfig", torch.ao.quantization.get_default_qconfig("x86"))  # noqa: B010 - no module
        torch.ao.quantization.prepare(network, inplace=True)
        network(images(64, 9))
        torch.ao.quantization.convert(network, inplace=True)
    return network


def dequantized_logits(network: nn.Module, x: Tensor) -> Tensor:
    """What torchvision's basic blocks compute with the floats that quantized weights stand for."""

    def run(name: str, x: Tensor) -> Tensor:
        layer = network.get_submodule(name)
        return F.conv2d(x, layer.weight().dequantize(), layer.bias(), layer.stride, layer.padding)  # pyright: ignore

    x = F.max_pool2d(run("conv1", x).relu(), 3, 2, 1)
    for stage in range(1, 5):
        block = f"layer{stage}.0"
        shortcut = run(f"{block}.downsample.0", x) if stage > 1 else x
        x = (run(f"{block}.conv2", run(f"{block}.conv1", x).relu()) + shortcut).relu()
    fc = network.get_submodule("fc")
    return F.linear(x.mean((2, 3)), fc.weight().dequantize(), fc.bias())  # pyright: ignore


@pytest.mark.skipif("x86" not in torch.backends.quantized.supported_engines, reason="no engine that quantizes here")
def test_a_quantized_network_is_taken_as_the_floats_that_its_integers_stand_for(tmp_path: Path) -> None:
    network = quantized()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(network.state_dict(), tmp_path / "w.pth")
    classifier, notes = resnets.convert(tmp_path / "w.pth")
    given = images(64, 9)
    with torch.inference_mode():
        ours = classifier.network.eval()(given)
        torch.testing.assert_close(ours, dequantized_logits(network, given), rtol=1e-4, atol=1e-4)
    assert any("quantized to integers: its weights are taken as the floats" in note for note in notes)
    assert any("batch norms are folded into the convolutions" in note for note in notes)


def mixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.half() if name.startswith("layer") and one.ndim == 4 else one for name, one in state.items()}


Changed = Callable[[dict[str, Tensor]], dict[str, Tensor]]
KINDS: dict[str, tuple[Changed, str]] = {
    "half": (lambda state: {n: t.half() if t.is_floating_point() else t for n, t in state.items()}, "float16"),
    "brain": (lambda state: {n: t.bfloat16() if t.is_floating_point() else t for n, t in state.items()}, "bfloat16"),
    "mixed": (mixed, "11 tensors of float16"),
}


@pytest.fixture(scope="module")
def module() -> nn.Module:
    return torchvisions()


@pytest.mark.parametrize(("kind", "known"), [*((kind, True) for kind in KINDS), ("mixed", False)])
def test_halves_become_float32_and_that_is_said(kind: str, known: bool, module: nn.Module, tmp_path: Path) -> None:
    change, said = KINDS[kind]
    theirs = change(module.state_dict())
    names = theirs if known else {name.replace("layer", "part"): tensor for name, tensor in theirs.items()}
    torch.save(names, tmp_path / "w.pth")
    classifier, notes = resnets.convert(tmp_path / "w.pth", spec(tmp_path))
    ours = classifier.network.state_dict()
    assert all(torch.equal(ours[name], tensor.to(ours[name].dtype)) for name, tensor in theirs.items())
    assert {tensor.dtype for tensor in ours.values()} == {torch.float32, torch.int64}
    assert any(f"{said}" in note and "converted to float32" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("resnetv2_50", r"is timm's resnetv2 \(pre-activation\): its first norm stands behind the stem's pool"),
        ("resnetv2_50x1_bit", r"is timm's resnetv2 with group norms, as BiT .* has it with standardized kernels"),
    ],
)
def test_timms_resnetv2_is_refused_with_what_its_topology_is(name: str, why: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    state = {name: torch.zeros((), dtype=one.dtype).expand(one.shape) for name, one in network.state_dict().items()}
    smaller = {name: one for name, one in state.items() if one.numel() < 40_000}
    torch.save({name: one.clone() for name, one in smaller.items()}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=rf"w\.pth: {why}"):
        resnets.convert(tmp_path / "w.pth")
