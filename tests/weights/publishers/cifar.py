"""CIFAR networks as their repositories name and order their layers.

Checked against the repositories' own files: kuangliu (models/resnet.py), weiaicunzai (models/resnet.py), chenyaofo
(pytorch_cifar_models/resnet.py), prlz77 (models/model.py), and akamaster (resnet.py at its commit 4e4f8da, whose names
are those of its published ResNet-20 and -32; 1877b67 calls the convolutions compressible_conv1 and so on, which is not
checked here; trainer.py for what is saved). From memory: Zuppichini.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1, *, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=bias)


class KuangliuBlock(nn.Module):
    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != width:
            self.shortcut = nn.Sequential(conv(c_in, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class KuangliuBottleneck(nn.Module):
    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != 4 * width:
            self.shortcut = nn.Sequential(conv(c_in, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class Kuangliu(nn.Module):
    """kuangliu/pytorch-cifar."""

    def __init__(self, block: type[nn.Module] = KuangliuBlock, out: int = 1) -> None:
        super().__init__()
        self.conv1 = conv(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        c_in = 8
        for stage, (width, stride) in enumerate(((8, 1), (16, 2), (32, 2)), 1):
            layers = [block(c_in, width, stride), block(out * width, width, 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
            c_in = out * width
        self.linear = nn.Linear(c_in, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.linear(x.mean((2, 3)))


class WeiaicunzaiBlock(nn.Module):
    def __init__(self, c_in: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        out = 4 * width if bottleneck else width
        if bottleneck:
            self.residual_function = nn.Sequential(
                conv(c_in, width, 1), nn.BatchNorm2d(width), nn.ReLU(),
                conv(width, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(),
                conv(width, out, 1), nn.BatchNorm2d(out),
            )  # fmt: skip
        else:
            self.residual_function = nn.Sequential(
                conv(c_in, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(),
                conv(width, out, 3), nn.BatchNorm2d(out),
            )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != out:
            self.shortcut = nn.Sequential(conv(c_in, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual_function(x) + self.shortcut(x))


class Weiaicunzai(nn.Module):
    """weiaicunzai/pytorch-cifar100: stages conv2_x to conv5_x."""

    def __init__(self, *, bottleneck: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        c_in = 8
        for number, (width, stride) in enumerate(((8, 1), (12, 2), (16, 2), (24, 2)), 2):
            out = 4 * width if bottleneck else width
            blocks = [
                WeiaicunzaiBlock(c_in, width, stride, bottleneck=bottleneck),
                WeiaicunzaiBlock(out, width, 1, bottleneck=bottleneck),
            ]
            self.add_module(f"conv{number}_x", nn.Sequential(*blocks))
            c_in = out
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c_in, 100)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for number in (2, 3, 4, 5):
            x = self.get_submodule(f"conv{number}_x")(x)
        return self.fc(self.avg_pool(x).flatten(1))


class DownsampleBlock(nn.Module):
    """chenyaofo/pytorch-cifar-models: torchvision's words."""

    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or c_in != width:
            self.downsample = nn.Sequential(conv(c_in, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Chenyaofo(nn.Module):
    """chenyaofo/pytorch-cifar-models: three stages of 16, 32 and 64, option B."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16, 3)
        self.bn1 = nn.BatchNorm2d(16)
        c_in = 16
        for stage, (width, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
            blocks = [DownsampleBlock(c_in, width, stride), DownsampleBlock(width, width, 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            c_in = width
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class Prlz77Block(nn.Module):
    def __init__(self, c_in: int, out: int, stride: int, groups: int, width: int) -> None:
        super().__init__()
        self.conv_reduce = conv(c_in, groups * width, 1)
        self.bn_reduce = nn.BatchNorm2d(groups * width)
        self.conv_conv = conv(groups * width, groups * width, 3, stride, groups=groups)
        self.bn = nn.BatchNorm2d(groups * width)
        self.conv_expand = conv(groups * width, out, 1)
        self.bn_expand = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if c_in != out:
            self.shortcut.add_module("shortcut_conv", conv(c_in, out, 1, stride))
            self.shortcut.add_module("shortcut_bn", nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn_reduce(self.conv_reduce(x)))
        y = F.relu(self.bn(self.conv_conv(y)))
        return F.relu(self.shortcut(x) + self.bn_expand(self.conv_expand(y)))


class Prlz77(nn.Module):
    """prlz77/ResNeXt.pytorch, which bearpaw/pytorch-classification took over: stage_1, stage_2, stage_3."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_1_3x3 = conv(3, 16, 3)
        self.bn_1 = nn.BatchNorm2d(16)
        c_in = 16
        for stage, (out, stride) in enumerate(((32, 1), (64, 2), (128, 2)), 1):
            inner = nn.Sequential()
            for number in range(2):
                width = 4 * 2 ** (stage - 1)
                inner.add_module(
                    f"stage_{stage}_bottleneck_{number}",
                    Prlz77Block(c_in, out, stride if number == 0 else 1, 2, width),
                )
                c_in = out
            self.add_module(f"stage_{stage}", inner)
        self.classifier = nn.Linear(c_in, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn_1(self.conv_1_3x3(x)))
        for stage in (1, 2, 3):
            x = self.get_submodule(f"stage_{stage}")(x)
        return self.classifier(x.mean((2, 3)))


class Padded(nn.Module):
    """Option A: every second position, zeros in front and behind."""

    def __init__(self, c_in: int, out: int) -> None:
        super().__init__()
        self.side = (out - c_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.side, self.side))


class AkamasterBlock(KuangliuBlock):
    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__(c_in, width, stride)
        self.shortcut = nn.Sequential() if c_in == width else Padded(c_in, width)


class Akamaster(Kuangliu):
    """akamaster/pytorch_resnet_cifar10, option A."""

    def __init__(self) -> None:
        super().__init__(AkamasterBlock)


class Zuppichini(nn.Module):
    """FrancescoSaverioZuppichini/ResNet: gate, blocks of blocks of blocks, and a shortcut that stands behind them."""

    def __init__(self) -> None:
        super().__init__()
        gate = nn.Sequential(conv(3, 8, 7, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        stages: list[nn.Module] = []
        c_in = 8
        for out, stride in ((8, 1), (16, 2)):
            blocks = nn.Sequential(ZuppichiniBlock(c_in, out, stride), ZuppichiniBlock(out, out, 1))
            stages.append(nn.ModuleDict({"blocks": blocks}))
            c_in = out
        self.encoder = nn.ModuleDict({"gate": gate, "blocks": nn.ModuleList(stages)})
        self.decoder = nn.ModuleDict({"decoder": nn.Linear(16, 7)})

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder["gate"](x)
        for stage in self.encoder["blocks"]:  # pyright: ignore[reportGeneralTypeIssues] # a ModuleList
            x = stage["blocks"](x)
        return self.decoder["decoder"](x.mean((2, 3)))


class ZuppichiniBlock(nn.Module):
    def __init__(self, c_in: int, out: int, stride: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            nn.Sequential(conv(c_in, out, 3, stride), nn.BatchNorm2d(out)),
            nn.ReLU(),
            nn.Sequential(conv(out, out, 3), nn.BatchNorm2d(out)),
        )
        self.shortcut = None
        if c_in != out:
            self.shortcut = nn.Sequential(conv(c_in, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.blocks(x) + (x if self.shortcut is None else self.shortcut(x)))
