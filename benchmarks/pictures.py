"""The pictures of README.md and docs/, from a run's report and from explorer pages, in headless Chromium.

    .venv/bin/resnets train flower-photos.zip resnet18 --weights imagenet-resnet18.safetensors.xz \\
        --recipe linear-probe -o runs/flowers
    .venv/bin/resnets convert imagenet-resnet18.safetensors.xz resnet18 --classes classes.txt -o imagenet.safetensors
    .venv/bin/python -m benchmarks.pictures [--report runs/flowers/report.html] [--imagenet imagenet.safetensors]
    .venv/bin/python -m benchmarks.pictures --only explorer

Writes docs/images/*.png, each as 256 colors and smaller than 250 kB. Without a report, none of a report are written;
without a classifier of ImageNet, none of an image in the explorer. The photographs of the report are left out: only its
scores, its confusion matrix and what was made are pictured. The explorer's image is scikit-learn's china.jpg.
"""

import argparse
import io
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from sklearn.datasets import load_sample_image  # pyright: ignore[reportUnknownVariableType]

import resnets
from resnets.serve import server as servers
from resnets.serve.settings import Settings
from tests.checks import faults

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST = 250_000  # bytes
WIDE = {"width": 1440, "height": 900}

DEEPER = quote('{"depths":[3,4,23,3]}')

# Of each picture of the explorer: the networks, the address, the viewport, and the color scheme.
EXPLORER: dict[str, tuple[str, str, dict[str, int], str]] = {
    "explorer-network": ("resnet34", "", WIDE, "light"),
    "explorer-stage": ("resnet34", "#at=stage2", {"width": 1440, "height": 760}, "light"),
    "explorer-block": ("resnet34", "#at=layer2.0.conv1", {"width": 1440, "height": 1170}, "dark"),
    "explorer-walk": ("resnet34", "#view=walk&at=conv1", {"width": 1440, "height": 1150}, "light"),
    "explorer-compare": (
        "resnet50_2015 resnet50d", "#view=compare&at=layer2.0.conv1", {"width": 1440, "height": 1080}, "light",
    ),
    "explorer-tour": ("resnet34", "#tour=tweaks&step=1", {"width": 390, "height": 1180}, "light"),
    "explorer-change": ("resnet34", f"#edit=true&change={DEEPER}", WIDE, "light"),
    "explorer-chinese": ("resnet34", "#tour=basics&step=1&language=zh", WIDE, "light"),
    "explorer-depth": ("resnet34", "#view=depth", {"width": 1440, "height": 700}, "dark"),
}  # fmt: skip


def save(name: str, png: bytes) -> None:
    """The picture in few colors. Raises RuntimeError when it is too large for a repository."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    path = IMAGES / f"{name}.png"
    picture.save(path, optimize=True)
    print(f"{path.name:24} {picture.width} x {picture.height}  {path.stat().st_size:,} bytes")
    if path.stat().st_size > LARGEST:
        raise RuntimeError(f"{path}: more than {LARGEST:,} bytes")


def explorer(browser: Any, folder: Path) -> None:
    """Every picture of the explorer, of pages that are made anew."""
    for name, (networks, address, viewport, scheme) in EXPLORER.items():
        first, *others = networks.split()
        path = folder / f"{name}.html"
        path.write_text(str(resnets.show(first, compare=others[0] if others else None).as_format("html")))
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        page.goto(f"{path.as_uri()}{address}")
        page.wait_for_timeout(500)
        save(name, page.screenshot())
        page.close()


def image(browser: Any, folder: Path, classifier: Path) -> None:
    """A photograph in the explorer: its answer, and what one block does with it."""
    photograph = folder / "china.jpg"
    Image.fromarray(load_sample_image("china.jpg")).save(photograph, quality=95)
    path = folder / "image.html"
    path.write_text(str(resnets.show(classifier, images=photograph).as_format("html")))
    for name, address, height in (
        ("explorer-image", "#view=image", 1000),
        ("explorer-maps", "#tour=basics&step=5", 840),
    ):
        page = browser.new_page(viewport={"width": 1440, "height": height})
        page.goto(f"{path.as_uri()}{address}")
        page.locator("html[data-live]").wait_for(state="attached")
        page.wait_for_timeout(500)
        save(name, page.screenshot())
        page.close()


def report(browser: Any, path: Path) -> None:
    """The top of the page with the scores, the confusion matrix, and what was made."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.resolve().as_uri())
    page.evaluate("for (const name of ['mistakes', 'pairs', 'border']) document.getElementById(name)?.remove()")
    end = page.evaluate("document.getElementById('confusion').getBoundingClientRect().bottom + window.scrollY")
    save("report-scores", page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": end + 12}))
    save("report-made", page.locator("#made").screenshot())
    page.close()


def check(browser: Any, folder: Path) -> None:
    """The top of the page of a check, and two findings, of pictures made from seeds."""
    faults.clean(folder / "photos")
    faults.plant(folder / "photos")
    resnets.check(folder / "photos", out=folder / "check.html")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "check.html").as_uri())
    page.evaluate(
        """[...document.querySelectorAll('main section')].forEach(one => {
          if (!['two-classes', 'near-duplicates-across-splits'].includes(one.id)) one.remove();
          [...one.querySelectorAll('li')].slice(3).forEach(item => item.remove());
        })"""
    )
    end = page.evaluate("document.querySelector('main').getBoundingClientRect().bottom")
    save("check-page", page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": end}))
    page.close()


def server(browser: Any, folder: Path) -> None:
    """The server's page with held-out digits, wide and on a phone."""
    resnets.train("digits", epochs=6, out=folder / "digits", samples=False)
    held_out = resnets.open_source("digits").part("test")
    for place in range(7, 43, 3):
        Image.fromarray(np.asarray(held_out.read(place))[:, :, 0]).save(folder / f"digit-{place:03}.png")
    settings = Settings(port=0)
    app = servers.application({"digits": folder / "digits"}, settings)
    listener, ready = servers.listener(settings), threading.Event()
    running = servers.Server(app, settings, on_start=ready.set)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    ready.wait()
    for name, viewport, scheme in (
        ("serve-page", {"width": 1440, "height": 1180}, "light"),
        ("serve-phone", {"width": 390, "height": 980}, "dark"),
    ):
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        page.goto(f"http://127.0.0.1:{listener.getsockname()[1]}")
        page.locator("html[data-ready]").wait_for(state="attached")
        page.set_input_files("#files", sorted(folder.glob("digit-*.png")))
        page.get_by_text("All 12 images are done.").wait_for()
        page.wait_for_timeout(500)
        save(name, page.screenshot())
        page.close()
    running.should_exit = True
    thread.join()


def main(only: str | None, report_path: Path | None, classifier: Path | None) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        makers: dict[str, Callable[[], None]] = {
            "check": lambda: check(browser, folder),
            "explorer": lambda: explorer(browser, folder),
            "server": lambda: server(browser, folder),
        }
        if report_path is not None:
            makers["report"] = lambda: report(browser, report_path)
        if classifier is not None:
            makers["image"] = lambda: image(browser, folder, classifier)
        for name, make in makers.items():
            if only in (None, name):
                make()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=["check", "explorer", "server", "report", "image"])
    parser.add_argument("--report", type=Path)
    parser.add_argument("--imagenet", type=Path)
    asked = parser.parse_args()
    main(asked.only, asked.report, asked.imagenet)
