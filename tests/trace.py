"""What a network really does: a row for each operation that runs, read off its modules and tensors by hooks.

It knows nothing of `resnets.structure`, whose rows have to agree with these.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resnets.layers import AverageAndMax, AverageInPlace, Blur, FrozenBatchNorm, GeneralizedMean, NoShortcut

KINDS: Mapping[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.BatchNorm2d: "norm",
    nn.GroupNorm: "norm",
    FrozenBatchNorm: "norm",
    nn.ReLU: "relu",
    nn.SiLU: "silu",
    nn.Mish: "mish",
    nn.LeakyReLU: "leaky-relu",
    nn.GELU: "gelu",
    nn.Sigmoid: "sigmoid",
    nn.MaxPool2d: "max-pool",
    nn.AvgPool2d: "avg-pool",
    AverageInPlace: "avg-pool",
    Blur: "blur",
    nn.AdaptiveAvgPool2d: "global-pool",
    nn.AdaptiveMaxPool2d: "global-pool",
    AverageAndMax: "global-pool",
    GeneralizedMean: "global-pool",
    nn.Conv1d: "channel-conv",
    nn.Linear: "linear",
}
PRODUCTS = (torch.mul, Tensor.mul, Tensor.__mul__)
ADDITIONS = (torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__, Tensor.__radd__)

Row = dict[str, Any]


def trace(network: nn.Module, image: Tensor) -> list[Row]:
    """The operations that run when `network` sees `image`, in the order in which they do; identities are left out."""
    with torch.no_grad(), _Tracer(network) as tracer:
        network(image)
    return tracer.rows


class _Tracer(TorchFunctionMode):
    """Hooks on every module, and an ear for the functions that no module stands for: additions, slices, pads."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.rows: list[Row] = []
        self.inside: list[str] = []  # names of the modules that are running, outermost first
        self.leaf: nn.Module | None = None
        self.steps: list[int] = []  # of the slices taken within a leaf
        self.padded = False
        self.summed: set[str] = set()  # blocks whose addition has run
        self.hooks: list[Any] = []

    def __enter__(self) -> "_Tracer":
        for name, module in self.network.named_modules():
            self.hooks.append(module.register_forward_pre_hook(self._entering(name)))
            self.hooks.append(module.register_forward_hook(self._leaving(name)))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for hook in self.hooks:
            hook.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.leaf is None and func in ADDITIONS:
            self.summed.add(self.inside[-1])
            if all(isinstance(one, Tensor) for one in args):  # a plain network adds the number zero: nothing
                self.rows.append(self._row(f"{self.inside[-1]}.add", "add", args[0], result))
        elif self.leaf is None and func in PRODUCTS:
            self.rows.append(self._row(self.inside[-1], "scale", args[0], result))
        elif self.leaf is not None and func is Tensor.__getitem__:
            self.steps += [part.step for part in args[1] if part.step]
        elif self.leaf is not None and func is F.pad:
            self.padded = True
        return result

    def _entering(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            self.inside.append(name)
            if not any(True for _ in module.children()):
                self.leaf, self.steps, self.padded = module, [], False

        return hook

    def _leaving(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...], result: Tensor) -> None:
            self.inside.pop()
            if module is self.leaf:
                self.leaf = None
                if not isinstance(module, nn.Identity | nn.Dropout | NoShortcut):
                    self.rows.append(self._leaf_row(name, module, args[0], result))

        return hook

    def _leaf_row(self, name: str, module: nn.Module, image: Tensor, result: Tensor) -> Row:
        kind = KINDS.get(type(module)) or ("pad" if self.padded else type(module).__name__)
        kind = "squeeze" if name.endswith(".se.squeeze") else kind
        row = self._row(name, kind, image, result)
        row["parameters"] = sum(parameter.numel() for parameter in module.parameters())
        if isinstance(module, nn.Conv2d):
            row["kernel"] = _square(module.weight.shape[2:])
            row["stride"], row["padding"] = _square(module.stride), _square(module.padding)
            row["groups"], row["dilation"] = module.groups, _square(module.dilation)
            row["macs"] = module.weight.numel() * result.shape[2] * result.shape[3]
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            row["kernel"], row["stride"], row["padding"] = module.kernel_size, module.stride, module.padding
        elif isinstance(module, AverageInPlace):
            row["kernel"] = 2
        elif isinstance(module, Blur):
            row["kernel"], row["stride"], row["padding"] = module.kernel.shape[-1], module.stride, 1
            row["groups"], row["macs"] = image.shape[1], module.kernel.numel() * result[0].numel()
        elif isinstance(module, nn.Linear):
            row["macs"] = module.weight.numel()
        elif isinstance(module, nn.Conv1d):
            row["macs"] = module.weight.numel() * result.shape[2]
        elif self.steps:
            row["stride"] = _square(self.steps)
        return row

    def _row(self, name: str, kind: str, image: Tensor, result: Tensor) -> Row:
        layer, _, rest = name.partition(".")
        stage = "head" if layer in ("norm", "act", "pool", "fc") else "stem"
        block, branch = None, "trunk"
        if layer.startswith("layer"):
            stage, block = f"stage {layer.removeprefix('layer')}", int(rest.partition(".")[0])
            if f"{layer}.{block}" not in self.summed:
                branch = "shortcut" if ".downsample" in name else "residual"
        return {
            "name": name,
            "stage": stage,
            "block": block,
            "branch": branch,
            "kind": kind,
            "kernel": 1,
            "stride": 1,
            "padding": 0,
            "groups": 1,
            "dilation": 1,
            "input": _shape(image),
            "output": _shape(result),
            "parameters": 0,
            "macs": 0,
            "activation_bytes": 4 * result[0].numel(),
        }


def _shape(tensor: Tensor) -> list[int]:
    """Channels, height, width; a vector is one position, and one of channels too where ECA has turned it around."""
    shape = tensor.shape[1:] if tensor.ndim != 3 else tensor.shape[2:]
    return [*shape, 1, 1][:3]


def _square(sizes: Sequence[int | str]) -> int:
    """The one number that height and width share."""
    (size,) = set(sizes)
    return int(size)
