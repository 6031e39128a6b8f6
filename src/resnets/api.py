"""The verbs as functions: what the command line does, from Python."""

import logging
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from resnets import classifier as classifiers
from resnets import hub, weights
from resnets import spec as specs
from resnets.catalog import Row, resolve
from resnets.classifier import Classifier
from resnets.data import preprocessing as preprocessings
from resnets.data.preprocessing import Preprocessing
from resnets.errors import InputError
from resnets.files import write_whole
from resnets.network import ResNet
from resnets.progress import Watch, unwatched
from resnets.report import plots
from resnets.spec import ResNetSpec
from resnets.training import checkpoint, recipes
from resnets.training import recipe as recipe_files
from resnets.training.checkpoint import RunFolder, Saved, Standing
from resnets.training.loop import Training
from resnets.training.preparation import Parts, data_name, find_run, new_run, prepare
from resnets.training.recipe import Changes, Plan, Recipe

log = logging.getLogger(__name__)


def train(
    data: str | Path,
    network: str | Path | ResNetSpec | None = None,
    *,
    out: str | Path | None = None,
    recipe: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    skip_bad: bool = False,
    device: str = "auto",
    save_every: float = 60.0,
    watch: Watch = unwatched,
) -> Classifier:
    """Train a classifier on labelled images, and return the one that was best on validation.

    data: a folder with a folder per class, or train/, val/ and test/ of such; a zip or tar of either; a CSV; CIFAR;
    IDX; a MedMNIST .npz; or "digits". network: a catalog name, a TOML file or a ResNetSpec; chosen from
    the data when left out.
    out: the run's folder; by default a new one under runs/. recipe: a TOML file such as a run's recipe.toml.
    settings: single settings, such as {"lr": 0.05, "preprocessing": {"size": 128}}, on top of the recipe.
    resume: go on with the run in `out` (or the newest one of this data) where it was stopped.
    skip_bad: leave out images that cannot be decoded instead of refusing to start. device: auto, cpu, cuda or mps.
    save_every: seconds between saves of the state within an epoch.

    Raises InputError for what the user can mend, RunFailed when the run cannot finish, and Interrupted, with
    everything saved, on Ctrl-C and SIGTERM.
    """
    if not save_every >= 0:
        raise InputError(f"save_every = {save_every}: must be seconds, 0 or more")
    target = _device(device)
    changes = _changes(network, recipe, settings)
    if resume:
        folder, saved, parts = _resumed(data, out, changes, watch)
    else:
        folder, saved, parts = _begun(data, out, changes, skip_bad, watch)
    classifier = _untrained(saved.plan, parts, target)
    training = Training(classifier, parts.train, parts.val, saved, folder, save_every=save_every, watch=watch)
    if resume:
        training.restore()
        log.info("resuming %s at epoch %d, step %d", folder.path, training.at.epoch + 1, training.at.step)
    else:
        _write_recipe(folder, saved.plan, data)
    try:
        training.run()
    finally:
        if training.at.rows:
            write_whole(folder.curves, plots.curves(training.at.rows))
    best = load(folder.classifier, device=device)
    write_whole(folder.confusion, plots.confusion(best.evaluate(parts.val, split="val", watch=watch)))
    return best


def load(path: str | Path, *, device: str = "cpu") -> Classifier:
    """Read a classifier's file, or the one in a run's folder. Raises InputError when it cannot be used."""
    path = Path(path)
    return classifiers.load(RunFolder(path).classifier if path.is_dir() else path, device=str(_device(device)))


