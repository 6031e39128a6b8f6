"""Memory that several processes see: pieces of batches, with which images they are of and where their pixels go."""

import ctypes
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from resnets.data.augmentation import COLUMNS

PIECE = 16  # images that a worker takes at once


@dataclass(frozen=True)
class Shared:
    """The memory that all processes see, as arrays; `slots` pieces of at most `size` pixels a side."""

    slots: int
    size: int
    channels: int
    workers: int
    raw: dict[str, Any]

    @classmethod
    def of(cls, context: BaseContext, slots: int, size: int, channels: int, workers: int) -> "Shared":
        lengths = {
            "pixels": (ctypes.c_uint8, slots * PIECE * size * size * channels),
            "rows": (ctypes.c_int64, slots * PIECE),
            "numbers": (ctypes.c_float, slots * PIECE * COLUMNS),
            "sizes": (ctypes.c_int64, slots),
            "counts": (ctypes.c_int64, slots),
            "at": (ctypes.c_int64, workers),  # the row that each worker is at; -1: none
            "begun": (ctypes.c_int64, workers),  # how many images each worker has begun
        }
        raw = {name: context.RawArray(kind, length) for name, (kind, length) in lengths.items()}
        return cls(slots, size, channels, workers, raw)

    def array(self, name: str, dtype: Any) -> NDArray[Any]:
        return np.frombuffer(self.raw[name], dtype=dtype)

    def slot(self, number: int) -> "Slot":
        count, size = int(self.array("counts", np.int64)[number]), int(self.array("sizes", np.int64)[number])
        per_slot = len(self.raw["pixels"]) // self.slots
        pixels = self.array("pixels", np.uint8)[number * per_slot :][: count * size * size * self.channels]
        rows = self.array("rows", np.int64)[number * PIECE :][:count]
        numbers = self.array("numbers", np.float32).reshape(-1, COLUMNS)[number * PIECE :][:count]
        return Slot(rows, numbers, pixels.reshape(count, size, size, self.channels), size)

    def write(self, number: int, rows: NDArray[np.int64], numbers: NDArray[np.float32], size: int) -> None:
        """Say which images a slot is to hold."""
        self.array("counts", np.int64)[number], self.array("sizes", np.int64)[number] = len(rows), size
        slot = self.slot(number)
        slot.rows[:], slot.numbers[:] = rows, numbers


@dataclass(frozen=True)
class Slot:
    """One piece: which images, with which numbers, and where their pixels go."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.float32]
    pixels: UInt8[np.ndarray, "count size size channels"]
    size: int
