"""Pictures of maps: an image in grey under what speaks for a class, or against it, told apart without colour."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

LEVELS = (0.25, 0.5, 0.75)  # contour lines, as parts of the map's peak
SHADE = 0.55  # how much of the picture the colours cover
MOST_COVER = 0.75  # of it, that the largest value of a signed map covers
FOR = np.array([240, 120, 20], np.float32)  # the colours of the explorer's maps
AGAINST = np.array([110, 170, 255], np.float32), np.array([0, 25, 80], np.float32)  # in stripes that differ in grey too
FINEST = 28  # places a side of a map that are drawn: signs of single pixels would not be seen
STRIPE = 6  # pixels from one stripe to the next, where a place speaks against the class


def overlay(
    pixels: UInt8[np.ndarray, "height width channels"], activation: Float[np.ndarray, "rows columns"]
) -> UInt8[np.ndarray, "height width 3"]:
    """An image in grey under its map in colour, with lines at a quarter, half and three quarters of the peak.

    Only what speaks for the class is shown, as a part of the map's peak; where nothing does, the image stays grey.
    The colours are cividis's, even in lightness and told apart by the colour-blind, and the lines need no colour.
    """
    from matplotlib import colormaps

    height, width = pixels.shape[:2]
    strength = resized(_parts_of_peak(activation), height, width, smooth=True)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    colours = 255 * colormaps["cividis"](strength)[:, :, :3]
    mixed = grey if not strength.any() else (1 - SHADE) * grey + SHADE * colours
    line = _borders(np.digitize(strength, LEVELS))
    mixed[_grown(line)] = 0  # a dark rim lets the white line be seen on bright ground, too
    mixed[line] = 255
    return np.round(mixed).astype(np.uint8)


def signed_overlay(
    pixels: UInt8[np.ndarray, "height width channels"], values: Float[np.ndarray, "rows columns"], *, smooth: bool
) -> UInt8[np.ndarray, "height width 3"]:
    """An image in grey under a map with both its signs: orange speaks for the class; blue, in stripes, against it.

    The stronger the colour, the more. smooth: linear between the map's places; else every place is a rectangle. The
    lines are at a half of the largest value, of either sign. A finer map is first averaged to FINEST places a side.
    """
    height, width = pixels.shape[:2]
    finite = _coarse(np.nan_to_num(values.astype(np.float32)))
    strength = resized(finite / np.float32(np.abs(finite).max() or 1), height, width, smooth=smooth)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    rows, columns = np.indices((height, width))
    striped = np.asarray((rows + columns) // (STRIPE // 2) % 2 == 0)
    colour = np.where((strength > 0)[:, :, None], FOR, np.where(striped[:, :, None], *AGAINST))
    cover = MOST_COVER * np.abs(strength)[:, :, None]
    mixed = (1 - cover) * grey + cover * colour
    line = _borders(np.digitize(strength, (-0.5, 0.5)))
    mixed[_grown(line)] = 0  # as in `overlay`
    mixed[line] = 255
    return np.round(mixed).astype(np.uint8)


def resized(values: NDArray[np.float32], height: int, width: int, *, smooth: bool) -> NDArray[np.float32]:
    """A map over an image of this size. smooth: linear between the centres of its places; else constant on each."""
    mode, corners = ("bilinear", False) if smooth else ("nearest-exact", None)
    whole = F.interpolate(torch.as_tensor(values)[None, None], (height, width), mode=mode, align_corners=corners)
    return whole[0, 0].numpy()


def _coarse(values: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = (min(side, FINEST) for side in values.shape)
    return F.adaptive_avg_pool2d(torch.as_tensor(values)[None, None], (rows, columns))[0, 0].numpy()


def _parts_of_peak(activation: NDArray[np.floating]) -> NDArray[np.float32]:
    positive = np.maximum(np.nan_to_num(activation.astype(np.float32)), 0)
    peak = positive.max()
    return positive / peak if peak > 0 else positive


def _borders(level: NDArray[np.integer]) -> NDArray[np.bool_]:
    """The pixels whose right or lower neighbour is of another level."""
    line = np.zeros(level.shape, dtype=bool)
    line[:, :-1] |= level[:, :-1] != level[:, 1:]
    line[:-1] |= level[:-1] != level[1:]
    return line


def _grown(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels at or beside `line`."""
    around = np.pad(line, 1)
    return around[1:-1, 1:-1] | around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
