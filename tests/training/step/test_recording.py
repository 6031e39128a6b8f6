"""A recorded step reads everything that changes from its inputs: replayed, it gives the weights of a step as usual."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from resnets.data import augmentation
from resnets.data.training_batches import Batch
from resnets.training.recipes.plan import Execution
from resnets.training.step.recording import WARM_UP, CudaGraph, Outputs, Recorder
from resnets.training.step.step import Step
from resnets.training.step.teacher import Teacher
from tests.training.step.test_step import COUNTS, classifier, step_of

EPOCHS, STEPS = 2, WARM_UP + 3


class Replayed:
    """A graph's stand-in on a CPU: a replay carries out the function, but draws no number and knows no rate."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.outputs: Outputs = ()
        self.replays = 0

    def aside(self, function: Callable[[], Outputs]) -> Outputs:
        return function()

    def record(self, function: Callable[[], Outputs]) -> None:
        self.function = function

    def replay(self) -> None:
        self.replays += 1
        with _nothing_drawn():
            self.outputs = self.function()


@contextmanager
def _nothing_drawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augmentation, "generator", None)
        patch.setattr(augmentation, "table", None)
        yield


def batch(at: int, epoch: int) -> Batch:
    draw = torch.Generator().manual_seed(100 * epoch + at)
    images = torch.randint(256, (8, 8, 8, 3), dtype=torch.uint8, generator=draw)
    boxes = torch.tensor([[at % 3, 1, 5, 4 + at % 3]]).repeat(8, 1)
    return Batch(images, torch.randint(3, (8,), generator=draw), boxes)


def trained(step: Step) -> tuple[list[torch.Tensor], list[float]]:
    """The weights and the losses of two epochs."""
    found: list[float] = []
    for epoch in range(EPOCHS):
        with step.epoch(epoch):
            for at in range(STEPS):
                loss, right = step(batch(at, epoch), epoch, at)
                found += [float(loss), int(right)]
    return list(step.network.state_dict().values()), found


@pytest.mark.parametrize(
    "settings",
    [
        {"warmup": 0.5},
        {"optimizer": "adamw", "lr": 2**-10},
        {"optimizer": "muon", "lr": 2**-3},
        {"optimizer": "lamb", "lr": 1e-3},
        {"optimizer": "ranger", "lr": 1e-3},
        {"mixup": 1.0, "cutmix": 1.0},
        {"mixup": 1.0, "cutmix": 1.0, "mix_per": "image"},
        {"drop_path": 0.5},
        {"accumulate": 2, "batch_size": 4, "mixup": 1.0},
        {"ema": 0.9, "clip_norm": 0.5, "layer_decay": 0.5},
        {"freeze_epochs": 1},
        {"freeze_norms": True, "freeze_stages": 2},
    ],
    ids="-".join,
)
def test_a_replayed_step_is_the_step_as_usual(settings: dict[str, Any]) -> None:
    usual, recorded = step_of(classifier(), **settings), step_of(classifier(), **settings)
    graphs: list[Replayed] = []

    def graph() -> Replayed:
        graphs.append(Replayed(recorded))
        return graphs[-1]

    recorded.recorder = Recorder(graph)
    weights, losses = trained(recorded)
    expected, expected_losses = trained(usual)
    assert sum(one.replays for one in graphs) >= EPOCHS * STEPS - 2 * WARM_UP
    assert losses == expected_losses
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(weights, expected, strict=True))
    if recorded.average and usual.average:
        averages = recorded.average.state_dict(), usual.average.state_dict()
        assert all(torch.equal(averages[0][name], averages[1][name]) for name in averages[1])


def test_a_students_teacher_is_recorded_with_it() -> None:
    student, teacher = classifier(), classifier(1)
    usual = step_of(student, Teacher(teacher, student.preprocessing), distill_weight=0.5)
    other = classifier()
    recorded = step_of(other, Teacher(teacher, other.preprocessing), distill_weight=0.5)
    recorded.recorder = Recorder(lambda: Replayed(recorded))
    assert trained(recorded)[1] == trained(usual)[1]


def test_steps_of_other_shapes_are_recorded_apart() -> None:
    step = step_of(classifier())
    graphs: list[Replayed] = []

    def graph() -> Replayed:
        graphs.append(Replayed(step))
        return graphs[-1]

    step.recorder = Recorder(graph)
    large = Batch(torch.zeros(8, 12, 12, 3, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    with step.epoch(0):
        for at in range(STEPS):
            step(batch(at, 0), 0, at)
            step(large, 0, at)
    assert [one.replays for one in graphs] == [STEPS - WARM_UP] * 2


def test_a_step_that_cannot_be_recorded_is_carried_out_as_usual(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(Replayed):
        def record(self, function: Callable[[], Outputs]) -> None:
            assert function
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    usual, recorded = step_of(classifier()), step_of(classifier())
    recorded.recorder = Recorder(lambda: Refusing(recorded))
    assert trained(recorded)[1] == trained(usual)[1]
    assert recorded.recorder.refused == "operation not permitted when stream is capturing"
    assert "not recorded as a CUDA graph" in caplog.text


def test_on_a_cpu_a_graph_is_not_asked_for() -> None:
    execution = Execution(graph=True)
    step = Step(classifier(), step_of(classifier()).recipe, execution, class_counts=COUNTS, steps=10, images=8)
    assert step.recorder is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("settings", [{}, {"optimizer": "adamw"}, {"drop_path": 0.5, "mixup": 1.0}])
def test_a_cuda_graph_gives_the_weights_of_a_step_as_usual(settings: dict[str, Any]) -> None:
    usual, recorded = (step_of(classifier(), **settings) for _ in range(2))
    recorded.recorder = Recorder(CudaGraph)
    ours, theirs = trained(recorded)[0], trained(usual)[0]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_kinds_that_take_turns_keep_their_gradients_apart() -> None:
    usual, recorded = (step_of(classifier(), optimizer="lamb", lr=1e-3) for _ in range(2))
    recorded.recorder = Recorder(parameters=list(recorded.network.parameters()))
    large = Batch(torch.full((8, 12, 12, 3), 90, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    for step in (usual, recorded):
        with step.epoch(0):
            for at in range(STEPS):
                step(batch(at, 0), 0, at)
                step(large, 0, at)
    for one, other in zip(recorded.network.parameters(), usual.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)