def convert(
    weights_from: str | Path,
    network: str | Path | None = None,
    *,
    classes: str | Path | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    new_head: bool = False,
    watch: Watch = unwatched,
) -> tuple[Classifier, tuple[str, ...]]:
    """A classifier from weights that others trained, and notes on how they were read.

    weights_from: a .pth, .pt, .th or .safetensors file in torchvision's, timm's, fastai's or akamaster's layout, or
    what `hub.fetch` takes: a name that `resnets list --weights` prints, a Hub repository, a URL. network: the catalog
    name or TOML spec it belongs to; may be left out where the weights' publisher says it. classes: a text file, one
    name a line in the order of the outputs; without it and without names of the publisher's, the outputs' numbers are
    the names. preprocessing: the fields that differ from the publisher's, or from the network's usual ones.
    new_head: where the weights' own classifier is for another number of classes, or missing, take a new, untrained one.
    Raises InputError when the weights cannot be had, or do not fit the network, with every name that does not.
    """
    names = _class_names(Path(classes)) if classes is not None else None
    if network is not None:
        resolve(network)  # before anything is downloaded
    fetched = hub.fetch(weights_from, watch=watch)
    network = network or fetched.network
    if network is None:
        raise InputError("no network given: name the one that the weights belong to, or give --spec FILE.toml")
    theirs = fetched.preprocessing or {}
    row = resolve(network, {"in_channels": theirs["channels"]} if "channels" in theirs else None)
    found = weights.load(fetched.path)
    if found.num_classes is None and not new_head:
        raise InputError(f"{weights_from}: has no classifier of its own; --new-head adds one, untrained")
    if names and found.num_classes != len(names) and not new_head:
        raise InputError(
            f"{classes}: {len(names)} class names, but the classifier in {weights_from} has {found.num_classes} "
            "outputs; give a name for each, one a line in the order of the outputs, or --new-head for one that is "
            "untrained"
        )
    count = len(names) if names else found.num_classes or row.spec.num_classes
    if not names and fetched.classes and len(fetched.classes) == count:
        names = fetched.classes
    resnet = ResNet(replace(row.spec, num_classes=count))
    notes = (*fetched.notes, *found.into(resnet))
    classifier = Classifier(
        network=resnet,
        classes=names or tuple(str(number) for number in range(count)),
        preprocessing=_preprocessing(row, theirs, preprocessing or {}),
        origin={
            "recipe": None,
            "data": {"checkpoint": fetched.path.name, "weights": fetched.origin, "network": row.name},
            "licence": fetched.licence,
            "seed": None,
            **_made(),
        },
    )
    return classifier, notes


