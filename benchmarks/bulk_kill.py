"""60,000 images predicted in bulk, killed five times at random moments: the output must be that of an undisturbed run.

    .venv/bin/python -m benchmarks.bulk_kill [--images N] [--kills N] [--engine local|ray] [--seed N]

Makes N images (60,000) in ten tar shards from 600 drawn ones, and an untrained CIFAR ResNet-20. Runs
`resnets predict ... -o answers.parquet` undisturbed, then kills the same command with SIGKILL at moments drawn from the
seed, running it again each time, until it ends by itself. With `--engine ray` the undisturbed run is the local
engine's, and one of the two workers of a cluster is killed again and again instead. Prints the counts, and exits with 1
when a row is lost, doubled or different.

Measured on two cores beside other work: local, killed with 17, 27, 41, 64 and 83% there; ray, a worker killed with 27,
42, 49, 69 and 78% there: both 60,000 rows, none doubled, the same bytes as the undisturbed run's (81 s).
"""

import argparse
import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
from PIL import Image

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing

SHARDS = 10
DRAWN = 600


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--images", type=int, default=60_000)
    asked.add_argument("--kills", type=int, default=5)
    asked.add_argument("--engine", choices=("local", "ray"), default="local")
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk-kill-") as place:
        folder = Path(place)
        make(folder, options.images)
        began = time.monotonic()
        run(folder, "whole").wait()
        print(f"undisturbed: {options.images:,} images in {time.monotonic() - began:.0f} s", flush=True)
        disturbed = with_workers_killed if options.engine == "ray" else killed
        disturbed(folder, options.kills, random.Random(options.seed))
        sys.exit(compare(folder, options.images))


def make(folder: Path, count: int) -> None:
    """The shards and the classifier."""
    random_pixels = np.random.default_rng(0)
    drawn: list[bytes] = []
    for place in range(DRAWN):
        file = io.BytesIO()
        pixels = random_pixels.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "png" if place % 2 else "jpeg", quality=90)
        drawn.append(file.getvalue() if place else b"no image")  # one in DRAWN is bad
    (folder / "shards").mkdir()
    for shard in range(SHARDS):
        with tarfile.open(folder / "shards" / f"{shard:03}.tar", "w") as archive:
            for place in range(shard * count // SHARDS, (shard + 1) * count // SHARDS):
                info = tarfile.TarInfo(f"{place:08}.{'png' if place % 2 else 'jpg'}")
                info.size = len(drawn[place % DRAWN])
                archive.addfile(info, io.BytesIO(drawn[place % DRAWN]))
    torch.manual_seed(0)
    Classifier(
        network=resnets.resnet("cifar_resnet20"),
        classes=tuple(map(str, range(10))),
        preprocessing=Preprocessing(size=32, resize=32),
    ).save(folder / "c.safetensors")


def run(folder: Path, name: str, *options: str) -> "subprocess.Popen[bytes]":
    """The command, begun."""
    words = ["predict", str(folder / "c.safetensors"), str(folder / "shards"), "-o", str(folder / f"{name}.parquet")]
    command = [sys.executable, "-m", "resnets", *words, "--top", "3", *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def killed(folder: Path, kills: int, draw: random.Random) -> None:
    """Run until the command ends by itself, killing it at first at random moments."""
    for kill in range(kills):
        process, share = run(folder, "disturbed"), draw.uniform(0, 1 / (kills - kill))  # of what is left
        goal = finished(folder) + share * (1 - finished(folder))
        while process.poll() is None and finished(folder) < goal:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        process.kill()
        process.wait()
        print(f"kill {kill + 1}: exit code {process.returncode}, {finished(folder):.0%} is there", flush=True)
        if process.returncode != -signal.SIGKILL:
            print("it had ended before: take more images")
            sys.exit(1)
    run(folder, "disturbed").wait()


def with_workers_killed(folder: Path, kills: int, draw: random.Random) -> None:
    """Run over a cluster of two workers, killing one of them again and again while it works."""
    process = run(folder, "disturbed", "--engine", "ray", "--workers", "2")
    moments = sorted(draw.uniform(0.05, 0.9) for _ in range(kills))
    while process.poll() is None:
        time.sleep(0.05)
        if moments and finished(folder) >= moments[0] and (workers := part_workers(process.pid)):
            os.kill(draw.choice(workers), signal.SIGKILL)
            moments.pop(0)
            print(f"worker {kills - len(moments)} killed, {finished(folder):.0%} is there", flush=True)
    if moments:
        print(f"{kills - len(moments)} of {kills} workers were killed: take more images")
        sys.exit(1)


def part_workers(driver: int) -> list[int]:
    """The processes of Ray's actors that compute parts, of the cluster that a process has begun."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    above = {int(pid): int(parent) for pid, parent, _ in rows}

    def is_below(pid: int) -> bool:
        while pid and pid != driver:
            pid = above.get(pid, 0)
        return pid == driver

    return [
        int(pid) for pid, _, name in rows if "PartWorker" in name and name.startswith("ray::") and is_below(int(pid))
    ]


def finished(folder: Path) -> float:
    """Which part of the parts is there."""
    parts = folder / "disturbed.parquet.parts"
    try:
        plan = json.loads((parts / "plan.json").read_text())
    except OSError:
        return 0.0
    return len(list(parts.glob("[0-9]*-*.parquet"))) / -(-plan["count"] // plan["part"])


def compare(folder: Path, count: int) -> int:
    """Print how the two outputs differ, and return the exit code."""
    paths = [folder / f"{name}.parquet" for name in ("whole", "disturbed")]
    whole, disturbed = map(pyarrow.parquet.read_table, paths)
    names = disturbed.column("image").to_pylist()
    print(f"rows: {whole.num_rows:,} undisturbed, {disturbed.num_rows:,} disturbed, of {count:,} images")
    print(f"doubled: {len(names) - len(set(names)):,}")
    print(f"bad images: {disturbed.num_rows - disturbed.column('error').null_count:,}")
    same = paths[0].read_bytes() == paths[1].read_bytes()
    print(f"the same table: {whole.equals(disturbed)}; the same bytes: {same}")
    left = [path.name for path in folder.glob("*.parts")]
    print(f"left behind: {left or 'nothing'}")
    return 0 if same and whole.num_rows == count == len(set(names)) and not left else 1


if __name__ == "__main__":
    main()
