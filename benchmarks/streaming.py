"""Memory of training on 50,000 images in shards behind a web server that drops connections, and on 200,000 files.

    .venv/bin/python -m benchmarks.streaming [--images 50000] [--files 200000]

The shards are more than are ever at hand. Training on them is killed with SIGKILL in the middle of its first epoch and
resumed. Prints the resident memory in the first and the last thousand batches, and how often each image was seen in the
epoch by the weights that came out. The folder is trained on for two epochs.

Measured on two busy cores, 50,000 images in 107 shards: 453 MiB (445 to 458) in the first thousand batches,
447 MiB (442 to 453) in the last thousand, which came after a kill; 44,992 images seen, each once, in 407 s. 200,000
files, two epochs of 1,523 batches in 561 s: 466 MiB (456 to 476) in the first thousand, 481 (476 to 482) in the last.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import resnets

CLASSES, BATCH = 10, 16

TRAIN = """
import json, sys
from pathlib import Path
import resnets
from resnets.data.training_batches import TrainingBatches

class Memory(resnets.Listener):
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
    def on_step(self, done):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.file.write(json.dumps([done.epoch, done.step, pages * 4096 / 2**20, rows[done.step - 1]]) + "\\n")

rows = {}
real = TrainingBatches._in_batches
def kept(self, found, start):
    batches = real(self, found, start)
    rows.update({start + place: batch.tolist() for place, batch in enumerate(batches)})
    return batches
TrainingBatches._in_batches = kept

data, out, epochs, size, batch, resume = sys.argv[1:]
settings = {
    "epochs": int(epochs), "batch_size": int(batch), "augment": "resized-crop",
    "preprocessing": {"size": int(size), "resize": int(size)},
    "spec": {"widths": [4, 8, 16], "stem": {"widths": [4]}, "depths": [1, 1, 1]},
}
resnets.train(
    data, "cifar_resnet20", out=out, settings={} if resume == "yes" else settings, resume=resume == "yes", plan="usual",
    save_every=5, samples=False, workers=0, listeners=[Memory(out + ".jsonl")],
)
"""


class Dropping(SimpleHTTPRequestHandler):
    """Serves a folder; one answer in five breaks off somewhere."""

    drawn = random.Random(0)

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        if self.drawn.random() < 0.2:
            outputfile.write(content[: self.drawn.randrange(len(content))])
            outputfile.flush()
            self.connection.close()
        else:
            outputfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Nothing is logged."""


def make(folder: Path, count: int, side: int) -> None:
    """A folder of class folders of JPEG files, each of its own."""
    drawn = np.random.default_rng(0)
    for index in range(count):
        place = folder / f"{index % CLASSES}"
        if index < CLASSES:
            place.mkdir(parents=True)
        coarse = Image.fromarray(drawn.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BILINEAR).save(place / f"{index:06}.jpg", quality=80)


def train(
    data: str, out: Path, *, epochs: int, size: int, batch: int, resume: bool = False
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", TRAIN, data, str(out), str(epochs), str(size), str(batch)]
    command.append("yes" if resume else "no")
    return subprocess.Popen(command)


def lines_of(out: Path) -> list[tuple[int, int, float, list[int]]]:
    path = Path(f"{out}.jsonl")
    text = path.read_text() if path.exists() else ""
    return [tuple(json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def told(name: str, memory: Sequence[float]) -> None:
    first, last = memory[:1000], memory[-1000:]
    print(
        f"{name}: {len(memory):,} batches; resident memory {np.mean(first):,.0f} MiB in the first thousand "
        f"({min(first):,.0f} to {max(first):,.0f}), {np.mean(last):,.0f} in the last "
        f"({min(last):,.0f} to {max(last):,.0f})",
        flush=True,
    )


def streamed(folder: Path, count: int) -> None:
    make(folder / "photos", count, 144)  # more than is kept in memory
    written = resnets.shard(folder / "photos", folder / "shards", shard_mb=2)
    print(f"{count:,} images, {written.shards} shards, {written.bytes / 1e6:,.0f} MB", flush=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Dropping, directory=str(folder / "shards")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address, out = f"http://127.0.0.1:{server.server_port}/", folder / "run"
    began = time.monotonic()
    process = train(address, out, epochs=1, size=64, batch=BATCH)
    while len(lines_of(out)) < count * 0.8 / BATCH / 2:
        time.sleep(1)
    process.kill()
    process.wait()
    before = lines_of(out)
    Path(f"{out}.jsonl").unlink()
    if train(address, out, epochs=1, size=64, batch=BATCH, resume=True).wait():
        sys.exit("the resumed run failed")
    after = lines_of(out)
    told("killed", [one[2] for one in before])
    told("resumed", [one[2] for one in after])
    resumed_at = after[0][1]
    seen = [row for one in before if one[1] < resumed_at for row in one[3]] + [row for one in after for row in one[3]]
    counts = np.bincount(seen)
    print(
        f"killed after step {before[-1][1]:,}, resumed at step {resumed_at:,}; {len(seen):,} images seen, each at most "
        f"{counts.max()} times, {(counts == 0).sum():,} of {len(counts):,} not; {time.monotonic() - began:.0f} s",
        flush=True,
    )
    server.shutdown()


def from_files(folder: Path, count: int) -> None:
    make(folder / "photos", count, 64)
    began, out = time.monotonic(), folder / "run"
    if train(str(folder / "photos"), out, epochs=2, size=32, batch=128).wait():
        sys.exit("the run failed")
    told(f"{count:,} files, two epochs, {time.monotonic() - began:.0f} s", [one[2] for one in lines_of(out)])


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--images", type=int, default=50_000)
    asked.add_argument("--files", type=int, default=200_000)
    options = asked.parse_args()
    for work, count in ((streamed, options.images), (from_files, options.files)):
        with tempfile.TemporaryDirectory(prefix="streaming-") as place:
            if count:
                work(Path(place), count)


if __name__ == "__main__":
    main()
