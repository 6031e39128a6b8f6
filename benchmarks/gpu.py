"""What a GPU can show, in one run of a few minutes: first that its numbers are right, then how fast it is.

    .venv/bin/python -m benchmarks.gpu [SECTION ...] [--data CIFAR-10] [--to FILE.json]

Sections: correct, small, large, photographs, end-to-end; all, if none is named. `small` is cifar_resnet20's step and
`large` resnet50's, each by every way that `plan` times. `end-to-end` trains `he2015-cifar` for a few epochs, on random
images of CIFAR's size where no data is given. Without a GPU, `correct` compares the CPU with itself, and the rest says
"not measured".
"""

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import resnets
from benchmarks import photographs
from benchmarks.measuring import Measured, Wanted, in_turns
from resnets.base.cpus import usable_cpus
from resnets.classifier.file import Classifier
from resnets.data.augmentation_settings import Augmentation
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import Batch, TrainingBatches
from resnets.training import checkpoint
from resnets.training.checkpoint import RunState, Saved
from resnets.training.execution import can_compile
from resnets.training.listener import EpochDone
from resnets.training.recipes.plan import Execution, Plan
from resnets.training.recipes.recipe import Recipe
from resnets.training.snapshots import snapshot
from resnets.training.step.step import Step

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
IMAGES = 64  # in a step that is compared
EVALUATED, PHOTOGRAPHS = "resnet50", 16  # and on how many images
STEPS, CLOSE = 20, 1e-3  # steps that are compared, and how far a loss in float32 may be from the CPU's, relatively
SMALL = 1e-3  # a learning rate at which a difference in the last bit does not grow
PLAIN = Execution()
BFLOAT16 = Execution(precision="bfloat16")
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "SGD": {},
    "SGD in bfloat16": {"precision": "bfloat16"},
    "AdamW": {"optimizer": "adamw", "lr": 1e-3},
    "LAMB and an average": {"optimizer": "lamb", "lr": 1e-3, "ema": 0.9},
    "mixing, stochastic depth, accumulation": {"mixup": 1.0, "cutmix": 1.0, "drop_path": 0.2, "accumulate": 2},
}


