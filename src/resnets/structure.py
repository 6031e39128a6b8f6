"""spec -> a row per operation, by arithmetic alone: shapes, parameters, multiply-accumulates, receptive fields.

Conventions, the same wherever these numbers are shown:

- `macs` counts multiply-accumulates of convolutions and of the classifier; everything else counts zero. torchvision
  publishes the same number. `Structure.fvcore_macs` adds what fvcore (and timm's tables) count besides: two for each
  number through a norm and one for each number into the global pool.
- `activation_bytes` is the operation's output in float32 for one image.
- A receptive field is the interval of input pixels, along one axis, that the first output position depends on:
  `start` (negative: it begins in the padding), `size`, and `jump`, the input pixels between neighbouring positions.
  What attention reads to weigh a channel, the whole image, is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import mul
from typing import Any

from resnets.base.errors import InputError
from resnets.branch import Branch
from resnets.operation import Operation, Shape
from resnets.spec import Block, ResNetSpec, blocks

MACS_CONVENTION = "multiply-accumulates of convolutions and the classifier"


@dataclass(frozen=True)
class Structure:
    """Every operation of a network for one image size, in the order in which they run, with totals."""

    spec: ResNetSpec
    image_size: tuple[int, int]  # height, width
    operations: tuple[Operation, ...]

    @cached_property
    def parameters(self) -> int:
        """Trainable numbers: weights and biases, not running statistics."""
        return sum(operation.parameters for operation in self.operations)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and the classifier, for one image."""
        return sum(operation.macs for operation in self.operations)

    @cached_property
    def fvcore_macs(self) -> int:
        """Multiply-accumulates as fvcore counts them, which is what timm's tables print."""
        extra = 0
        for operation in self.operations:
            channels, height, width = operation.input
            extra += {"norm": 2, "global-pool": 1}.get(operation.kind, 0) * channels * height * width
        return self.macs + extra

    @cached_property
    def activation_bytes(self) -> int:
        """Bytes of every operation's output together, in float32, for one image."""
        return sum(operation.activation_bytes for operation in self.operations)

    def stage(self, name: str) -> tuple[Operation, ...]:
        """The operations of one stage."""
        return tuple(operation for operation in self.operations if operation.stage == name)

    def as_dict(self) -> dict[str, Any]:
        """Totals and rows as JSON values."""
        return {
            "image_size": list(self.image_size),
            "parameters": self.parameters,
            "macs": self.macs,
            "macs_convention": MACS_CONVENTION,
            "fvcore_macs": self.fvcore_macs,
            "activation_bytes": self.activation_bytes,
            "operations": [operation.as_dict() for operation in self.operations],
        }


@lru_cache(maxsize=256)  # the whole catalog twice
def structure(spec: ResNetSpec, image_size: int | tuple[int, int]) -> Structure:
    """The operations of `spec` on images of `image_size` pixels (one side of a square, or height and width)."""
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    if height < 1 or width < 1:
        raise InputError(f"image size {height} x {width}: an image needs at least one pixel")
    stem = tuple(_stem(spec, (spec.in_channels, height, width)))
    stages: list[Operation] = []
    last = stem[-1]
    for block in blocks(spec):
        stages.extend(_block(spec, block, last))
        last = stages[-1]
    return Structure(spec, (height, width), (*stem, *stages, *_head(spec, last)))


@dataclass(frozen=True, slots=True)
class Totals:
    """What a `Structure` has and costs over all."""

    parameters: int
    macs: int


def totals(spec: ResNetSpec, image_size: int | tuple[int, int]) -> Totals:
    """The totals of `structure`, in a fraction of the time.

    From the second on, the blocks of a stage cost the same, so one of them is counted as often as there are.
    """
    short = structure(replace(spec, depths=tuple(min(depth, 2) for depth in spec.depths)), image_size)
    others = {f"stage {number}": depth - 1 for number, depth in enumerate(spec.depths, 1)}
    times = [others[operation.stage] if operation.block == 1 else 1 for operation in short.operations]
    return Totals(
        parameters=sum(map(mul, times, (operation.parameters for operation in short.operations))),
        macs=sum(map(mul, times, (operation.macs for operation in short.operations))),
    )


def _stem(spec: ResNetSpec, image: Shape) -> Iterator[Operation]:
    stem = spec.stem
    trunk = Branch(spec, image, "stem", None, "trunk")
    *first, last = stem.widths
    for position, width in enumerate(first):
        trunk.conv(f"conv1.{3 * position}", width, stem.kernel, stem.stride if position == 0 else 1)
        trunk.norm(f"conv1.{3 * position + 1}")
        trunk.activation(f"conv1.{3 * position + 2}")
    trunk.conv(f"conv1.{3 * len(first)}" if first else "conv1", last, stem.kernel, 1 if first else stem.stride)
    trunk.norm("bn1")
    trunk.activation("act1")
    _stem_pool(spec, trunk)
    yield from trunk.operations


