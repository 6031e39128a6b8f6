"""ImageNet networks, small, as their libraries name and order their layers.

Checked against its source: open-mmlab/mmpretrain (backbones/resnet.py, heads/linear_head.py). No source was found for
the tutorial's conv2.0.main.0: its names are those of a checkpoint that was refused once.
"""

# Publishers nest plain modules, whose attributes pyright cannot know.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false
# pyright: reportIncompatibleMethodOverride=false

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.weights.publishers.cifar import DownsampleBlock, conv


class Bottleneck(nn.Module):
    """torchvision's words, which MoCo, DINO, SimCLR and mmpretrain share."""

    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or c_in != 4 * width:
            self.downsample = nn.Sequential(conv(c_in, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class Torchvision(nn.Module):
    def __init__(self, classes: int | None = 10, *, basic: bool = False, depth: int = 2) -> None:
        super().__init__()
        self.conv1 = conv(3, 8, 7, 2)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        block, out = (DownsampleBlock, 1) if basic else (Bottleneck, 4)
        c_in = 8
        for stage, (width, stride) in enumerate(((8, 1), (12, 2), (16, 2)), 1):
            blocks = [block(c_in, width, stride), *(block(out * width, width, 1) for _ in range(depth - 1))]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            c_in = out * width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c_in, classes) if classes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in (1, 2, 3):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.fc(self.avgpool(x).flatten(1))


class InSequential(nn.Module):
    """nn.Sequential(*list(network.children())), as notebooks cut networks: flat numbers."""

    def __init__(self) -> None:
        super().__init__()
        *body, head = list(Torchvision(5).children())
        self.features = nn.Sequential(*body)
        self.classifier = nn.Sequential(OrderedDict(drop=nn.Dropout(0.1), out=head))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Wrapped(nn.Module):
    """A network inside another module, as Lightning, MoCo and mmpretrain keep theirs."""

    def __init__(self, name: str, network: nn.Module, **others: nn.Module) -> None:
        super().__init__()
        self.add_module(name, network)
        for other, module in others.items():
            self.add_module(other, module)
        self.inner = name

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.inner)(x)


class Encoder(nn.Module):
    """A network without its classifier, and one beside it, as SupContrast and solo-learn have them."""

    def __init__(self, name: str, network: nn.Module, head: str, layer: nn.Module) -> None:
        super().__init__()
        self.add_module(name, network)
        self.add_module(head, layer)
        self.parts = name, head

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = self.get_submodule(part)(x)
        return x


class Mmpretrain(nn.Module):
    """open-mmlab/mmpretrain: backbone, and head.fc."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Torchvision(None)
        self.head = nn.Module()
        self.head.fc = nn.Linear(64, 9)

    def forward(self, x: Tensor) -> Tensor:
        return self.head.fc(self.backbone(x))


class HfConv(nn.Module):
    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.convolution = conv(c_in, c_out, kernel, stride)
        self.normalization = nn.BatchNorm2d(c_out)
        self.activation = nn.ReLU() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.normalization(self.convolution(x)))


class HfBottleneck(nn.Module):
    """transformers' ResNetBottleNeckLayer: the shortcut is defined first."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.shortcut = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.shortcut = HfConv(c_in, c_out, 1, stride, active=False)
        width = c_out // 4
        self.layer = nn.Sequential(
            HfConv(c_in, width, 1), HfConv(width, width, 3, stride), HfConv(width, c_out, 1, active=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.layer(x) + self.shortcut(x))


class HfResNet(nn.Module):
    """transformers' ResNetForImageClassification."""

    def __init__(self) -> None:
        super().__init__()
        embedder, encoder, stages = nn.Module(), nn.Module(), nn.ModuleList()
        embedder.embedder = HfConv(3, 8, 7, 2)
        c_in = 8
        for c_out, stride in ((32, 1), (48, 2), (64, 2)):
            stage = nn.Module()
            stage.layers = nn.Sequential(HfBottleneck(c_in, c_out, stride), HfBottleneck(c_out, c_out, 1))
            stages.append(stage)
            c_in = c_out
        encoder.stages = stages
        self.resnet = nn.Module()
        self.resnet.embedder, self.resnet.encoder = embedder, encoder
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.resnet.embedder.embedder(x), 3, 2, 1)
        for stage in self.resnet.encoder.stages:
            x = stage.layers(x)
        return self.classifier(x.mean((2, 3)))


