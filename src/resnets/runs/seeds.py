"""The same run with several seeds: how far results spread by chance alone."""

import dataclasses
import json
import logging
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.files import check_parents, remove_leftovers, write_whole
from resnets.base.launch import is_launched
from resnets.classifier.file import Classifier
from resnets.data import sources
from resnets.runs.opened import recipe_values
from resnets.runs.request import TrainRequest
from resnets.runs.run import train
from resnets.training.recipes.plan import Execution
from resnets.training.run_folder import RUNS, RunFolder, data_name

log = logging.getLogger(__name__)

FIGURES = ("top1", "top5", "loss", "ece", "macro_f1")


@dataclass(frozen=True)
class Spread:
    """What several seeds scored on one split, in the order of the seeds, and where their runs are."""

    path: Path
    seeds: tuple[int, ...]
    figures: Mapping[str, Mapping[str, tuple[float, ...]]]  # by split, then by name

    def mean(self, split: str, figure: str) -> float:
        return statistics.fmean(self.figures[split][figure])

    def deviation(self, split: str, figure: str) -> float:
        """The standard deviation of a single run, estimated from these (n - 1)."""
        return statistics.stdev(self.figures[split][figure])

    def as_dict(self) -> dict[str, Any]:
        """The spread as JSON values."""
        return {
            "path": str(self.path),
            "seeds": list(self.seeds),
            **{
                split: {
                    name: {
                        "mean": self.mean(split, name),
                        "deviation": self.deviation(split, name),
                        "values": list(values),
                    }
                    for name, values in figures.items()
                }
                for split, figures in self.figures.items()
            },
        }


def train_seeds(request: TrainRequest, count: int) -> Spread:
    """Train with `count` seeds, from the recipe's on, each in a folder of its own; a finished one is not made again.

    All hold out the same images (`split_seed`), so that what differs is the seed alone. The scores are those on
    validation, which chose the epoch, and on the test split where the data has one. Raises as `train` does.
    """
    if count < 2:
        raise InputError(f"seeds = {count}: must be at least 2")
    if is_launched():
        raise InputError(f"seeds = {count}: under torchrun train one seed at a time, with --set seed=N")
    folder = _folder(request)
    remove_leftovers(folder)
    first = recipe_values(request.changes).seed
    seeds = tuple(range(first, first + count))
    scores: list[dict[str, dict[str, float]]] = []
    request = dataclasses.replace(request, execution=_measured(folder, seeds))
    for done, seed in enumerate(seeds, 1):
        log.info("seed %d (%d of %d)", seed, done, count)
        scores.append(_scores(request, _one(request, folder, seed)))
        request = dataclasses.replace(request, execution=_measured(folder, seeds))
    figures = {
        split: {name: tuple(score[split][name] for score in scores) for name in scores[0][split]} for split in scores[0]
    }
    spread = Spread(folder, seeds, figures)
    write_whole(folder / "seeds.json", json.dumps(spread.as_dict(), indent=2) + "\n")
    return spread


def _measured(folder: Path, seeds: tuple[int, ...]) -> Execution | None:
    """How the first of the runs that has begun computes, so that seeds differ by chance alone; None before it has."""
    runs = (RunFolder(folder / f"seed-{seed}") for seed in seeds)
    return next((run.saved().plan.execution for run in runs if run.is_begun), None)


def _folder(request: TrainRequest) -> Path:
    """Where the runs go. Raises InputError when it holds some already and is not to be gone on with."""
    path = Path(request.out) if request.out is not None else RUNS / f"{data_name(request.data)}-seeds"
    check_parents(path)
    if not request.resume and path.exists() and any(path.glob("seed-*")):
        raise InputError(
            f"{path}: already contains runs; continue them with --resume, or begin new ones with another -o"
        )
    return path


def _one(request: TrainRequest, folder: Path, seed: int) -> Classifier:
    run = RunFolder(folder / f"seed-{seed}")
    resume = request.resume and run.is_begun
    settings = {**request.settings, "seed": seed}
    if "recipe" in settings:
        settings["recipe"] = {name: value for name, value in settings["recipe"].items() if name != "seed"}
    return train(dataclasses.replace(request, out=run.path, settings=settings, resume=resume))


def _scores(request: TrainRequest, classifier: Classifier) -> dict[str, dict[str, float]]:
    scores = {"val": {name: float(classifier.metrics["val"][name]) for name in FIGURES}}
    images = sources.open_source(request.data, columns=request.columns, images=request.images)
    if images.has("test"):
        test = classifier.evaluate(
            images, split="test", skip_bad=request.skip_bad, leave_out=request.leave_out, watch=request.watch
        )
        values = {name: getattr(test, name) for name in FIGURES}
        scores["test"] = {name: float(getattr(value, "value", value)) for name, value in values.items()}
    return scores
