"""spec -> a row per operation, by arithmetic alone: shapes, parameters, multiply-accumulates, receptive fields.

Conventions, the same wherever these numbers are shown:

- `macs` counts multiply-accumulates of convolutions and of the classifier; everything else counts zero. torchvision
  publishes the same number. `Structure.fvcore_macs` adds what fvcore (and timm's tables) count besides: two for each
  number through a batch norm and one for each number into the global pool.
- `activation_bytes` is the operation's output in float32 for one image.
- A receptive field is the interval of input pixels, along one axis, that the first output position depends on:
  `start` (negative: it begins in the padding), `size`, and `jump`, the input pixels between neighbouring positions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any, Literal

from resnets.base.errors import InputError
from resnets.spec import Block, ResNetSpec, blocks

Kind = Literal["conv", "norm", "relu", "max-pool", "avg-pool", "pad", "add", "global-pool", "linear"]
BranchName = Literal["trunk", "residual", "shortcut"]
Shape = tuple[int, int, int]  # channels, height, width

MACS_CONVENTION = "multiply-accumulates of convolutions and the classifier"


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which input pixels the first output position reads, along one axis."""

    size: int = 1
    jump: int = 1
    start: int = 0

    def through(self, kernel: int, stride: int, padding: int) -> "ReceptiveField":
        """The field after a window of `kernel` moved by `stride` over an input padded by `padding`."""
        return ReceptiveField(
            size=self.size + (kernel - 1) * self.jump,
            jump=self.jump * stride,
            start=self.start - padding * self.jump,
        )

    def joined(self, other: "ReceptiveField") -> "ReceptiveField":
        """The smallest field that holds both branches of a sum."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return ReceptiveField(size=end - start, jump=max(self.jump, other.jump), start=start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row: what an operation is, what goes in and out of it, and what it costs for one image."""

    name: str  # the module's name in the network; an addition is `<block>.add`
    stage: str  # stem, stage 1 ... stage 4, head
    block: int | None  # within its stage, from 0; None in the stem and the head
    branch: BranchName
    kind: Kind
    input: Shape
    output: Shape
    field: ReceptiveField
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    parameters: int = 0
    macs: int = 0

    @property
    def activation_bytes(self) -> int:
        """Bytes of the output for one image in float32."""
        channels, height, width = self.output
        return 4 * channels * height * width

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "name": self.name,
            "stage": self.stage,
            "block": self.block,
            "branch": self.branch,
            "kind": self.kind,
            "kernel": self.kernel,
            "stride": self.stride,
            "padding": self.padding,
            "groups": self.groups,
            "input": list(self.input),
            "output": list(self.output),
            "parameters": self.parameters,
            "macs": self.macs,
            "activation_bytes": self.activation_bytes,
            "receptive_field": {"size": self.field.size, "jump": self.field.jump, "start": self.field.start},
        }


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


