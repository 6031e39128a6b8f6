"""timm's config.json, read as we say it: the network's name in the catalog, its preprocessing and its classes.

timm.models._hub.save_for_hf writes such files; timm.data.resolve_data_config reads them as `_preprocessing` does.
"""

import difflib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnets.base.errors import InputError
from resnets.catalog import CATALOG
from resnets.classifier.header import shortly
from resnets.weights.published import USUAL

log = logging.getLogger(__name__)

USUAL_SIZE = 224  # networks trained on smaller images, to save time, are meant for their test size

_FITS: Mapping[str, str] = {"center": "crop", "squash": "squash", "border": "pad"}
# timm's arguments, the fields of our spec that say the same, and the values that do.
_ARGUMENTS: Mapping[str, tuple[str, Mapping[str | int, str | int]]] = {
    "global_pool": ("pool", {"max": "max", "catavgmax": "both"}),
    "act_layer": ("activation", {"silu": "silu", "mish": "mish", "leaky_relu": "leaky-relu", "gelu": "gelu"}),
    "output_stride": ("output_stride", {8: 8, 16: 16}),
}
_USUAL = (("global_pool", "avg"), ("act_layer", "relu"), ("output_stride", 32))
_HARMLESS = ("num_classes", "in_chans", "drop_rate", "drop_path_rate", "drop_block_rate", "img_size", "pretrained")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a repository says of its weights."""

    network: str
    fields: dict[str, Any]  # of its spec that differ from the catalog's
    preprocessing: dict[str, Any]  # fields of `Preprocessing`
    classes: tuple[str, ...] | None
    licence: str | None


def read(config: Mapping[str, Any], where: str) -> Described:
    """A config.json's fields. `where` begins the error's line.

    Raises InputError when it is of a network that the catalog has no row for, or its preprocessing cannot be ours.
    """
    data = config.get("pretrained_cfg", config)  # older files have one table for everything
    if not isinstance(data, Mapping):
        raise InputError(f"{where}: config.json's pretrained_cfg is a {type(data).__name__}, not a table of fields")
    network = _network(config, where)
    fields = _fields(config, network, where)
    licence = data.get("license")
    try:
        preprocessing = _preprocessing(data, config.get("model_args") or {})
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, AttributeError) as error:
        raise InputError(f"{where}: config.json's preprocessing cannot be ours ({shortly(error)})") from error
    return Described(
        network=network,
        fields=fields,
        preprocessing=preprocessing,
        classes=_classes(config, data, where),
        licence=licence if isinstance(licence, str) else None,
    )


def _network(config: Mapping[str, Any], where: str) -> str:
    name = config.get("architecture")
    if name not in CATALOG:
        close = difflib.get_close_matches(str(name), CATALOG, n=3)
        hint = f"the nearest are {', '.join(close)}" if close else "`resnets list` prints those there are"
        raise InputError(f"{where}: architecture {name!r} is no network of the catalog; {hint}")
    return str(name)


def _fields(config: Mapping[str, Any], network: str, where: str) -> dict[str, Any]:
    """timm's arguments that differ from the row's, as fields of our spec."""
    arguments = {"global_pool": config.get("global_pool", "avg"), **(config.get("model_args") or {})}
    ours: dict[str, Any] = {}
    strange: list[str] = []
    for name, value in arguments.items():
        if name in _HARMLESS or (name, value) in _USUAL:
            continue
        field, values = _ARGUMENTS.get(name, ("", {}))
        if isinstance(value, str | int) and value in values:
            ours[field] = values[value]
        else:
            strange.append(f"{name} = {value!r}")
    if strange:
        raise InputError(
            f"{where}: is not the {network} of the catalog but one with {', '.join(strange)}, which cannot be loaded"
        )
    return ours


def _preprocessing(data: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """As timm's resolve_data_config, at the test size for networks that were trained on small images."""
    channels, height, width = data.get("input_size") or (3, 224, 224)
    crop = data.get("crop_pct") or 0.875
    if height < USUAL_SIZE and data.get("test_input_size"):
        channels, height, width = data["test_input_size"]
        crop = data.get("test_crop_pct") or crop
    if height != width:
        raise ValueError(f"images of {height} x {width}: must be square")
    mode, interpolation = data.get("crop_mode") or "center", data.get("interpolation") or "bicubic"
    if mode not in _FITS or interpolation not in ("bilinear", "bicubic"):
        raise ValueError(f"crop_mode = {mode!r}, interpolation = {interpolation!r}")
    channels = arguments.get("in_chans") or channels
    return {
        "size": height,
        "resize": math.floor(height / crop),
        "fit": _FITS[mode],
        "interpolation": interpolation,
        "mean": _per_channel(data.get("mean") or USUAL["mean"], channels),
        "std": _per_channel(data.get("std") or USUAL["std"], channels),
        "channels": channels,
    }


def _per_channel(values: Any, channels: int) -> tuple[float, ...]:
    """A value for each channel; other numbers of them than the file's have the mean of its values, as in timm."""
    numbers = tuple(map(float, values))
    return numbers if len(numbers) == channels else (sum(numbers) / len(numbers),) * channels


def _classes(config: Mapping[str, Any], data: Mapping[str, Any], where: str) -> tuple[str, ...] | None:
    """The class names in the order of the outputs, where the file has a good one for each."""
    names = config.get("label_names") or data.get("label_names") or data.get("labels")
    count = config.get("num_classes", data.get("num_classes"))
    if not names:
        return None
    if isinstance(names, Mapping):
        names = [names.get(str(number)) for number in range(len(names))]
    if len(set(map(str, names))) == len(names) == count and all(isinstance(name, str) and name for name in names):
        return tuple(map(str, names))
    log.warning("%s: its %d label names are not one for each of %s outputs; numbers are used", where, len(names), count)
    return None
