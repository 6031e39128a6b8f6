"""A checkpoint that others published: its weights under our names, and what becomes of them in a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.weights.checkpoint_file import read
from resnets.weights.envelopes import Tensors, check_sizes, unwrapped
from resnets.weights.layouts import translated

_HEAD = ("fc.weight", "fc.bias")


@dataclass(frozen=True)
class Checkpoint:
    """Weights under our names, and the layout they came in."""

    path: Path
    layout: str
    tensors: Tensors

    @property
    def num_classes(self) -> int | None:
        """Outputs of the checkpoint's classifier, if it has one."""
        bias = self.tensors.get("fc.bias")
        return len(bias) if bias is not None and bias.ndim == 1 else None

    @property
    def in_channels(self) -> int | None:
        """Channels of the images that the first convolution reads, if there is one."""
        first = self.tensors.get("conv1.weight", self.tensors.get("conv1.0.weight"))
        return first.shape[1] if first is not None and first.ndim == 4 else None

    def into(self, network: ResNet) -> tuple[str, ...]:
        """Copy the weights into `network` and return what the user should know.

        A classifier for another number of classes, or none, leaves the network's own, freshly initialized. Raises
        InputError with every missing, unexpected and misshapen name, changing nothing.
        """
        wanted = network.state_dict()
        found = dict(self.tensors)
        notes = [f"{self.path.name}: {self.layout}"]
        ours = network.spec.num_classes
        if self.num_classes != ours:
            theirs = f"for {self.num_classes} classes" if self.num_classes else "missing"
            notes.append(f"the checkpoint's classifier is {theirs}: replaced by a new one for {ours}")
            found.update({name: wanted[name] for name in _HEAD})
        for name in wanted:  # a count that older checkpoints lack and that only a momentum of None would read
            if name.endswith("num_batches_tracked"):
                found.setdefault(name, wanted[name])
        _check_names(self.path, wanted, found)
        network.load_state_dict(found)
        return tuple(notes)


def load(path: str | Path) -> Checkpoint:
    """Read a .pth, .pt, .th or .safetensors file (or one of them as .xz) and name its weights as we do.

    Pickles are read with `weights_only=True`: nothing in them runs. Raises InputError when the file is missing,
    damaged, or no set of weights.
    """
    path = Path(path)
    raw, size = read(path)
    tensors, wrapped = unwrapped(path, raw)
    check_sizes(path, tensors, size)
    layout, ours = translated(path, tensors)
    for name, tensor in ours.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{path}: {name} holds values that are no numbers; the training that wrote it diverged")
    return Checkpoint(path, f"{layout}{wrapped}", ours)


def _check_names(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    faults = {
        "missing": [name for name in wanted if name not in found],
        "unexpected": [name for name in found if name not in wanted],
        "misshapen": [
            f"{name} {tuple(found[name].shape)} for {tuple(wanted[name].shape)}"
            for name in wanted
            if name in found and found[name].shape != wanted[name].shape
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{len(names)} {fault}: {', '.join(names)}" for fault, names in faults.items() if names)
        raise InputError(f"{path}: not the weights of this network; {listed}")
