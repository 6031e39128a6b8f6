"""Images that come as one array: MedMNIST's .npz, scikit-learn's digits -> ImageSet."""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.memory import check_fits
from resnets.base.names import composed
from resnets.base.reading import open_regular
from resnets.data.imageset import SPLITS, ImageSet, Split
from resnets.data.members import MAX_EXPANSION, UNPACKED_FREELY

MAX_CLASSES = 2**16  # beyond, labels are something else than labels
CHANNELS = (1, 3, 4)  # what a last or a first axis of so many is taken for


@dataclass(frozen=True)
class Pixels:
    """Images held in memory."""

    array: NDArray[np.uint8]  # images x height x width x channels
    source: str
    parts: tuple[tuple[str, int], ...]  # in the array's order: what a message calls an image of the part, how many

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int, /) -> NDArray[np.uint8]:
        """The image's pixels, a view: height x width x channels."""
        return self.array[index]

    def name(self, index: int, /) -> str:
        """The source and the place in it: `mnist, test image 12`, counted from 0 in each part."""
        for part, count in self.parts:
            if index < count:
                return f"{self.source}, {part} {index}"
            index -= count
        raise IndexError(f"image {index} past the end of {self.source}")


class Part(NamedTuple):
    """One split of a source."""

    split: Split
    images: NDArray[np.uint8]  # images x height x width x channels
    labels: NDArray[np.int64]


def from_parts(
    source: str,
    parts: Sequence[Part],
    *,
    classes: Sequence[str] = (),
    complete: bool = False,
    notes: Sequence[str] = (),
) -> ImageSet:
    """The splits as one set, whose classes are the labels there are, by number or, of `classes`, by name.

    classes: a name for each label from 0 on, or for each label there is, in order. complete: whether all of these are
    classes, though a label may have no image here.
    Raises InputError when there are no images, image shapes differ, or labels and classes cannot be right.
    """
    parts = [part for part in parts if len(part.images)]
    shapes = {part.images.shape[1:]: part.split for part in parts}
    if not shapes:
        raise InputError(f"{source}: no images found")
    if len(shapes) > 1:
        listed = ", ".join(f"{' x '.join(map(str, shape))} in {split}" for shape, split in shapes.items())
        raise InputError(f"{source}: images are {listed}; all splits must have the same size and channels")
    found, labels = np.unique(np.concatenate([part.labels for part in parts]), return_inverse=True)
    if complete and found[0] >= 0 and found[-1] < len(classes):
        found, labels = np.arange(len(classes)), found[labels]
    codes = [np.full(len(part.images), SPLITS.index(part.split), dtype=np.int8) for part in parts]
    pixels = np.concatenate([part.images for part in parts])
    return ImageSet(
        name=source,
        classes=_names(source, found, classes),
        images=Pixels(pixels, source, tuple((f"{part.split} image", len(part.images)) for part in parts)),
        labels=labels.astype(np.int64),
        splits=np.concatenate(codes),
        rows=np.arange(len(labels)),
        notes=tuple(notes),
    )


def _names(source: str, labels: NDArray[np.int64], classes: Sequence[str]) -> tuple[str, ...]:
    """The names of the labels there are, which are sorted."""
    if labels[0] < 0:
        raise InputError(f"{source}: labels from {labels[0]} to {labels[-1]}; they must be whole numbers, 0 or more")
    if len(labels) > MAX_CLASSES:
        raise InputError(
            f"{source}: {len(labels):,} different labels; a classifier can have at most {MAX_CLASSES:,} classes"
        )
    if not classes:
        return tuple(map(str, labels.tolist()))
    if labels[-1] < len(classes):
        return tuple(composed(name) for label, name in enumerate(classes) if label in labels)
    if len(labels) == len(classes):  # labels that begin at 1 or have gaps
        return tuple(map(composed, classes))
    raise InputError(
        f"{source}: labels from {labels[0]} to {labels[-1]}, but {len(classes)} class names; give one for each label"
    )


