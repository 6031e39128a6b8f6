"""What a residual network is: frozen dataclasses of plain values.

One `ResNetSpec` covers the whole family. `blocks(spec)` lists what every block is made of; `network.py` builds that
list as modules and `structure.py` as rows of numbers. `variants.py` turns one network into another, and
`spec_values.py` reads and writes specs as JSON and TOML.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from math import log2, prod
from typing import Literal, get_args, get_origin, get_type_hints

from resnets.base.checks import check_choice, check_count, check_counts, check_share, check_type
from resnets.base.errors import InputError

BlockKind = Literal["basic", "bottleneck"]
ShortcutKind = Literal["pad", "projection", "projection-always", "pooled-projection", "none"]
BranchKind = Literal["identity", "pad", "projection", "pooled-projection", "none"]
StemPool = Literal["max", "conv", "none"]
Attention = Literal["none", "se", "eca"]
Antialias = Literal["none", "average", "blur", "max"]
Norm = Literal["batch", "group", "frozen"]
Activation = Literal["relu", "silu", "mish", "leaky-relu", "gelu"]
GlobalPool = Literal["average", "max", "both", "gem"]

# Beyond these a network is a mistake: the largest published ones have 600 blocks and a billion weights.
MOST_BLOCKS = 4096
MOST_CHANNELS = 65_536
MOST_CLASSES = 1_000_000
MOST_PIXELS = 255  # of a stem's kernel or stride
MOST_WEIGHTS = 2**31  # 8 GiB in float32

EXPANSION: Mapping[BlockKind, int] = {"basic": 1, "bottleneck": 4}  # channels out of a block over its width
NORM_GROUPS = 32  # of group normalization (Wu & He 2018)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stem:
    """What stands before the first stage: convolutions, each with norm and activation, then perhaps a pool."""

    widths: tuple[int, ...] = (64,)  # (32, 32, 64): ResNet-C and -D; (24, 32, 64): timm's tiered stem
    kernel: int = 7  # an even one leaves a pixel less than the stride says, such as 31 of 32
    stride: int = 2  # of the first convolution
    pool: StemPool = "max"  # 3x3 of stride 2: max pool; "conv": a convolution (ResNet-RS); "none": CIFAR

    def __post_init__(self) -> None:
        check_counts("stem.widths", self.widths, MOST_CHANNELS)
        check_count("stem.kernel", self.kernel, MOST_PIXELS)
        check_count("stem.stride", self.stride, MOST_PIXELS)
        check_choice("stem.pool", self.pool, get_args(StemPool))


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNetSpec:
    """A residual network, completely. Raises InputError (a ValueError) naming the value and the rule it breaks."""

    depths: tuple[int, ...]  # blocks a stage
    widths: tuple[int, ...] = (64, 128, 256, 512)  # of the residual branch, a stage
    block: BlockKind = "bottleneck"
    expansion: int | None = None  # channels out of a block over its width; None: 1 if basic, 4 if bottleneck
    preactivation: bool = False  # norm and activation before each convolution (He et al. 2016, Identity Mappings)
    stem: Stem = field(default_factory=Stem)
    stride_at: Literal["conv1", "conv2"] = "conv2"  # of a bottleneck. "conv1": the 2015 paper; "conv2": ResNet-B
    first_stride: int = 1  # of the first stage: 2 halves the resolution there too, for want of a pool in the stem
    shortcut: ShortcutKind = "projection"  # options A, B, C of the paper, and ResNet-D's; "none": a plain network
    projection_kernel: int = 1  # of a projection that changes the resolution; 3 in SENet-154
    groups: int = 1  # cardinality (Xie et al. 2017)
    group_width: int = 64  # base width at 64 channels: 4 in ResNeXt 32x4d, 128 in a twice as wide network
    reduce_first: int = 1  # the first convolution's channels are the width over this; 2 in SENet-154
    attention: Attention = "none"  # after each residual branch: squeeze-and-excitation (Hu et al. 2018), or
    #   efficient channel attention (Wang et al. 2020)
    attention_reduction: int = 16  # channels of squeeze-and-excitation over its hidden ones; 4 in ResNet-RS
    antialias: Antialias = "none"  # strides become an average (timm, resnetaa), a blur (Zhang 2019) or the largest of
    #   four (Page 2018, How to train your ResNet), which is taken before the norm and leaves a last odd row out
    norm: Norm = "batch"  # "group": Wu & He 2018, in groups of channels; "frozen": batch norm that never changes
    activation: Activation = "relu"
    conv_bias: bool = False  # convolutions with a bias, as some tutorials' code has them
    output_stride: int | None = None  # 8 or 16: from there on dilation instead of strides (Chen et al. 2017)
    pool: GlobalPool = "average"  # of the last maps; "both": average then max; "gem": Radenovic et al. 2018
    dropout: float = 0.0  # share of the features set to zero before the classifier, in training
    init: Literal["he", "xresnet"] = "he"
    zero_last_norm: bool = False  # start every residual branch at zero
    in_channels: int = 3
    num_classes: int = 1000  # 0: features alone, without a classifier

    def __post_init__(self) -> None:
        check_counts("depths", self.depths, MOST_BLOCKS)
        check_counts("widths", self.widths, MOST_CHANNELS)
        for name in ("projection_kernel", "groups", "group_width", "reduce_first", "attention_reduction"):
            check_count(name, getattr(self, name), MOST_CHANNELS)
        check_count("in_channels", self.in_channels, MOST_CHANNELS)
        check_count("num_classes", self.num_classes, MOST_CLASSES, least=0)
        if self.expansion is not None:
            check_count("expansion", self.expansion, MOST_PIXELS)
        check_type("stem", self.stem, Stem)
        for name in ("preactivation", "conv_bias", "zero_last_norm"):
            check_type(name, getattr(self, name), bool)
        for name, choices in _choices().items():
            check_choice(name, getattr(self, name), choices)
        self._check_values()
        self._check_shortcut()
        self._check_stages()
        self._check_size()

    def _check_values(self) -> None:
        if self.first_stride not in (1, 2):
            raise InputError(f"first_stride = {self.first_stride!r}: must be 1 or 2")
        if self.output_stride not in (None, 8, 16, 32):
            raise InputError(f"output_stride = {self.output_stride!r}: must be 8, 16 or 32")
        check_share("dropout", self.dropout)
        if self.projection_kernel % 2 == 0 or self.projection_kernel > MOST_PIXELS:
            raise InputError(f"projection_kernel = {self.projection_kernel}: must be odd, and at most {MOST_PIXELS}")

    def _check_shortcut(self) -> None:
        if self.shortcut == "none" and self.zero_last_norm:
            raise InputError(
                'shortcut = "none" with zero_last_norm = true: without shortcuts every block would start at zero, and '
                "nothing would be learnt; use zero_last_norm = false"
            )
        if self.antialias == "max" and self.shortcut not in ("pooled-projection", "none"):
            found = f'antialias = "max" with shortcut = "{self.shortcut}": its pools leave a last odd row out, which'
            raise InputError(f'{found} that shortcut keeps; use shortcut = "pooled-projection"')
        if self.shortcut == "pad":
            channels = (self.stem.widths[-1], *self.stage_channels)
            for c_in, c_out in pairwise(channels):
                if c_out < c_in:
                    raise InputError(
                        f'shortcut = "pad" where channels shrink from {c_in} to {c_out}: padding only adds channels; '
                        'use shortcut = "projection"'
                    )

    def _check_stages(self) -> None:
        if len(self.depths) != len(self.widths):
            raise InputError(
                f"depths = {self.depths} and widths = {self.widths}: a network needs one width for each stage"
            )
        for width in self.widths:
            if width * self.group_width % 64:
                raise InputError(
                    f"groups = {self.groups}, group_width = {self.group_width} at width {width}: a group would have "
                    f"{width} * {self.group_width} / 64 = {width * self.group_width / 64:,} channels; it must be whole"
                )

    def _check_size(self) -> None:
        if sum(self.depths) > MOST_BLOCKS:
            raise InputError(f"depths = {self.depths}: {sum(self.depths):,} blocks; at most {MOST_BLOCKS:,} together")
        for block, _ in distinct_blocks(self):
            if block.width > MOST_CHANNELS:
                raise InputError(
                    f"groups = {self.groups}, group_width = {self.group_width}: {block.width:,} channels in a block; "
                    f"at most {MOST_CHANNELS:,}"
                )
            self._check_grouped(block)
        if (weights := _kernel_weights(self)) > MOST_WEIGHTS:
            raise InputError(
                f"depths = {self.depths}, widths = {self.widths}: {weights:,} weights; at most {MOST_WEIGHTS:,}, so "
                "make it narrower or shallower"
            )

    def _check_grouped(self, block: "Block") -> None:
        """Raise InputError where a convolution's or a norm's channels can't be parted into its groups."""
        c_in = block.c_in if self.block == "basic" else block.first_width
        if c_in % self.groups or block.first_width % self.groups or not block.first_width:
            raise InputError(
                f'groups = {self.groups}, reduce_first = {self.reduce_first} with block = "{self.block}": '
                f"{c_in} channels cannot be parted into {self.groups} groups"
            )
        normed = {*self.stem.widths, block.c_in, block.first_width, block.width, block.c_out}
        if self.norm == "group" and (odd := [channels for channels in normed if channels % NORM_GROUPS]):
            raise InputError(
                f'norm = "group": {min(odd)} channels cannot be parted into {NORM_GROUPS} groups; use widths that can'
            )

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Channels that leave each stage."""
        return tuple(width * (self.expansion or EXPANSION[self.block]) for width in self.widths)

    @property
    def features(self) -> int:
        """Numbers that the classifier reads."""
        return self.stage_channels[-1] * (2 if self.pool == "both" else 1)

    @property
    def depth(self) -> int:
        """The number in the network's name: weighted layers on the trunk, a stem counted as one."""
        return 2 + sum(self.depths) * (2 if self.block == "basic" else 3)

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """Pixels of the image, along one axis, for each position that leaves a stage."""
        stride, strides = _stem_stride(self.stem), dict[int, int]()
        for block, _ in distinct_blocks(self):
            stride *= block.stride
            strides[block.stage] = stride
        return tuple(strides.values())


