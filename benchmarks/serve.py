"""`resnets serve` against a bare loop of the same decoding and ONNX Runtime on the same cores, and against others.

    python -m benchmarks.serve PHOTOGRAPHS [SECONDS]        throughput, latency, a server of 30 lines, LitServe
    python -m benchmarks.serve PHOTOGRAPHS --long           overload, a reload and a stop in the middle; memory

PHOTOGRAPHS: a folder of JPEG files. The network is resnet50 with random weights, which compute as trained ones do.
The bare loop has as many threads as cores, each of which decodes an image and runs the network on it, one after the
other; the clients are a process of their own on the same cores, so they cost the server some of its time. LitServe is
measured where it is installed (`pip install --no-deps litserve pyzmq`).
"""

import heapq
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import resnets
from benchmarks.load import times
from benchmarks.servers import LITSERVE, PLAIN, other
from resnets.base.cpus import usable_cpus
from resnets.classifier.file import Classifier
from resnets.export import onnx
from resnets.export.exporting import digest

CLIENTS = 64
ROUNDS = 3


def made(folder: Path) -> Path:
    """resnet50 and its ONNX file beside it."""
    network = resnets.resnet("resnet50", num_classes=1000)
    classifier = Classifier(
        network=network, classes=tuple(map(str, range(1000))), preprocessing=resnets.Preprocessing()
    )
    path = classifier.save(folder / "resnet50.safetensors")

    header = classifier.header() | {"export": {"kind": "onnx", "source_sha256": digest(classifier)}}
    path.with_suffix(".onnx").write_bytes(onnx.with_metadata(onnx.export(classifier), json.dumps(header)))
    return path


def bare(path: Path, images: list[bytes], seconds: float, threads: int) -> float:
    """Images a second of a loop without a server, and without anybody who asks."""
    predictor = resnets.open_predictor(path.with_suffix(".onnx"), threads=1)
    end, done = time.monotonic() + seconds, list[int]()

    def loop(place: int) -> None:
        while time.monotonic() < end:
            image = predictor.preprocessing.decoded(images[place % len(images)], name="image")
            predictor.outputs(predictor.preprocessing.pixels(image)[None])
            done.append(place)
            place += 7

    begun = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(loop, range(threads)))
    return len(done) / (time.monotonic() - begun)


