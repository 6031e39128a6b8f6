"""A classifier in the layouts of torchvision, timm and Hugging Face's transformers, as those libraries load it.

The weights are the same numbers, so the logits are the same to the last bit. What a layout has no place for, such as
the temperature, is said in a note.
"""

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import safetensors.torch
import torch
from torch import Tensor

from resnets.base.checks import check_choice
from resnets.base.errors import InputError
from resnets.catalog import CATALOG
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.spec import ResNetSpec, Stem

Library = Literal["torchvision", "timm", "transformers"]
CONFIG, WEIGHTS = "config.json", "model.safetensors"

_CROPS: Mapping[str, str] = {"crop": "center", "squash": "squash", "pad": "border"}
_POOLS: Mapping[str, str] = {"average": "avg", "max": "max", "both": "catavgmax"}
_RESAMPLING: Mapping[str, int] = {"bilinear": 2, "bicubic": 3}  # Pillow's numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A classifier's files in another library's layout, by name, and what the user should know of them."""

    library: Library
    files: Mapping[str, bytes]
    network: str  # as the library calls it
    notes: tuple[str, ...]


def in_layout(classifier: Classifier, library: Library) -> Layout:
    """The classifier as `library` loads it: a folder of files for timm and transformers, one .pth for torchvision.

    Raises InputError when that library has no such network, or cannot prepare images as the classifier does.
    """
    check_choice("library", library, get_args(Library))
    makers: Mapping[Library, Callable[[Classifier], Layout]] = {
        "torchvision": _torchvision, "timm": _timm, "transformers": _transformers,
    }  # fmt: skip
    made = makers[library](classifier)
    return replace(made, notes=(*made.notes, *_left_behind(classifier, library)))


def _left_behind(classifier: Classifier, library: Library) -> list[str]:
    notes: list[str] = []
    if classifier.temperature != 1:
        notes.append(
            f"{library} has no place for the temperature: divide its logits by {classifier.temperature:.4g} for "
            "calibrated probabilities"
        )
    if classifier.preprocessing.range is not None:
        low, high = classifier.preprocessing.range
        notes.append(f"{library} has no place for the range of pixels, {low:g} to {high:g}: bring images to 0 to 255")
    return notes


def architecture(spec: ResNetSpec, source: str) -> str | None:
    """The name of a catalog row whose source is `source` and that is this network but for its ends."""
    wanted = _body(spec)
    return next((row.name for row in CATALOG.values() if source in row.source and _body(row.spec) == wanted), None)


def _body(spec: ResNetSpec) -> ResNetSpec:
    """A spec without what does not change the network's body: its start, its images' channels and its head."""
    return replace(
        spec, init="he", zero_last_norm=False, in_channels=3, num_classes=1, pool="average", dropout=0.0,
        expansion=None if spec.expansion == {"basic": 1, "bottleneck": 4}[spec.block] else spec.expansion,
    )  # fmt: skip


def _refusal(classifier: Classifier, library: str, why: str) -> InputError:
    where = f"{classifier.path}: " if classifier.path else ""
    return InputError(f"{where}{library} has no such network: {why}")


def _torchvision(classifier: Classifier) -> Layout:
    spec = classifier.network.spec
    name = architecture(spec, "torchvision.models.resnet")
    if name is None or spec.pool != "average" or spec.in_channels != 3:
        raise _refusal(classifier, "torchvision", "it builds ResNet, ResNeXt and wide ResNet for three channels")
    file = io.BytesIO()
    torch.save(_tensors(classifier), file)
    count = spec.num_classes
    load = f"torchvision.models.{name}(num_classes={count}).load_state_dict(torch.load(FILE, weights_only=True))"
    return Layout(library="torchvision", files={f"{name}.pth": file.getvalue()}, network=name, notes=(load,))


def _timm(classifier: Classifier) -> Layout:
    spec = classifier.network.spec
    name = architecture(spec, "timm.models.resnet") or architecture(spec, "torchvision.models.resnet")
    if name is None or spec.pool not in _POOLS:
        raise _refusal(classifier, "timm", "no row of its resnet.py has these fields")
    pool = _POOLS[spec.pool]
    arguments = {"in_chans": spec.in_channels} if spec.in_channels != 3 else {}
    config = {
        "architecture": name,
        "num_classes": spec.num_classes,
        "num_features": spec.features,
        "global_pool": pool,
        "label_names": list(classifier.classes),
        "model_args": arguments | ({"global_pool": pool} if pool != "avg" else {}),
        "pretrained_cfg": _timm_preprocessing(classifier),
    }
    files = {CONFIG: _json(config), WEIGHTS: safetensors.torch.save(_tensors(classifier), metadata={"format": "pt"})}
    load = "timm.create_model('local-dir:FOLDER', pretrained=True)"
    return Layout(library="timm", files=files, network=name, notes=(load,))


