"""The explorer page of a large network in headless Chromium: first paint, opening a stage, and making the page.

    .venv/bin/python -m benchmarks.explorer [NETWORK]

Measured on 2 cores of a shared machine, medians of five: resnet152, 470 KiB, made in 0.25 s, first paint 212 ms,
slowest opening of a stage 54 ms; cifar_resnet1202, 862 KiB, 0.28 s, 220 ms, 95 ms.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

OPEN_A_STAGE = """async () => {
  const times = [];
  for (let round = 0; round < 9; round += 1) {
    for (const button of document.querySelectorAll("#strip [data-stage^=stage]")) {
      const started = performance.now();
      button.click();
      document.body.getBoundingClientRect();  // lays the page out
      times.push(performance.now() - started);
    }
  }
  return Math.max(...times);
}"""


def made(network: str, path: Path) -> float:
    """Seconds for `resnets show` to write the page, as a whole process."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "resnets", "show", network, "--format", "html", "-o", str(path)]
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def painted(browser: Any, path: Path) -> tuple[float, float]:
    """Milliseconds to the first contentful paint, and of the slowest opening of a stage."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    slowest = page.evaluate(OPEN_A_STAGE)
    page.close()
    return paint, slowest


def main(network: str = "resnet152") -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        seconds = statistics.median(made(network, path) for _ in range(5))
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        rounds = [painted(browser, path) for _ in range(5)]
        browser.close()
        print(f"{network}: page of {path.stat().st_size / 1024:,.0f} KiB made in {seconds:.2f} s")
    print(f"first paint {statistics.median(paint for paint, _ in rounds):.0f} ms")
    print(f"slowest opening of a stage {statistics.median(slowest for _, slowest in rounds):.0f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