class Detectron2Conv(nn.Conv2d):
    """detectron2's Conv2d keeps its norm inside."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(super().forward(x))


class Detectron2Block(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.shortcut = Detectron2Conv(c_in, c_out, 1, stride) if c_in != c_out else None
        width = c_out // 4
        self.conv1 = Detectron2Conv(c_in, width, 1)
        self.conv2 = Detectron2Conv(width, width, 3, stride)
        self.conv3 = Detectron2Conv(width, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Detectron2(nn.Module):
    """facebookresearch/detectron2: stem.conv1, res2 to res5, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Module()
        self.stem.conv1 = Detectron2Conv(3, 8, 7, 2)
        c_in = 8
        for number, (c_out, stride) in enumerate(((32, 1), (48, 2), (64, 2)), 2):
            self.add_module(
                f"res{number}", nn.Sequential(Detectron2Block(c_in, c_out, stride), Detectron2Block(c_out, c_out, 1))
            )
            c_in = c_out
        self.linear = nn.Linear(64, 11)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.stem.conv1(x)), 3, 2, 1)
        for number in (2, 3, 4):
            x = self.get_submodule(f"res{number}")(x)
        return self.linear(x.mean((2, 3)))


class D2lResidual(nn.Module):
    """d2l.ai's Residual: convolutions with bias, a bare 1x1 on the shortcut, all convolutions before all norms."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, c_out, 3, stride, bias=True)
        self.conv2 = conv(c_out, c_out, 3, bias=True)
        self.conv3 = conv(c_in, c_out, 1, stride, bias=True) if c_in != c_out else None
        self.bn1 = nn.BatchNorm2d(c_out)
        self.bn2 = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.conv3 is None else self.conv3(x)))


class D2l(nn.Module):
    """d2l.ai, Residual Networks: net.0 is the stem, net.b2 on the stages, net.last the head."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(conv(3, 8, 7, 2, bias=True), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.net = nn.Sequential(stem)
        c_in = 8
        for number, (c_out, stride) in enumerate(((8, 1), (16, 2), (24, 2)), 2):
            stage = nn.Sequential(D2lResidual(c_in, c_out, stride), D2lResidual(c_out, c_out, 1))
            self.net.add_module(f"b{number}", stage)
            c_in = c_out
        self.net.add_module("last", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class ConvBlock(nn.Sequential):
    """conv1.0 and conv1.1: a convolution with bias and its norm, as video tutorials write them."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, *, groups: int = 1) -> None:
        super().__init__(conv(c_in, c_out, kernel, stride, groups=groups, bias=True), nn.BatchNorm2d(c_out))


class TutorialBlock(nn.Module):
    """conv2.0.main.0: `main` and `skip`, convolutions with bias."""

    def __init__(self, c_in: int, width: int, stride: int, groups: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *ConvBlock(c_in, width, 1), nn.ReLU(), *ConvBlock(width, width, 3, stride, groups=groups), nn.ReLU(),
            *ConvBlock(width, 4 * width, 1),
        )  # fmt: skip
        self.skip = ConvBlock(c_in, 4 * width, 1, stride) if c_in != 4 * width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.main(x) + self.skip(x))


class Tutorial(nn.Module):
    """conv1.0, conv2.0.main.0 ... conv5_x, fc."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*ConvBlock(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        c_in = 8
        for number, (width, stride) in enumerate(((8, 1), (12, 2), (16, 2)), 2):
            blocks = [TutorialBlock(c_in, width, stride, groups), TutorialBlock(4 * width, width, 1, groups)]
            self.add_module(f"conv{number}", nn.Sequential(*blocks))
            c_in = 4 * width
        self.fc = nn.Linear(c_in, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for number in (2, 3, 4):
            x = self.get_submodule(f"conv{number}")(x)
        return self.fc(x.mean((2, 3)))


class PositionalXResNet(nn.Sequential):
    """fastai's course of 2019: a Sequential of ConvLayers, a pool, stages of blocks with convs and idconv, a head."""

    def __init__(self) -> None:
        stem = [self.layer(3, 4, 3, 2), self.layer(4, 4, 3), self.layer(4, 8, 3), nn.MaxPool2d(3, 2, 1)]
        stages = [nn.Sequential(XBlock(8, 8, 1), XBlock(32, 8, 1)), nn.Sequential(XBlock(32, 16, 2))]
        super().__init__(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 5))

    @staticmethod
    def layer(c_in: int, c_out: int, kernel: int, stride: int = 1, *, active: bool = True) -> nn.Sequential:
        layers: list[nn.Module] = [conv(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out)]
        return nn.Sequential(*layers, nn.ReLU()) if active else nn.Sequential(*layers)


class XBlock(nn.Module):
    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        layer = PositionalXResNet.layer
        self.convs = nn.Sequential(
            layer(c_in, width, 1), layer(width, width, 3, stride), layer(width, 4 * width, 1, active=False)
        )
        self.pool = nn.AvgPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()
        self.idconv = layer(c_in, 4 * width, 1, active=False) if c_in != 4 * width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.convs(x) + self.idconv(self.pool(x)))