@cache  # reading the annotations takes a hundred times as long as checking the values, and the catalog has 500 specs
def _choices() -> Mapping[str, tuple[str, ...]]:
    """The fields of a ResNetSpec that are one of a few words, with these words."""
    hints = get_type_hints(ResNetSpec)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One residual block of a network: relu(residual + shortcut). A plain network has the residual alone."""

    stage: int  # from 1
    index: int  # from 0, within its stage
    c_in: int
    first_width: int  # channels out of the residual branch's first convolution
    width: int  # channels of the residual branch before its last convolution
    c_out: int
    stride: int
    dilation: int
    first_dilation: int  # of the convolution that would have the stride
    shortcut: BranchKind

    @property
    def first(self) -> bool:
        """Whether it is the network's first: in pre-activation, the stem has activated its input already."""
        return self.stage == 1 and self.index == 0


def blocks(spec: ResNetSpec) -> Iterator[Block]:
    """Every block of the network, in the order in which data meets them."""
    for block, count in distinct_blocks(spec):
        yield block
        for index in range(block.index + 1, block.index + count):
            yield replace(block, index=index)


def distinct_blocks(spec: ResNetSpec) -> Iterator[tuple[Block, int]]:
    """The first block of each stage, and its second with the number of those that equal it but for their index."""
    c_in, total = spec.stem.widths[-1], _stem_stride(spec.stem)
    dilation = before = 1
    for stage, (depth, width, c_out) in enumerate(zip(spec.depths, spec.widths, spec.stage_channels, strict=True), 1):
        step = spec.first_stride if stage == 1 else 2
        if spec.output_stride is not None and total >= spec.output_stride:
            dilation, step = dilation * step, 1
        total *= step
        inner = width * spec.group_width // 64 * spec.groups
        first = Block(
            stage=stage,
            index=0,
            c_in=c_in,
            first_width=inner // spec.reduce_first,
            width=inner if spec.block == "bottleneck" else inner // spec.reduce_first,
            c_out=c_out,
            stride=step,
            dilation=dilation,
            first_dilation=before,
            shortcut=_branch(spec.shortcut, same_shape=step == 1 and c_in == c_out),
        )
        yield first, 1
        if depth > 1:
            shortcut = _branch(spec.shortcut, same_shape=True)
            yield replace(first, index=1, c_in=c_out, stride=1, first_dilation=dilation, shortcut=shortcut), depth - 1
        c_in, before = c_out, dilation


