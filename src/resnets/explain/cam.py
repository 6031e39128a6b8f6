"""Class activation maps: which places of an image speak for a class.

A residual network's logit is a mean over positions: fc reads the average of the last stage's maps (in pre-activation:
of the activated ones), and both are linear. So the map of Zhou et al. 2016 (Learning Deep Features for Discriminative
Localization) is no estimate here: it is the logit, position by position. Other pools have no such map.
"""

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.network import ResNet


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