def _timm_preprocessing(classifier: Classifier) -> dict[str, Any]:
    chosen, stem = classifier.preprocessing, classifier.network.spec.stem
    return {
        "input_size": [chosen.channels, chosen.size, chosen.size],
        "fixed_input_size": False,
        "crop_pct": crop_share(chosen),
        "crop_mode": _CROPS[chosen.fit],
        "interpolation": chosen.interpolation,
        "mean": list(chosen.mean),
        "std": list(chosen.std),
        "num_classes": len(classifier.classes),
        "first_conv": "conv1.0" if len(stem.widths) > 1 else "conv1",
        "classifier": "fc",
    }


def crop_share(chosen: Preprocessing) -> float:
    """The share of the resized image that the crop keeps, such that dividing by it and rounding down gives it back."""
    share = chosen.size / chosen.resize
    while math.floor(chosen.size / share) < chosen.resize:
        share = math.nextafter(share, 0)
    return share


def _transformers(classifier: Classifier) -> Layout:
    spec, chosen = classifier.network.spec, classifier.preprocessing
    plain = ResNetSpec(
        depths=spec.depths, widths=spec.widths, block=spec.block, stride_at=spec.stride_at,
        stem=Stem(widths=spec.stem.widths[:1]), activation=spec.activation,
    )  # fmt: skip
    if _body(spec) != _body(plain) or spec.pool != "average" or spec.activation not in ("relu", "silu", "gelu"):
        raise _refusal(classifier, "transformers", "its ResNet has a 7x7 stem, projections and nothing else to choose")
    if chosen.fit != "crop":
        raise _refusal(classifier, "transformers", f"it cannot prepare images with fit = {chosen.fit!r}")
    labels = {str(number): name for number, name in enumerate(classifier.classes)}
    config = {
        "architectures": ["ResNetForImageClassification"],
        "model_type": "resnet",
        "num_channels": spec.in_channels,
        "embedding_size": spec.stem.widths[0],
        "hidden_sizes": list(spec.stage_channels),
        "depths": list(spec.depths),
        "layer_type": spec.block,
        "hidden_act": spec.activation,
        "downsample_in_first_stage": False,
        "downsample_in_bottleneck": spec.stride_at == "conv1",
        "id2label": labels,
        "label2id": {name: int(number) for number, name in labels.items()},
        "torch_dtype": "float32",
    }
    tensors = {_transformers_name(name): tensor for name, tensor in _tensors(classifier).items()}
    files = {
        CONFIG: _json(config),
        "preprocessor_config.json": _json(_transformers_preprocessing(chosen)),
        WEIGHTS: safetensors.torch.save(tensors, metadata={"format": "pt"}),
    }
    load = "transformers.AutoModelForImageClassification.from_pretrained(FOLDER)"
    return Layout(library="transformers", files=files, network="ResNetForImageClassification", notes=(load,))


def _transformers_preprocessing(chosen: Preprocessing) -> dict[str, Any]:
    """ConvNextImageProcessor, as microsoft/resnet-50 has it: resize the shorter side to size / crop_pct, then crop."""
    return {
        "image_processor_type": "ConvNextImageProcessor",
        "crop_pct": crop_share(chosen),
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(chosen.mean),
        "image_std": list(chosen.std),
        "resample": _RESAMPLING[chosen.interpolation],
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": chosen.size},
    }


def _transformers_name(name: str) -> str:
    """Our parameter's name in transformers' ResNet."""
    match name.split("."):
        case ["fc", parameter]:
            return f"classifier.1.{parameter}"
        case ["conv1", parameter]:
            return f"resnet.embedder.embedder.convolution.{parameter}"
        case ["bn1", parameter]:
            return f"resnet.embedder.embedder.normalization.{parameter}"
        case [stage, block, "downsample", part, parameter]:
            layer = f"shortcut.{'convolution' if part == '0' else 'normalization'}"
        case [stage, block, part, parameter]:
            kind = "convolution" if part.startswith("conv") else "normalization"
            layer = f"layer.{int(part[-1]) - 1}.{kind}"
        case _:
            raise ValueError(f"{name}: no parameter of a network that transformers has")
    number = int(stage.removeprefix("layer")) - 1
    return f"resnet.encoder.stages.{number}.layers.{block}.{layer}.{parameter}"


def _tensors(classifier: Classifier) -> dict[str, Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in classifier.network.state_dict().items()}


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
