"""Defaults that fit the data: which network, image size and settings, and the reason for each."""

import dataclasses
from typing import Any

import numpy as np

from resnets import catalog, spec_values, variants
from resnets.base.errors import InputError
from resnets.catalog import Row
from resnets.data import loading
from resnets.data import preprocessing as preprocessings
from resnets.data.checkup import Survey
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import SMALL_IMAGE, Preprocessing, published_preprocessing
from resnets.training.recipes.default_recipe import default_recipe
from resnets.training.recipes.plan import Changes, Plan
from resnets.training.recipes.recipe import Recipe
from resnets.training.transfer import Start
from resnets.weights.published import weights_of

FEW = 10  # training images of a class below which a warning is due
SAMPLE = 2_000  # images that mean and deviation are measured on


def plan(train: ImageSet, survey: Survey, changes: Changes, start: Start | None = None) -> Plan:
    """What to train and how, from the training images, with the user's `changes` made.

    start: weights to start from, whose network and preprocessing are carried over. Raises InputError when the changes
    cannot work, alone or with this data.
    """
    if changes.spec.get("num_classes", len(train.classes)) != len(train.classes) and not spec_values.is_whole(
        changes.spec
    ):
        raise InputError(f"spec.num_classes = {changes.spec['num_classes']}: the data has {len(train.classes)} classes")
    made = _from_scratch(train, survey, changes) if start is None else _carried_over(train, survey, start, changes)
    size = made.preprocessing.size
    coloured = survey.channels == made.preprocessing.channels == 3
    recipe, reasons = default_recipe(
        train.class_counts(), size, coloured, changes, stages=len(made.spec.depths), started=bool(start)
    )
    return dataclasses.replace(made, recipe=recipe, reasons=(*made.reasons, *reasons))


def _from_scratch(train: ImageSet, survey: Survey, changes: Changes) -> Plan:
    size, size_reason = _image_size(survey, changes)
    channels = changes.preprocessing.get("channels", changes.spec.get("in_channels", survey.channels))
    row, network_reason = _network(size, changes)
    fields: dict[str, Any] = {"in_channels": channels, **changes.spec, "num_classes": len(train.classes)}
    spec = spec_values.with_fields(row.spec, fields, where=row.name)
    reasons = [network_reason, size_reason, _channels_reason(channels, survey, changes)]
    if size <= SMALL_IMAGE and "stem" not in changes.spec and spec.stem.stride > 1:
        spec = variants.small_images(spec)
        reasons.append(
            f"stem: 3x3, stride 1, no pool, because images of {size} pixels are too small to lose resolution early"
        )
    elif size > SMALL_IMAGE and not changes.spec and (weights := weights_of(row.name)):
        reasons.append(
            f"weights: none, so the network learns from your photographs alone; trained weights usually bring more "
            f"accuracy in less time (800 photographs of flowers: 89% in 2 minutes on two cores): --weights {weights}"
        )
    preprocessing = _preprocessing(train, survey, size, channels, changes)
    reasons += _range_reason(preprocessing, changes)
    return Plan(spec=spec, preprocessing=preprocessing, recipe=Recipe(), network=row.name, reasons=tuple(reasons))


def _carried_over(train: ImageSet, survey: Survey, start: Start, changes: Changes) -> Plan:
    """The network and the preprocessing that the weights were trained with, but for what the user changes."""
    row, network_reason = _network_of_weights(start, changes)
    theirs = {**start.preprocessing, "range": survey.range}  # of the data's own values, whatever the weights have seen
    theirs.setdefault("channels", start.checkpoint.in_channels or row.spec.in_channels)
    ours = {"channels": _channels(survey, theirs["channels"], changes), **changes.preprocessing}
    preprocessing = published_preprocessing(row.image_size, row.spec.in_channels, theirs, ours)
    fields = {"in_channels": preprocessing.channels, **changes.spec, "num_classes": len(train.classes)}
    spec = spec_values.with_fields(row.spec, fields, where=row.name)
    seen = f"{preprocessing.size} pixels out of {preprocessing.resize}"
    free = preprocessing.fit == "crop" and "resize" not in changes.preprocessing
    if free and survey.shorter_side < preprocessing.resize:
        enlarged = f"resizing them to {preprocessing.resize} first would enlarge them"
        seen = f"{preprocessing.size} pixels, cut from images of their own size: {enlarged}"
        preprocessing = dataclasses.replace(preprocessing, resize=preprocessing.size)
    return Plan(
        spec=spec,
        preprocessing=preprocessing,
        recipe=Recipe(),
        network=row.name,
        reasons=(
            network_reason,
            f"preprocessing: that of the weights, {seen}, {preprocessing.channels} "
            f"channel{'s' if preprocessing.channels > 1 else ''}",
            *_range_reason(preprocessing, changes),
        ),
    )


def _channels(survey: Survey, theirs: int, changes: Changes) -> int:
    """As asked; else the weights' own, into which grey and colour images fit; else those of the data's arrays."""
    if "in_channels" in changes.spec:
        return changes.spec["in_channels"]
    return theirs if survey.channels in (1, 3) else survey.channels


def _network_of_weights(start: Start, changes: Changes) -> tuple[Row, str]:
    """The network that weights are of: as the user, a classifier's file or a publisher says, or by their shapes."""
    if changes.network or spec_values.is_whole(changes.spec):
        return _network(SMALL_IMAGE, changes)
    if start.spec is not None:
        row = Row(start.network or "custom", spec_values.from_dict(start.spec), start.name)
    elif start.network is not None:
        row = catalog.resolve(start.network)
    else:
        return start.guessed
    return row, f"network {row.name}: that of the weights"


