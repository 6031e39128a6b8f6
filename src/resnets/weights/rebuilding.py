"""What an unpickled object stands for: stubs of tensors, arrays and plain containers become these; others stay stubs.

A fixed table says which stubs are understood. A tensor is a view of bytes that the file really has, checked against
their number, so that no tensor reaches beyond them and none takes more memory than the file.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resnets.weights.stored_tensors import DTYPES, MOST_AXES, storage_dtype, view, whole
from resnets.weights.unpickling import Persistent, Stub, Unreadable

MOST_NESTED = 100  # objects in objects

_NUMBERS = re.compile(r"[<>|=]?(?:[fiuc](?:1|2|4|8|16)|b1|\?)")  # numpy's names of types without objects in them

Storages = Callable[[tuple[Any, ...]], Tensor]  # a persistent identifier -> its bytes, as a flat uint8 tensor


Nested = Callable[[bytes], tuple[Tensor, torch.dtype]]


class Rebuilder:
    """Replaces the stubs that are understood, each object once, however often it occurs."""

    def __init__(
        self, storages: Storages, *, limit: int, objects: Mapping[str, Any] | None = None, nested: Nested | None = None
    ) -> None:
        """storages: the bytes of a persistent identifier. limit: bytes that copies may take. objects: what other
        persistent identifiers stand for. nested: reads a storage that is a file of its own."""
        self._storages = storages
        self._nested = nested
        self._objects = objects or {}
        self._left = limit
        self._done: dict[int, Any] = {}
        self._depth = 0

    def value(self, found: Any) -> Any:
        """What `found` stands for. Raises Unreadable for tensors beyond their bytes, and for what nests without end."""
        if found is None or isinstance(found, (str, int, float, complex, bytes, bytearray, type)):
            return found
        if id(found) in self._done:
            return self._done[id(found)]
        if self._depth >= MOST_NESTED:
            raise Unreadable(f"it nests more than {MOST_NESTED} deep, which no weights do")
        self._depth += 1
        made = self._made(found)
        self._depth -= 1
        self._done[id(found)] = made
        return made

    def _made(self, found: Any) -> Any:
        if isinstance(found, (list, dict)):
            made: Any = type(found)()
            self._done[id(found)] = made  # before its values: it may hold itself
            if isinstance(found, list):
                made.extend(map(self.value, found))
            else:
                made.update((key, self.value(value)) for key, value in found.items())
            return made
        if isinstance(found, tuple):
            return tuple(map(self.value, found))
        if not isinstance(found, Stub):
            return found  # a set, whose members are hashable and so no tensors
        self._done[id(found)] = found
        if isinstance(found, Persistent):
            return self._objects.get(str(found.arguments[0]), found)
        found.arguments = tuple(map(self.value, found.arguments))
        found.state = self.value(found.state)
        found.members = list(map(self.value, found.members))
        found.pairs = [(key, self.value(one)) for key, one in found.pairs]
        known = _KNOWN.get(found.home)
        return known(self, found) if known else found

    def spend(self, size: int) -> None:
        """Count bytes that a copy takes. Raises Unreadable where many copies of the same fill the memory."""
        self._left -= size
        if self._left < 0:
            raise Unreadable("it stands for far more than its own size")

    def storage(self, found: Any) -> tuple[Tensor, torch.dtype]:
        """The bytes of a storage, and the type of its numbers."""
        if isinstance(found, Stub) and found.home == "torch.storage._load_from_bytes":  # as pickle.dump keeps a tensor
            data = found.arguments[0] if found.arguments else None
            if self._nested is None or not isinstance(data, bytes):
                raise Unreadable("it has a tensor without numbers")
            self.spend(len(data))
            return self._nested(data)
        if not isinstance(found, Persistent) or not isinstance(found.arguments[0], tuple):
            raise Unreadable("it has a tensor without numbers")
        name = found.arguments[0]
        if len(name) < 5 or name[0] not in ("storage", b"storage"):
            raise Unreadable("it has a tensor without numbers")
        return self._storages(name), storage_dtype(name[1])


# What is understood, a function for each name. The stub's arguments are rebuilt before.


def _tensor(rebuilder: Rebuilder, stub: Stub) -> Tensor:
    if len(stub.arguments) < 4:
        raise Unreadable("it has a tensor without a shape")
    data, dtype = rebuilder.storage(stub.arguments[0])
    return view(data, dtype, *stub.arguments[1:4])


def _typed_tensor(rebuilder: Rebuilder, stub: Stub) -> Any:
    stored, offset, shape, strides, _, _, dtype = (*stub.arguments, *[None] * 7)[:7]
    name = getattr(dtype, "home", "")
    if name not in DTYPES:
        return stub
    data, _ = rebuilder.storage(stored)
    return view(data, DTYPES[name], offset, shape, strides)


def _quantized(rebuilder: Rebuilder, stub: Stub) -> Any:
    """What a tensor of quantized integers stands for, as floats: (integer - zero point) * scale."""
    stored, offset, shape, strides, parameters = (*stub.arguments, *[None] * 5)[:5]
    if not isinstance(parameters, tuple) or len(parameters) < 3:
        return stub
    data, dtype = rebuilder.storage(stored)
    integers = view(data, dtype, offset, shape, strides)
    rebuilder.spend(4 * integers.numel())
    if getattr(parameters[0], "home", "") == "torch.per_tensor_affine":
        scale, zero = (torch.as_tensor(one, dtype=torch.float64) for one in parameters[1:3])
    else:
        if len(parameters) < 4 or not all(isinstance(one, Tensor) for one in parameters[1:3]):
            return stub
        axis = whole(parameters[3], "the axis of a scale")
        lengths = [1] * integers.ndim
        if axis >= integers.ndim or any(one.shape != integers.shape[axis : axis + 1] for one in parameters[1:3]):
            raise Unreadable("it has scales for other channels than a tensor has")
        lengths[axis] = -1
        scale, zero = (one.double().reshape(lengths) for one in parameters[1:3])
    return ((integers.double() - zero) * scale).float()


def _first(_: Rebuilder, stub: Stub) -> Any:
    return stub.arguments[0] if stub.arguments else stub


def _of_a_class(rebuilder: Rebuilder, stub: Stub) -> Any:
    """A tensor of a class of its own: the function that makes it, the class, and what the function is given."""
    function, _, arguments = (*stub.arguments, None, None, None)[:3]
    home = getattr(function, "home", "")
    if home not in _TENSORS or not isinstance(arguments, tuple):
        return stub
    return _TENSORS[home](rebuilder, Stub(*arguments))


def _dict(rebuilder: Rebuilder, stub: Stub) -> dict[Any, Any]:
    """A dictionary of any class: its pairs, given at once or one by one."""
    pairs: list[Any] = list(stub.pairs)
    for given in stub.arguments[:2]:
        if isinstance(given, (Mapping, list, tuple)):
            rebuilder.spend(100 * len(given))
            pairs[:0] = given.items() if isinstance(given, Mapping) else given
    return {pair[0]: pair[1] for pair in pairs if _is_named(pair)}


def _is_named(pair: Any) -> bool:
    return isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], (str, int, float))


def _list(rebuilder: Rebuilder, stub: Stub) -> list[Any]:
    given = stub.arguments[0] if stub.arguments and isinstance(stub.arguments[0], (list, tuple, set)) else ()
    rebuilder.spend(8 * len(given))
    return [*given, *stub.members]


def _encoded(rebuilder: Rebuilder, stub: Stub) -> Any:
    """Bytes as Python 2's protocols have them: text, a letter for each byte."""
    text = stub.arguments[0] if stub.arguments else None
    if not isinstance(text, str):
        return stub
    rebuilder.spend(len(text))
    return text.encode("latin1", "replace")


