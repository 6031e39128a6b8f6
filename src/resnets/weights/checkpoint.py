"""A checkpoint that others published: its weights under our names, and what becomes of them in a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.catalog import Row
from resnets.network import ResNet
from resnets.spec import ResNetSpec
from resnets.weights import keras_layout, other_networks, plausibility, topology
from resnets.weights.assignment import Match
from resnets.weights.checkpoint_file import NoCheckpoint, read
from resnets.weights.envelopes import Body, Tensors, check_sizes, unwrapped
from resnets.weights.heads import with_classifier
from resnets.weights.hub import Fetched, forget
from resnets.weights.identification import channels_of, matched, network_of
from resnets.weights.input_channels import with_channels
from resnets.weights.keras_files import KerasFile
from resnets.weights.layouts import BEGINNINGS, translated
from resnets.weights.likeness import differences
from resnets.weights.restoring import restored
from resnets.weights.slots import units
from resnets.weights.topology import Geometry, OtherTopology

_HEAD = ("fc.weight", "fc.bias")
TRUST = "; if you know better, converting it with --trust takes it as it is"


@dataclass(frozen=True)
class Checkpoint:
    """Weights under our names, and the layout they came in."""

    path: Path
    layout: str  # empty: known by no name, so that order and shape must say what the tensors are
    tensors: Tensors
    notes: tuple[str, ...] = ()  # what the user should know of how they were found in the file
    body: Body | None = None  # by the names in the file
    matched: Match | None = None  # how order and shape were read, where they were
    row: Row | None = None  # the network, where the file's layout is of one alone
    preprocessing: Mapping[str, Any] = field(default_factory=dict[str, Any])  # of its images, where the layout says so

    @property
    def num_classes(self) -> int | None:
        """Outputs of the checkpoint's classifier, if it has one."""
        bias = self.tensors.get("fc.bias")
        return len(bias) if bias is not None and bias.ndim == 1 else None

    @property
    def in_channels(self) -> int | None:
        """Channels of the images that the first convolution reads, if there is one."""
        first = self.tensors.get("conv1.weight", self.tensors.get("conv1.0.weight"))
        if first is None or first.ndim != 4:
            return channels_of(self.named)
        return first.shape[1]

    @property
    def named(self) -> Tensors:
        """The weights by the names in the file."""
        if self.body is None:
            return {}
        if not any(tensor.ndim == 4 for tensor in self.body.beside.values()):
            return self.body.tensors
        # The stem stands beside what was taken for the whole body, so the body is all of it.
        return self.body.beside | {f"{self.body.prefix}{name}": one for name, one in self.body.tensors.items()}

    def network(self) -> tuple[Row, tuple[str, ...]]:
        """The network that the weights are of, by their layout or else their shapes alone, and notes on it."""
        if self.row is not None:
            return self.row, (f"network: {self.row.name}, by the names of its layers",)
        return network_of(self.path, self.named, self._geometry)

    @property
    def _geometry(self) -> Mapping[str, Geometry]:
        return self.body.geometry if self.body is not None else {}

    def of(self, spec: ResNetSpec, *, trust: bool = False) -> "Checkpoint":
        """The checkpoint as one of a network: itself where names fit, else its layers by their order and shapes.

        trust: take what fits by its shapes, though the file records other strides. Raises InputError where no name is
        known, and order and shape do not fit either; OtherTopology, which is one, where strides do not.
        """
        if self.row is not None and spec.stride_at != self.row.spec.stride_at and spec.block == self.row.spec.block:
            raise InputError(
                f"{self.path}: {self.layout} has its stride on the first 1x1 convolution of a block, and the network "
                f"named on the 3x3: name {self.row.name}, or none"
            )
        if self.row is not None:
            return self
        spec = replace(spec, in_channels=self.in_channels or spec.in_channels)  # `into` adapts the first kernel
        wanted = {slot.name for unit in units(spec) for slot in unit.slots if slot.name != "fc"}
        named = {name.rpartition(".")[0] for name in self.tensors} - {"fc"}
        if self.layout and wanted <= named:  # what is there besides, `into` refuses by name
            return self if trust else self._of_the_topology(spec)
        try:
            found = matched(self.path, self.named, spec, self._geometry)
            if not trust:
                found.check_topology()
            ours, heads = found.tensors(), ()
            if self.body is not None:
                ours, heads = with_classifier(ours, self.body.beside, contrastive=self.body.contrastive)
            notes = tuple(dict.fromkeys((*self.notes, *heads)))
            return replace(self, layout="matched by order and shape", tensors=ours, notes=notes, matched=found)
        except OtherTopology as error:
            raise OtherTopology(f"{self.path}: {error}{TRUST}") from error
        except InputError as error:
            if self.layout and 2 * len(wanted & named) > min(len(wanted), len(named)):
                return self  # whose names say better what is wrong
            raise InputError(
                f"{self.path}: names such as {', '.join(list(self.named)[:3])} are of no layout known here, and by "
                f"order and shape: {error}"
            ) from error

    def _of_the_topology(self, spec: ResNetSpec) -> "Checkpoint":
        """Itself, if the strides that the file records are those of a network whose layers it has by name."""
        theirs = {id(tensor): name.removesuffix(".weight") for name, tensor in self.named.items()}
        slots = [slot for unit in units(spec) for slot in unit.of("convolution")]
        names = [theirs.get(id(self.tensors[f"{slot.name}.weight"]), "") for slot in slots]
        try:
            topology.check(
                (name, self._geometry.get(name), slot.name, slot.geometry)
                for name, slot in zip(names, slots, strict=True)
            )
        except OtherTopology as error:
            raise OtherTopology(f"{self.path}: {error}{TRUST}") from error
        return self

    def explained(self) -> tuple[str, ...]:
        """A line for each layer: its name in the file, ours, its shape."""
        if self.matched is not None:
            return self.matched.explained()
        theirs = {id(tensor): name for name, tensor in self.named.items()}
        return tuple(
            f"{theirs.get(id(tensor), 'new').removesuffix('.weight')}  ->  {name.removesuffix('.weight')}  "
            f"{' x '.join(map(str, tensor.shape))}"
            for name, tensor in self.tensors.items()
            if name.endswith(".weight")
        )

    def into(self, network: ResNet, *, trust: bool = False) -> tuple[str, ...]:
        """Copy the weights, which are `of` its spec, into `network` and return what the user should know.

        A classifier for another number of classes, or none, leaves the network's own, freshly initialized. A first
        kernel for other channels is adapted (weights/input_channels.py). trust: take them though the statistics of
        their batch norms speak against the order. Raises InputError, which says what network they look like and what
        does not fit, changing nothing.
        """
        wanted = network.state_dict()
        found, adapted = with_channels(self.tensors, network.spec.in_channels)
        notes = [f"{self.path.name}: {self.layout}", *self.notes, *adapted]
        ours = network.spec.num_classes
        if not ours:  # features alone
            found = {name: tensor for name, tensor in found.items() if name not in _HEAD}
        elif self.num_classes != ours:
            theirs = f"for {self.num_classes} classes" if self.num_classes else "missing"
            notes.append(f"the checkpoint's classifier is {theirs}: replaced by a new one for {ours}")
            found.update({name: wanted[name] for name in _HEAD})
        for name in wanted:  # a count that older checkpoints lack and that only a momentum of None would read
            if name.endswith("num_batches_tracked"):
                found.setdefault(name, wanted[name])
        if differing := differences(wanted, found, network.spec):
            raise InputError(f"{self.path}: {differing}")
        network.load_state_dict(found)
        if self.matched is not None:
            if self.matched.left:
                notes.append(f"left out: {', '.join(layer.name for layer in self.matched.left[:5])}")
            try:
                notes.extend(plausibility.check(network))
            except InputError as error:
                if not trust:
                    raise InputError(f"{self.path}: {error}{TRUST}") from error
                notes.append(f"taken as asked, though {error}")
        return tuple(notes)


