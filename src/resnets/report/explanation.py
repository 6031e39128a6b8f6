"""An image explained: what in it speaks for a class, how far that can be trusted, and everything needed to show it."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError, nearest
from resnets.base.files import check_place, write_whole
from resnets.base.notebook import table
from resnets.classifier.answering import Picture
from resnets.classifier.file import Classifier
from resnets.data import decoding
from resnets.evaluation import calibration
from resnets.explain.maps import Completeness, Method, map_of, usual_method
from resnets.explain.overlay import signed_overlay
from resnets.explain.sanity import Sanity, sanity_of

LARGEST = 640  # pixels of the whole image's longer side, as shown
SMALLEST = 448
OUTSIDE = 0.45  # of an image's light that is left where the network does not look
ENDINGS = (".png", ".html", ".npy", ".npz")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What in one image speaks for one class, or against it, by one method."""

    image: str  # its name
    label: str  # the class
    place: int  # of the class among the outputs
    logit: float  # before the temperature
    bias: float  # of the class, which no place of the image adds
    probability: float
    method: Method
    map: Float32[np.ndarray, "rows columns"]  # by method cam: its cells and the bias sum to the logit
    smooth: bool  # how it is drawn
    pixels: UInt8[np.ndarray, "size size channels"]  # what the network saw
    whole: UInt8[np.ndarray, "height width channels"]  # the image, upright
    box: tuple[float, float, float, float]  # left, top, right, bottom of what the network saw, in pixels of `whole`
    completeness: Completeness | None = None  # of integrated gradients
    sanity: Sanity | None = None
    network: str = field(default="residual network")

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        reached = self.completeness
        return {
            "image": self.image,
            "class": self.label,
            "logit": self.logit,
            "bias": self.bias,
            "probability": self.probability,
            "method": self.method,
            "image_size": [self.whole.shape[1], self.whole.shape[0]],
            "seen": list(self.box),
            "map": self.map.astype(float).tolist(),
            "completeness": reached
            and {"total": reached.total, "rise": reached.rise, "error": reached.error, "steps": reached.steps},
            "sanity": self.sanity and self.sanity.as_dict(),
        }

    def picture(self) -> NDArray[np.uint8]:
        """The whole image in grey, with the map on the part that the network saw and the rest dark."""
        return self._drawn(self.map)

    def randomized_picture(self) -> NDArray[np.uint8]:
        """The same with the map of a network of chance. Raises InputError where the sanity checks were left out."""
        if self.sanity is None:
            raise InputError(f"{self.image}: explained with sanity=False, so there is no randomized network's map")
        return self._drawn(self.sanity.randomized)

    def save(self, path: str | Path, *, command: str = "") -> Path:
        """Write a picture (.png), a page (.html), the map (.npy), or all arrays (.npz), by the file's ending.

        command: which makes it again, for the page. Raises InputError for another ending, RunFailed when the system
        refuses.
        """
        check_ending(Path(path))
        return write_whole(path, self._content(Path(path).suffix.lower(), command))

    def _content(self, ending: str, command: str) -> bytes | str:
        if ending == ".html":
            from resnets.report import explanation_page

            return explanation_page.page(self, command)
        if ending == ".png":
            return self._repr_png_()
        file = io.BytesIO()
        if ending == ".npy":
            np.save(file, self.map, allow_pickle=False)
            return file.getvalue()
        arrays: dict[str, Any] = {"map": self.map, "pixels": self.pixels, "image": self.whole, "seen": self.box}
        if self.sanity is not None:
            arrays["randomized"] = self.sanity.randomized
            for name in ("deletion", "insertion", "random_deletion", "random_insertion"):
                arrays[name] = getattr(self.sanity, name).probabilities
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    def facts(self) -> list[tuple[str, str]]:
        """What is explained and what the checks found, in words."""
        left, top, right, bottom = map(round, self.box)
        height, width = self.whole.shape[:2]
        rows, columns = self.map.shape
        found = [
            ("image", self.image),
            ("class", self.label),
            ("logit", f"{self.logit:.4f}, of which {self.bias:.4f} is the bias"),
            ("probability", f"{self.probability:.2%}"),
            ("method", self.method),
            ("map", f"{rows} x {columns}" + (f", sum {self.map.sum():.4f}" if self.method != "occlusion" else "")),
            ("seen", f"pixels {left} to {right} across and {top} to {bottom} down, of {width} x {height}"),
        ]
        if (reached := self.completeness) is not None:
            found.append(
                (
                    "completeness",
                    f"{reached.error:.2%} off the logit's rise of {reached.rise:.4f}, in {reached.steps} steps",
                )
            )
        if (checks := self.sanity) is not None:
            likeness = "none" if checks.correlation is None else f"{checks.correlation:.3f}"
            found += [
                ("deletion", f"area {checks.deletion.area:.3f}, at random {checks.random_deletion.area:.3f}"),
                ("insertion", f"area {checks.insertion.area:.3f}, at random {checks.random_insertion.area:.3f}"),
                ("randomized", f"rank correlation with a randomized network's map {likeness}"),
            ]  # fmt: skip
        return found

    def __repr__(self) -> str:
        return f"Explanation({self.image!r}: {self.label} {self.probability:.1%}, by {self.method})"

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        Image.fromarray(self.picture()).save(file, "png")
        data = base64.b64encode(file.getvalue()).decode()
        shown = f'<img src="data:image/png;base64,{data}" alt="what speaks for the class in the image">'
        return shown + table("Explanation", self.facts())

    def _repr_png_(self) -> bytes:
        from resnets.report import explanation_figure

        return explanation_figure.png(self)

    def _drawn(self, values: Float32[np.ndarray, "rows columns"]) -> NDArray[np.uint8]:
        """Beyond the edges of the image, where the network saw a frame, there is its grey."""
        scale = min(1.0, LARGEST / max(self.whole.shape[:2]))
        scale = max(scale, -(-SMALLEST // max(self.whole.shape[:2])))  # small images are enlarged, so that cells show
        height, width = (max(1, round(side * scale)) for side in self.whole.shape[:2])
        left, top, right, bottom = (round(side * scale) for side in self.box)
        room_left, room_top = max(0, -left), max(0, -top)
        across, down = max(right, width) + room_left, max(bottom, height) + room_top
        canvas = np.full((down, across, 3), 110.0)
        grey = Image.fromarray(np.round(self.whole.mean(axis=2)).astype(np.uint8)).resize((width, height))
        canvas[room_top : room_top + height, room_left : room_left + width] = np.asarray(grey)[:, :, None]
        rows = slice(top + room_top, bottom + room_top)
        columns = slice(left + room_left, right + room_left)
        inside = signed_overlay(canvas[rows, columns].astype(np.uint8), values, smooth=self.smooth)
        canvas *= OUTSIDE
        canvas[rows, columns] = inside
        return np.round(_framed(canvas, rows, columns)).astype(np.uint8)


def explained(
    classifier: Classifier,
    image: Picture,
    *,
    label: str | int | None = None,
    method: Method | None = None,
    smooth: bool = False,
    sanity: bool = True,
) -> Explanation:
    """What in an image speaks for a class, or against it.

    image: a path, a Pillow image or a uint8 array, as `predict` takes them. label: the class's name, or its place among
    the outputs; the most probable one when left out. method: cam where it is exact, else gradcam, when left out.
    smooth: whether the map is drawn linear between its cells. sanity: whether to check it, which takes some hundred
    steps of the network. Raises InputError for what the user can mend. The classifier is as before.
    """
    name, decoded = _opened(classifier, image)
    pixels = classifier.preprocessing.pixels(decoded)
    logits = classifier.finite(classifier.outputs(pixels[None]))[0]
    place = int(logits.argmax()) if label is None else _place(classifier.classes, label)
    method = method or usual_method(classifier)
    found = map_of(classifier, pixels, place, method)
    whole = np.asarray(decoded)
    whole = whole[:, :, None] if whole.ndim == 2 else whole
    bias = classifier.network.fc.bias
    return Explanation(
        image=name,
        label=classifier.classes[place],
        place=place,
        logit=float(logits[place]),
        bias=0.0 if bias is None else bias[place].item(),
        probability=float(calibration.probabilities(logits[None], classifier.temperature)[0, place]),
        method=method,
        map=found.values,
        smooth=smooth,
        pixels=pixels,
        whole=whole,
        box=classifier.preprocessing.box(whole.shape[1], whole.shape[0]),
        completeness=found.completeness,
        sanity=sanity_of(classifier, pixels, place, method, found.values) if sanity else None,
        network=classifier.network_name,
    )


def check_ending(path: Path) -> None:
    """Raise InputError unless an explanation can be written to `path`."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: unknown ending; use one of {', '.join(ENDINGS)}")
    check_place(path)


def _opened(classifier: Classifier, image: Picture) -> tuple[str, Image.Image | NDArray[np.uint8]]:
    """The image's name, and the image upright and whole."""
    if isinstance(image, str | Path):
        return str(image), classifier.preprocessing.decoded_file(image)
    if isinstance(image, Image.Image):
        return "image", decoding.to_channels(decoding.upright(image, name="image"), classifier.preprocessing.channels)
    return "image", decoding.from_array(image)


def _place(classes: tuple[str, ...], label: str | int) -> int:
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    if isinstance(label, int) or label.isdecimal():
        if not 0 <= int(label) < len(classes):
            raise InputError(f"class {label}: the classifier's outputs are numbered 0 to {len(classes) - 1}")
        return int(label)
    raise InputError(f"class {label!r}: the classifier has no such class; {nearest(label, classes)}")


def _framed(canvas: NDArray[np.float64], rows: slice, columns: slice) -> NDArray[np.float64]:
    """With a white line, on a black one, around what the network saw."""
    for inset, light in ((0, 0.0), (1, 255.0)):
        for row in (rows.start + inset, rows.stop - 1 - inset):
            canvas[row, columns.start + inset : columns.stop - inset] = light
        for column in (columns.start + inset, columns.stop - 1 - inset):
            canvas[rows.start + inset : rows.stop - inset, column] = light
    return canvas
