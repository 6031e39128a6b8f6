"""How convolutions stride, pad and dilate: weights alone do not show it, pickled modules and TorchScript record it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resnets.base.errors import InputError

Pair = tuple[int, int]  # rows, columns

_FIELDS = "stride", "padding", "dilation"
_CLASS = re.compile(r"^class (\w+)\(Module\):$", re.MULTILINE)
_PAIR = r"\[(\d+), (\d+)\]"
_CONVOLUTION = re.compile(rf"torch\.(?:conv2d|_convolution)\([^\[\]]*, {_PAIR}, {_PAIR}, {_PAIR}")


class OtherTopology(InputError):  # noqa: N818 - it says what the network is
    """The layers have the shapes of a network's, and connect otherwise. As InputError: one line for the user."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a convolution does beside its weights."""

    stride: Pair
    padding: Pair
    dilation: Pair


def recorded(attributes: Mapping[Any, Any]) -> Geometry | None:
    """The geometry among a module's attributes; None for a module that is no convolution, or pads by a word."""
    found = [attributes.get(name) for name in _FIELDS]
    if "kernel_size" not in attributes or not all(map(_is_pair, found)):
        return None
    return Geometry(*map(tuple, found))  # pyright: ignore[reportArgumentType] # pairs, as just checked


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(type(one) is int for one in value)


def scripted(module: str, code: str) -> Iterator[tuple[str, Geometry]]:
    """The classes of one convolution in TorchScript's code, which is only searched, by their whole names.

    module: what the names of the file's classes begin with, such as __torch__.torch.nn.modules.conv.
    """
    starts = [*_CLASS.finditer(code)]
    for begin, end in zip(starts, [*starts[1:], None], strict=False):
        calls = _CONVOLUTION.findall(code, begin.end(), end.start() if end else len(code))
        if len(calls) == 1:
            rows = [int(number) for number in calls[0]]
            yield f"{module}.{begin[1]}", Geometry((rows[0], rows[1]), (rows[2], rows[3]), (rows[4], rows[5]))


def check(layers: Iterable[tuple[str, Geometry | None, str, Geometry | None]]) -> None:
    """Raise OtherTopology, with the first layer, where a file's geometry is not the network's.

    layers: the file's name of each and what it records, then the network's name and what it has there.
    """
    for theirs, found, ours, wanted in layers:
        if found is None or wanted is None or found == wanted:
            continue
        name = next(name for name in _FIELDS if getattr(found, name) != getattr(wanted, name))
        raise OtherTopology(
            f"{theirs} has {name} {_told(getattr(found, name))} in the file, and {ours} of the network "
            f"{_told(getattr(wanted, name))}: the file's network has another topology"
        )


def _told(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} x {pair[1]}"
