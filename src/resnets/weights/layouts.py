"""Published checkpoints -> our parameter names. Every foreign layout is translated here and nowhere else.

torchvision and timm name parameters as we do. What is translated:

| layout | what is foreign in it |
|---|---|
| DataParallel, torch.compile | `module.` or `_orig_mod.` before every name |
| akamaster and other CIFAR code | the classifier is `linear`, a shortcut `shortcut` |
| fastai | positions for names: `4.0.convpath.0.0.weight` is `layer1.0.conv1.weight` |
"""

import io
import lzma
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.base.reading import read_whole
from resnets.network import ResNet
from resnets.weights.input_channels import with_channels

Tensors = dict[str, Tensor]

# Where training scripts put the weights inside what they save, in the order in which we look.
_ENVELOPES = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model", "net", "network")
_WRAPPERS = ("module.", "_orig_mod.", "model.")
_HEAD = ("fc.weight", "fc.bias")

LIMIT = 16 << 30  # bytes of a file of weights
UNPACKED = 100  # times a file's size that it may unpack to: weights hardly compress
ALWAYS = 64 << 20  # bytes that a file of any size may unpack to

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

WHAT_WORKS = "a checkpoint is a .pth, .pt, .th or .safetensors file of weights by name"


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

        A classifier for another number of classes, or none, leaves the network's own, freshly initialized. A first
        kernel for other channels is adapted (weights/input_channels.py). Raises
        InputError with every missing, unexpected and misshapen name, changing nothing.
        """
        wanted = network.state_dict()
        found, adapted = with_channels(self.tensors, network.spec.in_channels)
        notes = [f"{self.path.name}: {self.layout}", *adapted]
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
        _check_names(self.path, wanted, found)
        network.load_state_dict(found)
        return tuple(notes)


def load(path: str | Path) -> Checkpoint:
    """Read a .pth, .pt, .th or .safetensors file (or one of them as .xz) and name its weights as we do.

    Pickles are read with `weights_only=True`: nothing in them runs. Raises InputError when the file is missing,
    damaged, or no set of weights.
    """
    path = Path(path)
    data = _bytes(path)
    tensors, wrapped = _unwrapped(path, _parsed(path, data))
    _check_sizes(path, tensors, len(data))
    layout, ours = _translated(path, tensors)
    for name, tensor in ours.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{path}: {name} holds values that are no numbers; the training that wrote it diverged")
    return Checkpoint(path, f"{layout}{wrapped}", ours)


def _bytes(path: Path) -> bytes:
    """The file's bytes, unpacked where it is an .xz."""
    try:
        data = read_whole(path, limit=LIMIT)
        if path.suffix != ".xz":
            return data
        limit = _may_unpack_to(len(data))
        with lzma.open(io.BytesIO(data)) as archive:
            unpacked = archive.read(limit + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {WHAT_WORKS}") from None
    except (OSError, lzma.LZMAError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({why}); {WHAT_WORKS}, or one as .xz") from error
    _check_unpacked(path, len(data), len(unpacked))
    return unpacked


def _may_unpack_to(size: int) -> int:
    return min(max(ALWAYS, UNPACKED * size), LIMIT)


def _check_unpacked(path: Path, size: int, unpacked: int) -> None:
    if unpacked > (limit := _may_unpack_to(size)):
        raise InputError(
            f"{path}: unpacks to more than {limit:,} bytes from {size:,}, which weights do not; take another copy, "
            "or unpack it yourself"
        )


def _parsed(path: Path, data: bytes) -> Any:
    """What the file holds, with nothing in it run."""
    if path.suffix == ".xz":
        path = path.with_suffix("")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load(data)
        except (safetensors.SafetensorError, KeyError) as error:  # a type that torch has no name for
            raise InputError(f"{path}: damaged, or not a safetensors file ({error}); take another copy") from error
    if zipfile.is_zipfile(io.BytesIO(data)):  # as torch.save writes since 1.6
        _check_unpacked(path, len(data), _members(path, data))
    return _unpickle(path, data)


def _members(path: Path, data: bytes) -> int:
    """Bytes that the members of a zip archive say they unpack to."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error


def _unpickle(path: Path, data: bytes) -> Any:
    try:
        with warnings.catch_warnings():  # about pickle protocols: the error below says what matters
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it holds {forbidden[1]}, which is no weights" if forbidden else "it is no checkpoint or holds more"
        raise InputError(f"{path}: refused, since {why} and unpickling it could run code; save a state_dict") from error
    except MemoryError as error:
        raise InputError(f"{path}: asks for more memory than there is; {WHAT_WORKS}") from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error


def _unwrapped(path: Path, raw: Any) -> tuple[Tensors, str]:
    """The tensors by name, without envelopes and wrappers' prefixes, and a word on what was taken off."""
    for envelope in _ENVELOPES:
        if isinstance(raw, Mapping) and isinstance(raw.get(envelope), Mapping):
            raw = raw[envelope]
    if not isinstance(raw, Mapping):
        raise InputError(f"{path}: holds a {type(raw).__name__}, not weights by name; save a state_dict")
    tensors = {str(name): value for name, value in raw.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if what := _strange(tensor):
            raise InputError(f"{path}: {name} is {what}; save plain floating-point weights, 16 to 64 bits each")
    if not tensors:
        raise InputError(f"{path}: holds no weights; its entries are {', '.join(map(str, list(raw)[:5])) or 'none'}")
    taken: list[str] = []
    while prefix := next((p for p in _WRAPPERS if all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
        taken.append(prefix)
    return tensors, "".join(f", without the prefix {prefix}" for prefix in taken)


def _strange(tensor: Tensor) -> str:
    """Why a tensor is no plain weights, if it is not."""
    if tensor.is_meta:
        return "on the device meta, without its numbers"
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        return "sparse, quantized or complex"
    if (tensor.is_floating_point() and tensor.dtype not in _FLOATS) or tensor.element_size() == 0:
        return str(tensor.dtype).removeprefix("torch.")
    return ""


def _check_sizes(path: Path, tensors: Tensors, size: int) -> None:
    """Raise InputError where tensors repeat the file's bytes, by strides of 0, to more than a file unpacks to."""
    left = _may_unpack_to(size)
    for name, tensor in tensors.items():
        left -= tensor.numel() * tensor.element_size()
        if left < 0:
            raise InputError(
                f"{path}: {name} of shape {tuple(tensor.shape)} stands for far more numbers than the file of {size:,} "
                "bytes holds; take another copy"
            )


# Each layout: what it is called, how it is recognized, and what we call its parameters (None: left out).


def _has(tensors: Tensors, pattern: str) -> bool:
    return any(re.match(pattern, name) for name in tensors)


def _cifar_name(name: str) -> str:
    return re.sub(r"^linear\.", "fc.", name).replace(".shortcut.", ".downsample.")


def _xresnet_name(name: str) -> str:
    """fastai's XResNet is a Sequential: 0 to 2 the stem, 3 its pool, 4 on the stages, then pool and classifier."""
    match name.split("."):
        case ["2", "1", parameter]:
            return f"bn1.{parameter}"
        case ["0" | "1" | "2" as layer, part, parameter]:
            return f"conv1.{3 * int(layer) + int(part)}.{parameter}"
        case [stage, index, "convpath", position, part, parameter]:
            kind = "conv" if part == "0" else "bn"
            return f"layer{int(stage) - 3}.{index}.{kind}{int(position) + 1}.{parameter}"
        case [stage, index, "convpath", _, "layers", "1" | "2" as position, "0", parameter]:
            return f"layer{int(stage) - 3}.{index}.se.fc{position}.{parameter}"
        case [stage, index, "idpath", _, part, parameter]:
            return f"layer{int(stage) - 3}.{index}.downsample.{int(part) + 1}.{parameter}"
        case [_, parameter]:
            return f"fc.{parameter}"
        case _:
            return name


def _learner_name(name: str) -> str | None:
    """A fastai Learner puts a network's body at 0 and a head of its own, which is not ours, at 1."""
    body = name.removeprefix("0.")
    if body == name:
        return None
    if ".convpath." in name or ".idpath." in name or body.count(".") == 2:
        return _xresnet_name(body)
    layer, _, rest = body.partition(".")
    return {"0": f"conv1.{rest}", "1": f"bn1.{rest}"}.get(layer, f"layer{int(layer) - 3}.{rest}")


@dataclass(frozen=True)
class _Layout:
    name: str
    recognized: Callable[[Tensors], bool]
    ours: Callable[[str], str | None]


_LAYOUTS = (
    _Layout("fastai XResNet names", lambda t: _has(t, r"4\.0\.convpath\."), _xresnet_name),
    _Layout(
        "fastai Learner names; its head is not ours and is left out", lambda t: _has(t, r"0\.4\.0\."), _learner_name
    ),
    _Layout("akamaster's CIFAR names", lambda t: "linear.weight" in t or _has(t, r".+\.shortcut\."), _cifar_name),
    _Layout("torchvision's and timm's names", lambda t: _has(t, r"layer1\.0\."), lambda name: name),
)


def _translated(path: Path, tensors: Tensors) -> tuple[str, Tensors]:
    for layout in _LAYOUTS:
        if layout.recognized(tensors):
            try:
                names = {name: layout.ours(name) for name in tensors}
            except ValueError:  # a letter where the layout has a number
                break
            return layout.name, {ours: tensors[name] for name, ours in names.items() if ours is not None}
    raise InputError(
        f"{path}: names such as {', '.join(list(tensors)[:3])} are of no layout known here "
        "(torchvision, timm, fastai, akamaster)"
    )


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
