"""One operation of a network: what goes in and out of it, what it costs, and which pixels it reads."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from resnets.spec import Activation

Kind = Literal[
    "conv", "norm", Activation, "max-pool", "avg-pool", "blur", "pad", "add", "global-pool", "linear", "squeeze",
    "channel-conv", "sigmoid", "scale",
]  # fmt: skip
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
BranchName = Literal["trunk", "residual", "shortcut"]
Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which input pixels the first output position reads, along one axis."""

    size: int = 1
    jump: int = 1
    start: int = 0

    def through(self, kernel: int, stride: int, padding: int, dilation: int = 1) -> "ReceptiveField":
        """The field after a window of `kernel` moved by `stride` over an input padded by `padding`."""
        return ReceptiveField(
            size=self.size + dilation * (kernel - 1) * self.jump,
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
    dilation: int = 1
    parameters: int = 0
    macs: int = 0

    @property
    def of_attention(self) -> bool:
        """Whether it stands on the side path on which attention finds its weights."""
        return ".se." in self.name

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
            "dilation": self.dilation,
            "input": list(self.input),
            "output": list(self.output),
            "parameters": self.parameters,
            "macs": self.macs,
            "activation_bytes": self.activation_bytes,
            "receptive_field": {"size": self.field.size, "jump": self.field.jump, "start": self.field.start},
        }
