"""Defaults that fit the data: which network, image size and settings, and the reason for each.

The one recipe here is SGD with Nesterov momentum, linear warm-up, cosine decay, label smoothing, and no decay of norms
and biases (He et al. 2018, sections 3 and 5), for training from scratch.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from resnets import catalog
from resnets import spec as specs
from resnets.catalog import Row
from resnets.data import loading
from resnets.data.checkup import Survey
from resnets.data.imageset import ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.errors import InputError
from resnets.spec import ResNetSpec
from resnets.training import recipe as recipes
from resnets.training.recipe import Changes, Plan, Recipe

SMALL = 64  # pixels: up to here an image keeps its size and the network has the CIFAR stem
VIEWS = 200_000  # training images seen in a default run, repeats counted
SAMPLE = 2_000  # images that mean and deviation are measured on


def plan(train: ImageSet, survey: Survey, changes: Changes) -> Plan:
    """What to train and how, from the training images, with the user's `changes` made.

    Raises InputError when the changes cannot work, alone or with this data.
    """
    size, size_reason = _image_size(survey, changes)
    channels = changes.preprocessing.get("channels", changes.spec.get("in_channels", survey.channels))
    row, network_reason = _network(size, changes)
    fields: dict[str, Any] = {"in_channels": channels, **changes.spec, "num_classes": len(train.classes)}
    spec = specs.with_fields(row.spec, fields, where=row.name)
    if not _is_whole(changes.spec) and changes.spec.get("num_classes", len(train.classes)) != len(train.classes):
        raise InputError(f"spec.num_classes = {changes.spec['num_classes']}: the data has {len(train.classes)} classes")
    reasons = [network_reason, size_reason, _channels_reason(channels, survey)]
    if size <= SMALL and "stem" not in changes.spec and spec.stem.stride > 1:
        spec = specs.small_images(spec)
        reasons.append(f"stem: 3x3, stride 1, no pool, since images of {size} pixels have no positions to give away")
    preprocessing = _preprocessing(train, survey, size, channels, changes)
    recipe, recipe_reasons = _recipe(len(train), size, channels, changes)
    return Plan(
        spec=spec,
        preprocessing=preprocessing,
        recipe=recipe,
        network=row.name,
        reasons=(*reasons, *recipe_reasons),
    )


def check(changes: Changes) -> None:
    """Raise InputError for changes that can work with no images, before the images are looked at."""
    if changes.network or _is_whole(changes.spec):
        row, _ = _network(SMALL, changes)
        specs.with_fields(row.spec, changes.spec, where=row.name)
    plain = {name: v for name, v in changes.preprocessing.items() if name not in ("channels", "mean", "std")}
    Preprocessing(**{"size": 1, "resize": plain.get("size", 1), **plain})


def _image_size(survey: Survey, changes: Changes) -> tuple[int, str]:
    if "size" in changes.preprocessing:
        size = changes.preprocessing["size"]
        return Preprocessing(size=size, resize=size).size, f"size {size}: as set"
    shorter = survey.shorter_side
    if shorter <= SMALL:
        return shorter, f"size {shorter}: that of the images (median of the shorter sides)"
    size = min(224, shorter // 32 * 32)
    return size, f"size {size}: the images' shorter sides are {shorter} (median), in steps of 32 and at most 224"


def _network(size: int, changes: Changes) -> tuple[Row, str]:
    if _is_whole(changes.spec):
        row = Row(changes.network or "custom", specs.from_dict(changes.spec), "given as a spec")
        return row, f"network {row.name}: as the spec says"
    if changes.network:
        return catalog.resolve(changes.network), f"network {changes.network}: as named"
    name = "cifar_resnet20" if size <= SMALL else "resnet18"
    why = f"made for images of up to {SMALL} pixels" if size <= SMALL else "the smallest of the family for photographs"
    return catalog.find(name), f"network {name}: {why}; name another for more accuracy and more time"


def _is_whole(spec: Mapping[str, Any]) -> bool:
    """Whether nothing is left to a named network."""
    return {field.name for field in dataclasses.fields(ResNetSpec)} <= set(spec)


def _channels_reason(channels: int, survey: Survey) -> str:
    if channels != survey.channels:
        return f"channels {channels}: as set"
    stored = {1: "every image is stored grey", 3: "there are images in colour"}
    return f"channels {channels}: {stored.get(survey.channels, 'as the arrays have')}"


def _preprocessing(train: ImageSet, survey: Survey, size: int, channels: int, changes: Changes) -> Preprocessing:
    """Small images of one shape keep every pixel; photographs are resized to 8/7 of the size and cropped, as usual."""
    if size <= SMALL:
        square = survey.one_size is not None and survey.one_size[0] == survey.one_size[1]
        fields: dict[str, Any] = {"resize": size, "fit": "crop" if square else "squash"}
    else:
        fields = {"resize": round(size * 8 / 7), "fit": "crop"}
    fields |= {"size": size, "channels": channels, "mean": (0.5,) * channels, "std": (0.5,) * channels}
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


def _recipe(count: int, size: int, channels: int, changes: Changes) -> tuple[Recipe, list[str]]:
    batch = 2 ** int(np.log2(min(128, max(8, count / 16))))
    batch = changes.recipe.get("batch_size", batch)
    epochs = min(60, max(10, round(VIEWS / count)))
    flip = channels == 3
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch,
        "lr": 0.1 * min(batch, count) / 128,  # a batch is never larger than the set
        "augment": "crop" if size <= SMALL else "resized-crop",
        "crop_padding": max(1, size // 8),
        "flip": flip,
    }
    reasons = [
        f"epochs {epochs}: about {VIEWS:,} views of {count:,} training images, but 10 to 60",
        f"batch size {batch}: at least 16 steps an epoch, at most 128",
        f"learning rate {chosen['lr']:g}: 0.1 for a batch of 128, in proportion",
        f"augmentation {chosen['augment']}: {'shifted by up to an eighth' if size <= SMALL else 'a random box'}, "
        + ("mirrored" if flip else "not mirrored, since grey images are often characters or scans"),
    ]
    kept = [reason for name, reason in zip(("epochs", "batch_size", "lr", "augment"), reasons, strict=True)
            if name not in changes.recipe]  # fmt: skip
    kept += [f"{name} {value}: as set" for name, value in changes.recipe.items()]
    return recipes.replaced(Recipe(**chosen), changes.recipe, where="recipe"), kept
