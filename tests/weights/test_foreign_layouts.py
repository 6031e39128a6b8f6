"""Checkpoints of publishers' own modules, converted without naming the network, give the publishers' logits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.weights.conversion import convert
from tests.weights.publishers import cifar, imagenet, named, pretraining, scripts

SIZE = 48  # pixels, where a network begins with a stride and a pool


@cache
def images(size: int, seed: int, count: int = 8) -> Tensor:
    """Smooth images: photographs have neighbouring pixels that are alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse, fine = (torch.randn(count, 3, side, side, generator=generator) for side in (4, size // 3))
    layers = [F.interpolate(one, (size, size), mode="bicubic") for one in (coarse, fine)]
    return layers[0] + 0.4 * layers[1] + 0.1 * torch.randn(count, 3, size, size, generator=generator)


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
        for seed in range(5):
            module(images(size, seed))
    return module.eval()


Saved = Callable[[nn.Module], Any]
STATE: Saved = nn.Module.state_dict
SAVED: dict[str, Saved] = {"facebookresearch/pycls": scripts.pycls}


@dataclass(frozen=True)
class Publisher:
    """Whose layout it is, a small network of theirs, and what they save of it."""

    name: str
    made: Callable[[], nn.Module]
    size: int = SIZE
    saved: Saved = STATE
    headless: bool = False  # what leaves the network are its features
    body: str | None = None


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def backbone() -> nn.Module:
    return imagenet.Torchvision(None)


def classifier(classes: int = 5) -> nn.Module:
    return imagenet.Torchvision(classes, basic=True)


def encoder(name: str, head: str) -> nn.Module:
    """A network without its classifier, and the classifier beside it."""
    return imagenet.Encoder(name, imagenet.Torchvision(None, basic=True), head, nn.Linear(16, 6))


PUBLISHERS = (
    Publisher("kuangliu/pytorch-cifar", lambda: cifar.Kuangliu(cifar.KuangliuBottleneck, 4), 32),
    Publisher("weiaicunzai/pytorch-cifar100", lambda: cifar.Weiaicunzai(bottleneck=True), 32),
    Publisher("chenyaofo/pytorch-cifar-models", cifar.Chenyaofo, 32),
    Publisher("akamaster/pytorch_resnet_cifar10", cifar.Akamaster, 32, scripts.akamaster),
    Publisher("prlz77/ResNeXt.pytorch", cifar.Prlz77, 32),
    Publisher("FrancescoSaverioZuppichini/ResNet", cifar.Zuppichini),
    Publisher("notebooks, nn.Sequential(*children)", imagenet.InSequential),
    Publisher("Lightning", lambda: imagenet.Wrapped("net", classifier(3)), saved=scripts.lightning),
    Publisher("open-mmlab/mmpretrain", imagenet.Mmpretrain, saved=scripts.mmengine),
    Publisher("huggingface/transformers", imagenet.HfResNet),
    Publisher("facebookresearch/detectron2", imagenet.Detectron2),
    Publisher("d2l-ai/d2l-en", imagenet.D2l),
    Publisher("tutorial, conv2.0.main.0", lambda: imagenet.Tutorial(groups=2)),
    Publisher("fastai course of 2019, xresnet", imagenet.PositionalXResNet),
    Publisher("fastai, Learner", backbone, saved=pretraining.learner, headless=True),
    Publisher("facebookresearch/moco", backbone, saved=pretraining.moco, headless=True),
    Publisher("facebookresearch/dino", backbone, saved=pretraining.dino, headless=True, body="teacher"),
    Publisher("facebookresearch/swav", backbone, saved=pretraining.swav, headless=True),
    Publisher("facebookresearch/barlowtwins", backbone, saved=pretraining.barlow, headless=True),
    Publisher("sthalles/SimCLR", backbone, saved=pretraining.simclr, headless=True),
    Publisher("Lightning Bolts, SimCLR", backbone, saved=pretraining.bolts, headless=True),
    Publisher("pytorch/vision, references", classifier, saved=scripts.torchvision),
    Publisher("huggingface/pytorch-image-models, train.py", classifier, saved=scripts.timm),
    Publisher("pytorch/examples, imagenet", classifier, saved=scripts.examples),
    Publisher("facebookresearch/moco, linear probe", classifier, saved=scripts.linear_probe),
    Publisher("facebookresearch/barlowtwins, evaluate", classifier, saved=scripts.barlow),
    Publisher("HobbitLong/SupContrast, main_ce", lambda: encoder("encoder", "fc"), saved=scripts.supcontrast),
    Publisher("vturrisi/solo-learn, linear", lambda: encoder("backbone", "classifier"), saved=scripts.lightning),
    Publisher("ultralytics/yolov5, classify", classifier, saved=scripts.yolov5),
    *(
        Publisher(name, partial(named.made, name), SIZE if named.ROWS[name][1].large else 32, SAVED.get(name, STATE))
        for name in named.ROWS
    ),
)
SORTED = ("kuangliu/pytorch-cifar", "weiaicunzai/pytorch-cifar100", "huggingface/transformers", "d2l-ai/d2l-en")


def converted(publisher: Publisher, path: Path) -> ResNet:
    classifier, _ = convert(path, body=publisher.body, new_head=publisher.headless)
    return classifier.network.eval()


def check_same(publisher: Publisher, ours: ResNet, module: nn.Module) -> None:
    """Float32 sums in another order differ by some 1e-7 a layer; 1e-5 of the largest number is ten layers' worth."""
    given = images(publisher.size, 9, 4)
    with torch.inference_mode():
        theirs = module(given)
        found = ours.features(given) if publisher.headless else ours(given)
    assert (found - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda one: one.name)
def test_a_publishers_checkpoint_gives_its_logits(publisher: Publisher, tmp_path: Path) -> None:
    module = trained(publisher.made(), publisher.size)
    torch.save(publisher.saved(module), tmp_path / "w.pth")
    check_same(publisher, converted(publisher, tmp_path / "w.pth"), module)


def test_the_logits_of_25_different_publishers_are_compared() -> None:
    assert len({publisher.name for publisher in PUBLISHERS if not publisher.headless}) >= 25


@pytest.mark.parametrize("name", SORTED)
def test_a_publishers_checkpoint_as_safetensors_which_keeps_no_order_gives_its_logits(
    name: str, tmp_path: Path
) -> None:
    publisher = next(one for one in PUBLISHERS if one.name == name)
    module = trained(publisher.made(), publisher.size)
    safetensors.torch.save_file(dict(module.state_dict()), tmp_path / "w.safetensors")
    check_same(publisher, converted(publisher, tmp_path / "w.safetensors"), module)


def test_names_that_leave_the_order_open_are_refused_where_the_file_keeps_none(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(dict(cifar.Prlz77().state_dict()), path)  # conv_reduce, conv_conv, conv_expand
    with pytest.raises(InputError, match=r"w\.safetensors: .* fit no network"):
        convert(path)
