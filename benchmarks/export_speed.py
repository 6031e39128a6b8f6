"""ResNet-50 at 224 pixels, exported, against timm's in eager torch: ratios of time, more than 1 means we are faster.

    .venv/bin/python -m benchmarks.export_speed [options]

One process, two threads each, interleaved rounds, so that a drifting machine slows all alike; medians. The peer is
timm's resnet50 in evaluation and inference mode on normalized float32 images, contiguous (as timm gives it) and
channels_last, with a ratio to each. Ours start from uint8 pixels, so they normalize too. Weights are random: they
change no time.

Measured on two cores, nothing else running. AMD EPYC with AVX-512 and VNNI: float32 2.56 times timm's contiguous at
batch 16 and 2.10 at batch 1 (channels_last 1.80 and 1.84); int8 9.29 and 6.16 (6.54 and 5.39). AMD EPYC with AVX2 and
no VNNI, before the row-wise normalization: float32 2.20 and 2.15 (1.67 and 1.77), int8 3.99 and 2.36 (3.03 and 1.94):
without VNNI a byte's product costs about half a float's, so that is near what there is to gain.

`options` compares settings of ONNX Runtime's sessions instead, the ones of `deploy.sessions` first: spinning, denormals
as zero, memory arena and pattern off, parallel execution, and graph optimization one level lower. None was faster.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
import torch

from resnets import resnet
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.export import onnx
from resnets.export.quantization import quantize
from resnets.export.sessions import session
from tests.peers import timm

THREADS = 2
ROUNDS = {16: 7, 1: 31}  # of each batch size
PAUSE = 0.3  # seconds: ONNX Runtime's threads spin for a while after a run, and would slow who comes next


def models() -> dict[str, bytes]:
    """The network exported as float32 and as int8."""
    torch.manual_seed(0)
    network = resnet("resnet50")
    classes = tuple(str(number) for number in range(network.spec.num_classes))
    exported = onnx.export(Classifier(network=network, classes=classes, preprocessing=Preprocessing()))
    return {"float32": exported, "int8": quantize(exported, images(4), lambda _: 1.0).content}


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)


def eager(layout: torch.memory_format, batch: int) -> Callable[[], object]:
    network = timm.create_model("resnet50").eval().to(memory_format=layout)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
    seen = Preprocessing().normalize(torch.from_numpy(images(batch))).contiguous(memory_format=layout)

    def run() -> object:
        with torch.inference_mode():
            return network(seen)

    return run


def running(made: Any, batch: int) -> Callable[[], object]:
    pixels = images(batch)
    return lambda: made.run(None, {"images": pixels})


def medians(functions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(-2, rounds):  # two to warm up
        for name, function in functions.items():
            time.sleep(PAUSE)
            function()  # so that nobody begins with the other's weights in the caches
            began = time.perf_counter()
            function()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def against_timm() -> None:
    made = {name: session(content, threads=THREADS) for name, content in models().items()}
    print(f"{'batch':>5}  {'timm':>13} {'ms an image':>11}  {'float32':>7} {'int8':>5}")
    for batch, rounds in ROUNDS.items():
        peers = {
            "contiguous": eager(torch.contiguous_format, batch),
            "channels_last": eager(torch.channels_last, batch),
        }
        found = medians({**peers, **{name: running(one, batch) for name, one in made.items()}}, rounds)
        for layout in peers:
            ratios = {name: found[layout] / found[name] for name in made}
            milliseconds = 1000 * found[layout] / batch
            print(
                f"{batch:5}  {layout:>13} {milliseconds:11.1f}  {ratios['float32']:7.2f} {ratios['int8']:5.2f}",
                flush=True,
            )


def variants() -> dict[str, onnxruntime.SessionOptions]:
    """Settings of sessions, each differing in one from the package's defaults."""
    made: dict[str, onnxruntime.SessionOptions] = {}

    def variant(name: str) -> onnxruntime.SessionOptions:
        options = made[name] = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = THREADS, 3
        return options

    variant("defaults")
    variant("no spinning").add_session_config_entry("session.intra_op.allow_spinning", "0")
    variant("denormals as zero").add_session_config_entry("session.set_denormal_as_zero", "1")
    variant("no arena").enable_cpu_mem_arena = False
    variant("no memory pattern").enable_mem_pattern = False
    variant("parallel").execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    variant("extended").graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return made


def against_each_other() -> None:
    for precision, content in models().items():
        made = {"deploy.sessions": session(content, threads=THREADS)}
        for name, options in variants().items():
            made[name] = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for batch, rounds in ROUNDS.items():
            found = medians({name: running(one, batch) for name, one in made.items()}, rounds)
            for name, seconds in found.items():
                ratio = found["deploy.sessions"] / seconds
                print(f"{precision:8} {batch:3}  {name:18} {1000 * seconds / batch:8.1f} ms an image  {ratio:5.2f}")


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    if sys.argv[1:] == ["options"]:
        against_each_other()
    else:
        against_timm()
