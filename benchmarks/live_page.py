"""The explorer page with an image inside: its size, how long it takes to make and to open, and to choose a class.

    .venv/bin/python -m benchmarks.live_page [NETWORK]

The network is untrained, whose activations deflate worst. Measured on 2 cores that six times as much work waited for,
so that times are too long: resnet50, 6.14 MB; ready after 1.4 to 2.0 s, another class in 41 to 52 ms (median).
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import sync_playwright

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing

CHOOSE = """async () => {
  const times = [];
  for (let round = 0; round < 11; round += 1) {
    const button = document.querySelectorAll(".shot .answers button")[1 + (round % 4)];
    const started = performance.now();
    button.click();
    document.body.getBoundingClientRect();  // lays the page out
    times.push(performance.now() - started);
    await new Promise(done => requestAnimationFrame(done));
  }
  return times;
}"""


def untrained(name: str, path: Path) -> Path:
    """A classifier of 1,000 classes."""
    torch.manual_seed(0)
    classes = tuple(f"class {number}" for number in range(1000))
    return Classifier(network=resnets.resnet(name), classes=classes, preprocessing=Preprocessing()).save(path)


def opened(browser: Any, path: Path, at: str) -> tuple[float, float, float]:
    """Milliseconds until the activations are there, and to choose a class: the median and the slowest."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{path.as_uri()}{at}")
    page.wait_for_selector("html[data-live=true]")
    ready = page.evaluate("performance.now()")
    times = page.evaluate(CHOOSE)
    page.close()
    return ready, statistics.median(times), max(times)


def main(name: str = "resnet50") -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        classifier = untrained(name, Path(folder) / f"{name}.safetensors")
        path = Path(folder) / "page.html"
        image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        started = time.perf_counter()
        path.write_text(str(resnets.show(classifier, images=image).as_format("html")))
        print(f"{name}: page of {path.stat().st_size / 1e6:.2f} MB made in {time.perf_counter() - started:.1f} s")
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for at in ("#view=image", "#view=image&at=layer1.0", "#view=image&at=layer4.1"):
            ready, median, slowest = opened(browser, path, at)
            print(f"{at}: ready after {ready:.0f} ms, another class {median:.0f} ms (slowest {slowest:.0f} ms)")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
