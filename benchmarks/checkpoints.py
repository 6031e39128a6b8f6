"""What saving a large network's checkpoint costs the training, against torch.save between two steps.

    .venv/bin/python -m benchmarks.checkpoints [--network resnet152] [--seconds 60] [--rounds 3]

Trains the network on drawn images of 64 x 64 for so many seconds, with a checkpoint in the middle, as `--save-every`
would have it. `paused` is how long the loop stands still. `lost` also counts what the steps beside the writing take
longer than the others.

Measured with one thread on two cores at a load of 6.5, resnet152 with SGD (444 MiB of state): paused 1.9% of the
time (torch.save: 4.4%), lost in all 7.2%. By the processor's clock, without what others do, a checkpoint takes
the loop 0.1 s and the thread beside it 0.85 s.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import resnets
from benchmarks.measuring import Measured, Wanted, timed
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.data.training_batches import Batch
from resnets.training.checkpoint import RunState, Saved
from resnets.training.recipes.plan import Plan
from resnets.training.recipes.recipe import Recipe
from resnets.training.snapshots import Writer
from resnets.training.step.step import Step

SIDE, IMAGES, CLASSES = 64, 2, 10


class Trained:
    """A network that is being trained, one step at a time."""

    def __init__(self, network: str) -> None:
        module = resnets.resnet(network, num_classes=CLASSES)
        self.preprocessing = Preprocessing(size=SIDE, resize=SIDE)
        classifier = Classifier(network=module, classes=tuple("abcdefghij"), preprocessing=self.preprocessing)
        self.recipe = Recipe(epochs=1, batch_size=IMAGES, lr=1e-8)
        self.plan = Plan(spec=module.spec, preprocessing=self.preprocessing, recipe=self.recipe, network=network)
        counts = np.full(CLASSES, 100)
        self.step = Step(classifier, self.recipe, self.plan.execution, class_counts=counts, steps=1000, images=IMAGES)
        pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
        self.batch = Batch(torch.from_numpy(pixels), torch.arange(IMAGES))
        self.done = 0

    def make_step(self) -> None:
        self.step(self.batch, 0, self.done)
        self.done += 1

    @property
    def saved(self) -> Saved:
        return Saved(plan=self.plan, data={}, threads=torch.get_num_threads(), run_state=RunState(step=self.done))


def seconds_lost(
    trained: Trained, save: Callable[[], object], is_saved: Callable[[], bool], seconds: float
) -> tuple[float, float]:
    """Seconds that a checkpoint in the middle of so many costs: the loop's pause, and with what steps take longer."""
    usual, beside, paused = list[float](), list[float](), 0.0
    until, middle = time.monotonic() + seconds, time.monotonic() + seconds / 2
    while time.monotonic() < until:
        if not paused and time.monotonic() > middle:
            paused = timed(save)
        (usual if not paused or is_saved() else beside).append(timed(trained.make_step))
    typical = statistics.median(usual)
    return paused, paused + sum(one - typical for one in beside)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--network", default="resnet152")
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    for line in lines(options.network, options.seconds, options.rounds):
        print(line, flush=True)


def lines(network: str = "resnet152", seconds: float = 60.0, rounds: int = 3) -> Iterator[Measured]:
    """The part of the time that is lost, in percent."""
    trained = Trained(network)
    for _ in range(3):
        trained.make_step()
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as place:
        writer = Writer(Path(place) / "state.safetensors", Path(place) / "previous.safetensors")

        def ours() -> tuple[float, float]:
            def save() -> None:
                writer.begin(writer.take(trained.step, trained.saved))

            return seconds_lost(trained, save, lambda: not writer.is_busy, seconds)

        def peer() -> tuple[float, float]:
            def save() -> None:
                state = {"network": trained.step.network.state_dict(), "optimizer": trained.step.optimizer.state_dict()}
                torch.save(state, Path(place) / "state.pt")

            return seconds_lost(trained, save, lambda: True, seconds)

        found = [(peer(), ours()) for _ in range(rounds)]
        writer.wait()
        size = writer.path.stat().st_size / 2**20
    for column, what in enumerate(("paused", "lost in all")):
        theirs, mine = ([100 * pair[who][column] / seconds for pair in found] for who in (0, 1))
        yield Measured(
            work=f"checkpoint of {network}, {size:,.0f} MiB, every {seconds:g} s: {what}", unit="% of the time",
            ours=statistics.median(mine), peer_name="torch.save", peer=statistics.median(theirs),
            wanted=Wanted(5, most=True) if what == "paused" else None,
            note="torch.save neither flushes nor makes a digest",
        )  # fmt: skip


if __name__ == "__main__":
    main()
