"""The operations of one branch, written down one after the other: shapes, parameters, multiply-accumulates."""

from dataclasses import replace
from math import ceil, floor

from resnets.base.errors import InputError
from resnets.operation import BranchName, Kind, Operation, ReceptiveField, Shape
from resnets.spec import ResNetSpec, channel_kernel, squeezed_width


class Branch:
    """Writes down operations one after the other, each fed by the one before."""

    def __init__(
        self, spec: ResNetSpec, before: Operation | Shape, stage: str, block: int | None, branch: BranchName
    ) -> None:
        self.spec = spec
        self.shape = before.output if isinstance(before, Operation) else before
        self.field = before.field if isinstance(before, Operation) else ReceptiveField()
        self.stage = stage
        self.block = block
        self.branch: BranchName = branch
        self.operations: list[Operation] = []

    def conv(
        self, name: str, c_out: int, kernel: int, stride: int = 1, *, groups: int = 1, dilation: int = 1,
        bias: bool | None = None,
    ) -> None:  # fmt: skip
        c_in, height, width = self.shape
        padding = dilation * (kernel - 1) // 2
        rows, columns = (_positions(n, dilation * (kernel - 1) + 1, stride, padding) for n in (height, width))
        if rows < 1 or columns < 1:  # only an even kernel, which no padding centers, is larger than what it reads
            raise InputError(
                f"stem.kernel = {kernel}: does not fit into {height} x {width} positions; use larger images or kernel 3"
            )
        weights = c_out * (c_in // groups) * kernel * kernel
        biases = c_out if (self.spec.conv_bias if bias is None else bias) else 0
        self.add(
            name, "conv", (c_out, rows, columns), kernel=kernel, stride=stride, padding=padding, groups=groups,
            dilation=dilation, parameters=weights + biases, macs=weights * rows * columns,
        )  # fmt: skip

    def norm(self, name: str) -> None:
        self.add(name, "norm", self.shape, parameters=0 if self.spec.norm == "frozen" else 2 * self.shape[0])

    def activation(self, name: str) -> None:
        self.add(name, self.spec.activation, self.shape)

    def max_pool(self, name: str, stride: int) -> None:
        channels, height, width = self.shape
        output = (channels, _positions(height, 3, stride, 1), _positions(width, 3, stride, 1))
        self.add(name, "max-pool", output, kernel=3, stride=stride, padding=1)

    def avg_pool(self, name: str, stride: int = 2) -> None:
        channels, height, width = self.shape  # a last odd row or column is averaged by itself, or left out
        part = floor if self.spec.antialias == "max" else ceil
        self.add(name, "avg-pool", (channels, part(height / stride), part(width / stride)), kernel=2, stride=stride)

    def blur(self, name: str, stride: int) -> None:
        channels, height, width = self.shape
        output = (channels, _positions(height, 3, stride, 1), _positions(width, 3, stride, 1))
        macs = 9 * channels * output[1] * output[2]
        self.add(name, "blur", output, kernel=3, stride=stride, padding=1, groups=channels, macs=macs)

    def antialias(self, name: str, stride: int, *, always: bool = False) -> None:
        """What takes the stride of the layers before it. always: also where there is no stride."""
        if self.spec.antialias == "average" and stride > 1:
            self.avg_pool(name)
        elif self.spec.antialias == "blur" and (stride > 1 or always):
            self.blur(name, stride)

    def largest(self, name: str, stride: int) -> None:
        """What takes the stride of the convolution before it by the largest of four; a last odd row is left out."""
        if self.spec.antialias == "max" and stride > 1:
            channels, height, width = self.shape
            if min(height, width) < 2:
                raise InputError(
                    f'antialias = "max": no 2 x 2 pool fits into {height} x {width} positions; use larger images'
                )
            self.add(name, "max-pool", (channels, height // 2, width // 2), kernel=2, stride=2)

    def pad(self, name: str, c_out: int, stride: int) -> None:
        _, height, width = self.shape
        self.add(name, "pad", (c_out, ceil(height / stride), ceil(width / stride)), stride=stride)

    def attention(self, name: str) -> None:
        maps, field, channels = self.shape, self.field, self.shape[0]
        if self.spec.attention == "none":
            return
        self.add(f"{name}.squeeze", "squeeze", (channels, 1, 1))
        if self.spec.attention == "se":
            self.conv(f"{name}.fc1", squeezed_width(channels, self.spec.attention_reduction), 1, bias=True)
            self.add(f"{name}.act", "relu", self.shape)
            self.conv(f"{name}.fc2", channels, 1, bias=True)
        else:
            kernel = channel_kernel(channels)
            self.add(f"{name}.conv", "channel-conv", self.shape, parameters=kernel, macs=kernel * channels)
        self.add(f"{name}.gate", "sigmoid", self.shape)
        self.shape, self.field = maps, field
        self.add(name, "scale", maps)

    def global_pool(self, name: str) -> None:
        channels, height, width = self.shape
        field = self.field
        size = field.size + (max(height, width) - 1) * field.jump
        pooled = ReceptiveField(size=size, jump=field.jump * max(height, width), start=field.start)
        outputs = channels * (2 if self.spec.pool == "both" else 1)
        self.add(name, "global-pool", (outputs, 1, 1), parameters=1 if self.spec.pool == "gem" else 0)
        self.operations[-1] = replace(self.operations[-1], field=pooled)
        self.field = pooled

    def linear(self, name: str, c_out: int) -> None:
        c_in = self.shape[0]
        self.add(name, "linear", (c_out, 1, 1), parameters=c_out * (c_in + 1), macs=c_out * c_in)

    def add(
        self, name: str, kind: Kind, output: Shape, *, kernel: int = 1, stride: int = 1, padding: int = 0,
        groups: int = 1, dilation: int = 1, parameters: int = 0, macs: int = 0,
    ) -> None:  # fmt: skip
        self.field = self.field.through(kernel, stride, padding, dilation)
        self.operations.append(
            Operation(
                name=name, stage=self.stage, block=self.block, branch=self.branch, kind=kind, input=self.shape,
                output=output, field=self.field, kernel=kernel, stride=stride, padding=padding, groups=groups,
                dilation=dilation, parameters=parameters, macs=macs,
            )
        )  # fmt: skip
        self.shape = output


def _positions(n: int, kernel: int, stride: int, padding: int) -> int:
    """⌊(n + 2p − k) / s⌋ + 1"""
    return (n + 2 * padding - kernel) // stride + 1
