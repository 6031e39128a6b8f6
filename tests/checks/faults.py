"""A data set with planted faults, made from seeds, and what a check must say of it."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")
EACH = 25  # faults of each kind

Planted = dict[str, set[tuple[str, ...]]]  # by the finding's kind: the names of each item


def picture(*seed: int) -> Image.Image:
    """A picture unlike that of any other seed, of a size of its own."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    size = (int(random.integers(60, 81)), int(random.integers(60, 81)))
    smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray(np.clip(smooth + random.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def clean(root: Path, *, train: int = 125, val: int = 50) -> None:
    """Images with nothing wrong: `train` and `val` of each class."""
    for label, name in enumerate(CLASSES):
        for split, count in (("train", train), ("val", val)):
            for number in range(count):
                put(root, f"{split}/{name}/{number:03}.png", encoded(picture(label, split == "val", number)))


def put(root: Path, name: str, content: bytes) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name


def plant(root: Path) -> Planted:
    """Twelve kinds of faults, EACH of each, beside the images of `clean`."""
    found: Planted = {}
    for order, (kind, fault) in enumerate(FAULTS.items()):
        for number in range(EACH):
            label = number % len(CLASSES)
            place = (order % 4) * EACH + number  # each kind has images of its own to copy
            found.setdefault(kind.partition(":")[0], set()).add(
                fault(root, CLASSES[label], place, f"x{order}-{number}")
            )
    return found


Fault = Callable[[Path, str, int, str], tuple[str, ...]]


def _new(name: str) -> Image.Image:
    return picture(9, *name.encode())


def _truncated(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    data = encoded(_new(name), "JPEG")
    return (put(root, f"train/{label}/{name}.jpg", data[: len(data) // 2]),)


def _no_image(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"val/{label}/{name}.png", b"<html>404</html>" * (place % 3)),)


def _copy(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    first = f"train/{label}/{place:03}.png"
    return first, put(root, f"train/{label}/{name}.png", (root / first).read_bytes())


def _leak(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    first = f"train/{label}/{place:03}.png"
    return first, put(root, f"val/{label}/{name}.bmp", encoded(Image.open(root / first), "BMP"))


def _near(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    first = f"train/{label}/{place:03}.png"
    return first, put(root, f"train/{label}/{name}.jpg", encoded(Image.open(root / first), "JPEG", quality=60))


def _near_leak(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    first = f"train/{label}/{place:03}.png"
    image = Image.open(root / first)
    return first, put(root, f"val/{label}/{name}.png", encoded(image.resize((image.width - 7, image.height - 8))))


def _two_classes(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    data, other = encoded(_new(name)), CLASSES[(CLASSES.index(label) + 1) % 3]
    return tuple(sorted((put(root, f"train/{label}/{name}.png", data), put(root, f"train/{other}/{name}.png", data))))


def _grey(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"train/{label}/{name}.png", encoded(_new(name).convert("L"))),)


def _cmyk(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"train/{label}/{name}.jpg", encoded(_new(name).convert("CMYK"), "JPEG")),)


def _one_colour(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"train/{label}/{name}.png", encoded(Image.new("RGB", (70, 70), (place % 3, 9, 9)))),)


def _thin(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"train/{label}/{name}.png", encoded(_new(name).resize((400, 60)))),)


def _stray(root: Path, label: str, place: int, name: str) -> tuple[str, ...]:
    return (put(root, f"train/{label}/{name}.txt", b"a bounding box"),)


FAULTS: dict[str, Fault] = {
    "unreadable:truncated": _truncated,
    "unreadable:no image": _no_image,
    "duplicates": _copy,
    "duplicates-across-splits": _leak,
    "near-duplicates": _near,
    "near-duplicates-across-splits": _near_leak,
    "two-classes": _two_classes,
    "gray-among-color": _grey,
    "cmyk": _cmyk,
    "one-color": _one_colour,
    "thin": _thin,
    "strays": _stray,
}