def _dtype(_: Rebuilder, stub: Stub) -> Any:
    name = stub.arguments[0] if stub.arguments else None
    if not isinstance(name, str) or not _NUMBERS.fullmatch(name):
        return stub
    made = np.dtype(name)
    order = stub.state[1] if isinstance(stub.state, tuple) and len(stub.state) > 1 else None
    return made.newbyteorder(order) if order in ("<", ">") else made


def _scalar(_: Rebuilder, stub: Stub) -> Any:
    dtype, data = (*stub.arguments, None, None)[:2]
    raw = data.encode("latin1", "replace") if isinstance(data, str) and len(data) <= 32 else data
    if not isinstance(dtype, np.dtype) or not isinstance(raw, bytes) or len(raw) != dtype.itemsize:
        return stub
    return np.frombuffer(raw, dtype)[0].item()


def _array(rebuilder: Rebuilder, stub: Stub) -> Any:
    """A numpy array of its state: version, shape, type, whether columns come first, bytes."""
    if not isinstance(stub.state, tuple) or len(stub.state) != 5:
        return stub
    _, shape, dtype, columns, data = stub.state
    return _filled(rebuilder, stub, (data, dtype, shape, "F" if columns else "C"))


def _buffer(rebuilder: Rebuilder, stub: Stub) -> Any:
    return _filled(rebuilder, stub, stub.arguments) if len(stub.arguments) == 4 else stub


