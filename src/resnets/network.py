"""spec -> torch module. One class per kind of block; every difference between variants is a field of the spec.

Parameter names are torchvision's and timm's, so their checkpoints load as they are. What the blocks are made of is in
`layers.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from resnets.gradient_checkpointing import checkpointed
from resnets.initialization import draw
from resnets.layers import (
    Maps,
    activation,
    antialias,
    attention,
    convolution,
    global_pool,
    max_pool,
    norm,
    shortcut,
    stem_pool,
    strided,
)
from resnets.spec import Block, GlobalPool, ResNetSpec, blocks

Images = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """One of a network's feature maps."""

    name: str  # of the module that gives it
    channels: int
    stride: int  # pixels of the image, along one axis, for each position


class ResNet(nn.Module):
    """A residual network, built from its spec (He et al. 2015, table 1)."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.gradient_checkpointing = False  # compute a block's insides again for its gradients: less memory, slower
        self.conv1 = _stem_convolutions(spec)
        self.bn1 = norm(spec, spec.stem.widths[-1])
        self.act1 = activation(spec)
        self.maxpool = stem_pool(spec)
        kind = _kind(spec)
        for stage, members in groupby(blocks(spec), key=lambda block: block.stage):
            self.add_module(f"layer{stage}", nn.Sequential(*(kind(spec, block) for block in members)))
        # In pre-activation the sums go on as they are, and the last one is activated here.
        self.norm = norm(spec, spec.stage_channels[-1]) if spec.preactivation else nn.Identity()
        self.act = activation(spec) if spec.preactivation else nn.Identity()
        self.pool = global_pool(spec)
        self.dropout = nn.Dropout(spec.dropout)
        self.fc: nn.Linear = _classifier(spec)
        initialize(self)

    def forward(self, x: Images) -> Float[Tensor, "batch outputs"]:
        """Logits; the features, where the network has no classifier."""
        return self.classify(self.features(x))

    def classify(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch outputs"]:
        """Logits from what `features` gives."""
        return self.fc(self.dropout(features))

    def features(self, x: Images) -> Float[Tensor, "batch features"]:
        """What the classifier reads: the last stage's maps, pooled over their positions."""
        x = self.stem(x)
        for stage in self.stages():
            x = self._through(stage, x)
        return torch.flatten(self.pool(self.act(self.norm(x))), 1)

    def feature_maps(self, x: Images) -> tuple[Maps, ...]:
        """The output of each stage, as `feature_info` describes it; in pre-activation the last one is activated."""
        maps = [self.stem(x)]
        for stage in self.stages():
            maps.append(self._through(stage, maps[-1]))
        return (*maps[1:-1], self.act(self.norm(maps[-1])))

    @property
    def feature_info(self) -> tuple[FeatureInfo, ...]:
        """What `feature_maps` gives: one entry a stage."""
        sizes = zip(self.spec.stage_channels, self.spec.stage_strides, strict=True)
        return tuple(FeatureInfo(f"layer{stage}", *size) for stage, size in enumerate(sizes, 1))

    def stem(self, x: Images) -> Maps:
        """What enters the first stage."""
        return self.maxpool(self.act1(self.bn1(self.conv1(x))))

    def stages(self) -> Iterator[nn.Sequential]:
        """layer1, layer2, ..."""
        for stage in range(1, len(self.spec.depths) + 1):
            yield self.get_submodule(f"layer{stage}")  # pyright: ignore[reportReturnType] # added as Sequential above

    def blocks(self) -> Iterator["ResidualBlock"]:
        """Every residual block, in the order in which data meets them."""
        for stage in self.stages():
            yield from stage  # pyright: ignore[reportReturnType] # each was built by this class

    def reset_classifier(self, num_classes: int, pool: GlobalPool | None = None) -> None:
        """Take a new, untrained classifier of `num_classes` outputs (0: none), and perhaps another pool."""
        self.spec = replace(self.spec, num_classes=num_classes, pool=pool or self.spec.pool)
        device, dtype = self.bn1.weight.device, self.bn1.weight.dtype
        if pool is not None:
            self.pool = global_pool(self.spec).to(device, dtype).train(self.training)
        self.fc = _classifier(self.spec)
        draw(self.fc, self.spec)
        self.fc.to(device, dtype).train(self.training)

    def _through(self, stage: nn.Sequential, x: Maps) -> Maps:
        if not (self.gradient_checkpointing and self.training and torch.is_grad_enabled()):
            return stage(x)
        for block in stage:
            x = checkpointed(block, x)
        return x


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (He et al. 2015, figure 5 left)."""

    def __init__(self, spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        self.conv1 = _strided_3x3(spec, block, block.c_in, block.width, block.stride)
        self.pool = max_pool(spec, block)
        self.bn1 = norm(spec, block.width)
        self.act1 = activation(spec)
        self.aa = antialias(spec, block)
        self.conv2 = convolution(spec, block.width, block.c_out, 3, dilation=block.dilation)
        self.bn2 = norm(spec, block.c_out)
        self.se = attention(spec, block.c_out)
        self.downsample = shortcut(spec, block)
        self.act2 = activation(spec)

    def forward(self, x: Images) -> Maps:
        return self.act2(self.residual(x) + self.downsample(x))

    def residual(self, x: Images) -> Maps:
        x = self.aa(self.act1(self.bn1(self.pool(self.conv1(x)))))
        return self.se(self.bn2(self.conv2(x)))

    @property
    def last_scale(self) -> Tensor:
        """What is zero in a block that starts as its shortcut."""
        return self.bn2.weight


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions (He et al. 2015, figure 5 right), the 3x3 perhaps grouped (Xie et al. 2017)."""

    def __init__(self, spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        first, second = (block.stride, 1) if spec.stride_at == "conv1" else (1, block.stride)
        self.conv1 = convolution(spec, block.c_in, block.first_width, 1, strided(spec, first))
        self.bn1 = norm(spec, block.first_width)
        self.act1 = activation(spec)
        self.conv2 = _strided_3x3(spec, block, block.first_width, block.width, second)
        self.pool = max_pool(spec, block)
        self.bn2 = norm(spec, block.width)
        self.act2 = activation(spec)
        self.aa = antialias(spec, block)
        self.conv3 = convolution(spec, block.width, block.c_out, 1)
        self.bn3 = norm(spec, block.c_out)
        self.se = attention(spec, block.c_out)
        self.downsample = shortcut(spec, block)
        self.act3 = activation(spec)

    def forward(self, x: Images) -> Maps:
        return self.act3(self.residual(x) + self.downsample(x))

    def residual(self, x: Images) -> Maps:
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.aa(self.act2(self.bn2(self.pool(self.conv2(x)))))
        return self.se(self.bn3(self.conv3(x)))

    @property
    def last_scale(self) -> Tensor:
        """What is zero in a block that starts as its shortcut."""
        return self.bn3.weight


class PreactBasicBlock(nn.Module):
    """Two 3x3 convolutions, each after its norm and activation (He et al. 2016, figure 4 e).

    A shortcut that changes the shape reads what the first activation gives. The network's first block has none: the
    stem's is its own.
    """

    def __init__(self, spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        self.bn1 = nn.Identity() if block.first else norm(spec, block.c_in)
        self.act1 = nn.Identity() if block.first else activation(spec)
        self.conv1 = _strided_3x3(spec, block, block.c_in, block.width, block.stride)
        self.pool = max_pool(spec, block)
        self.bn2 = norm(spec, block.width)
        self.act2 = activation(spec)
        self.aa = antialias(spec, block)
        self.conv2 = convolution(spec, block.width, block.c_out, 3, dilation=block.dilation)
        self.se = attention(spec, block.c_out)
        self.downsample = shortcut(spec, block)

    def forward(self, x: Images) -> Maps:
        activated = self.act1(self.bn1(x))
        plain = isinstance(self.downsample, nn.Identity)
        return self.residual(activated) + self.downsample(x if plain else activated)

    def residual(self, activated: Images) -> Maps:
        x = self.aa(self.act2(self.bn2(self.pool(self.conv1(activated)))))
        return self.se(self.conv2(x))

    @property
    def last_scale(self) -> Tensor:
        """What is zero in a block that starts as its shortcut."""
        return self.conv2.weight


class PreactBottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, each after its norm and activation (He et al. 2016); see PreactBasicBlock."""

    def __init__(self, spec: ResNetSpec, block: Block) -> None:
        super().__init__()
        first, second = (block.stride, 1) if spec.stride_at == "conv1" else (1, block.stride)
        self.bn1 = nn.Identity() if block.first else norm(spec, block.c_in)
        self.act1 = nn.Identity() if block.first else activation(spec)
        self.conv1 = convolution(spec, block.c_in, block.first_width, 1, strided(spec, first))
        self.bn2 = norm(spec, block.first_width)
        self.act2 = activation(spec)
        self.conv2 = _strided_3x3(spec, block, block.first_width, block.width, second)
        self.pool = max_pool(spec, block)
        self.bn3 = norm(spec, block.width)
        self.act3 = activation(spec)
        self.aa = antialias(spec, block)
        self.conv3 = convolution(spec, block.width, block.c_out, 1)
        self.se = attention(spec, block.c_out)
        self.downsample = shortcut(spec, block)

    def forward(self, x: Images) -> Maps:
        activated = self.act1(self.bn1(x))
        plain = isinstance(self.downsample, nn.Identity)
        return self.residual(activated) + self.downsample(x if plain else activated)

    def residual(self, activated: Images) -> Maps:
        x = self.act2(self.bn2(self.conv1(activated)))
        x = self.aa(self.act3(self.bn3(self.pool(self.conv2(x)))))
        return self.se(self.conv3(x))

    @property
    def last_scale(self) -> Tensor:
        """What is zero in a block that starts as its shortcut."""
        return self.conv3.weight


ResidualBlock = BasicBlock | Bottleneck | PreactBasicBlock | PreactBottleneck


def _kind(spec: ResNetSpec) -> type[ResidualBlock]:
    if spec.preactivation:
        return PreactBasicBlock if spec.block == "basic" else PreactBottleneck
    return BasicBlock if spec.block == "basic" else Bottleneck


def _strided_3x3(spec: ResNetSpec, block: Block, c_in: int, c_out: int, stride: int) -> nn.Conv2d:
    """A block's first 3x3, grouped where the spec has groups."""
    dilation = block.first_dilation
    return convolution(spec, c_in, c_out, 3, strided(spec, stride), groups=spec.groups, dilation=dilation)


def _stem_convolutions(spec: ResNetSpec) -> nn.Module:
    """One convolution, or several with norm and activation between; the last one's norm is the network's bn1."""
    *first, last = spec.stem.widths
    layers: list[nn.Module] = []
    c_in, kernel, stride = spec.in_channels, spec.stem.kernel, spec.stem.stride
    for width in first:
        layers += [convolution(spec, c_in, width, kernel, stride), norm(spec, width), activation(spec)]
        c_in, stride = width, 1
    layers.append(convolution(spec, c_in, last, kernel, stride))
    return nn.Sequential(*layers) if first else layers[0]


def _classifier(spec: ResNetSpec) -> Any:
    """A linear layer, or what passes on the features where nothing but features is asked of the network."""
    return nn.Linear(spec.features, spec.num_classes) if spec.num_classes else nn.Identity()


def initialize(network: ResNet) -> None:
    """Draw every weight anew, from torch's global generator, as the spec's source does."""
    draw(network, network.spec)
    if network.spec.zero_last_norm and network.spec.norm != "frozen":  # a frozen zero would never learn
        for block in network.blocks():
            nn.init.zeros_(block.last_scale)
