"""Networks of which the publisher's names and order are all that is special, a row each.

Checked against their source: bearpaw (models/cifar/resnet.py), Cadene (models/torchvision_models.py: `fc` becomes
`last_linear`), hysts (models/cifar/resnet.py) and pycls (models/resnet.py). The others are from memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from tests.weights.publishers.cifar import conv


@dataclass(frozen=True)
class Names:
    """What a publisher calls the layers of a network, in the order in which the modules are defined."""

    stem: tuple[str, str]
    block: str  # {stage} and {index} are from 0, {stage1} and {index1} from 1, {stage2} from 2
    branch: str  # convolution and norm of each layer of the residual branch
    shortcut: str
    head: str
    shortcut_first: bool = False
    shortcut_at: int | None = None  # layers of the branch that are defined before the shortcut


@dataclass(frozen=True)
class Shape:
    """What a publisher's blocks are, but for their names."""

    outs: tuple[int, ...] = (16, 32, 64)
    expansion: int = 4  # 1: two 3x3 convolutions; else the channels out of a bottleneck over those in it
    groups: int = 1
    stem: int = 8
    large: bool = True  # a 7x7 of stride 2, and a max pool
    bias: bool = False
    stem_bias: bool = False
    strided: int = 1  # the convolution of the branch that has the stride
    eps: float = 1e-5


class Network(nn.Module):
    """A residual network of two blocks a stage, its layers under a publisher's names."""

    def __init__(self, names: Names, shape: Shape, classes: int = 7) -> None:
        super().__init__()
        self.names, self.shape = names, shape
        kernel, stride = (7, 2) if shape.large else (3, 1)
        stem = conv(3, shape.stem, kernel, stride, bias=shape.stem_bias), nn.BatchNorm2d(shape.stem, shape.eps)
        self.stem = [self._put(name, layer) for name, layer in zip(names.stem, stem, strict=True)]
        self.blocks: list[tuple[list[nn.Module], list[nn.Module]]] = []
        c_in = shape.stem
        for stage, c_out in enumerate(shape.outs):
            for index in range(2):
                numbers = {"stage1": stage + 1, "stage2": stage + 2, "index1": index + 1}
                place = names.block.format(stage=stage, index=index, **numbers)
                stride = 2 if stage and not index else 1
                self.blocks.append(self._block(place, c_in, c_out, stride))
                c_in = c_out
        self.last = [self._put(names.head, nn.Linear(c_in, classes))]

    def _block(self, place: str, c_in: int, c_out: int, stride: int) -> tuple[list[nn.Module], list[nn.Module]]:
        names, shape = self.names, self.shape
        branch = list(zip(names.branch.split(), _branch(shape, c_in, c_out, stride), strict=True))
        side: list[tuple[str, nn.Module]] = []
        if stride != 1 or c_in != c_out:
            layers = conv(c_in, c_out, 1, stride, bias=shape.bias), nn.BatchNorm2d(c_out, shape.eps)
            side = list(zip(names.shortcut.split(), layers, strict=True))
        cut = 0 if names.shortcut_first else len(branch) if names.shortcut_at is None else names.shortcut_at
        for name, layer in [*branch[:cut], *side, *branch[cut:]]:
            self._put(f"{place}{name}", layer)
        return [layer for _, layer in branch], [layer for _, layer in side]

    def _put(self, name: str, layer: nn.Module) -> nn.Module:
        *above, last = name.split(".")
        module: nn.Module = self
        for part in above:
            if part not in dict(module.named_children()):
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        module.add_module(last, layer)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(_through(self.stem, x))
        x = F.max_pool2d(x, 3, 2, 1) if self.shape.large else x
        for branch, side in self.blocks:
            y = _through(branch[:2], x)
            for place in range(2, len(branch), 2):
                y = _through(branch[place : place + 2], F.relu(y))
            x = F.relu(y + _through(side, x))
        return _through(self.last, x.mean((2, 3)))


def _branch(shape: Shape, c_in: int, c_out: int, stride: int) -> list[nn.Module]:
    width = c_out // shape.expansion
    kernels = (3, 3) if shape.expansion == 1 else (1, 3, 1)
    channels = (c_in, *[width] * (len(kernels) - 1), c_out)
    layers: list[nn.Module] = []
    for number, kernel in enumerate(kernels):
        groups = shape.groups if number == 1 else 1
        strides = stride if number == (0 if shape.expansion == 1 else shape.strided) else 1
        one, two = channels[number : number + 2]
        layers += [conv(one, two, kernel, strides, groups=groups, bias=shape.bias), nn.BatchNorm2d(two, shape.eps)]
    return layers


