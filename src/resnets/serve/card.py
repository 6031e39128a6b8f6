"""What people should know of a classifier, as JSON values: the page shows it."""

from collections.abc import Mapping
from typing import Any

from resnets.classifier.outputs import Outputs


def card(name: str, header: Mapping[str, Any], outputs: Outputs, *, runtime: str, maps: bool) -> dict[str, Any]:
    """Its classes, images, scores and origin, from its file's header.

    outputs: the classifier, or what was exported of it. runtime: what computes. maps: whether it gives activation maps.
    """
    preprocessing, origin = outputs.preprocessing, header.get("origin") or {}
    return {
        "name": name,
        "network": origin.get("network"),
        "classes": list(outputs.classes),
        "size": preprocessing.size,
        "resize": preprocessing.resize,
        "fit": preprocessing.fit,
        "channels": preprocessing.channels,
        "abstain_below": outputs.abstain_below,
        "temperature": header.get("temperature", 1.0),
        "runtime": runtime,
        "precision": "int8" if (header.get("export") or {}).get("kind") == "int8" else "float32",
        "maps": maps,
        "scores": _scores(header.get("metrics") or {}),
        "trained": _training(origin),
    }


def _scores(metrics: dict[str, Any]) -> dict[str, Any]:
    """The scores on validation images, as far as the file has them."""
    found = metrics.get("val") or {}
    return {name: found[name] for name in ("count", "top1", "top5", "macro_f1", "ece") if name in found}


def _training(origin: dict[str, Any]) -> dict[str, Any]:
    """What it was trained on and when, as far as the file says."""
    data = origin.get("data")
    said = data if isinstance(data, dict) else {"name": data}
    found = {"data": said.get("name"), "images": said.get("train"), "date": origin.get("date")}
    return {name: value for name, value in found.items() if value is not None}