def _preprocessing(row: Row, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Preprocessing:
    """The publisher's preprocessing, or the usual one of the network, with some fields replaced.

    Another size alone keeps the publisher's proportion of resize to size, or the usual one.
    """
    channels = row.spec.in_channels
    usual: dict[str, Any] = {"size": row.image_size, "channels": channels}
    if channels != 3:
        usual |= {"mean": (0.5,) * channels, "std": (0.5,) * channels}
    fields = {**usual, **theirs, **ours}
    size = fields["size"]
    if isinstance(size, int) and ("size" in ours or "resize" not in theirs) and "resize" not in ours:
        if "resize" in theirs:
            fields["resize"] = size * theirs["resize"] // theirs["size"]
        else:
            fields["resize"] = size if size <= recipes.SMALL else size * 8 // 7
    return preprocessings.from_dict(fields)


def _changes(
    network: str | Path | ResNetSpec | None, recipe: str | Path | None, settings: Mapping[str, Any] | None
) -> Changes:
    """What the user wants otherwise: the recipe file, then the network named, then single settings."""
    asked = recipe_files.read(recipe) if recipe is not None else Changes()
    if isinstance(network, ResNetSpec):
        asked = Changes(recipe=asked.recipe, preprocessing=asked.preprocessing, spec=specs.to_dict(network))
    elif network is not None:  # instead of the file's network
        asked = Changes(recipe=asked.recipe, preprocessing=asked.preprocessing, network=str(network))
    return asked | recipe_files.changes(settings, where="settings") if settings is not None else asked


def _begun(
    data: str | Path, out: str | Path | None, changes: Changes, skip_bad: bool, watch: Watch
) -> tuple[RunFolder, Saved, Parts]:
    """A new run: its folder, its state before the first step, and its images."""
    if out is not None:
        new_run(out, "")  # before the images are looked at, which can take long
    recipes.check(changes)
    asked = recipe_files.replaced(Recipe(), changes.recipe, where="recipe")
    parts = prepare(data, val_fraction=asked.val_fraction, seed=asked.seed, skip_bad=skip_bad, watch=watch)
    plan = recipes.plan(parts.train, parts.survey, changes)
    folder = new_run(out, f"{data_name(data)}-{plan.network}")
    for reason in plan.reasons:
        log.info("%s", reason)
    return folder, Saved(plan=plan, data=parts.origin, threads=torch.get_num_threads(), standing=Standing()), parts


def _resumed(
    data: str | Path, out: str | Path | None, changes: Changes, watch: Watch
) -> tuple[RunFolder, Saved, Parts]:
    """A run that was stopped: where it stood, and the same images. Raises InputError when they are not the same."""
    folder = find_run(out, data)
    saved = checkpoint.read(folder.state)
    if changes.network not in (None, saved.plan.network) and resolve(str(changes.network)).name != saved.plan.network:
        raise InputError(f"{folder.path}: is a run of {saved.plan.network}, not of {changes.network}")
    if not recipe_files.agrees(saved.plan, changes):
        raise InputError("--resume goes on with the recipe the run began with; begin a new run to change it")
    recipe = saved.plan.recipe
    skip_bad = saved.data["skip_bad"]
    parts = prepare(data, val_fraction=recipe.val_fraction, seed=recipe.seed, skip_bad=skip_bad, watch=watch)
    if parts.origin["fingerprint"] != saved.data["fingerprint"]:
        raise InputError(
            f"{data}: not the images that {folder.path} was trained on ({saved.data['train']} and {saved.data['val']} "
            f"then, {len(parts.train)} and {len(parts.val)} now, or other names or labels); begin a new run"
        )
    return folder, saved, parts


def _write_recipe(folder: RunFolder, plan: Plan, data: str | Path) -> None:
    again = shlex.join(["resnets", "train", str(data), "--recipe", str(folder.recipe)])
    comment = f"Trained on {Path(data).name} by resnets {version('resnets')}. The same again:\n{again}"
    write_whole(folder.recipe, recipe_files.write(plan, comment=comment))


def _untrained(plan: Plan, parts: Parts, device: torch.device) -> Classifier:
    """The classifier before its first step. Its weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(plan.recipe.seed)  # the CPU's alone: fork_rng puts it back
        network = ResNet(plan.spec)
    return Classifier(
        network=network.to(device),
        classes=parts.train.classes,
        preprocessing=plan.preprocessing,
        origin={
            "recipe": plan.as_dict()["recipe"],
            "network": plan.network,
            "data": parts.origin,
            "seed": plan.recipe.seed,
            **_made(),
        },
    )


def _made() -> dict[str, Any]:
    """With which versions, and when."""
    versions = {name: version(name) for name in ("resnets", "torch", "pillow", "numpy")}
    return {"versions": versions, "date": datetime.now(UTC).isoformat(timespec="seconds")}


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read as a list of class names, one a line ({why})") from error
    if not names:
        raise InputError(f"{path}: empty; it must hold the class names, one a line in the order of the outputs")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{path}: the class name {twice[0]!r} stands there twice; each output needs its own")
    return names


def _device(name: str) -> torch.device:
    """The device of that name. Raises InputError when this machine has none."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    kind = name.partition(":")[0]
    if kind not in there:
        raise InputError(f"device {name!r}: must be auto, cpu, cuda or mps")
    if not there[kind]:
        have = ", ".join(kind for kind, has in there.items() if has)
        raise InputError(f"device {name!r}: this machine has none; it has {have}")
    return torch.device(name)
