"""Checkpoints of publishers' own modules, converted without naming the network, give the publishers' logits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.weights.conversion import convert
from tests.weights.publishers import cifar, imagenet


def images(size: int, seed: int) -> Tensor:
    """Smooth images: photographs have neighbouring pixels that are alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse, fine = (torch.randn(16, 3, side, side, generator=generator) for side in (4, size // 3))
    layers = [F.interpolate(one, (size, size), mode="bicubic") for one in (coarse, fine)]
    return layers[0] + 0.4 * layers[1] + 0.1 * torch.randn(16, 3, size, size, generator=generator)


def trained(module: nn.Module, size: int) -> nn.Module:
    """Random weights, scales and shifts, and the statistics of a few batches."""
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.3)
            part.momentum = 0.5
        elif isinstance(part, nn.Conv2d) and part.bias is not None:
            nn.init.normal_(part.bias, 0, 0.3)
    module.train()
    with torch.no_grad():
        for seed in range(6):
            module(images(size, seed))
    return module.eval()


Made = Callable[[], nn.Module]
LAYOUTS: dict[str, tuple[Made, int]] = {
    "kuangliu": (cifar.Kuangliu, 32),
    "kuangliu, bottlenecks": (lambda: cifar.Kuangliu(cifar.KuangliuBottleneck, 4), 32),
    "weiaicunzai": (cifar.Weiaicunzai, 32),
    "weiaicunzai, bottlenecks": (lambda: cifar.Weiaicunzai(bottleneck=True), 32),
    "chenyaofo": (cifar.Chenyaofo, 32),
    "bearpaw, ResNeXt": (cifar.BearpawResNeXt, 32),
    "akamaster": (cifar.Akamaster, 32),
    "gate, encoder.blocks": (cifar.FlatBlocks, 96),
    "torchvision in Sequential": (imagenet.InSequential, 96),
    "Lightning": (lambda: imagenet.Wrapped("model", imagenet.Torchvision(3)), 96),
    "Lightning, basic": (lambda: imagenet.Wrapped("net", imagenet.Torchvision(3, basic=True)), 96),
    "mmpretrain": (imagenet.Mmpretrain, 96),
    "transformers": (imagenet.HfResNet, 96),
    "detectron2": (imagenet.Detectron2, 96),
    "d2l": (imagenet.D2l, 96),
    "tutorial, conv2.0.main.0": (imagenet.Tutorial, 96),
    "tutorial, grouped": (lambda: imagenet.Tutorial(groups=2), 96),
    "xresnet notebook": (imagenet.PositionalXResNet, 96),
}


SORTED = ["kuangliu", "weiaicunzai, bottlenecks", "transformers", "d2l"]
CASES = [(layout, True) for layout in LAYOUTS] + [(layout, False) for layout in SORTED]


@pytest.mark.parametrize(("layout", "kept"), CASES)
def test_a_publishers_checkpoint_gives_its_logits(layout: str, kept: bool, tmp_path: Path) -> None:
    made, size = LAYOUTS[layout]
    module = trained(made(), size)
    path = tmp_path / ("w.pth" if kept else "w.safetensors")
    if kept:
        torch.save(module.state_dict(), path)
    else:
        safetensors.torch.save_file(dict(module.state_dict()), path)
    classifier, _ = convert(path)
    given = images(size, 9)
    with torch.inference_mode():
        theirs = module(given)
        ours = classifier.network.eval()(given)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_names_that_leave_the_order_open_are_refused_where_the_file_keeps_none(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(dict(cifar.BearpawResNeXt().state_dict()), path)  # conv_reduce, conv_conv, conv_expand
    with pytest.raises(InputError, match=r"w\.safetensors: .* fit no network"):
        convert(path)
