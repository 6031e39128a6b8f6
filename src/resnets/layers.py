"""The layers that blocks and stems are made of, each as one field of the spec says."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from resnets.spec import NORM_GROUPS, Block, ResNetSpec, channel_kernel, squeezed_width

Maps = Float[Tensor, "batch _ _ _"]  # what a layer makes of its images: its own channels, height and width
EPSILON = 1e-5


def convolution(
    spec: ResNetSpec, c_in: int, c_out: int, kernel: int, stride: int = 1, *, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """A convolution that keeps its input centred: as large an output as the stride leaves."""
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=spec.conv_bias)


def norm(spec: ResNetSpec, channels: int) -> "nn.BatchNorm2d | nn.GroupNorm | FrozenBatchNorm":
    """The spec's normalization of `channels` channels."""
    if spec.norm == "group":
        return nn.GroupNorm(NORM_GROUPS, channels)
    return FrozenBatchNorm(channels) if spec.norm == "frozen" else nn.BatchNorm2d(channels)


def activation(spec: ResNetSpec) -> nn.Module:
    """The spec's activation function."""
    match spec.activation:
        case "relu":
            return nn.ReLU(inplace=True)
        case "silu":
            return nn.SiLU(inplace=True)
        case "mish":
            return nn.Mish(inplace=True)
        case "leaky-relu":
            return nn.LeakyReLU(inplace=True)
        case "gelu":
            return nn.GELU()


def strided(spec: ResNetSpec, stride: int) -> int:
    """The stride of a convolution: none where an anti-aliasing layer behind it takes its place."""
    return stride if spec.antialias == "none" else 1


def max_pool(spec: ResNetSpec, block: Block) -> nn.Module:
    """What follows a convolution that would have a stride, before its norm, where only the largest values go on."""
    pools = spec.antialias == "max" and block.stride > 1
    return nn.MaxPool2d(2) if pools else nn.Identity()


def antialias(spec: ResNetSpec, block: Block) -> nn.Module:
    """What follows a convolution that would have a stride, or that changes its dilation, behind its activation."""
    if spec.antialias == "average" and block.stride > 1:
        return nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
    if spec.antialias == "blur" and (block.stride > 1 or block.first_dilation != block.dilation):
        return Blur(block.stride)
    return nn.Identity()


def stem_pool(spec: ResNetSpec) -> nn.Module:
    """The stem's last layer. Anti-aliased, it looks at every position before it takes one in four."""
    channels = spec.stem.widths[-1]
    blurred = [Blur(2)] if spec.antialias == "blur" else []
    averaged = [nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)] if spec.antialias == "average" else []
    largest = [nn.MaxPool2d(2)] if spec.antialias == "max" else []
    if spec.stem.pool == "conv":
        first = convolution(spec, channels, channels, 3, strided(spec, 2))
        return nn.Sequential(first, *blurred, *averaged, *largest, norm(spec, channels), activation(spec))
    if spec.stem.pool == "none":
        return nn.Identity()
    if averaged:
        return averaged[0]
    return nn.Sequential(nn.MaxPool2d(3, 1, 1), *blurred) if blurred else nn.MaxPool2d(3, stride=2, padding=1)


def attention(spec: ResNetSpec, channels: int) -> nn.Module:
    """What weighs the channels that leave a residual branch, if the spec has it."""
    if spec.attention == "se":
        return SqueezeExcitation(spec, channels)
    return ChannelAttention(channels) if spec.attention == "eca" else nn.Identity()


def global_pool(spec: ResNetSpec) -> nn.Module:
    """From the last stage's maps to one number a channel; two for "both"."""
    match spec.pool:
        case "average":
            return nn.AdaptiveAvgPool2d(1)
        case "max":
            return nn.AdaptiveMaxPool2d(1)
        case "both":
            return AverageAndMax()
        case "gem":
            return GeneralizedMean()