def _filled(rebuilder: Rebuilder, stub: Stub, given: tuple[Any, ...]) -> Any:
    data, dtype, shape, order = given
    if isinstance(data, str):  # of Python 2
        rebuilder.spend(len(data))
        data = data.encode("latin1", "replace")
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, np.dtype) or not isinstance(shape, tuple):
        return stub
    lengths = tuple(whole(length, "a length of an array") for length in shape[:MOST_AXES])
    if len(shape) > 32 or math.prod(lengths) * dtype.itemsize != len(data):
        raise Unreadable(f"it has an array of shape {lengths} with {len(data):,} bytes")
    rebuilder.spend(len(data))
    array = np.frombuffer(data, dtype).reshape(lengths, order="F" if order == "F" else "C")
    try:
        return torch.from_numpy(np.array(array, dtype=dtype.newbyteorder("="), order="C"))
    except TypeError:  # a type of number that torch has not
        return stub


_Understood = Callable[[Rebuilder, Stub], Any]
_TENSORS: Mapping[str, _Understood] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_device_tensor_from_numpy": _first,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
    "torch._utils._rebuild_xla_tensor": _first,
}
_CONTAINERS: Mapping[str, _Understood] = {
    **dict.fromkeys(("OrderedDict", "defaultdict", "Counter", "ChainMap", "UserDict"), _dict),
    **dict.fromkeys(("deque", "UserList"), _list),
}
_BUILTINS: Mapping[str, _Understood] = {"dict": _dict, "list": _list, "tuple": _list, "set": _list}
_MULTIARRAY: Mapping[str, _Understood] = {"scalar": _scalar, "_reconstruct": _array}
_KNOWN: Mapping[str, _Understood] = {
    **_TENSORS,
    "torch._tensor._rebuild_from_type_v2": _of_a_class,
    "torch.nn.parameter.Parameter": _first,
    "torch.nn.parameter.Buffer": _first,
    **{f"collections.{name}": made for name, made in _CONTAINERS.items()},
    **{f"{module}.{name}": made for module in ("builtins", "__builtin__") for name, made in _BUILTINS.items()},
    "_codecs.encode": _encoded,
    "numpy.dtype": _dtype,
    **{f"numpy.{core}.multiarray.{name}": made for core in ("core", "_core") for name, made in _MULTIARRAY.items()},
    **{f"numpy.{core}.numeric._frombuffer": _buffer for core in ("core", "_core")},
}