def rare_classes(train: ImageSet) -> str | None:
    """In a sentence, which classes have so few training images that they are hardly learnt; None where none has."""
    counts = train.class_counts()
    rare = [
        f"{train.classes[place]} ({counts[place]:,})"
        for place in np.argsort(counts, kind="stable")
        if counts[place] < FEW
    ]
    if not rare:
        return None
    more = f" and {len(rare) - 5:,} more" if len(rare) > 5 else ""
    return (
        f"fewer than {FEW} training images of {', '.join(rare[:5])}{more}: the network will learn these by heart; add "
        "images, or start from trained weights (--weights)"
    )


def check(changes: Changes, start: Start | None = None) -> None:
    """Raise InputError for changes that can work with no images, before the images are looked at."""
    if start is not None:
        _network_of_weights(start, changes)
    if changes.network or spec_values.is_whole(changes.spec):
        row, _ = _network(SMALL_IMAGE, changes)
        spec_values.with_fields(row.spec, changes.spec, where=row.name)
    plain = {name: v for name, v in changes.preprocessing.items() if name not in ("channels", "mean", "std")}
    preprocessings.from_dict({"size": 1, "resize": plain.get("size", 1), **plain})


def _image_size(survey: Survey, changes: Changes) -> tuple[int, str]:
    if "size" in changes.preprocessing:
        size = changes.preprocessing["size"]
        return Preprocessing(size=size, resize=size).size, f"size {size}: {changes.origin('preprocessing.size')}"
    shorter = survey.shorter_side
    if shorter <= SMALL_IMAGE:
        return shorter, f"size {shorter}: that of the images (median of the shorter sides)"
    size = min(224, shorter // 32 * 32)
    return size, f"size {size}: the images' shorter sides are {shorter} (median), in steps of 32 and at most 224"


def _network(size: int, changes: Changes) -> tuple[Row, str]:
    if spec_values.is_whole(changes.spec):
        row = Row(changes.network or "custom", spec_values.from_dict(changes.spec), "given as a spec")
        return row, f"network {row.name}: as the spec says"
    if changes.network:
        why = changes.origin("network") if "network" in changes.sources else "as named"
        return catalog.resolve(changes.network), f"network {changes.network}: {why}"
    name = "cifar_resnet20" if size <= SMALL_IMAGE else "resnet18"
    why = (
        f"made for images of up to {SMALL_IMAGE} pixels"
        if size <= SMALL_IMAGE
        else "the smallest of the family for photographs"
    )
    return catalog.find(name), f"network {name}: {why}; name another for more accuracy and more time"


def _channels_reason(channels: int, survey: Survey, changes: Changes) -> str:
    if channels != survey.channels:
        return f"channels {channels}: {changes.origin('preprocessing.channels')}"
    stored = {1: "every image is gray", 3: "there are images in color"}
    return f"channels {channels}: {stored.get(survey.channels, 'as the arrays have')}"


def _range_reason(preprocessing: Preprocessing, changes: Changes) -> list[str]:
    """What becomes of pixels of more than 8 bits, where that is not all of 16."""
    if preprocessing.range is None:
        return []
    low, high = preprocessing.range
    why = "as set" if "range" in changes.preprocessing else "that of the images' values"
    return [f"range {low:g} to {high:g}: {why}, which have more than 8 bits; it becomes 0 to 255, in predictions too"]


def _preprocessing(train: ImageSet, survey: Survey, size: int, channels: int, changes: Changes) -> Preprocessing:
    """Small images of one shape keep every pixel; photographs are resized to 8/7 of the size and cropped, as usual."""
    if size <= SMALL_IMAGE:
        square = survey.one_size is not None and survey.one_size[0] == survey.one_size[1]
        fields: dict[str, Any] = {"resize": size, "fit": "crop" if square else "squash"}
    else:
        fields = {"resize": round(size * 8 / 7), "fit": "crop"}
    fields |= {"size": size, "channels": channels, "mean": (0.5,) * channels, "std": (0.5,) * channels}
    fields |= {"range": survey.range}
    chosen = {name: tuple(v) if isinstance(v, list) else v for name, v in changes.preprocessing.items()}
    unmeasured = dataclasses.replace(Preprocessing(**fields), **chosen)
    if "mean" in chosen and "std" in chosen:
        return unmeasured
    mean, std = _mean_and_std(train, unmeasured)
    return dataclasses.replace(unmeasured, **{"mean": mean, "std": std, **chosen})


def _mean_and_std(train: ImageSet, preprocessing: Preprocessing) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of the pixels of up to SAMPLE training images, spread over the set, a channel; rounded to 4 decimals."""
    rows = np.unique(np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(np.int64))
    total = np.zeros(preprocessing.channels)
    squares = np.zeros(preprocessing.channels)
    for pixels in loading.evaluation_pixels(train.subset(rows), preprocessing):
        scaled = pixels.reshape(-1, preprocessing.channels) / 255
        total += scaled.mean(axis=0)
        squares += (scaled**2).mean(axis=0)
    mean = total / len(rows)
    std = np.sqrt(np.maximum(squares / len(rows) - mean**2, 1e-4))  # a channel without contrast keeps its scale
    return tuple(round(float(m), 4) for m in mean), tuple(round(float(s), 4) for s in std)
