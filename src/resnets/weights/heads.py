"""Which of a checkpoint's tensors are its classifier, whatever their name, and which are strangers to the network.

A single linear layer that reads what the last stage gives is the classifier; so is a 1x1 convolution with a bias.
Layers in a row are a self-supervised projection, or a classifier that this family does not have: they are left out.
"""

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from resnets.weights.flattening import Tensors

_OURS = re.compile(r"(conv1|bn1|layer\d+)\.")
# What stands beside a network in files of training: losses and their centres, scores, queues, second heads.
_STRANGERS = re.compile(
    r"(.*_)?(criterion\w*|loss\w*|metric\w*|acc\w*|auroc|auc|f1\w*|precision|recall|confusion\w*|confmat|queue\w*|"
    r"n_averaged|proj\w*|predict\w*|prototype\w*|head\w*|aux\w*|mean|std|normali[sz]e\w*|temperature|logit_scale|"
    r"centers?|memory\w*|bank\w*|mlp\w*|margin\w*|arc\w*|step|steps|epoch|initted)"
)
_NO_CLASSIFIERS = re.compile(
    r"(.*_)?(criterion\w*|loss\w*|metric\w*|queue\w*|proj\w*|predict\w*|prototype\w*|memory\w*|centers?|margin\w*|arc\w*)"
)


def with_classifier(ours: Tensors, beside: Tensors, *, contrastive: bool) -> tuple[Tensors, tuple[str, ...]]:
    """The network's tensors, its classifier as `fc`, without strangers, and what the user should know of that.

    ours: under our names, where they have some. beside: what stands around the network. contrastive: it has no
    classifier, whatever looks like one.
    """
    network = {name: tensor for name, tensor in ours.items() if _OURS.match(name)}
    rest = {name: tensor for name, tensor in beside.items() if name not in ours}
    rest |= {name: tensor for name, tensor in ours.items() if name not in network}
    groups: dict[str, Tensors] = {}
    for name, tensor in rest.items():
        groups.setdefault(_group(name), {})[name] = tensor
    width = last_width(network)
    fitting = [] if contrastive else [group for group, its in groups.items() if _is_classifier(its, width)]
    if "fc" in fitting:
        fitting = ["fc"]
    notes: list[str] = []
    if len(fitting) == 1:
        layer = groups.pop(fitting[0])
        weight, bias, where = _layer(layer)
        network |= {"fc.weight": weight, "fc.bias": bias}
        if where not in ("fc", "linear"):
            notes.append(f"its classifier is {where}")
    elif fitting:
        notes.append(f"has several classifiers ({', '.join(fitting[:5])}): all left out")
    left: list[str] = []
    for group, its in groups.items():
        if group in fitting or any(name in beside for name in its) or _is_strange(group, its):
            left += its
        else:
            network |= its
    if left:
        why = "self-supervised training has no classifier" if contrastive else "no part of the network"
        notes.append(f"left out, as {why}: {shortly(left)}")
    return network, tuple(notes)


def last_width(network: Tensors) -> int | None:
    """Channels that leave the last stage, by the norms and convolutions of its last block."""
    places = [tuple(map(int, match.groups())) for name in network if (match := re.match(r"layer(\d+)\.(\d+)\.", name))]
    if not places:
        return None
    stage, block = max(places)
    found = [
        (match[1], len(tensor))
        for name, tensor in network.items()
        if (match := re.fullmatch(rf"layer{stage}\.{block}\.conv(\d)\.weight", name)) and tensor.ndim == 4
    ]
    return max(found)[1] if found else None


def shortly(names: Iterable[str], most: int = 3) -> str:
    """Some names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(f"{name:.80}" for name in listed[:most]) + more


def _group(name: str) -> str:
    """What a tensor belongs to: its first part, behind wrappers' prefixes."""
    parts = [part for part in name.split(".")[:-1] if part not in ("module", "model", "net", "network", "_orig_mod")]
    return parts[0] if parts else name


def _is_classifier(its: Tensors, width: int | None) -> bool:
    """Whether tensors are one linear layer, with a bias or without, that reads so many features."""
    weights = [name for name in its if name.endswith(".weight")]
    if len(weights) != 1 or set(its) - {weights[0], weights[0].removesuffix("weight") + "bias"}:
        return False
    weight = its[weights[0]]
    if any(map(_NO_CLASSIFIERS.fullmatch, weights[0].lower().split("."))):
        return False
    flat = weight.ndim == 2 or (weight.ndim == 4 and weight.shape[2:] == (1, 1) and len(its) == 2)
    return flat and (width is None or weight.shape[1] == width)


def _layer(its: Tensors) -> tuple[Tensor, Tensor, str]:
    name = next(name for name in its if name.endswith(".weight"))
    where = name.removesuffix(".weight")
    weight = its[name].flatten(1)
    bias = its.get(f"{where}.bias")
    return weight, torch.zeros(len(weight), dtype=weight.dtype) if bias is None else bias, where


def _is_strange(group: str, its: Tensors) -> bool:
    """Whether tensors of the network's own level are none of its layers: numbers, losses, and heads of several layers.

    Convolutions and norms of another name stay, and are refused: a network that has more of them is another network.
    """
    if all(tensor.ndim == 0 for tensor in its.values()) or any(map(_STRANGERS.fullmatch, group.lower().split("."))):
        return True
    return any(tensor.ndim == 2 for tensor in its.values()) and all(tensor.ndim < 3 for tensor in its.values())