def batches(count: int, images: int, size: int, classes: int, device: torch.device = DEVICE) -> list[Batch]:
    """Random images whose brightness tells the class, so that a loss falls."""
    draw = torch.Generator().manual_seed(0)
    found: list[Batch] = []
    for _ in range(count):
        labels = torch.randint(classes, (images,), generator=draw)
        noise = torch.randint(128, (images, size, size, 3), generator=draw, dtype=torch.uint8)
        pixels = noise + (labels * 127 // classes).to(torch.uint8).view(-1, 1, 1, 1)
        found.append(Batch(pixels.to(device), labels.to(device)))
    return found


def step_of(
    network: str, execution: Execution, device: torch.device, *, classes: int, images: int, **settings: Any
) -> Step:
    """A new step, whose weights are the same each time."""
    torch.manual_seed(0)
    built = resnets.resnet(network, num_classes=classes)
    size = 32 if "cifar" in network else 224
    classifier = Classifier(
        network=built.to(device), classes=tuple(map(str, range(classes))),
        preprocessing=Preprocessing(size=size, resize=size),
    )  # fmt: skip
    accumulate = settings.get("accumulate", 1)
    recipe = Recipe(**{"batch_size": images // accumulate, "warmup": 0.3, "epochs": 2, **settings})
    counts = np.full(classes, 100)
    return Step(classifier, recipe, execution, class_counts=counts, steps=STEPS, images=images)


def carried_out(step: Step, given: Sequence[Batch], *, begin: int = 0) -> list[float]:
    """The losses of an epoch's steps from `begin` on."""
    with step.epoch(0):
        found = [step(given[place], 0, place)[0].clone() for place in range(begin, len(given))]
    return [float(loss) for loss in found]


def weights(step: Step) -> list[Tensor]:
    return list(step.network.state_dict().values())


def apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The largest difference; 0 if they are equal bit for bit."""
    return max(float((a.double().cpu() - b.double().cpu()).abs().max()) for a, b in zip(ours, theirs, strict=True))


def correct() -> Iterator[str]:
    """Lines that say what holds."""
    given = batches(STEPS, IMAGES, 32, 10)
    there = [Batch(batch.images.cpu(), batch.labels.cpu()) for batch in given]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        ours = carried_out(step_of("cifar_resnet20", PLAIN, DEVICE, classes=10, images=IMAGES, lr=SMALL), given)
    cpu = carried_out(step_of("cifar_resnet20", PLAIN, torch.device("cpu"), classes=10, images=IMAGES, lr=SMALL), there)
    far = max(abs(a - b) / abs(b) for a, b in zip(ours, cpu, strict=True))
    yield f"{STEPS} steps in float32, {DEVICE.type} against the CPU: losses apart by {far:.1e}: {_met(far <= CLOSE)}"
    for name, settings in RECIPES.items():
        yield from _recorded(name, dict(settings), given)
    yield _resumed(given)
    yield _images()
    yield from _evaluation()


def _recorded(name: str, settings: dict[str, Any], given: Sequence[Batch]) -> Iterator[str]:
    """A recorded step against a step as usual, and that against itself."""
    execution = Execution(precision=settings.pop("precision", "float32"))
    ways = [execution, execution, dataclasses.replace(execution, graph=True)]
    done: list[tuple[list[float], list[Tensor]]] = []
    for way in ways:
        step = step_of("cifar_resnet20", way, DEVICE, classes=10, images=IMAGES, **settings)
        done.append((carried_out(step, given), weights(step)))
        if way.graph and (step.recorder is None or step.recorder.refused):
            yield f"{name}: no graph ({step.recorder.refused if step.recorder else 'no GPU'})"
            return
    (_, usual), (_, again), (_, graph) = done
    same, recorded = apart(usual, again), apart(usual, graph)
    yield f"{name}: {STEPS} steps again: weights apart by {same:.1e}; as a CUDA graph: by {recorded:.1e}"


def _resumed(given: Sequence[Batch]) -> str:
    """A run that is saved, read and gone on with, against one that never stopped."""
    way, middle = dataclasses.replace(BFLOAT16, graph=True), STEPS // 2 + 1
    whole = step_of("cifar_resnet20", way, DEVICE, classes=10, images=IMAGES)
    carried_out(whole, given)
    first = step_of("cifar_resnet20", way, DEVICE, classes=10, images=IMAGES)
    carried_out(first, given[:middle])
    plan = Plan(spec=first.network.spec, preprocessing=first.preprocessing, recipe=first.recipe)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        saved = Saved(plan=plan, data={}, threads=1, run_state=RunState())
        snapshot(first, saved).write(path, path.with_name("earlier"))
        second = step_of("cifar_resnet20", way, DEVICE, classes=10, images=IMAGES)
        checkpoint.restore(path, second)
    carried_out(second, given, begin=middle)
    far = apart(weights(whole), weights(second))
    return f"resumed in mid-epoch: weights apart by {far:.1e} from those of a run that never stopped"


def _images() -> str:
    """Batches cropped and mirrored on the device, against those of the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        images = open_source(random_npz(Path(folder) / "random.npz", train=2_000, val=10, test=10))
    settings = Augmentation(augment="crop", crop_padding=4, flip=True)
    preprocessing = Preprocessing(size=32, resize=32)
    both = [
        TrainingBatches(images, preprocessing, settings, batch_size=100, seed=0, device=device).epoch(1)
        for device in (DEVICE, torch.device("cpu"))
    ]
    same = all(
        torch.equal(one.images.cpu(), other.images) and torch.equal(one.labels.cpu(), other.labels)
        for one, other in zip(*both, strict=True)
    )
    return f"images cropped and mirrored on {DEVICE.type} are the CPU's: {_met(same)}"


def _evaluation() -> Iterator[str]:
    """Probabilities of resnet50 by precision, against the CPU's."""
    torch.manual_seed(0)
    network = resnets.resnet(EVALUATED, num_classes=10).eval()
    images = torch.randn(PHOTOGRAPHS, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        cpu = network(images).softmax(1)
        network.to(DEVICE)
        for name, tf32, low in (("float32", False, False), ("TF32", True, False), ("bfloat16", True, True)):
            with (
                torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32),
                torch.autocast(DEVICE.type, torch.bfloat16, enabled=low),
            ):
                found = network(images.to(DEVICE)).float().softmax(1).cpu()
            yield f"evaluation in {name}: probabilities apart by {float((found - cpu).abs().max()):.1e} from the CPU's"


def random_npz(path: Path, **counts: int) -> str:
    """A file of random images of CIFAR's size, so many in each split."""
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in counts.items():
        arrays[f"{split}_images"] = draw.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = draw.integers(0, 10, (count, 1), dtype=np.uint8)
    np.savez(path, allow_pickle=False, **arrays)
    return str(path)


def _met(holds: bool) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def rate(step: Step, given: Sequence[Batch], *, seconds: float = 2.0) -> float:
    """Images a second, once it is warm."""
    images = len(given[0].labels)
    with step.epoch(0):
        for place in range(8):
            step(given[place % len(given)], 0, place % STEPS)
        torch.cuda.synchronize()
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            for _ in range(10):
                step(given[done % len(given)], 0, done % STEPS)
                done += 1
            torch.cuda.synchronize()
        return done * images / (time.perf_counter() - started)


def ways() -> list[Execution]:
    found = [BFLOAT16, dataclasses.replace(BFLOAT16, graph=True)]
    if can_compile(DEVICE):
        found += [dataclasses.replace(way, compile=True) for way in found]
    return found


def small() -> Iterator[Measured]:
    """cifar_resnet20, by every way."""
    for images in (128, 512):
        given = batches(4, images, 32, 10)
        for way in ways():
            step = step_of("cifar_resnet20", way, DEVICE, classes=10, images=images)
            yield Measured(work=f"cifar_resnet20, batch {images}: {way}", unit="images/s", ours=rate(step, given))


def large() -> Iterator[Measured]:
    """resnet50, by every way, against timm's module in a plain loop."""
    from tests.peers import timm

    given = batches(2, 256, 224, 1000)
    normalized = Preprocessing().normalize(given[0].images)

    def peer(*, compiled: bool) -> float:
        theirs = timm.create_model("resnet50").to(DEVICE).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
        forward: Callable[[Tensor], Tensor] = torch.compile(theirs) if compiled else theirs
        sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)

        def made() -> None:
            sgd.zero_grad()
            with torch.autocast("cuda", torch.bfloat16):
                loss = F.cross_entropy(forward(normalized), given[0].labels)
            loss.backward()
            sgd.step()

        return _plain_rate(made, 256)

    for compiled in (False, True) if can_compile(DEVICE) else (False,):
        name, theirs = "timm compiled" if compiled else "timm", peer(compiled=compiled)
        for way in (way for way in ways() if way.compile == compiled):
            ours = rate(step_of("resnet50", way, DEVICE, classes=1000, images=256), given)
            torch.cuda.empty_cache()
            yield Measured(
                work=f"resnet50, 256 x 224: {way}", unit="images/s", ours=ours, peer_name=name, peer=theirs,
                ratios=(ours / theirs,), wanted=Wanted(1.0 if compiled else 1.1),
            )  # fmt: skip


def _plain_rate(made: Callable[[], None], images: int, *, seconds: float = 3.0) -> float:
    for _ in range(8):
        made()
    torch.cuda.synchronize()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(5):
            made()
        done += 5
        torch.cuda.synchronize()
    return done * images / (time.perf_counter() - started)


def decoding() -> Iterator[Measured]:
    """Photographs by every core, against timm's loader."""
    with tempfile.TemporaryDirectory(prefix="photographs-benchmark-") as name:
        folder = Path(name) / "images"
        photographs.make(folder, None)
        yield photographs.on_a_core(folder, 224, 1.8)
        yield in_turns(
            f"photographs of 500 x 375 to a batch of crops of 224 on the GPU, {usable_cpus()} cores",
            lambda: photographs.measured(photographs.ours(folder, DEVICE), count=150),
            lambda: photographs.measured(photographs.theirs(folder, DEVICE), count=150),
            unit="images/s", peer_name=f"timm's loader, {usable_cpus()} workers", wanted=Wanted(1.3), rounds=3,
        )  # fmt: skip


def end_to_end(data: str | None, epochs: int = 6) -> Iterator[Measured]:
    """`he2015-cifar` as a user trains it: images a second of whole epochs, with validation and all that is written."""

    with tempfile.TemporaryDirectory() as name:
        if data is None:
            data = random_npz(Path(name) / "random.npz", train=45_000, val=5_000, test=100)
        clock = _Clock(epochs)
        resnets.train(
            data, "cifar_resnet20", recipe="he2015-cifar", epochs=182, listeners=[clock],
            settings={"execution.graph": True, "execution.precision": "bfloat16", "patience": 0}, device=DEVICE.type,
            out=Path(name) / "run",
        )  # fmt: skip
    laps = np.diff(clock.times)
    yield Measured(
        work=f"he2015-cifar, cifar_resnet20, {len(laps)} whole epochs with validation", unit="images/s",
        ours=45_000 / float(np.median(laps)), wanted=Wanted(55_000),
        note=f"182 epochs take {182 * float(np.median(laps)):.0f} s",
    )  # fmt: skip


class _Clock(resnets.Listener):
    """When each epoch ended; ends the run after some."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.times: list[float] = []

    def on_epoch(self, done: EpochDone) -> bool:
        self.times.append(time.perf_counter())
        return done.epoch >= self.epochs


def main(arguments: Sequence[str]) -> None:
    data = arguments[arguments.index("--data") + 1] if "--data" in arguments else None
    to = Path(arguments[arguments.index("--to") + 1]) if "--to" in arguments else None
    sections: dict[str, Callable[[], Iterator[Any]]] = {
        "correct": correct, "small": small, "large": large, "photographs": decoding,
        "end-to-end": lambda: end_to_end(data),
    }  # fmt: skip
    named = [name for name in arguments if name in sections] or list(sections)
    found: list[Any] = []
    print(
        f"torch {torch.__version__}, {torch.cuda.get_device_name() if DEVICE.type == 'cuda' else 'no GPU'}", flush=True
    )
    for name in named:
        if name != "correct" and DEVICE.type != "cuda":
            print(f"{name}: not measured, for want of a GPU")
            continue
        for line in sections[name]():
            print(line, flush=True)
            found.append(line.as_dict() if isinstance(line, Measured) else line)
    if to is not None:
        to.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