def in_turns(path: Path, port: int, images: list[bytes], threads: int, count: int = 120) -> tuple[float, float]:
    """The median milliseconds of one image, with all cores for it: of the bare loop, and served, image by image."""
    predictor = resnets.open_predictor(path.with_suffix(".onnx"), threads=threads)
    connection = HTTPConnection("127.0.0.1", port)

    def bare_one(data: bytes) -> None:
        image = predictor.preprocessing.decoded(data, name="image")
        predictor.outputs(predictor.preprocessing.pixels(image)[None])

    def served(data: bytes) -> None:
        connection.request("POST", "/v1/predict", data, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200

    found: list[list[float]] = [[], []]
    for place in range(10 + count):
        for taken, ask in zip(found, (bare_one, served), strict=True):
            begun = time.perf_counter()
            ask(images[place % len(images)])
            taken.append(1000 * (time.perf_counter() - begun))
    connection.close()
    return statistics.median(found[0][10:]), statistics.median(found[1][10:])


def ideal(seconds: float, rate: float, capacity: float, threads: int) -> float:
    """p99 / median of a queue that loses no time, whose threads serve the same random arrivals at their capacity."""
    free, taken = [0.0] * threads, []
    for at in times(seconds, rate, "random"):
        end = max(at, heapq.heappop(free)) + threads / capacity
        heapq.heappush(free, end)
        taken.append(end - at)
    quantiles = statistics.quantiles(taken, n=100)
    return quantiles[98] / quantiles[49]


@contextmanager
def serving(path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`resnets serve` in a process of its own: the process and its port."""
    command = [sys.executable, "-m", "resnets", "serve", str(path), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = next(line for line in process.stderr if line.startswith("resnets serves at "))
    threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        yield process, int(line.rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(60)


def load(port: int, clients: int, seconds: float, folder: Path, *rate: float | str) -> dict[str, Any]:
    """What `benchmarks.load` prints. rate: requests a second, and how they come."""
    command = [sys.executable, "-m", "benchmarks.load", *map(str, (port, clients, seconds, folder, *rate))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@dataclass(frozen=True, kw_only=True)
class Round:
    """What was measured in one round, all within a minute or two."""

    bare: float  # images a second
    alone: float  # milliseconds an image
    served_alone: float
    many: dict[str, Any]
    even: dict[str, Any]
    random: dict[str, Any]
    ideal: float
    plain: float  # images a second
    litserve: float | None

    def __str__(self) -> str:
        even, random = (f"median {one['median']:.0f} ms, p99 {one['p99']:.0f} ms" for one in (self.even, self.random))
        lit = f"{self.litserve:.1f}/s" if self.litserve else "not installed"
        return (
            f"bare {self.bare:.1f}/s, served {self.many['per_second']:.1f}/s {self.many['statuses']}, 30 lines "
            f"{self.plain:.1f}/s, LitServe {lit}; alone {self.alone:.1f} ms, served {self.served_alone:.1f} ms; at "
            f"80%: {even}, at random: {random}, of an ideal queue p99 / median {self.ideal:.1f}"
        )


def one_round(path: Path, folder: Path, seconds: float) -> Round:
    """All measurements, one after the other."""
    threads = usable_cpus()
    images = [one.read_bytes() for one in sorted(folder.iterdir())]
    loop = bare(path, images, seconds, threads)
    with serving(path) as (_, port):
        load(port, 4, 3, folder)
        alone, served_alone = in_turns(path, port, images, threads)
        many = load(port, CLIENTS, seconds, folder)
        rate = 0.8 * many["per_second"]
        even, random = (load(port, 0, 2 * seconds, folder, rate, how) for how in ("even", "random"))
    with other(PLAIN, path, 1) as port:
        lines = load(port, CLIENTS, seconds, folder)
    lit = None
    if find_spec("litserve"):
        with other(LITSERVE, path, threads) as port:
            load(port, 4, 3, folder, "json")
            lit = load(port, CLIENTS, seconds, folder, "json")
    return Round(
        bare=loop, alone=alone, served_alone=served_alone, many=many, even=even, random=random,
        ideal=ideal(2 * seconds, rate, many["per_second"], threads), plain=lines["per_second"],
        litserve=lit["per_second"] if lit else None,
    )  # fmt: skip


def speed(path: Path, folder: Path, seconds: float) -> None:
    """The ratios of the speed section."""
    rounds = list[Round]()
    for number in range(ROUNDS):
        rounds.append(one_round(path, folder, seconds))
        print(f"round {number + 1}: {rounds[-1]}", flush=True)
    lines: dict[str, tuple[Callable[[Round], float], str]] = {
        f"throughput at {CLIENTS} clients / bare loop": (lambda one: one.many["per_second"] / one.bare, "0.85"),
        "throughput / the best of the others": (
            lambda one: one.many["per_second"] / max(one.plain, one.litserve or 0),
            "1.3",
        ),
        "one image, served - bare, in ms": (lambda one: one.served_alone - one.alone, "at most 5"),
        "p99 / median at 80%, even requests": (lambda one: one.even["p99"] / one.even["median"], "below 3"),
        "p99 / median at 80%, at random times": (lambda one: one.random["p99"] / one.random["median"], "below 3"),
        "  the same of an ideal queue": (lambda one: one.ideal, ""),
    }
    for name, (figure, wanted) in lines.items():
        median = statistics.median(map(figure, rounds))
        print(f"{name:40}{median:6.2f}" + (f"  (wanted {wanted})" if wanted else ""))


def memory(process: subprocess.Popen[str]) -> float:
    """MiB that a process holds."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def endurance(path: Path, folder: Path) -> None:
    """Two minutes of 64 clients with a reload in the middle, ten times over capacity, and a stop under load."""
    with serving(path, "--queue", "64", "--drain", "2") as (process, port):
        load(port, 16, 20, folder)
        begun = memory(process)
        threading.Timer(40, process.send_signal, [signal.SIGHUP]).start()
        found = load(port, CLIENTS, 120, folder)
        print(
            f"64 clients, 2 minutes, a reload: {found['statuses']}, {begun:.0f} -> {memory(process):.0f} MiB",
            flush=True,
        )
        found = load(port, 10 * CLIENTS, 60, folder)
        print(f"640 clients, a minute: {found['statuses']}, {memory(process):.0f} MiB", flush=True)
        threading.Timer(10, process.terminate).start()
        found = load(port, CLIENTS, 30, folder)
        print(f"64 clients, stopped after 10 s: {found['statuses']}, exit {process.wait(60)}")


def main(folder: str, how: str = "20") -> None:
    with tempfile.TemporaryDirectory() as made_in:
        path = made(Path(made_in))
        if how == "--long":
            endurance(path, Path(folder))
        else:
            speed(path, Path(folder), float(how))


if __name__ == "__main__":
    main(*sys.argv[1:])