def squeezed_width(channels: int, reduction: int) -> int:
    """Hidden channels of squeeze-and-excitation: a multiple of 8, the nearest to channels / reduction (timm)."""
    return max(8, int(channels / reduction + 4) // 8 * 8)


def channel_kernel(channels: int) -> int:
    """How many neighbouring channels ECA reads: the odd number next to (log2 channels + 1) / 2, at least 3."""
    near = int((log2(channels) + 1) / 2)
    return max(near if near % 2 else near + 1, 3)


def _branch(option: ShortcutKind, *, same_shape: bool) -> BranchKind:
    if option == "none":
        return "none"
    if option == "projection-always":
        return "projection"
    return "identity" if same_shape else option


def _stem_stride(stem: Stem) -> int:
    return stem.stride * (1 if stem.pool == "none" else 2)


def _kernel_weights(spec: ResNetSpec) -> int:
    """Weights of the stem's, the residual branches' and the classifier's matrices: nearly all there are."""
    area = spec.stem.kernel**2
    count = sum(area * prod(pair) for pair in pairwise((spec.in_channels, *spec.stem.widths)))
    for block, times in distinct_blocks(spec):
        if spec.block == "basic":
            count += times * 9 * block.width * (block.c_in // spec.groups + block.c_out)
        else:
            inner = 9 * block.first_width * block.width // spec.groups
            count += times * (block.c_in * block.first_width + inner + block.width * block.c_out)
    return count + spec.features * spec.num_classes