class _Branch:
    """Writes down operations one after the other, each fed by the one before."""

    def __init__(self, shape: Shape, field: ReceptiveField, stage: str, block: int | None, branch: BranchName) -> None:
        self.shape = shape
        self.field = field
        self.stage = stage
        self.block = block
        self.branch: BranchName = branch
        self.operations: list[Operation] = []

    def conv(self, name: str, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        c_in, height, width = self.shape
        padding = kernel // 2
        output = (c_out, _positions(height, kernel, stride, padding), _positions(width, kernel, stride, padding))
        weights = c_out * (c_in // groups) * kernel * kernel
        self._add(
            name, "conv", output, kernel=kernel, stride=stride, padding=padding, groups=groups,
            parameters=weights, macs=weights * output[1] * output[2],
        )  # fmt: skip

    def norm(self, name: str) -> None:
        self._add(name, "norm", self.shape, parameters=2 * self.shape[0])

    def relu(self, name: str) -> None:
        self._add(name, "relu", self.shape)

    def max_pool(self, name: str) -> None:
        channels, height, width = self.shape
        output = (channels, _positions(height, 3, 2, 1), _positions(width, 3, 2, 1))
        self._add(name, "max-pool", output, kernel=3, stride=2, padding=1)

    def avg_pool(self, name: str) -> None:
        channels, height, width = self.shape  # a last odd row or column is averaged by itself
        self._add(name, "avg-pool", (channels, ceil(height / 2), ceil(width / 2)), kernel=2, stride=2)

    def pad(self, name: str, c_out: int, stride: int) -> None:
        _, height, width = self.shape
        self._add(name, "pad", (c_out, ceil(height / stride), ceil(width / stride)), stride=stride)

    def global_pool(self, name: str) -> None:
        channels, height, width = self.shape
        field = self.field
        size = field.size + (max(height, width) - 1) * field.jump
        pooled = ReceptiveField(size=size, jump=field.jump * max(height, width), start=field.start)
        self._add(name, "global-pool", (channels, 1, 1))
        self.operations[-1] = replace(self.operations[-1], field=pooled)
        self.field = pooled

    def linear(self, name: str, c_out: int) -> None:
        c_in = self.shape[0]
        self._add(name, "linear", (c_out, 1, 1), parameters=c_out * (c_in + 1), macs=c_out * c_in)

    def _add(
        self, name: str, kind: Kind, output: Shape, *, kernel: int = 1, stride: int = 1, padding: int = 0,
        groups: int = 1, parameters: int = 0, macs: int = 0,
    ) -> None:  # fmt: skip
        self.field = self.field.through(kernel, stride, padding)
        self.operations.append(
            Operation(
                name=name, stage=self.stage, block=self.block, branch=self.branch, kind=kind, input=self.shape,
                output=output, field=self.field, kernel=kernel, stride=stride, padding=padding, groups=groups,
                parameters=parameters, macs=macs,
            )
        )  # fmt: skip
        self.shape = output


def _stem(spec: ResNetSpec, image: Shape) -> Iterator[Operation]:
    stem = spec.stem
    trunk = _Branch(image, ReceptiveField(), "stem", None, "trunk")
    *first, last = stem.widths
    for position, width in enumerate(first):
        trunk.conv(f"conv1.{3 * position}", width, stem.kernel, stem.stride if position == 0 else 1)
        trunk.norm(f"conv1.{3 * position + 1}")
        trunk.relu(f"conv1.{3 * position + 2}")
    trunk.conv(f"conv1.{3 * len(first)}" if first else "conv1", last, stem.kernel, 1 if first else stem.stride)
    trunk.norm("bn1")
    trunk.relu("relu")
    if stem.pool:
        trunk.max_pool("maxpool")
    yield from trunk.operations


def _block(spec: ResNetSpec, block: Block, before: Operation) -> Iterator[Operation]:
    """residual branch, shortcut, their sum, its ReLU."""
    stage, name = f"stage {block.stage}", f"layer{block.stage}.{block.index}"
    residual = _Branch(before.output, before.field, stage, block.index, "residual")
    for position, (c_out, kernel, stride, groups) in enumerate(_residual_convolutions(spec, block), 1):
        if position > 1:
            residual.relu(f"{name}.relu{position - 1}")
        residual.conv(f"{name}.conv{position}", c_out, kernel, stride, groups)
        residual.norm(f"{name}.bn{position}")
    shortcut = _Branch(before.output, before.field, stage, block.index, "shortcut")
    if block.shortcut == "pad":
        shortcut.pad(f"{name}.downsample", block.c_out, block.stride)
    elif block.shortcut == "projection":
        shortcut.conv(f"{name}.downsample.0", block.c_out, 1, block.stride)
        shortcut.norm(f"{name}.downsample.1")
    elif block.shortcut == "pooled-projection":
        if block.stride > 1:
            shortcut.avg_pool(f"{name}.downsample.0")
        shortcut.conv(f"{name}.downsample.1", block.c_out, 1)
        shortcut.norm(f"{name}.downsample.2")
    field = residual.field.joined(shortcut.field)
    trunk = _Branch(residual.shape, field, stage, block.index, "trunk")
    trunk._add(f"{name}.add", "add", residual.shape)  # pyright: ignore[reportPrivateUsage] # same module
    trunk.relu(f"{name}.relu{2 if spec.block == 'basic' else 3}")
    yield from residual.operations
    yield from shortcut.operations
    yield from trunk.operations


def _residual_convolutions(spec: ResNetSpec, block: Block) -> tuple[tuple[int, int, int, int], ...]:
    """(channels out, kernel, stride, groups) of each convolution on the residual branch."""
    if spec.block == "basic":
        return ((block.width, 3, block.stride, 1), (block.c_out, 3, 1, 1))
    first, second = (block.stride, 1) if spec.stride_at == "conv1" else (1, block.stride)
    return ((block.width, 1, first, 1), (block.width, 3, second, spec.groups), (block.c_out, 1, 1, 1))


def _head(spec: ResNetSpec, before: Operation) -> Iterator[Operation]:
    trunk = _Branch(before.output, before.field, "head", None, "trunk")
    trunk.global_pool("avgpool")
    trunk.linear("fc", spec.num_classes)
    yield from trunk.operations


def _positions(n: int, kernel: int, stride: int, padding: int) -> int:
    """⌊(n + 2p − k) / s⌋ + 1"""
    return (n + 2 * padding - kernel) // stride + 1


def parse_image_size(text: str) -> tuple[int, int]:
    """`224`, or `height x width` such as `160x224`."""
    match = re.fullmatch(r"(\d{1,5})(?:\s*[x×]\s*(\d{1,5}))?", text.strip())
    if not match or int(match[1]) == 0 or match[2] == "0":
        raise InputError(f"image size {text!r}: must be pixels, such as 224 or 160x224")
    return int(match[1]), int(match[2] or match[1])
