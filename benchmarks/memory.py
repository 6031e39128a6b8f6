"""The peak memory (on Linux) of training on 50,000 images of 32 x 32 with cifar_resnet20, and its growth by epochs.

.venv/bin/python -m benchmarks.memory
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measuring import Measured, Wanted

COUNT, HELD_OUT, EPOCHS = 50_000, 5_000, 2

# Linux counts in ru_maxrss what the process held before it was begun: the benchmarks' own gigabytes.
TRAIN = """
import json, re, sys
from pathlib import Path
import resnets

class Memory(resnets.Listener):
    peaks = []
    def on_epoch(self, done):
        self.peaks.append(int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**20)

memory = Memory()
resnets.train(
    sys.argv[1], "cifar_resnet20", out=sys.argv[2], plan="usual", listeners=[memory],
    settings={"epochs": int(sys.argv[3]), "batch_size": 128},
)
print(json.dumps(memory.peaks))
"""


def lines() -> Iterator[Measured]:
    random = np.random.default_rng(0)
    arrays = {
        f"{part}_{name}": random.integers(0, high, shape, dtype=np.uint8)
        for part, count in (("train", COUNT), ("val", HELD_OUT))
        for name, high, shape in (("images", 256, (count, 32, 32, 3)), ("labels", 10, (count, 1)))
    }
    with tempfile.TemporaryDirectory(prefix="memory-benchmark-") as name:
        data, out = Path(name) / "noise.npz", Path(name) / "run"
        np.savez(data, allow_pickle=False, **arrays)
        command = [sys.executable, "-c", TRAIN, str(data), str(out), str(EPOCHS)]
        peaks = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    growth = 1024 * (peaks[-1] - peaks[0])
    yield Measured(
        work=f"peak memory of train, {COUNT:,} images of 32 x 32, cifar_resnet20", unit="GiB", ours=peaks[-1],
        wanted=Wanted(1.2, most=True), note=f"{growth:.0f} MiB more after epoch {EPOCHS} than after 1",
    )  # fmt: skip


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