def shortcut(spec: ResNetSpec, block: Block) -> nn.Module:
    """What a block's input goes through on its way to the sum."""
    if block.shortcut == "identity":
        return nn.Identity()
    if block.shortcut == "none":
        return NoShortcut()
    if block.shortcut == "pad":
        return PaddedShortcut(block.c_in, block.c_out, block.stride)
    norms = () if spec.preactivation else (norm(spec, block.c_out),)
    if block.shortcut == "projection":
        kernel = spec.projection_kernel if block.stride > 1 or block.dilation > 1 else 1
        dilation = block.first_dilation if kernel > 1 else 1
        return nn.Sequential(
            convolution(spec, block.c_in, block.c_out, kernel, block.stride, dilation=dilation), *norms
        )
    # ResNet-D: the average reads every position, where a strided 1x1 reads one in four.
    if block.stride > 1:
        pool: nn.Module = nn.AvgPool2d(2, ceil_mode=spec.antialias != "max", count_include_pad=False)
    else:
        pool = AverageInPlace() if block.dilation > 1 else nn.Identity()
    return nn.Sequential(pool, convolution(spec, block.c_in, block.c_out, 1), *norms)


class SqueezeExcitation(nn.Module):
    """Each channel times a weight that two small layers find from the means of all (Hu et al. 2018)."""

    def __init__(self, spec: ResNetSpec, channels: int) -> None:
        super().__init__()
        hidden = squeezed_width(channels, spec.attention_reduction)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.act = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Maps) -> Maps:
        return x * self.gate(self.fc2(self.act(self.fc1(self.squeeze(x)))))


class ChannelAttention(nn.Module):
    """Each channel times a weight found from the means of its neighbours among the channels (ECA; Wang et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        kernel = channel_kernel(channels)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Maps) -> Maps:
        means = self.squeeze(x).flatten(1)[:, None]
        return x * self.gate(self.conv(means)).view(*x.shape[:2], 1, 1)


class Blur(nn.Module):
    """A 3x3 binomial filter, then every `stride`-th position (Zhang 2019). Edges are mirrored."""

    kernel: Tensor

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        row = torch.tensor([0.25, 0.5, 0.25], device="cpu")  # no weights will replace it, so it is never left on meta
        self.register_buffer("kernel", (row[:, None] * row)[None, None], persistent=False)

    def forward(self, x: Maps) -> Maps:
        channels, height, width = x.shape[1:]
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect" if min(height, width) > 1 else "replicate")
        return F.conv2d(padded, self.kernel.to(x).expand(channels, 1, 3, 3), stride=self.stride, groups=channels)


class FrozenBatchNorm(nn.Module):
    """Batch norm by fixed statistics, scale and shift, for small batches (torchvision, `FrozenBatchNorm2d`)."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.eps = EPSILON
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Maps) -> Maps:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class AverageAndMax(nn.Module):
    """The channels' means, then their maxima (timm, `catavgmax`)."""

    def forward(self, x: Maps) -> Maps:
        return torch.cat((x.mean((2, 3), keepdim=True), F.adaptive_max_pool2d(x, 1)), dim=1)


class GeneralizedMean(nn.Module):
    """The channels' generalized means: p = 1 is the average, a large p nearly the maximum; p is learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([3.0]))

    def forward(self, x: Maps) -> Maps:
        return x.clamp(min=1e-6).pow(self.p).mean((2, 3), keepdim=True).pow(1 / self.p)


class AverageInPlace(nn.Module):
    """A 2x2 average of stride 1, of the position and its right and lower neighbours; zeros beyond the edges (timm)."""

    def forward(self, x: Maps) -> Maps:
        return F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)


class NoShortcut(nn.Module):
    """What stands for the shortcut in a plain network: zero, whatever comes in."""

    def forward(self, _x: Maps) -> int:
        return 0


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

    def forward(self, x: Maps) -> Maps:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.front, self.behind))