def open_npz(path: str) -> ImageSet:
    """MedMNIST's layout: {train, val, test}_images (N x H x W or N x H x W x C, uint8) and _labels (N or N x 1).

    N x C x H x W is told by its shape and turned. A split may be absent, with both its arrays. Classes are the labels
    there are, or an array `classes` of their names.
    Raises InputError for any other layout, several labels an image, and pixels that are not uint8. MedMNIST, Yang et
    al. 2023.
    """
    arrays = _load(path)
    parts: list[Part] = []
    for split in SPLITS:
        images, labels = (arrays.get(f"{split}_{kind}") for kind in ("images", "labels"))
        if (images is None) != (labels is None):
            missing = f"{split}_{'images' if images is None else 'labels'}"
            raise InputError(f"{path}: no array {missing}; a split needs images and labels")
        if images is not None and labels is not None:
            parts.append(_npz_part(path, split, images, labels))
    if not parts:
        raise InputError(
            f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; expected MedMNIST's names: train_images, "
            "train_labels and, for other splits, the same with val_ and test_"
        )
    notes: list[str] = []
    if any(_channels_first(part.images.shape) for part in parts):
        parts = [part._replace(images=_channels_last(part.images)) for part in parts]
        notes.append(f"{path}: its images are stored channels first and were turned to channels last")
    return from_parts(path, parts, classes=_npz_classes(path, arrays), notes=notes)


def _channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the shape of an array is images x channels x height x width."""
    _, first, height, last = shape
    return last not in CHANNELS and (first in CHANNELS or first < height == last)


def _channels_last(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if _channels_first(images.shape) else images


def digits() -> ImageSet:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 and grey, a fifth of each class held out as a test split."""
    from sklearn.datasets import load_digits

    flat, target = load_digits(return_X_y=True)
    pixels = np.rint(np.asarray(flat).reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)  # 0..16 in the sample
    labels = np.asarray(target, dtype=np.int64)
    whole = ImageSet(
        name="digits",
        classes=tuple(map(str, range(10))),
        images=Pixels(pixels, "digits", (("image", len(pixels)),)),
        labels=labels,
        splits=np.full(len(labels), -1, dtype=np.int8),
        rows=np.arange(len(labels)),
        notes=("scikit-learn gives its digits no test split; this one is ours: 20% of each class, seed 0",),
    )
    return replace(whole.hold_out("test", fraction=0.2, seed=0), split_made="")


def _load(path: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of an .npz file, none of them pickled."""
    try:
        with open_regular(path) as opened:
            _check_expansion(path, opened)
            with np.load(opened, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{path}: an array in it claims to be larger than the memory; the file may be damaged"
        ) from error
    except (ValueError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        # What numpy raises on files that are no .npz, on damaged ones, and on arrays of Python objects.
        raise InputError(
            f"{path}: not an .npz file of plain arrays, or damaged ({' '.join(str(error).split())})"
        ) from error


def _check_expansion(path: str, file: IO[bytes]) -> None:
    """Raise InputError for an archive that unpacks to far more than it is, or in a way that has no bound."""
    with zipfile.ZipFile(file) as archive:
        packed = archive.infolist()
    total, limit = sum(one.file_size for one in packed), max(UNPACKED_FREELY, MAX_EXPANSION * file.seek(0, 2))
    file.seek(0)
    if total > limit:
        raise InputError(
            f"{path}: its arrays expand to {total / 2**30:,.0f} GiB, over {MAX_EXPANSION} times its own size; if that "
            "is right, save them without compression (numpy.savez)"
        )
    check_fits(path, total)
    if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in packed):
        raise InputError(f"{path}: compressed in a way that numpy does not use; save it with numpy.savez_compressed")


def _npz_part(path: str, split: Split, images: NDArray[np.generic], labels: NDArray[np.generic]) -> Part:
    if images.dtype != np.uint8:
        spread = f" from {images.min()} to {images.max()}" if images.size and images.dtype.kind in "iuf" else ""
        raise InputError(
            f"{path}: {split}_images holds {images.dtype}{spread}; scale it to 0..255 and save it as uint8"
        )
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise InputError(
            f"{path}: {split}_images has shape {images.shape}; must be images x height x width, or with channels last"
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InputError(
            f"{path}: {split}_labels gives each image {labels.shape[1]} labels (multi-label); "
            "only one label per image can be learned, as N or N x 1 whole numbers"
        )
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)):
        raise InputError(
            f"{path}: {split}_labels has shape {labels.shape} of {labels.dtype}; "
            f"must be {len(images)} whole numbers, one per image"
        )
    pixels = images.astype(np.uint8, copy=False)
    return Part(split, pixels if pixels.ndim == 4 else pixels[..., None], labels.reshape(-1).astype(np.int64))


def _npz_classes(path: str, arrays: dict[str, NDArray[np.generic]]) -> list[str]:
    classes = arrays.get("classes")
    if classes is None:
        return []
    if classes.ndim != 1 or classes.dtype.kind != "U" or len(set(classes.tolist())) != len(classes):
        raise InputError(f"{path}: the classes must be a list of different strings, in the order of the labels")
    return [str(name) for name in classes]
