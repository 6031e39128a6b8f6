"""spec -> torch module. One class per kind of block; every difference between variants is a field of the spec.

Parameter names are torchvision's and timm's, so their checkpoints load as they are.
"""

import copy
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from resnets import catalog
from resnets.spec import Block, ResNetSpec, Stem, blocks

Images = Float[Tensor, "batch channels height width"]
Maps = Float[Tensor, "batch _ _ _"]  # what a layer makes of its images: its own channels, height and width


def resnet(network: str | Path | ResNetSpec, /, **fields: Any) -> "ResNet":
    """A freshly initialized residual network.

    network: a name from the catalog, the path of a TOML spec, or a ResNetSpec.
    fields: any fields of the spec to replace, such as `num_classes=10` or `in_channels=1`.
    Raises InputError (a ValueError) when there is no such network or the spec cannot work.
    """
    return ResNet(catalog.resolve(network, fields).spec)


class ResNet(nn.Module):
    """A residual network, built from its spec (He et al. 2015, table 1)."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.conv1 = _stem_convolutions(spec.stem, spec.in_channels)
        self.bn1 = nn.BatchNorm2d(spec.stem.widths[-1])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if spec.stem.pool else nn.Identity()
        kind = BasicBlock if spec.block == "basic" else Bottleneck
        for stage, members in groupby(blocks(spec), key=lambda block: block.stage):
            self.add_module(f"layer{stage}", nn.Sequential(*(kind(spec, block) for block in members)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(spec.stage_channels[-1], spec.num_classes)
        initialize(self)

    def forward(self, x: Images) -> Float[Tensor, "batch classes"]:
        """Logits."""
        return self.fc(self.features(x))

    def features(self, x: Images) -> Float[Tensor, "batch features"]:
        """What the classifier reads: the last stage's output, averaged over its positions."""
        x = self.stem(x)
        for stage in self.stages():
            x = stage(x)
        return torch.flatten(self.avgpool(x), 1)

    def feature_maps(self, x: Images) -> tuple[Maps, ...]:
        """The output of each stage."""
        maps = [self.stem(x)]
        for stage in self.stages():
            maps.append(stage(maps[-1]))
        return tuple(maps[1:])

    def stem(self, x: Images) -> Maps:
        """What enters the first stage."""
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))

    def stages(self) -> Iterator[nn.Sequential]:
        """layer1, layer2, ..."""
        for stage in range(1, len(self.spec.depths) + 1):
            yield self.get_submodule(f"layer{stage}")  # pyright: ignore[reportReturnType] # added as Sequential above


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (He et al. 2015, figure 5 left)."""

    def __init__(self, _spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        self.conv1 = _conv(block.c_in, block.width, 3, block.stride)
        self.bn1 = nn.BatchNorm2d(block.width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = _conv(block.width, block.c_out, 3)
        self.bn2 = nn.BatchNorm2d(block.c_out)
        self.downsample = _shortcut(block)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: Images) -> Maps:
        return self.relu2(self.residual(x) + self.downsample(x))

    def residual(self, x: Images) -> Maps:
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn2


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions (He et al. 2015, figure 5 right), the 3x3 perhaps grouped (Xie et al. 2017)."""

    def __init__(self, spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        first, second = (block.stride, 1) if spec.stride_at == "conv1" else (1, block.stride)
        self.conv1 = _conv(block.c_in, block.width, 1, first)
        self.bn1 = nn.BatchNorm2d(block.width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = _conv(block.width, block.width, 3, second, groups=spec.groups)
        self.bn2 = nn.BatchNorm2d(block.width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = _conv(block.width, block.c_out, 1)
        self.bn3 = nn.BatchNorm2d(block.c_out)
        self.downsample = _shortcut(block)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: Images) -> Maps:
        return self.relu3(self.residual(x) + self.downsample(x))

    def residual(self, x: Images) -> Maps:
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn3


class PaddedShortcut(nn.Module):
    """Option A: every `stride`-th position, and zero channels on both sides, the odd one behind.

    The paper leaves open where the zeros go; half in front and half behind is where akamaster's published weights have
    them.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.front = (c_out - c_in) // 2
        self.behind = c_out - c_in - self.front

    def forward(self, x: Images) -> Maps:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.front, self.behind))


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)


def _stem_convolutions(stem: Stem, c_in: int) -> nn.Module:
    """One convolution, or several with norm and ReLU between them; the last one's norm is the network's bn1."""
    *first, last = stem.widths
    layers: list[nn.Module] = []
    stride = stem.stride
    for width in first:
        layers += [_conv(c_in, width, stem.kernel, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        c_in, stride = width, 1
    layers.append(_conv(c_in, last, stem.kernel, stride))
    return nn.Sequential(*layers) if first else layers[0]


def _shortcut(block: Block) -> nn.Module:
    if block.shortcut == "identity":
        return nn.Identity()
    if block.shortcut == "pad":
        return PaddedShortcut(block.c_in, block.c_out, block.stride)
    if block.shortcut == "projection":
        return nn.Sequential(_conv(block.c_in, block.c_out, 1, block.stride), nn.BatchNorm2d(block.c_out))
    # ResNet-D: the average reads every position, where a strided 1x1 reads one in four.
    pool = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False) if block.stride > 1 else nn.Identity()
    return nn.Sequential(pool, _conv(block.c_in, block.c_out, 1), nn.BatchNorm2d(block.c_out))


def initialize(network: ResNet) -> None:
    """Draw every weight anew, from torch's global generator, as the spec's source does."""
    xresnet = network.spec.init == "xresnet"
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in" if xresnet else "fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            if xresnet:
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            else:
                module.reset_parameters()
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    if network.spec.zero_last_norm:
        for module in network.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                nn.init.zeros_(module.last_norm.weight)


def folded(network: ResNet) -> ResNet:
    """A copy with each batch norm's scale and shift in the convolution before it, which thereby has a bias.

    It is for evaluation only, and faster at it. Its outputs are the network's but for rounding: weights are multiplied
    in double precision and rounded once.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for (_, child), (name, norm) in pairwise(list(module.named_children())):
            if not isinstance(norm, nn.BatchNorm2d):
                continue
            convolution = child[-1] if isinstance(child, nn.Sequential) else child
            assert isinstance(convolution, nn.Conv2d)  # a norm follows its convolution
            _fold(convolution, norm)
            module.register_module(name, nn.Identity())
    return network


@torch.no_grad()
def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # On the CPU, as not every accelerator has double precision.
    parts = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    weight, bias, mean, variance = (one.cpu().double() for one in parts)
    scale = weight / torch.sqrt(variance + norm.eps)
    convolution.weight.copy_(convolution.weight.cpu().double() * scale.view(-1, 1, 1, 1))
    convolution.bias = nn.Parameter((bias - mean * scale).to(convolution.weight))