def load(path: str | Path, body: str | None = None) -> Checkpoint:
    """Read a file of weights, find the network in it, and name its weights as we do.

    path: safetensors, or any format of torch.save or torch.jit.save, perhaps compressed as .xz or .gz. body: which
    network of several that the file holds, such as "teacher". Nothing in the file runs. Raises InputError when the file
    is missing, damaged, no set of weights, or holds several networks of which none is the usual choice.
    """
    path = Path(path)
    file = read(path)
    if isinstance(file.content, KerasFile):
        return _of_keras(path, file.content)
    try:
        found = unwrapped(path, file.content, BEGINNINGS, body)
    except InputError as error:
        raise InputError("; ".join((str(error), *file.notes))) from error
    check_sizes(path, found.tensors, file.size)
    other_networks.refuse(path, [*found.tensors, *found.beside])
    found = restored(found)
    try:
        layout, ours = translated(path, found.tensors)
    except InputError:  # by order and shape, then
        if channels_of(found.tensors) is None:
            raise
        layout, ours = "", {}
    ours, heads = with_classifier(ours, found.beside, contrastive=found.contrastive)
    check_sizes(path, ours, file.size)
    _check_numbers(path, ours if layout else found.tensors)
    without = f", without the prefix {found.prefix}" if found.prefix else ""
    notes = (*file.notes, *found.notes, *(heads if layout else ()))
    return Checkpoint(path, f"{layout}{without}" if layout else "", ours, notes, found)


def _of_keras(path: Path, file: KerasFile) -> Checkpoint:
    found = keras_layout.translated(path, file)
    _check_numbers(path, found.tensors)
    return Checkpoint(
        path, "Keras' ResNet", found.tensors, found.notes, row=found.row, preprocessing=found.preprocessing
    )


def _check_numbers(path: Path, tensors: Tensors) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{path}: {name} holds values that are no numbers; the training that wrote it diverged")


def load_fetched(fetched: Fetched, body: str | None = None) -> Checkpoint:
    """The checkpoint in what `hub.fetch` found. A download that cannot be read is not kept in the cache."""
    try:
        return load(fetched.path, body)
    except NoCheckpoint as error:
        if not forget(fetched):
            raise
        raise NoCheckpoint(f"{error}; it came from {fetched.origin} and is not kept in the cache") from error