def _stem_pool(spec: ResNetSpec, trunk: Branch) -> None:
    stride = 2 if spec.antialias == "none" else 1  # else a layer of its own has it
    before = len(trunk.operations)
    if spec.stem.pool == "conv":
        trunk.conv("maxpool.0", spec.stem.widths[-1], 3, stride)
        trunk.antialias("maxpool.1", 2)
        trunk.largest("maxpool.1", 2)
        after = len(trunk.operations) - before
        trunk.norm(f"maxpool.{after}")
        trunk.activation(f"maxpool.{after + 1}")
    elif spec.stem.pool == "max" and spec.antialias == "average":
        trunk.avg_pool("maxpool")
    elif spec.stem.pool == "max":
        blurs = spec.antialias == "blur"
        trunk.max_pool("maxpool.0" if blurs else "maxpool", 1 if blurs else 2)
        trunk.antialias("maxpool.1", 2)


def _block(spec: ResNetSpec, block: Block, before: Operation) -> Iterator[Operation]:
    """residual branch, shortcut, their sum (if there is a shortcut), and its activation unless one came before."""
    stage, name = f"stage {block.stage}", f"layer{block.stage}.{block.index}"
    residual = Branch(spec, before, stage, block.index, "residual")
    _residual(spec, block, residual, name)
    shortcut = Branch(spec, before, stage, block.index, "shortcut")
    _shortcut(spec, block, shortcut, f"{name}.downsample")
    trunk = Branch(spec, residual.operations[-1], stage, block.index, "trunk")
    trunk.field = residual.field
    if block.shortcut != "none":
        trunk.field = residual.field.joined(shortcut.field)
        trunk.add(f"{name}.add", "add", residual.shape)
    if not spec.preactivation:
        trunk.activation(f"{name}.act{2 if spec.block == 'basic' else 3}")
    yield from residual.operations
    yield from shortcut.operations
    yield from trunk.operations


def _residual(spec: ResNetSpec, block: Block, branch: Branch, name: str) -> None:
    convolutions = _residual_convolutions(spec, block)
    for position, (c_out, kernel, stride, groups, dilation) in enumerate(convolutions, 1):
        last = position == len(convolutions)
        if spec.preactivation and not (block.first and position == 1):
            branch.norm(f"{name}.bn{position}")
            branch.activation(f"{name}.act{position}")
        if last:
            branch.antialias(f"{name}.aa", block.stride, always=block.first_dilation != block.dilation)
        held = 1 if spec.antialias != "none" else stride
        branch.conv(f"{name}.conv{position}", c_out, kernel, held, groups=groups, dilation=dilation)
        if position == len(convolutions) - 1:
            branch.largest(f"{name}.pool", block.stride)
        if not spec.preactivation:
            branch.norm(f"{name}.bn{position}")
            if not last:
                branch.activation(f"{name}.act{position}")
    branch.attention(f"{name}.se")


def _residual_convolutions(spec: ResNetSpec, block: Block) -> tuple[tuple[int, int, int, int, int], ...]:
    """(channels out, kernel, stride, groups, dilation) of each convolution on the residual branch."""
    if spec.block == "basic":
        first_3x3 = (block.width, 3, block.stride, spec.groups, block.first_dilation)
        return (first_3x3, (block.c_out, 3, 1, 1, block.dilation))
    first, second = (block.stride, 1) if spec.stride_at == "conv1" else (1, block.stride)
    return (
        (block.first_width, 1, first, 1, 1),
        (block.width, 3, second, spec.groups, block.first_dilation),
        (block.c_out, 1, 1, 1, 1),
    )


def _shortcut(spec: ResNetSpec, block: Block, branch: Branch, name: str) -> None:
    changes = block.stride > 1 or block.dilation > 1
    match block.shortcut:
        case "identity" | "none":
            return
        case "pad":
            branch.pad(name, block.c_out, block.stride)
            return
        case "projection":
            kernel = spec.projection_kernel if changes else 1
            dilation = block.first_dilation if kernel > 1 else 1
            branch.conv(f"{name}.0", block.c_out, kernel, block.stride, dilation=dilation)
        case "pooled-projection":
            if changes:
                branch.avg_pool(f"{name}.0", block.stride)
            branch.conv(f"{name}.1", block.c_out, 1)
    if not spec.preactivation:
        branch.norm(f"{name}.{1 if block.shortcut == 'projection' else 2}")


def _head(spec: ResNetSpec, before: Operation) -> Iterator[Operation]:
    trunk = Branch(spec, before, "head", None, "trunk")
    if spec.preactivation:
        trunk.norm("norm")
        trunk.activation("act")
    trunk.global_pool("pool")
    if spec.num_classes:
        trunk.linear("fc", spec.num_classes)
    yield from trunk.operations


def parse_image_size(text: str) -> tuple[int, int]:
    """`224`, or `height x width` such as `160x224`."""
    match = re.fullmatch(r"(\d{1,5})(?:\s*[x×]\s*(\d{1,5}))?", text.strip())
    if not match or int(match[1]) == 0 or match[2] == "0":
        raise InputError(f"image size {text!r}: must be pixels, such as 224 or 160x224")
    return int(match[1]), int(match[2] or match[1])
