"""A checkpoint that others published: its weights under our names, and what becomes of them in a network."""

from dataclasses import dataclass
from pathlib import Path

from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.weights.checkpoint_file import NoCheckpoint, read
from resnets.weights.envelopes import Tensors, check_sizes, unwrapped
from resnets.weights.heads import with_classifier
from resnets.weights.hub import Fetched, forget
from resnets.weights.layouts import BEGINNINGS, translated
from resnets.weights.likeness import differences

_HEAD = ("fc.weight", "fc.bias")


@dataclass(frozen=True)
class Checkpoint:
    """Weights under our names, and the layout they came in."""

    path: Path
    layout: str
    tensors: Tensors
    notes: tuple[str, ...] = ()  # what the user should know of how they were found in the file

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
        InputError, which says what network they look like and what does not fit, changing nothing.
        """
        wanted = network.state_dict()
        found = dict(self.tensors)
        notes = [f"{self.path.name}: {self.layout}", *self.notes]
        ours = network.spec.num_classes
        if self.num_classes != ours:
            theirs = f"for {self.num_classes} classes" if self.num_classes else "missing"
            notes.append(f"the checkpoint's classifier is {theirs}: replaced by a new one for {ours}")
            found.update({name: wanted[name] for name in _HEAD})
        for name in wanted:  # a count that older checkpoints lack and that only a momentum of None would read
            if name.endswith("num_batches_tracked"):
                found.setdefault(name, wanted[name])
        if differing := differences(wanted, found, network.spec):
            raise InputError(f"{self.path}: {differing}")
        network.load_state_dict(found)
        return tuple(notes)


def load(path: str | Path, body: str | None = None) -> Checkpoint:
    """Read a file of weights, find the network in it, and name its weights as we do.

    path: safetensors, or any format of torch.save or torch.jit.save, perhaps compressed as .xz or .gz. body: which
    network of several that the file holds, such as "teacher". Nothing in the file runs. Raises InputError when the file
    is missing, damaged, no set of weights, or holds several networks of which none is the usual choice.
    """
    path = Path(path)
    file = read(path)
    try:
        found = unwrapped(path, file.content, BEGINNINGS, body)
    except InputError as error:
        raise InputError("; ".join((str(error), *file.notes))) from error
    check_sizes(path, found.tensors, file.size)
    layout, ours = translated(path, found.tensors)
    ours, heads = with_classifier(ours, found.beside, contrastive=found.contrastive)
    check_sizes(path, ours, file.size)
    for name, tensor in ours.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{path}: {name} holds values that are no numbers; the training that wrote it diverged")
    without = f", without the prefix {found.prefix}" if found.prefix else ""
    return Checkpoint(path, f"{layout}{without}", ours, (*file.notes, *found.notes, *heads))


def load_fetched(fetched: Fetched, body: str | None = None) -> Checkpoint:
    """The checkpoint in what `hub.fetch` found. A download that cannot be read is not kept in the cache."""
    try:
        return load(fetched.path, body)
    except NoCheckpoint as error:
        if not forget(fetched):
            raise
        raise NoCheckpoint(f"{error}; it came from {fetched.origin} and is not kept in the cache") from error