def _through(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


CIFAR = Shape(outs=(8, 16, 32), expansion=1, large=False)

# Repository or tutorial -> its names, and what its blocks are.
ROWS: dict[str, tuple[Names, Shape]] = {
    # Video tutorial and repository: a `block` class whose projection is called identity_downsample.
    "aladdinpersson/Machine-Learning-Collection": (
        Names(("conv1", "bn1"), "layer{stage1}.{index}.", "conv1 bn1 conv2 bn2 conv3 bn3",
              "identity_downsample.0 identity_downsample.1", "fc"),
        Shape(),
    ),
    # batch_norm1 for bn1, i_downsample, and a bias on every convolution but the stem's.
    "JayPatwardhan/ResNet-PyTorch": (
        Names(("conv1", "batch_norm1"), "layer{stage1}.{index}.",
              "conv1 batch_norm1 conv2 batch_norm2 conv3 batch_norm3", "i_downsample.0 i_downsample.1", "fc"),
        Shape(bias=True),
    ),
    # "ResNeXt: from scratch": convolutions with bias, blocks that double their channels.
    "Tanmay Debnath, ResNeXt: from scratch": (
        Names(("conv1", "bn1"), "layer{stage1}.{index}.", "conv1 bn1 conv2 bn2 conv3 bn3",
              "identity_downsample.0 identity_downsample.1", "fc"),
        Shape(outs=(32, 64, 128), expansion=2, groups=4, bias=True, stem_bias=True),
    ),
    # "Writing ResNet from scratch": stages from layer0, a Sequential for each convolution, biases everywhere.
    "Nouman Ahmed, Writing ResNet from scratch": (
        Names(("conv1.0", "conv1.1"), "layer{stage}.{index}.", "conv1.0 conv1.1 conv2.0 conv2.1",
              "downsample.0 downsample.1", "fc"),
        Shape(outs=(8, 16, 32), expansion=1, bias=True, stem_bias=True),
    ),
    # stage1.block1, shortcut.conv, and a stem of bare names.
    "hysts/pytorch_image_classification": (
        Names(("conv", "bn"), "stage{stage1}.block{index1}.", "conv1 bn1 conv2 bn2", "shortcut.conv shortcut.bn", "fc"),
        CIFAR,
    ),
    # features.stage1.unit1.body.conv1.conv, identity_conv, output.
    "osmr/pytorchcv": (
        Names(("features.init_block.conv.conv", "features.init_block.conv.bn"),
              "features.stage{stage1}.unit{index1}.",
              "body.conv1.conv body.conv1.bn body.conv2.conv body.conv2.bn body.conv3.conv body.conv3.bn",
              "identity_conv.conv identity_conv.bn", "output"),
        Shape(),
    ),
    # s1 is the stem; a projection and its norm stand in the block itself, the branch behind them in `f`.
    "facebookresearch/pycls": (
        Names(("s1.conv", "s1.bn"), "s{stage2}.b{index1}.", "f.a f.a_bn f.b f.b_bn f.c f.c_bn", "proj bn", "head.fc",
              shortcut_first=True),
        Shape(),
    ),
    # torchvision's names with another classifier.
    "Cadene/pretrained-models.pytorch": (
        Names(("conv1", "bn1"), "layer{stage1}.{index}.", "conv1 bn1 conv2 bn2 conv3 bn3", "downsample.0 downsample.1",
              "last_linear"),
        Shape(),
    ),
    # keras.applications' names: the stride on the first 1x1, biases, the shortcut (0) behind the second layer.
    "keras.applications, in torch": (
        Names(("conv1_conv", "conv1_bn"), "conv{stage2}_block{index1}_", "1_conv 1_bn 2_conv 2_bn 3_conv 3_bn",
              "0_conv 0_bn", "predictions", shortcut_at=4),
        Shape(bias=True, stem_bias=True, strided=0, eps=1.001e-5),
    ),
    # bearpaw's ResNet, after fb.resnet.torch: torchvision's words on three stages.
    "bearpaw/pytorch-classification": (
        Names(("conv1", "bn1"), "layer{stage1}.{index}.", "conv1 bn1 conv2 bn2 conv3 bn3", "downsample.0 downsample.1",
              "fc"),
        Shape(outs=(16, 32, 64), large=False),
    ),
}  # fmt: skip


def made(name: str) -> Network:
    """A publisher's network, small."""
    return Network(*ROWS[name])
