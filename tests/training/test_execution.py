"""Which way to compute is chosen: by the clock, and only where the run is long enough to gain."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from resnets import resnet
from resnets.base.errors import Interrupted
from resnets.training import execution
from resnets.training.execution import Timing, choose
from resnets.training.recipes.plan import Execution
from resnets.training.step.optimization import to_training

FIRST = Execution()
CONTIGUOUS = replace(FIRST, memory_format="contiguous")
HALF = replace(FIRST, precision="bfloat16")


class Clock:
    """Says what each way costs, and keeps what it was asked."""

    def __init__(self, steps: dict[Execution, float], compiling: float = 40.0, gain: float = 0.5) -> None:
        self.steps, self.compiling, self.gain = steps, compiling, gain
        self.asked: list[Execution] = []

    def __call__(self, way: Execution) -> Timing:
        self.asked.append(way)
        step = self.steps[replace(way, compile=False)]
        return Timing(way, self.compiling, step * self.gain) if way.compile else Timing(way, 0.0, step)


def test_a_short_run_takes_the_usual_way_without_trying_others() -> None:
    clock = Clock({FIRST: 0.1})
    choice = choose(FIRST, clock, 100, [CONTIGUOUS], compiles=True)
    assert (choice.execution, clock.asked) == (FIRST, [FIRST])
    assert "a run of 10 s is too short" in choice.reason


def test_where_a_few_steps_cost_little_a_shorter_run_tries_others() -> None:
    clock = Clock({FIRST: 0.3, CONTIGUOUS: 0.1})
    choice = choose(FIRST, clock, 100, [CONTIGUOUS], compiles=False, worth_measuring=20)
    assert choice.execution == CONTIGUOUS


def test_a_graph_is_a_way_of_a_gpu_and_of_a_single_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "has_bfloat16", lambda _: False)
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert [way.graph for way in execution.alternatives(FIRST, gpu)] == [False, True]
    assert not any(way.graph for way in execution.alternatives(FIRST, gpu, graph=False))
    assert not any(way.graph for way in execution.alternatives(FIRST, cpu))


def test_the_fastest_way_is_taken_and_every_figure_kept() -> None:
    choice = choose(FIRST, Clock({FIRST: 1.0, CONTIGUOUS: 0.6}), 300, [CONTIGUOUS], compiles=False)
    assert choice.execution == CONTIGUOUS
    assert choice.reason == (
        "execution contiguous, float32: the fastest of channels_last, float32 1000 ms a step; contiguous, float32 "
        "600 ms a step"
    )
    assert [timing["step_seconds"] for timing in choice.as_dict()["timings"]] == [1.0, 0.6]


def test_what_helps_alone_is_tried_together_before_it_is_believed() -> None:
    both = replace(HALF, memory_format="contiguous")
    steps = {FIRST: 1.0, CONTIGUOUS: 0.9, HALF: 0.8, both: 1.5}
    clock = Clock(steps)
    assert choose(FIRST, clock, 300, [CONTIGUOUS, HALF], compiles=False).execution == HALF
    assert clock.asked[-1] == both
    assert choose(FIRST, Clock({**steps, both: 0.5}), 300, [CONTIGUOUS, HALF], compiles=False).execution == both


def test_compilation_must_earn_its_own_time_back() -> None:
    compiled = replace(FIRST, compile=True)
    assert choose(FIRST, Clock({FIRST: 1.0}), 1000, [], compiles=True).execution == compiled
    assert choose(FIRST, Clock({FIRST: 1.0}, compiling=600.0), 1000, [], compiles=True).execution == FIRST
    assert choose(FIRST, Clock({FIRST: 1.0}), 1000, [], compiles=False).execution == FIRST
    clock = Clock({FIRST: 1.0})
    choose(FIRST, clock, 500, [], compiles=True)
    assert clock.asked == [FIRST]  # 500 s are too few to try


def test_a_way_that_cannot_be_gone_is_left_out_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def clock(way: Execution) -> Timing:
        if way.compile:
            raise RuntimeError("no Python.h\nand much more")
        if way == HALF:
            raise torch.OutOfMemoryError("2 GiB are missing")
        return Timing(way, 0.0, 1.0 if way == FIRST else 0.6)

    choice = choose(FIRST, clock, 3000, [HALF, CONTIGUOUS], compiles=True)
    assert choice.execution == CONTIGUOUS
    assert [record.getMessage() for record in caplog.records] == [
        "execution channels_last, bfloat16: left out, OutOfMemoryError: 2 GiB are missing",
        "execution contiguous, float32, compiled: left out, RuntimeError: no Python.h",
    ]


def test_an_interruption_ends_the_timing() -> None:
    def clock(way: Execution) -> Timing:
        if way != FIRST:
            raise Interrupted("stopped", signal=2)
        return Timing(way, 0.0, 1.0)

    with pytest.raises(Interrupted):
        choose(FIRST, clock, 3000, [CONTIGUOUS], compiles=False)


def test_a_difference_within_the_noise_changes_nothing() -> None:
    assert choose(FIRST, Clock({FIRST: 1.0, CONTIGUOUS: 0.98}), 1000, [CONTIGUOUS], compiles=False).execution == FIRST


@pytest.mark.usefixtures("unchecked")
def test_the_clock_times_a_copy_and_leaves_network_and_threads_alone() -> None:
    network = resnet("cifar_resnet20", widths=(4, 8, 16), stem={"widths": [4]})
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    threads = torch.get_num_threads()
    clock = execution.step_clock(network, torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3]))
    found = [clock(way) for way in (FIRST, CONTIGUOUS, replace(FIRST, threads=1))]
    assert all(timing.step > 0 for timing in found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("unchecked")
def test_what_is_frozen_is_timed_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = resnet("cifar_resnet20", widths=(8, 16, 32), stem={"widths": [8]})
    to_training(network, norms_frozen=False, stages_frozen=2)
    learning: list[set[str]] = []

    def look(optimizer: torch.optim.SGD) -> None:
        parameters = optimizer.param_groups[0]["params"]
        learning.append({name for name, p in zip(names, parameters, strict=True) if p.grad is not None})

    names = [name for name, _ in network.named_parameters()]
    monkeypatch.setattr(torch.optim.SGD, "step", look)
    execution.step_clock(network, torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3]))(FIRST)
    assert learning[0] == {name for name in names if name.startswith(("layer2", "layer3", "fc"))}


def test_a_cpu_without_bfloat16_is_not_asked_to_use_it() -> None:
    ways = execution.alternatives(FIRST, torch.device("cpu"))
    has = torch.cpu._is_avx512_bf16_supported()
    assert (HALF in ways) == has
    assert CONTIGUOUS in ways


@pytest.mark.parametrize("has", [True, False])
def test_a_gpu_computes_in_bfloat16_where_it_is_made_for_it_and_is_not_asked_to_elsewhere(
    has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has or including_emulation)
    usual = execution.usual(torch.device("cuda"))
    assert usual.precision == ("bfloat16" if has else "float32")
    others = execution.alternatives(usual, torch.device("cuda"))
    assert usual not in others
    assert any(way.precision != usual.precision for way in others) == has


@pytest.mark.parametrize("has", [True, False])
def test_a_cpu_computes_in_float32_unless_bfloat16_was_measured_to_be_faster(
    has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    cpu = torch.device("cpu")
    usual = execution.usual(cpu)
    assert usual.precision == "float32"
    tried = [other.precision for other in execution.alternatives(usual, cpu)]
    assert ("bfloat16" in tried) == has
