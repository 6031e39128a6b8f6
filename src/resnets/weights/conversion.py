"""From weights that others trained, here or elsewhere, to a classifier."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.base.versions import provenance
from resnets.catalog import resolve
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing, published_preprocessing
from resnets.network import ResNet
from resnets.weights import checkpoint, hub
from resnets.weights.class_names import read_class_names


def convert(
    weights_from: str | Path,
    network: str | Path | None = None,
    *,
    classes: str | Path | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    new_head: bool = False,
    body: str | None = None,
    trust: bool = False,
    explain: bool = False,
    watch: Watch = unwatched,
) -> tuple[Classifier, tuple[str, ...]]:
    """A classifier from weights that others trained, and notes on how they were read.

    weights_from: a file of weights (safetensors, or any format of torch.save or torch.jit.save, whatever its name) of a
    residual network, whatever its layers are called, or what `hub.fetch` takes: a name that `resnets list --weights`
    prints, a Hub repository, a URL. network: the catalog name or TOML spec it belongs to; without it, what the
    publisher says, or what the shapes of the layers say. classes: a file of class names in the order of the outputs, as
    `class_names.py` reads it; without it and without names of the publisher's, the outputs' numbers are the names.
    preprocessing: the fields that differ from the publisher's, or from the network's usual ones.
    new_head: where the weights' own classifier is for another number of classes, or missing, take a new, untrained one.
    body: which network of several that the file holds, such as "teacher".
    trust: take layers whose shapes fit, though their statistics or the strides in the file speak against the network.
    explain: the notes have a line for each layer, too, with its name in the file and ours.
    Raises InputError when the weights cannot be had, or do not fit the network, with what does not.
    """
    names, said = read_class_names(Path(classes)) if classes is not None else (None, ())
    if network is not None:
        resolve(network)  # before anything is downloaded
    fetched = hub.fetch(weights_from, watch=watch)
    network = network or fetched.network
    theirs = fetched.preprocessing or {}
    found = checkpoint.load_fetched(fetched, body)
    theirs = {**found.preprocessing, **theirs}
    if "channels" not in theirs and found.in_channels is not None:
        theirs = {**theirs, "channels": found.in_channels}
    channels = {**theirs, **(preprocessing or {})}.get("channels")
    fields = {**(fetched.fields or {}), **({} if channels is None else {"in_channels": channels})}
    row, guessed = found.network() if network is None else (resolve(network, fields), ())
    found = found.of(row.spec, trust=trust)
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
    resnet = ResNet(replace(row.spec, num_classes=count, in_channels=channels or row.spec.in_channels))
    loaded = found.into(resnet, trust=trust)
    chosen = published_preprocessing(row.image_size, row.spec.in_channels, theirs, preprocessing or {})
    whose = "the publisher's" if fetched.preprocessing or found.preprocessing else f"the usual for {row.name}"
    told = f"preprocessing: {_told(chosen)}; {whose}{', changed as asked' if preprocessing else ''}"
    notes = (*fetched.notes, *guessed, *loaded, *said, told, *(found.explained() if explain else ()))
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
