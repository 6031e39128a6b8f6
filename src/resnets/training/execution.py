"""What runs fastest is measured, not guessed: the ways to carry out a step, timed on the first batch."""

import copy
import logging
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resnets.base.errors import RunFailed
from resnets.base.progress import Progress, Watch, unwatched
from resnets.network import ResNet
from resnets.training.recipes.plan import Execution
from resnets.training.step.recording import WARM_UP, CudaGraph, Outputs
from resnets.training.step.winograd import WinogradGradients

log = logging.getLogger(__name__)

WORTH_MEASURING = 120.0  # seconds a run must be expected to take before other ways than the usual one are tried
WORTH_MEASURING_ON_A_GPU = 20.0  # where a few steps take well under a second
WORTH_COMPILING = 900.0
STEPS = 4  # timed of each, after one that is not
Clock = Callable[[Execution], "Timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """What one way costs: seconds before its first step, and a step."""

    execution: Execution
    begin: float
    step: float

    def total(self, steps: int) -> float:
        return self.begin + steps * self.step

    def __str__(self) -> str:
        once = f" after {self.begin:.0f} s" if self.begin >= 1 else ""
        return f"{self.execution} {1000 * self.step:.0f} ms a step{once}"

    def as_dict(self) -> dict[str, Any]:
        """The timing as JSON values."""
        seconds = {"begin_seconds": round(self.begin, 3), "step_seconds": round(self.step, 5)}
        return {"execution": str(self.execution), **seconds}


@dataclass(frozen=True)
class Choice:
    """The way that was chosen, the reason in words, and what was measured."""

    execution: Execution
    reason: str
    timings: tuple[Timing, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The choice as JSON values."""
        return {"chosen": str(self.execution), "timings": [timing.as_dict() for timing in self.timings]}


def usual(device: torch.device) -> Execution:
    """What is taken without measuring: channels last, and bfloat16 where a GPU is made for it (as timm's --amp)."""
    made_for_it = device.type == "cuda" and has_bfloat16(device)
    return Execution(precision="bfloat16" if made_for_it else "float32")


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device itself computes in bfloat16, which elsewhere is emulated and slower than float32."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()  # torch has no public name for it
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)


def alternatives(first: Execution, device: torch.device, *, graph: bool = True) -> list[Execution]:
    """The other ways worth timing on this device, each one change away from `first`; compilation comes last.

    graph: whether a step may be recorded, as that of a single process.
    """
    found = [replace(first, memory_format="contiguous")]
    if has_bfloat16(device):
        found.append(replace(first, precision="float32" if device.type == "cuda" else "bfloat16"))
    if device.type == "cuda" and graph:
        found.append(replace(first, graph=True))
    if device.type == "cpu":
        found.append(replace(first, winograd=True))
        if (threads := torch.get_num_threads()) > 4:
            found.append(replace(first, threads=threads // 2))
    return found


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile has what it needs: a C++ compiler on a CPU, Triton on a GPU."""
    if device.type == "cpu":
        return any(map(shutil.which, ("g++", "clang++", "c++")))
    return device.type == "cuda" and find_spec("triton") is not None


def choose(
    first: Execution, clock: Clock, steps: int, others: Sequence[Execution], *,
    compiles: bool, worth_measuring: float = WORTH_MEASURING,
) -> Choice:  # fmt: skip
    """The way whose `steps` take the least time, its own beginning included.

    clock: times one way. worth_measuring: a run expected to take fewer seconds keeps `first`. Each change that helps
    alone is taken together with the others that do, and the whole is timed before it is believed; then so is its
    compilation.
    """
    timed = [clock(first)]
    expected = timed[0].total(steps)
    if expected < worth_measuring:
        return Choice(
            first, f"execution {first}: the usual; a run of {expected:.0f} s is too short to try others", tuple(timed)
        )
    timed += _timings(clock, others)
    faster = [t for t in timed[1:] if t.step < 0.97 * timed[0].step]
    if len(faster) > 1:
        timed += _timings(clock, [_together(first, [t.execution for t in faster])])
    best = min(timed, key=lambda t: t.total(steps))
    if compiles and best.total(steps) > WORTH_COMPILING:
        timed += _timings(clock, [replace(best.execution, compile=True)])
        best = min(timed, key=lambda t: t.total(steps))
    if best.step > 0.97 * timed[0].step:  # within the noise of a measurement: stay with what everybody has
        best = timed[0]
    return Choice(
        best.execution, f"execution {best.execution}: the fastest of {'; '.join(map(str, timed))}", tuple(timed)
    )


def _timings(clock: Clock, ways: Sequence[Execution]) -> list[Timing]:
    """Of the ways that can be gone: another than the usual may need more memory, or a compiler that is not whole."""
    found: list[Timing] = []
    for way in ways:
        try:
            found.append(clock(way))
        except RunFailed:  # someone asked to stop
            raise
        except (RuntimeError, OSError, ImportError) as error:  # what torch and its compiler raise
            log.warning("execution %s: left out, %s: %s", way, type(error).__name__, str(error).partition("\n")[0])
    return found


def _together(first: Execution, ways: Sequence[Execution]) -> Execution:
    changes = {
        name: getattr(way, name)
        for way in ways
        for name in ("threads", "precision", "memory_format", "winograd", "graph")
        if getattr(way, name) != getattr(first, name)
    }
    return replace(first, **changes)


def step_clock(network: ResNet, images: Tensor, labels: Tensor, watch: Watch = unwatched) -> Clock:
    """A clock that times forward, backward and update of a copy of `network` on normalized images.

    network: in the mode in which it will train, with what stays frozen frozen: a half that learns costs less.
    """

    def clock(execution: Execution) -> Timing:
        log.debug("timing %s", execution)
        threads = torch.get_num_threads()
        torch.set_num_threads(execution.threads or threads)
        try:
            return _timed(copy.deepcopy(network), execution, images, labels, watch)
        finally:
            torch.set_num_threads(threads)
            if images.device.type == "cuda":
                torch.cuda.empty_cache()  # what this way held, the next may need

    return clock


def _timed(network: ResNet, execution: Execution, images: Tensor, labels: Tensor, watch: Watch) -> Timing:
    contiguous = execution.memory_format == "contiguous"
    network.to(memory_format=torch.contiguous_format if contiguous else torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
    images = images.contiguous() if contiguous else images
    forward: Any = torch.compile(network) if execution.compile else network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9)

    def step() -> Outputs:
        optimizer.zero_grad(set_to_none=True)
        with WinogradGradients() if execution.winograd else nullcontext():
            with torch.autocast(images.device.type, torch.bfloat16, enabled=execution.precision == "bfloat16"):
                loss = F.cross_entropy(forward(images), labels)
            loss.backward()
        optimizer.step()
        return (loss,)

    started = time.perf_counter()
    make = _recorded(step) if execution.graph else step
    seconds: list[float] = []
    for done in range(1 + STEPS):
        make()
        if images.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        seconds.append(now - started)
        started = now
        watch(Progress("timing ways to compute", done + 1, 1 + STEPS))
    median = statistics.median(seconds[1:])
    return Timing(execution, max(0.0, seconds[0] - median), median)


def _recorded(step: Callable[[], Outputs]) -> Callable[[], object]:
    """The step as a CUDA graph."""
    graph = CudaGraph()
    for _ in range(WARM_UP):
        graph.aside(step)
    graph.record(step)
    return graph.replay
