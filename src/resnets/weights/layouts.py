"""Published checkpoints -> our parameter names. Every foreign layout is translated here and nowhere else.

torchvision and timm name parameters as we do. What is translated:

| layout | what is foreign in it |
|---|---|
| DataParallel, torch.compile | `module.` or `_orig_mod.` before every name |
| akamaster and other CIFAR code | the classifier is `linear`, a shortcut `shortcut` |
| fastai | positions for names: `4.0.convpath.0.0.weight` is `layer1.0.conv1.weight` |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resnets.base.errors import InputError
from resnets.weights.envelopes import Tensors

# Each layout: what it is called, how it is recognized, and what we call its parameters (None: left out).


# How the names of each layout begin, those first that another's occur in: what stands in front is a wrapper's prefix.
BEGINNINGS = tuple(map(re.compile, (r"0\.4\.0\.", r"4\.0\.convpath\.", r"layer1\.0\.")))


def _has(tensors: Tensors, pattern: str) -> bool:
    return any(re.match(pattern, name) for name in tensors)


def _cifar_name(name: str) -> str:
    return re.sub(r"^linear\.", "fc.", name).replace(".shortcut.", ".downsample.")


def _xresnet_name(name: str) -> str:
    """fastai's XResNet is a Sequential: 0 to 2 the stem, 3 its pool, 4 on the stages, then pool and classifier."""
    match name.split("."):
        case ["2", "1", parameter]:
            return f"bn1.{parameter}"
        case ["0" | "1" | "2" as layer, part, parameter]:
            return f"conv1.{3 * int(layer) + int(part)}.{parameter}"
        case [stage, index, "convpath", position, *part, parameter]:
            return f"layer{int(stage) - 3}.{index}.{_xresnet_layer(int(position), part)}.{parameter}"
        case [stage, index, "idpath", _, part, parameter]:
            return f"layer{int(stage) - 3}.{index}.downsample.{int(part) + 1}.{parameter}"
        case [_, parameter]:
            return f"fc.{parameter}"
        case _:
            return name


def _xresnet_layer(position: int, part: list[str]) -> str:
    """A block's layer: its convolutions, each with its norm, then perhaps squeeze-and-excitation."""
    if part[0] == "layers":
        return f"se.fc{part[1]}"
    return f"{'conv' if part == ['0'] else 'bn'}{position + 1}"


def _learner_name(name: str) -> str | None:
    """A fastai Learner puts a network's body at 0 and a head of its own, which is not ours, at 1."""
    body = name.removeprefix("0.")
    if body == name:
        return None
    if ".convpath." in name or ".idpath." in name or body.count(".") == 2:
        return _xresnet_name(body)
    layer, _, rest = body.partition(".")
    return {"0": f"conv1.{rest}", "1": f"bn1.{rest}"}.get(layer, f"layer{int(layer) - 3}.{rest}")


@dataclass(frozen=True)
class _Layout:
    name: str
    recognized: Callable[[Tensors], bool]
    ours: Callable[[str], str | None]


_LAYOUTS = (
    _Layout("fastai XResNet names", lambda t: _has(t, r"4\.0\.convpath\."), _xresnet_name),
    _Layout(
        "fastai Learner names; its head is not ours and is left out", lambda t: _has(t, r"0\.4\.0\."), _learner_name
    ),
    _Layout("akamaster's CIFAR names", lambda t: "linear.weight" in t or _has(t, r".+\.shortcut\."), _cifar_name),
    _Layout("torchvision's and timm's names", lambda t: _has(t, r"layer1\.0\."), lambda name: name),
)


def translated(path: Path, tensors: Tensors) -> tuple[str, Tensors]:
    """The layout that tensors are named in, and the tensors under our names. Raises InputError where none is known."""
    for layout in _LAYOUTS:
        if layout.recognized(tensors):
            try:
                names = {name: layout.ours(name) for name in tensors}
            except ValueError:  # a letter where the layout has a number
                break
            return layout.name, {ours: tensors[name] for name, ours in names.items() if ours is not None}
    raise InputError(
        f"{path}: names such as {', '.join(list(tensors)[:3])} are of no layout known here "
        "(torchvision, timm, fastai, akamaster)"
    )
