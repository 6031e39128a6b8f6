"""The numbers of a tensor that a file describes: which type they are, and a view of bytes that the file really has."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from resnets.weights.unpickling import Stub, Unreadable

MOST_AXES = 64

DTYPES: Mapping[str, torch.dtype] = {
    str(dtype): dtype
    for dtype in (
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32,
        torch.int64, torch.bool, torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2,
        torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
    )
}  # fmt: skip
_OF_STORAGE: Mapping[str, torch.dtype] = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128, "UntypedStorage": torch.uint8,
    "_UntypedStorage": torch.uint8, "QInt8Storage": torch.int8, "QUInt8Storage": torch.uint8,
    "QInt32Storage": torch.int32,
}  # fmt: skip


def storage_dtype(kind: Any) -> torch.dtype:
    """The type of number that a storage's class holds. Raises Unreadable for one that is not known."""
    name = kind.home.rpartition(".")[2] if isinstance(kind, type) and issubclass(kind, Stub) else str(kind)
    if name not in _OF_STORAGE:
        raise Unreadable(f"it keeps numbers as {name:.60}, which is not known here")
    return _OF_STORAGE[name]


def whole(number: Any, what: str) -> int:
    """A number of the file that must be whole and not negative. Raises Unreadable where it is not."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << 62:
        raise Unreadable(f"it gives {what} as {number!r:.40}")
    return number


def view(data: Tensor, dtype: torch.dtype, offset: Any, shape: Any, strides: Any) -> Tensor:
    """The tensor of some bytes that a file describes. Raises Unreadable where it reaches beyond them."""
    if not isinstance(shape, (tuple, list)) or not isinstance(strides, (tuple, list)):
        raise Unreadable("it has a tensor without a shape")
    if len(shape) != len(strides) or len(shape) > MOST_AXES:
        raise Unreadable(f"it has a tensor of {len(shape)} axes with {len(strides)} strides")
    shape = [whole(length, "a length of a tensor") for length in shape]
    strides = [whole(stride, "a stride of a tensor") for stride in strides]
    offset = whole(offset, "the offset of a tensor")
    count = len(data) // dtype.itemsize
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    numbers = math.prod(shape)
    if numbers and last >= count:
        raise Unreadable(f"it has a tensor of shape {tuple(shape)} on {count:,} numbers, which is more than there are")
    if numbers >= 1 << 48:
        raise Unreadable(f"it has a tensor of shape {tuple(shape)}, which is more than any memory holds")
    flat = data[: count * dtype.itemsize].view(dtype)
    return flat.as_strided(shape, strides, offset) if numbers else flat.new_empty(shape)
