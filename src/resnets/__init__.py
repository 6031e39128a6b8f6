"""resnets: the residual-network family as one system. See it, train it, trust it, ship it.

    import resnets

    clf = resnets.train("photos/")
    clf.predict("photo.jpg").label
    clf.evaluate("more-photos/").top1.value
    clf = resnets.load("runs/photos-resnet18")
    network = resnets.resnet("xresnet50", num_classes=10)

Names load what they need when they are first used, so that importing the package costs nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnets.api import (
        compare,
        list_networks,
        load,
        lr_find,
        open_predictor,
        predict_bulk,
        report,
        train,
        train_seeds,
    )  # fmt: skip
    from resnets.base.errors import InputError, Interrupted, RunFailed
    from resnets.checking import check
    from resnets.classifier.file import Classifier
    from resnets.classifier.judging import calibrate
    from resnets.classifier.prediction import Prediction
    from resnets.data.preprocessing import Preprocessing
    from resnets.data.sources import open_source
    from resnets.explaining import ablate, explain
    from resnets.handing_on import convert_to, export, push_to_hub
    from resnets.serve.client import Client
    from resnets.serving import serve
    from resnets.sharding import shard
    from resnets.showing import show
    from resnets.spec import ResNetSpec, Stem
    from resnets.training.listener import Listener
    from resnets.weights.backbone import resnet
    from resnets.weights.conversion import convert

_HOMES = {
    "Classifier": "resnets.classifier.file",
    "Client": "resnets.serve.client",
    "InputError": "resnets.base.errors",
    "Interrupted": "resnets.base.errors",
    "Listener": "resnets.training.listener",
    "Prediction": "resnets.classifier.prediction",
    "Preprocessing": "resnets.data.preprocessing",
    "ResNetSpec": "resnets.spec",
    "RunFailed": "resnets.base.errors",
    "Stem": "resnets.spec",
    "ablate": "resnets.explaining",
    "calibrate": "resnets.classifier.judging",
    "check": "resnets.checking",
    "compare": "resnets.api",
    "convert": "resnets.weights.conversion",
    "convert_to": "resnets.handing_on",
    "explain": "resnets.explaining",
    "export": "resnets.handing_on",
    "list_networks": "resnets.api",
    "load": "resnets.api",
    "lr_find": "resnets.api",
    "open_predictor": "resnets.api",
    "open_source": "resnets.data.sources",
    "predict_bulk": "resnets.api",
    "push_to_hub": "resnets.handing_on",
    "report": "resnets.api",
    "resnet": "resnets.weights.backbone",
    "shard": "resnets.sharding",
    "serve": "resnets.serving",
    "show": "resnets.showing",
    "train": "resnets.api",
    "train_seeds": "resnets.api",
}

__all__ = [
    "Classifier",
    "Client",
    "InputError",
    "Interrupted",
    "Listener",
    "Prediction",
    "Preprocessing",
    "ResNetSpec",
    "RunFailed",
    "Stem",
    "ablate",
    "calibrate",
    "check",
    "compare",
    "convert",
    "convert_to",
    "explain",
    "export",
    "list_networks",
    "load",
    "lr_find",
    "open_predictor",
    "open_source",
    "predict_bulk",
    "push_to_hub",
    "report",
    "resnet",
    "serve",
    "shard",
    "show",
    "train",
    "train_seeds",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("resnets")
    if name not in _HOMES:
        raise AttributeError(f"module 'resnets' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """Keeps a verb's name: importing `resnets.export.onnx` would bind `resnets.export` to the folder of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
