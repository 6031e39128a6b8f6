"""What a network did with one image, as plain arrays: what the explorer page shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64, UInt8

Last = Literal["relu", "none", "other"]  # what a block's sum goes through


@dataclass(frozen=True, slots=True)
class Maps:
    """What leaves the stem or a block: some channels in full, and of every channel how much there is of it."""

    name: str
    channels: Int64[np.ndarray, " kept"]  # which ones are in full, in ascending order
    values: Float32[np.ndarray, "kept rows columns"]
    strength: Float32[np.ndarray, "answers kept"]  # sum over the cells of value x the class's gradient
    mean: Float32[np.ndarray, " channels"]
    peak: Float32[np.ndarray, " channels"]  # the largest absolute value; 0: the channel is silent on this image


@dataclass(frozen=True, slots=True)
class Sum:
    """An addition: what comes through the shortcut, what the residual branch gives, and what leaves the block."""

    output: Maps
    shortcut: Float32[np.ndarray, "kept rows columns"]
    residual: Float32[np.ndarray, "kept rows columns"]
    shortcut_norm: float  # Euclidean, over every channel and position
    residual_norm: float

    @property
    def total(self) -> Float32[np.ndarray, "kept rows columns"]:
        """The sum, before what follows it: the very addition that the network does."""
        return self.shortcut + self.residual


@dataclass(frozen=True, slots=True)
class Response:
    """One number that a convolution gave, and all that it is made of: where the convolution answers most strongly."""

    operation: str
    filter: int
    row: int
    column: int
    window: Float32[np.ndarray, "channels height width"]  # zeros beyond the edges
    kernel: Float32[np.ndarray, "channels height width"]
    bias: float
    value: float  # sum of window x kernel, plus the bias


@dataclass(frozen=True, slots=True)
class Filters:
    """A network's first convolution."""

    operation: str
    kernels: Float32[np.ndarray, "filters channels height width"]
    biases: Float32[np.ndarray, " filters"]


@dataclass(frozen=True, slots=True)
class Strongest:
    """Where each filter of the first convolution answers most strongly, and what it gives there."""

    rows: Int64[np.ndarray, " filters"]
    columns: Int64[np.ndarray, " filters"]
    values: Float32[np.ndarray, " filters"]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """All of one image."""

    pixels: UInt8[np.ndarray, "height width channels"]  # as the network saw them, not yet normalized
    logits: Float32[np.ndarray, " classes"]
    answers: tuple[int, ...]  # the classes that strengths are known for, the most probable first
    class_maps: Float32[np.ndarray, "classes rows columns"] | None  # each sums to its logit minus its bias
    stem: Maps
    sums: tuple[Sum, ...]
    strongest: Strongest
    responses: Mapping[str, Response]
    without: Float32[np.ndarray, "blocks classes"]  # the logits if a block were its shortcut; a plain network has none


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """What belongs to the network and not to an image."""

    filters: Filters
    biases: Float32[np.ndarray, " classes"]
    last: Last
    pool: str
