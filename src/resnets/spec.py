"""What a residual network is: frozen dataclasses, and small functions that turn one network into another.

One `ResNetSpec` covers the whole family. `blocks(spec)` lists what every block is made of; `network.py` builds that
list as modules and `structure.py` as rows of numbers.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args, get_type_hints

from resnets.base.errors import InputError, nearest

BlockKind = Literal["basic", "bottleneck"]
ShortcutKind = Literal["pad", "projection", "projection-always", "pooled-projection"]
BranchKind = Literal["identity", "pad", "projection", "pooled-projection"]
ShortcutOption = Literal["A", "B", "C", "D"]

# Beyond these a network is a mistake: the largest published ones have 600 blocks and a billion weights.
MOST_BLOCKS = 4096
MOST_CHANNELS = 65_536
MOST_CLASSES = 1_000_000
MOST_LAYERS = 16  # of a stem; stages of a network
MOST_PIXELS = 255  # of a stem's kernel or stride
MOST_WEIGHTS = 2**31  # 8 GiB in float32

EXPANSION: Mapping[BlockKind, int] = {"basic": 1, "bottleneck": 4}  # channels out of a block over its width
SHORTCUT_OPTIONS: Mapping[ShortcutOption, ShortcutKind] = {  # the paper's A, B and C, and ResNet-D's
    "A": "pad",
    "B": "projection",
    "C": "projection-always",
    "D": "pooled-projection",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stem:
    """What stands before the first stage: convolutions, each with norm and ReLU, then perhaps a max pool."""

    widths: tuple[int, ...] = (64,)  # (32, 32, 64): ResNet-C and -D
    kernel: int = 7
    stride: int = 2  # of the first convolution
    pool: bool = True  # 3x3 max pool, stride 2; False: CIFAR

    def __post_init__(self) -> None:
        _check_counts("stem.widths", self.widths, MOST_CHANNELS)
        _check_count("stem.kernel", self.kernel, MOST_PIXELS)
        _check_count("stem.stride", self.stride, MOST_PIXELS)
        _check_type("stem.pool", self.pool, bool)
        if self.kernel % 2 == 0:
            raise InputError(f"stem.kernel = {self.kernel}: must be odd, so that padding keeps the image centred")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNetSpec:
    """A residual network, completely. Raises InputError (a ValueError) naming the value and the rule it breaks."""

    depths: tuple[int, ...]  # blocks a stage
    widths: tuple[int, ...] = (64, 128, 256, 512)  # of the residual branch, a stage
    block: BlockKind = "bottleneck"
    stem: Stem = dataclasses.field(default_factory=Stem)
    stride_at: Literal["conv1", "conv2"] = "conv2"  # of a bottleneck. "conv1": the 2015 paper; "conv2": ResNet-B
    shortcut: ShortcutKind = "projection"  # options A, B, C of the paper, and ResNet-D's
    groups: int = 1  # cardinality
    group_width: int = 64  # base width at 64 channels: 4 in ResNeXt 32x4d, 128 in a twice as wide network
    init: Literal["he", "xresnet"] = "he"
    zero_last_norm: bool = False  # start every residual branch at zero
    in_channels: int = 3
    num_classes: int = 1000

    def __post_init__(self) -> None:
        _check_counts("depths", self.depths, MOST_BLOCKS)
        _check_counts("widths", self.widths, MOST_CHANNELS)
        for name in ("groups", "group_width", "in_channels"):
            _check_count(name, getattr(self, name), MOST_CHANNELS)
        _check_count("num_classes", self.num_classes, MOST_CLASSES)
        _check_type("stem", self.stem, Stem)
        _check_type("zero_last_norm", self.zero_last_norm, bool)
        for name in ("block", "stride_at", "shortcut", "init"):
            _check_choice(name, getattr(self, name), get_args(get_type_hints(type(self))[name]))
        self._check_stages()
        self._check_size()

    def _check_stages(self) -> None:
        if len(self.depths) != len(self.widths):
            raise InputError(
                f"depths = {self.depths} and widths = {self.widths}: a network needs one width for each stage"
            )
        if self.block == "basic" and (self.groups, self.group_width) != (1, 64):
            raise InputError(
                f'groups = {self.groups}, group_width = {self.group_width} with block = "basic": '
                'grouped and widened convolutions need block = "bottleneck"'
            )
        for width in self.widths:
            if width * self.group_width % 64:
                raise InputError(
                    f"groups = {self.groups}, group_width = {self.group_width} at width {width}: a group would have "
                    f"{width} * {self.group_width} / 64 = {width * self.group_width / 64:g} channels; it must be whole"
                )
        if self.shortcut == "pad":
            channels = (self.stem.widths[-1], *self.stage_channels)
            for c_in, c_out in pairwise(channels):
                if c_out < c_in:
                    raise InputError(
                        f'shortcut = "pad" where channels shrink from {c_in} to {c_out}: padding only adds channels; '
                        'use shortcut = "projection"'
                    )

    def _check_size(self) -> None:
        if sum(self.depths) > MOST_BLOCKS:
            raise InputError(f"depths = {self.depths}: {sum(self.depths):,} blocks; at most {MOST_BLOCKS:,} together")
        widest = max((block.width for block in blocks(self)), default=0)
        if widest > MOST_CHANNELS:
            raise InputError(
                f"groups = {self.groups}, group_width = {self.group_width}: {widest:,} channels in a block; at most "
                f"{MOST_CHANNELS:,}"
            )
        if (weights := _kernel_weights(self)) > MOST_WEIGHTS:
            raise InputError(
                f"depths = {self.depths}, widths = {self.widths}: {weights:,} weights; at most {MOST_WEIGHTS:,}, so "
                "make it narrower or shallower"
            )

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Channels that leave each stage."""
        return tuple(width * EXPANSION[self.block] for width in self.widths)

    @property
    def depth(self) -> int:
        """The number in the network's name: weighted layers on the trunk, a stem counted as one."""
        return 2 + sum(self.depths) * (2 if self.block == "basic" else 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One residual block of a network: relu(residual + shortcut)."""

    stage: int  # from 1
    index: int  # from 0, within its stage
    c_in: int
    width: int  # channels of the residual branch before its last convolution
    c_out: int
    stride: int
    shortcut: BranchKind


def blocks(spec: ResNetSpec) -> Iterator[Block]:
    """Every block of the network, in the order in which data meets them."""
    c_in = spec.stem.widths[-1]
    for stage, (depth, width, c_out) in enumerate(zip(spec.depths, spec.widths, spec.stage_channels, strict=True), 1):
        for index in range(depth):
            stride = 2 if stage > 1 and index == 0 else 1
            yield Block(
                stage=stage,
                index=index,
                c_in=c_in,
                width=width * spec.group_width // 64 * spec.groups,
                c_out=c_out,
                stride=stride,
                shortcut=_branch(spec.shortcut, same_shape=stride == 1 and c_in == c_out),
            )
            c_in = c_out


def _kernel_weights(spec: ResNetSpec) -> int:
    """Weights of the stem's, the residual branches' and the classifier's matrices: nearly all there are."""
    area = spec.stem.kernel**2
    count = sum(area * c_in * c_out for c_in, c_out in pairwise((spec.in_channels, *spec.stem.widths)))
    for block in blocks(spec):
        if spec.block == "basic":
            count += 9 * block.width * (block.c_in + block.c_out)
        else:
            count += block.width * (block.c_in + 9 * block.width // spec.groups + block.c_out)
    return count + spec.stage_channels[-1] * spec.num_classes


def _branch(option: ShortcutKind, *, same_shape: bool) -> BranchKind:
    if option == "projection-always":
        return "projection"
    return "identity" if same_shape else option


# Modifiers: a network in, another out.


def resnet_b(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-B: the stride moves from the first 1x1 to the 3x3 (fb.resnet.torch; He et al. 2018, section 4.2)."""
    return dataclasses.replace(spec, stride_at="conv2")


def resnet_c(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-C: three 3x3 convolutions for the 7x7 (Inception-v2; He et al. 2018, section 4.2). Keeps B."""
    first = spec.stem.widths[-1] // 2
    return dataclasses.replace(
        resnet_b(spec), stem=dataclasses.replace(spec.stem, widths=(first, first, spec.stem.widths[-1]), kernel=3)
    )


def resnet_d(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-D: C, and shortcuts that average before they project (He et al. 2018, section 4.2)."""
    return dataclasses.replace(resnet_c(spec), shortcut="pooled-projection")


def xresnet(spec: ResNetSpec) -> ResNetSpec:
    """xResNet: D, each block's last norm scale zero, and fastai's initialization (fastai, `XResNet`)."""
    return dataclasses.replace(resnet_d(spec), init="xresnet", zero_last_norm=True)


def resnext(spec: ResNetSpec, *, cardinality: int, base_width: int) -> ResNetSpec:
    """ResNeXt: the residual branch in `cardinality` groups of `base_width` (Xie et al. 2017)."""
    return dataclasses.replace(spec, groups=cardinality, group_width=base_width)


def wide(spec: ResNetSpec, factor: int) -> ResNetSpec:
    """Wide ResNet: `factor` times the channels inside each bottleneck (Zagoruyko & Komodakis 2016)."""
    return dataclasses.replace(spec, group_width=spec.group_width * factor)


def shortcut_option(spec: ResNetSpec, option: ShortcutOption) -> ResNetSpec:
    """The paper's options (A pads, B projects where the shape changes, C projects everywhere) and ResNet-D's."""
    _check_choice("option", option, tuple(SHORTCUT_OPTIONS))
    return dataclasses.replace(spec, shortcut=SHORTCUT_OPTIONS[option])


def zero_gamma(spec: ResNetSpec) -> ResNetSpec:
    """Every block starts as its shortcut: the last norm's scale is zero (Goyal et al. 2017, section 5.1)."""
    return dataclasses.replace(spec, zero_last_norm=True)


def small_images(spec: ResNetSpec) -> ResNetSpec:
    """The CIFAR stem: one 3x3 convolution of stride 1 and no pool, so that small images keep their positions."""
    return dataclasses.replace(spec, stem=Stem(widths=spec.stem.widths[-1:], kernel=3, stride=1, pool=False))


# To and from plain values: JSON in a classifier's header, TOML on the command line.


def to_dict(spec: ResNetSpec) -> dict[str, Any]:
    """The spec as JSON values."""
    return dataclasses.asdict(spec)


def with_fields(spec: ResNetSpec, fields: Mapping[str, Any], *, where: str = "spec") -> ResNetSpec:
    """`spec` with some fields replaced by JSON or TOML values; `stem` may be a table of some of its own fields."""
    values = dict(fields)
    stem: Mapping[str, Any] | None = values["stem"] if isinstance(values.get("stem"), Mapping) else None
    _check_names(where, values, ResNetSpec)
    _check_names(f"{where}, stem", stem or {}, Stem)
    try:
        if stem is not None:
            values["stem"] = dataclasses.replace(spec.stem, **_with_tuples(stem))
        return dataclasses.replace(spec, **_with_tuples(values))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def from_dict(values: Mapping[str, Any], *, where: str = "spec") -> ResNetSpec:
    """The spec that JSON or TOML values describe; `depths` must be among them."""
    if "depths" not in values:
        raise InputError(f"{where}: depths is missing: the blocks of each stage, such as depths = [3, 4, 6, 3]")
    depths = _with_tuples(values)["depths"]
    _check_counts(f"{where}: depths", depths, MOST_BLOCKS)
    widths = tuple(64 * 2**stage for stage in range(len(depths)))
    return with_fields(ResNetSpec(depths=depths, widths=widths), values, where=where)


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # the values are checked by __post_init__


def _check_names(where: str, values: Mapping[str, Any], kind: type[ResNetSpec] | type[Stem]) -> None:
    known = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown field {name!r}; {nearest(name, known)}")


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise InputError(f"{name} = {value!r}: must be {'true or false' if kind is bool else 'a table of its fields'}")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} = {value!r}: must be one of {', '.join(choices)}")


def _check_count(name: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InputError(f"{name} = {_brief(value)}: must be a whole number from 1 to {most:,}")


def _check_counts(name: str, values: object, most: int) -> None:
    if not isinstance(values, tuple) or not 1 <= len(values) <= MOST_LAYERS:  # pyright: ignore[reportUnknownArgumentType] # what the tuple holds is checked below
        raise InputError(
            f"{name} = {_brief(values)}: must be a list of whole numbers, one for each stage or layer, of which there "  # pyright: ignore[reportUnknownArgumentType] # as below
            f"are at most {MOST_LAYERS}"
        )
    for position, value in enumerate(values):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # what the tuple holds is what is being checked
        _check_count(f"{name}[{position}]", value, most)  # pyright: ignore[reportUnknownArgumentType] # as above


def _brief(value: object) -> str:
    """The value as Python writes it, cut to a line."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:80]} ..."
