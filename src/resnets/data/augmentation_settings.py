"""How training shows images: the settings, without the arithmetic, so that reading them needs no torch."""

from dataclasses import dataclass
from typing import Literal

from resnets.base.settings import setting

Augment = Literal["none", "crop", "resized-crop"]
PolicyName = Literal["none", "rand-augment", "trivial-augment"]
CropFill = Literal["black", "mirror"]
Sampler = Literal["all", "balanced"]
MixPer = Literal["batch", "image"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What training does to each image. All of it can be turned off."""

    augment: Augment = setting(
        "crop", "crop: shift the image; resized-crop: take a random box and resize it to the network's size"
    )
    crop_padding: int = setting(4, "pixels around the image before it is shifted", 0, 512)
    crop_fill: CropFill = setting("black", "black, or mirror: the pixels inside the edge, mirrored")
    min_area: float = setting(0.25, "smallest box of resized-crop, as a part of the image", 1e-3, 1)
    flip: bool = setting(True, "whether half of the views are mirrored")
    alternate_flip: bool = setting(False, "whether flip mirrors an image in every second epoch, instead of at random")
    policy: PolicyName = setting("none", "random changes of color and shape")
    policy_ops: int = setting(2, "rand-augment: changes per image, each made with probability 1/2", 0, 100)
    policy_magnitude: float = setting(9.0, "rand-augment: how strong they are", 0, 10)
    policy_spread: float = setting(0.0, "rand-augment: deviation of that strength from image to image", 0, 100)
    erase: float = setting(0.0, "probability that a random box of the image is erased", 0, 1)
    repeats: int = setting(
        1, "views of each image, each augmented anew; an epoch has fewer images by this factor", 1, 64
    )
    sampler: Sampler = setting("all", "all: each image once an epoch; balanced: each class as often as any other")


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How training mixes the images of a batch. With both strengths at 0 it does not."""

    mixup: float = setting(0.0, "strength of blending two images, the alpha of a beta distribution; 0: never", 0, 100)
    cutmix: float = setting(0.0, "the same for pasting a box of one image into another", 0, 100)
    mix_probability: float = setting(1.0, "how often a batch (or an image) is mixed at all", 0, 1)
    mix_switch: float = setting(0.5, "how often it is cutmix, if both are on", 0, 1)
    mix_per: MixPer = setting("batch", "batch: all its images are mixed alike; image: each has its own draw")
