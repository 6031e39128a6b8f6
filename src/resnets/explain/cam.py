"""Class activation maps: which places of an image speak for a class, and a picture of them.

A residual network's logit is a mean over positions: fc reads the average of the last stage's maps (in pre-activation:
of the activated ones), and both are linear. So the map of Zhou et al. 2016 (Learning Deep Features for Discriminative
Localization) is no estimate here: it is the logit, position by position. Other pools have no such map.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.network import ResNet

LEVELS = (0.25, 0.5, 0.75)  # contour lines, as parts of the map's peak
SHADE = 0.55  # how much of the picture the colours cover


def is_exact(network: ResNet) -> bool:
    """Whether the network's logits are means over positions, which a map can show."""
    return network.spec.pool == "average"


@torch.inference_mode()
def class_activation_map(
    classifier: Classifier, pixels: UInt8[Tensor, "batch height width channels"], classes: Int64[Tensor, " batch"]
) -> Float[Tensor, "batch rows columns"]:
    """What each position of the last stage adds to the logit of one class for each image.

    pixels: images as `preprocessing.pixels` gives them. classes: for each of them, the output to explain.
    The mean of a map plus the class's bias is the class's logit (before the temperature). The map is on the CPU, as
    coarse as the last stage: 7 x 7 for 224 pixels. Raises InputError where the logit is no mean over positions.
    """
    network = classifier.network
    if not is_exact(network):
        raise InputError(
            f'pool = "{network.spec.pool}": a class activation map is the logit position by position for pool = '
            '"average" alone; explain a network of that pool'
        )
    device = network.fc.weight.device
    maps = network.feature_maps(classifier.preprocessing.normalize(pixels.to(device)))[-1].float()
    weights = network.fc.weight[classes.to(device)].float()
    return torch.einsum("bkhw,bk->bhw", maps, weights).cpu()


def overlay(
    pixels: UInt8[np.ndarray, "height width channels"], activation: Float[np.ndarray, "rows columns"]
) -> UInt8[np.ndarray, "height width 3"]:
    """An image in grey under its map in colour, with lines at a quarter, half and three quarters of the peak.

    Only what speaks for the class is shown, as a part of the map's peak; where nothing does, the image stays grey.
    The colours are cividis's, even in lightness and told apart by the colour-blind, and the lines need no colour.
    """
    from matplotlib import colormaps

    height, width = pixels.shape[:2]
    strength = _resized(_parts_of_peak(activation), height, width)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    colours = 255 * colormaps["cividis"](strength)[:, :, :3]
    mixed = grey if not strength.any() else (1 - SHADE) * grey + SHADE * colours
    line = _contours(strength)
    mixed[_grown(line)] = 0  # a dark rim lets the white line be seen on bright ground, too
    mixed[line] = 255
    return np.round(mixed).astype(np.uint8)


def _parts_of_peak(activation: NDArray[np.floating]) -> NDArray[np.float32]:
    positive = np.maximum(np.nan_to_num(activation.astype(np.float32)), 0)
    peak = positive.max()
    return positive / peak if peak > 0 else positive


def _resized(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Linear between the centres of the map's positions, each of which stands for its part of the image."""
    whole = F.interpolate(torch.as_tensor(values)[None, None], (height, width), mode="bilinear", align_corners=False)
    return whole[0, 0].numpy()


def _contours(strength: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels whose right or lower neighbour lies on the other side of a level."""
    level = np.digitize(strength, LEVELS)
    line = np.zeros(level.shape, dtype=bool)
    line[:, :-1] |= level[:, :-1] != level[:, 1:]
    line[:-1] |= level[:-1] != level[1:]
    return line


def _grown(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels at or beside `line`."""
    around = np.pad(line, 1)
    return around[1:-1, 1:-1] | around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
