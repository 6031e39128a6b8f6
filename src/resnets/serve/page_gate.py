"""The parity gate of a page: it answers for real images in headless Chromium, from a file, with the network off."""

import io
import os
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress
from resnets.data import loading
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.evaluation.metrics import Rate
from resnets.export.gate import Gate, Parity, refusal

TOLERANCE = 0.01  # of probabilities: browsers decode JPEG files a little differently
VARIABLE = "RESNETS_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
INSTALL = "pip install 'resnets[page]', and a Chromium such as Debian's package chromium"
READY = 120_000  # milliseconds until a page must have unpacked its model
SHOWN = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # formats that are given to the browser as they are


def find_chromium() -> str:
    """The program that checks pages. Raises InputError when there is none, or no playwright to drive it."""
    try:
        import playwright.sync_api  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InputError(f"checking a page needs the package playwright: {INSTALL}") from error
    named = os.environ.get(VARIABLE)
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None or not Path(found).exists():
        raise InputError(f"{found or 'Chromium'}: not found, and a page is checked in it: {INSTALL}; or set {VARIABLE}")
    return found


def require(page: str, gate: Gate, kind: str, *, max_drop: float, chromium: str) -> Parity:
    """The figures of a page that may stand for the classifier. Raises RunFailed, with the reason, for any other.

    A float32 page must give every answer, with probabilities within TOLERANCE; int8 may lose `max_drop` points.
    """
    theirs = probabilities(page, gate, chromium)
    ours, labels = gate.ours, gate.images.labels
    said, answered = ours.argmax(axis=1), theirs.argmax(axis=1)
    found = Parity(
        on=f"{gate.images.on}, in headless Chromium",
        count=len(said),
        equal=int((said == answered).sum()),
        difference=float(np.abs(ours - theirs).max()),
        classifier=None if labels is None else Rate(int((said == labels).sum()), len(labels)),
        exported=None if labels is None else Rate(int((answered == labels).sum()), len(labels)),
    )
    why = refusal(found, kind, max_drop) if kind == "int8" or found.equal < found.count else None
    if why is None and kind != "int8" and found.difference > TOLERANCE:
        why = f"probabilities differ by more than {TOLERANCE:g}"
    if why is not None:
        raise RunFailed(f"the page is refused because {why} ({found}; {found.on})")
    return found


def probabilities(page: str, gate: Gate, chromium: str) -> NDArray[np.float64]:
    """What a page says of the gate's images. Raises RunFailed when it does not open, or can't read one."""
    images, rows = gate.images.images, list[list[float]]()
    with _opened(page, chromium) as tab:
        for place in range(len(images)):
            encoded = b64encode(_shown(images, place, gate.classifier.preprocessing)).decode()
            answer = tab.evaluate("text => globalThis.resnets.probabilities(text)", encoded)
            if not isinstance(answer, list):
                raise RunFailed(f"{images.image_name(place)}: the page can't read it ({answer})")
            rows.append(answer)
            gate.watch(Progress("page", place + 1, len(images)))
    return np.array(rows, dtype=np.float64)


@contextmanager
def _opened(page: str, chromium: str) -> Iterator[Any]:
    """The page in a tab, from a file, offline."""
    from playwright.sync_api import Error, sync_playwright

    heard: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            tab = browser.new_context(offline=True).new_page()
            tab.on("pageerror", lambda error: heard.append(str(error)))
            tab.goto(path.as_uri())
            tab.locator("html[data-ready], html[data-failed]").wait_for(state="attached", timeout=READY)
            if failed := tab.locator("html").get_attribute("data-failed"):
                raise RunFailed(f"the page does not work in Chromium: {failed}")
            yield tab
        except Error as error:
            why = "; ".join(heard) if heard else str(error).splitlines()[0]
            raise RunFailed(f"the page does not work in Chromium: {why}") from error
        finally:
            browser.close()


def _shown(images: ImageSet, place: int, preprocessing: Preprocessing) -> bytes:
    """An image as a file that a browser reads: its own, or a PNG of its pixels."""
    stored = loading.stored(images, place)
    if isinstance(stored, bytes):
        with Image.open(io.BytesIO(stored)) as image:
            if image.format in SHOWN and image.mode in ("RGB", "L", "1", "P"):
                return stored
    decoded = loading.picture(images, place, preprocessing)
    if not isinstance(decoded, Image.Image):
        decoded = Image.fromarray(decoded[:, :, 0] if decoded.shape[2] == 1 else decoded)
    file = io.BytesIO()
    decoded.save(file, "png")
    return file.getvalue()
