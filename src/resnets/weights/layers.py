"""The tensors of a file, grouped into layers: convolutions, norms and linear layers, in the order of the network.

What a layer is follows from the shapes of its tensors. Names serve for three things alone: which tensors stand under
one name, which layers stand in one module, and which number comes first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Literal

from torch import Tensor

from resnets.base.errors import InputError
from resnets.weights.topology import Geometry

Kind = Literal["convolution", "norm", "linear", "other"]

# What the tensors of a layer are called, by whoever wrote them.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "weight": ("weight", "weights", "gamma", "scale", "w"),
    "bias": ("bias", "biases", "beta", "offset", "b"),
    "running_mean": ("running_mean", "moving_mean", "mean"),
    "running_var": ("running_var", "moving_variance", "moving_var", "variance", "var"),
    "num_batches_tracked": ("num_batches_tracked",),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_ENDING = re.compile(rf"^(?:(.*?)[./_])?({'|'.join(sorted(_PART_OF, key=len, reverse=True))})(?::0)?$", re.IGNORECASE)
_IN_ORDER = {1: ("bias",), 2: ("weight", "bias"), 4: ("weight", "bias", "running_mean", "running_var")}

Key = tuple[tuple[int, int, str], ...]
NONE: Mapping[str, Geometry] = {}  # as most files, which hold weights alone


@dataclass(frozen=True)
class Layer:
    """The tensors that stand under one name in a file, by their part: weight, bias, running_mean, running_var."""

    name: str
    kind: Kind
    parts: Mapping[str, Tensor]
    geometry: Geometry | None = None  # of a convolution, where the file records it

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight; of a norm, its channels."""
        first = self.parts.get("weight", next(iter(self.parts.values())))
        return tuple(first.shape)

    @property
    def path(self) -> tuple[str, ...]:
        """The modules that the layer stands in, from the outermost, and its own name."""
        return tuple(re.split(r"[./]", self.name))

    @property
    def key(self) -> Key:
        """What sorts names by their numbers: layer2 before layer10."""
        return tuple(
            (1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|\D+", self.name)
        )


def grouped(tensors: Mapping[str, Tensor], geometry: Mapping[str, Geometry] = NONE) -> tuple[Layer, ...]:
    """The layers of a file's tensors, in the order in which they stand there.

    geometry: what the file records of its convolutions, by the layers' names. Where names say nothing of what a tensor
    is (`param_0`, `17`), the shapes and their order do: a convolution's weight, perhaps its bias, then a norm's weight,
    bias, mean and variance.
    """
    found: dict[str, dict[str, Tensor]] = {}
    endings = {name: _ENDING.match(name) for name in tensors}
    if not any(endings.values()):
        return tuple(_by_order(tensors))
    for name, tensor in tensors.items():
        ending = endings[name]
        prefix, part = (ending[1] or "", _PART_OF[ending[2].lower()]) if ending else (name, "other")
        found.setdefault(prefix, {})[part if part not in found.get(prefix, {}) else name] = tensor
    return tuple(Layer(name, _kind(parts), parts, geometry.get(name)) for name, parts in found.items())


def _kind(parts: Mapping[str, Tensor]) -> Kind:
    weight = parts.get("weight")
    rest = [tensor for part, tensor in parts.items() if part in ("weight", "bias", "running_mean", "running_var")]
    if "running_var" in parts or (weight is not None and weight.ndim == 1 and "bias" in parts):
        return "norm" if all(one.ndim == 1 and one.shape == rest[0].shape for one in rest) else "other"
    if weight is None:
        return "other"
    return "convolution" if weight.ndim in (3, 4) else "linear" if weight.ndim == 2 else "other"


def _by_order(tensors: Mapping[str, Tensor]) -> Iterator[Layer]:
    """Layers of tensors whose names say nothing."""
    names = list(tensors)
    heads = [place for place, name in enumerate(names) if tensors[name].ndim > 1]
    if heads[:1] != [0]:
        raise InputError(
            f"{names[0] if names else 'it'} is no convolution's weight, and no name says which tensors belong together"
        )
    for start, stop in pairwise([*heads, len(names)]):
        vectors = [name for name in names[start + 1 : stop] if tensors[name].ndim == 1]
        own = len(vectors) % 2 == 1  # a norm has two vectors or four, so an odd one is the convolution's bias
        parts = {"weight": tensors[names[start]]} | ({"bias": tensors[vectors[0]]} if own else {})
        yield Layer(names[start], _kind(parts), parts)
        norm = vectors[own:]
        if norm and len(norm) not in _IN_ORDER:
            raise InputError(f"{names[start]}: {len(vectors)} vectors stand behind it; a norm has two or four")
        if norm:
            words = _IN_ORDER[len(norm)]
            yield Layer(norm[0], "norm", {word: tensors[name] for word, name in zip(words, norm, strict=True)})


@dataclass(frozen=True)
class Ordered:
    """Layers in the order of the network, and whether that is the order in which their modules were defined."""

    layers: tuple[Layer, ...]
    defined: bool  # False: sorted by the numbers in their names, as a safetensors file keeps no order


def ordered(layers: Sequence[Layer], *, kept: bool = True) -> Ordered:
    """The layers in the order of their definition, or where the file has not `kept` it, of the numbers in their names.

    Raises InputError where the file has an order and the numbers in its names another.
    """
    names = [layer.name for layer in layers]
    if not kept or (len(names) > 2 and names == sorted(names) and names != [x.name for x in _defined(layers)]):
        return Ordered(tuple(sorted(layers, key=lambda layer: layer.key)), defined=False)
    last: dict[str, tuple[int, str]] = {}
    for layer in (one for one in layers if one.kind in ("convolution", "norm")):
        walked = ""
        for step in layer.path:
            if number := re.fullmatch(r"(.*?)(\d+)", step):
                place = f"{walked}.{number[1]}#"
                before, name = last.get(place, (-1, ""))
                if int(number[2]) < before:
                    raise InputError(
                        f"{layer.name} stands behind {name}, so the order of the file is not the order of its names; "
                        "which one the network has cannot be told"
                    )
                last[place] = (int(number[2]), layer.name)
            walked = f"{walked}.{step}"
    return Ordered(tuple(layers), defined=True)


def _defined(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, if their parts stand as modules define them (a weight before its bias); else nothing."""
    pairs = [list(layer.parts) for layer in layers if {"weight", "bias"} <= set(layer.parts)]
    return list(layers) if all(parts.index("weight") < parts.index("bias") for parts in pairs) else []


def told_apart(one: Layer, other: Layer) -> bool:
    """Whether names say which of two layers comes first: by a number or a single letter where they first differ."""
    for a, b in zip_longest(re.findall(r"\d+|[a-zA-Z]+", one.name), re.findall(r"\d+|[a-zA-Z]+", other.name)):
        if a != b:
            return a is None or b is None or (a.isdigit() and b.isdigit()) or len(a) == len(b) == 1
    return False


def kinship(one: Layer, other: Layer) -> float:
    """How many modules two layers share, half a one for a last name that differs by its number alone."""
    shared = 0.0
    for a, b in zip(one.path, other.path, strict=False):
        if a != b:
            bare = [re.sub(r"\d+", "", word) for word in (a, b)]
            numbers = [re.findall(r"\d+", word) for word in (a, b)]
            return shared + 0.5 * (bare[0] == bare[1]) + 0.25 * (bool(numbers[0]) and numbers[0] == numbers[1])
        shared += 1
    return shared
