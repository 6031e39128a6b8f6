"""From weights that others trained, here or elsewhere, to a classifier."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.base.reading import read_text
from resnets.base.versions import provenance
from resnets.catalog import resolve
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing, published_preprocessing
from resnets.network import ResNet
from resnets.weights import hub, layouts


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
    found = layouts.load(fetched.path)
    if "channels" not in theirs and found.in_channels is not None:
        theirs = {**theirs, "channels": found.in_channels}
    channels = {**theirs, **(preprocessing or {})}.get("channels")
    row = resolve(network, {**(fetched.fields or {}), **({} if channels is None else {"in_channels": channels})})
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
    loaded = found.into(resnet)
    chosen = published_preprocessing(row.image_size, row.spec.in_channels, theirs, preprocessing or {})
    whose = "the publisher's" if fetched.preprocessing else f"the usual for {row.name}"
    told = f"preprocessing: {_told(chosen)}; {whose}{', changed as asked' if preprocessing else ''}"
    notes = (*fetched.notes, *loaded, told)
    classifier = Classifier(
        network=resnet,
        classes=names or tuple(str(number) for number in range(count)),
        preprocessing=chosen,
        origin={
            "recipe": None,
            "data": {"checkpoint": fetched.path.name, "weights": fetched.origin, "network": row.name},
            "licence": fetched.licence,
            "seed": None,
            **provenance(),
        },
    )
    return classifier, notes


def _told(chosen: Preprocessing) -> str:
    """What an image goes through, in a line."""
    mean, std = (" ".join(f"{value:.4g}" for value in values[:4]) for values in (chosen.mean, chosen.std))
    channels = f"{chosen.channels} channel{'s' if chosen.channels > 1 else ''}"
    return (
        f"{chosen.size} pixels out of {chosen.resize} ({chosen.fit}, {chosen.interpolation}), {channels}, "
        f"mean {mean}, std {std}"
    )


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        names = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read as a list of class names, one a line ({why})") from error
    if not names:
        raise InputError(f"{path}: empty; it must hold the class names, one a line in the order of the outputs")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{path}: the class name {twice[0]!r} stands there twice; each output needs its own")
    return names
