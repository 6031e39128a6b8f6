"""How an image becomes a network's input: one value, stored with the classifier and used wherever it is.

The same arithmetic as torchvision's Resize, CenterCrop, ToTensor and Normalize on Pillow images (and timm's eval
transforms, whose three crop modes are the three fits), to the bit.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resnets.base.errors import InputError, nearest
from resnets.data import augmentation, decoding, jpeg
from resnets.data.augmentation import Interpolation, RandomBox
from resnets.data.depth import Range
from resnets.data.views import Views

Fit = Literal["crop", "squash", "pad"]

MOST = {"size": 4096, "resize": 8192, "channels": 65_536}  # fields, and what no network's images go beyond
LARGEST = 1_000_000  # mean or standard deviation
SMALLEST = 1e-6  # standard deviation: smaller than a step of 16-bit pixels, and float32 still divides by it
SMALL_IMAGE = 64  # pixels: up to here an image keeps its size, and a network has the CIFAR stem
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_RESAMPLING: Mapping[str, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """Resize, crop to a square, scale to 0..1, normalize. Raises InputError naming the field that cannot work."""

    size: int = 224  # of the network's input, in pixels
    resize: int = 256  # of the shorter side ("crop"), both sides ("squash") or the longer side ("pad")
    fit: Fit = "crop"  # crop: keep the aspect, lose the edges; squash: lose the aspect; pad: lose nothing
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN  # of pixels scaled to 0..1, a channel
    std: tuple[float, ...] = IMAGENET_STD
    channels: int = 3
    range: Range | None = None  # of pixels of more than 8 bits, the values that become 0 and 255; None: 0 to 65535

    def __post_init__(self) -> None:
        for name in ("size", "resize", "channels"):
            _check_count(name, getattr(self, name))
        for name, choices in (("fit", get_args(Fit)), ("interpolation", get_args(Interpolation))):
            if getattr(self, name) not in choices:
                raise InputError(f"preprocessing {name} = {getattr(self, name)!r}: must be {' or '.join(choices)}")
        if self.resize < self.size and self.fit != "pad":
            raise InputError(f"preprocessing resize = {self.resize}: must be at least size = {self.size}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            numbers = isinstance(values, tuple) and all(isinstance(value, int | float) for value in values)
            if not numbers or len(values) != self.channels or not all(abs(value) <= LARGEST for value in values):
                raise InputError(
                    f"preprocessing {name} = {values!r:.200}: needs {self.channels} numbers, one per "
                    "channel, of at most "
                    f"{LARGEST:,}"
                )
        if min(self.std) < SMALLEST:
            raise InputError(f"preprocessing std = {self.std!r:.200}: each must be at least {SMALLEST:g}")
        if self.range is not None and not (len(self.range) == 2 and _is_range(*self.range)):
            raise InputError(f"preprocessing range = {self.range!r}: must be two numbers, the smaller first")

    @property
    def mean_colour(self) -> tuple[int, ...]:
        """The mean, 0 to 255: what normalizes to zero but for rounding."""
        return tuple(min(255, max(0, round(255 * mean))) for mean in self.mean)

    @property
    def resampling(self) -> Image.Resampling:
        """The interpolation, as Pillow has it."""
        return _RESAMPLING[self.interpolation]

    def decoded(self, data: bytes, *, name: str) -> Image.Image:
        """The picture in an encoded file, with our channels. Raises InputError, naming it, as `decoding.decode`."""
        return decoding.decode(data, channels=self.channels, name=name, span=self.range)

    def decoded_file(self, path: str | Path) -> Image.Image:
        """What `decoded` gives of a file. One that cannot be opened raises InputError as well."""
        return decoding.decode_file(path, channels=self.channels, span=self.range)

    def pixels(self, image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The network's view of an image, for evaluation: size x size x channels, not yet normalized."""
        return _join([self._centre(self._framed(self._resized(plane))) for plane in self._planes(image)])

    def views(
        self, image: Image.Image | NDArray[np.uint8], kind: Views
    ) -> UInt8[np.ndarray, "views size size channels"]:
        """What test-time augmentation shows of an image, not yet normalized.

        "none": what `pixels` gives. "flip": that, and its mirror image. "crops": the corners and the centre of the
        resized image, and of its mirror image, in the order of torchvision's TenCrop (Krizhevsky et al. 2012). A
        resized image of the network's exact size leaves nothing to crop, so it first gets a margin of mirrored pixels,
        a 32nd of its size wide; its corners are then shifts of it (as in Jordan 2024).
        """
        if kind == "crops":
            whole = _join([self._framed(self._resized(plane)) for plane in self._planes(image)])
            if whole.shape[:2] == (self.size, self.size):
                margin = max(1, self.size // 32)
                whole = np.pad(whole, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
            return np.stack([one for side in (whole, whole[:, ::-1]) for one in _five_crops(side, self.size)])
        one = self.pixels(image)
        return np.stack([one, one[:, ::-1]] if kind == "flip" else [one])

    def resized_crop(
        self, image: Image.Image | NDArray[np.uint8], wanted: RandomBox
    ) -> UInt8[np.ndarray, "size size channels"]:
        """A random box of the image at the size that is wanted, for training."""
        if isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == self.channels:
            box = wanted.of(image.shape[1], image.shape[0])
            return augmentation.resized_box(image, box, wanted.size, self.interpolation)
        return self.resized_crop(_join(self._planes(image)), wanted)

    def resized_crop_of_file(self, data: bytes, wanted: RandomBox, *, name: str) -> NDArray[np.uint8]:
        """What `resized_crop` gives of an encoded image.

        A JPEG that has far more pixels than the box needs is decoded at a fraction of its size, and only as far down as
        the box reaches. Raises InputError as `decoded`.
        """
        plain = jpeg.size_if_plain(data) if self.channels == 3 else None
        if plain is not None and plain[0] * plain[1] <= decoding.MAX_PIXELS:
            box = wanted.of(*plain)
            part = jpeg.fraction(box, wanted.size)
            box = jpeg.part_of(box, part, *plain)
            pixels = jpeg.decoded(data, *plain, part=part, bottom=box[3])
            if pixels is not None:
                return augmentation.resized_box(pixels, box, wanted.size, self.interpolation)
        return self.resized_crop(self.decoded(data, name=name), wanted)

    def normalize(
        self, pixels: UInt8[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "batch channels height width"]:
        """The network's input, in channels_last memory order, on the device of `pixels`."""
        batch, height, width, channels = pixels.shape
        mean, std = _over_a_row(self.mean, self.std, width, pixels.device)
        rows = pixels.to(torch.float32).reshape(batch * height, width * channels)
        scaled = rows.div_(255).sub_(mean).div_(std)
        return scaled.view(batch, height, width, channels).permute(0, 3, 1, 2)

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what `pixels` shows of an image of this size, in the image's own pixels.

        Where the network sees a frame around the image, the box is larger than the image.
        """
        wide, high = self._target((width, height))
        left, top = (round((side - self.size) / 2) for side in (max(wide, self.size), max(high, self.size)))
        left, top = left - max(0, self.size - wide) // 2, top - max(0, self.size - high) // 2
        across, down = width / wide, height / high
        return left * across, top * down, (left + self.size) * across, (top + self.size) * down

    def _planes(self, image: Image.Image | NDArray[np.uint8]) -> list[Image.Image]:
        """The image as one picture of our channels; where no picture has so many, as one grey picture a channel."""
        if isinstance(image, np.ndarray):
            image = decoding.from_array(image)
            found = image.shape[2]
            if not {found, self.channels} <= {1, 3}:
                if found != self.channels:
                    raise InputError(f"an array of {found} channels, but the classifier reads {self.channels}")
                return [Image.fromarray(image[:, :, channel]) for channel in range(found)]
            image = Image.fromarray(image[:, :, 0] if found == 1 else image)
        return [decoding.to_channels(image, self.channels, span=self.range)]

    def _resized(self, image: Image.Image) -> Image.Image:
        target = self._target(image.size)
        if target[0] * target[1] > decoding.MAX_PIXELS:
            raise InputError(
                f"{image.width} x {image.height} is so long and thin that resizing it makes more "
                f"than {decoding.MAX_PIXELS / 1e6:.0f} million pixels; crop it, or leave it out"
            )
        return image if target == image.size else image.resize(target, self.resampling)

    def _target(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height after the resize."""
        width, height = size
        if self.fit == "squash":
            return self.resize, self.resize
        if self.fit == "crop":  # torchvision truncates the longer side
            short, long = sorted(size)
            longer = int(self.resize * long / short)
            return (self.resize, longer) if width <= height else (longer, self.resize)
        ratio = max(size) / self.resize  # timm rounds both
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _framed(self, image: Image.Image) -> Image.Image:
        """The image; where it is smaller than the network's input, in a frame of the mean colour."""
        width, height = image.size
        if width >= self.size and height >= self.size:
            return image
        framed = Image.new(image.mode, (max(width, self.size), max(height, self.size)), self._frame())
        framed.paste(image, (max(0, self.size - width) // 2, max(0, self.size - height) // 2))
        return framed

    def _centre(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        if (width, height) == (self.size, self.size):
            return image
        left, top = round((width - self.size) / 2), round((height - self.size) / 2)
        return image.crop((left, top, left + self.size, top + self.size))

    def _frame(self) -> tuple[int, ...] | int:
        colour = self.mean_colour
        return colour if self.channels == 3 else colour[0]  # planes of many channels share the first one's


def to_dict(value: Preprocessing) -> dict[str, Any]:
    """The preprocessing as JSON values. Without a range it has no such entry, which TOML could not hold."""
    return {name: held for name, held in dataclasses.asdict(value).items() if held is not None}


def from_dict(values: Mapping[str, Any], *, where: str = "preprocessing") -> Preprocessing:
    """The preprocessing that JSON or TOML values describe; fields left out have their defaults."""
    known = [field.name for field in dataclasses.fields(Preprocessing)]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown field {name!r}; {nearest(name, known)}")
    tuples: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return Preprocessing(**tuples)


def published_preprocessing(
    usual_size: int, usual_channels: int, theirs: Mapping[str, Any], ours: Mapping[str, Any]
) -> Preprocessing:
    """The publisher's preprocessing (`theirs`), or a network's usual one, with the fields of `ours` replaced.

    usual_size, usual_channels: of the images that the network reads, where nobody says otherwise. Another
    size alone keeps the publisher's proportion of resize to size, or the usual one. Other channels than the publisher's
    get the mean of his means and deviations where they are one, else those repeated, as the first kernel's are.
    """
    channels = {**theirs, **ours}.get("channels", usual_channels)
    _check_count("channels", channels)
    usual: dict[str, Any] = {"size": usual_size, "channels": channels}
    seen = theirs.get("channels", usual_channels)  # by the weights, whose first kernel is adapted to others
    if seen != 3:
        usual |= {"mean": (0.5,) * channels, "std": (0.5,) * channels}
    for name, colours in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
        of_weights = theirs.get(name, usual.get(name, colours))
        usual[name] = _for_channels(of_weights, channels) if seen != channels else of_weights
    fields = {**theirs, **usual, **ours, "size": {**usual, **theirs, **ours}["size"]}
    size = fields["size"]
    if isinstance(size, int) and ("size" in ours or "resize" not in theirs) and "resize" not in ours:
        if "resize" in theirs:
            fields["resize"] = size * theirs["resize"] // theirs["size"]
        else:
            fields["resize"] = size if size <= SMALL_IMAGE else size * 8 // 7
    return from_dict(fields)


def _for_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """Means or deviations for another number of channels: their mean for one, else repeated in order."""
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(islice(cycle(values), channels))


def _is_range(low: object, high: object) -> bool:
    return isinstance(low, int | float) and isinstance(high, int | float) and -math.inf < low < high < math.inf


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST[name]:
        raise InputError(f"preprocessing {name} = {value!r:.200}: must be a whole number from 1 to {MOST[name]}")


@lru_cache(maxsize=32)
def _over_a_row(
    mean: tuple[float, ...], std: tuple[float, ...], width: int, device: torch.device
) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
    """Mean and deviation repeated over a row of an image, so that the arithmetic runs on long vectors; made once."""
    with torch.inference_mode(mode=False):  # what is made within would be refused by training later
        return torch.tensor(mean, device=device).repeat(width), torch.tensor(std, device=device).repeat(width)


def _five_crops(image: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """Upper left, upper right, lower left, lower right, centre."""
    bottom, right = image.shape[0] - size, image.shape[1] - size
    places = ((0, 0), (0, right), (bottom, 0), (bottom, right), (round(bottom / 2), round(right / 2)))
    return [image[top : top + size, left : left + size] for top, left in places]


def _join(planes: list[Image.Image]) -> NDArray[np.uint8]:
    arrays = [np.asarray(plane) for plane in planes]
    return np.concatenate([array[:, :, None] if array.ndim == 2 else array for array in arrays], axis=2)
