"""What a checkpoint's file holds -> the bodies in it: networks' tensors by name, out of what is wrapped around them.

A body is what stands under one prefix of the names. Where known layouts' names occur, they say where the prefixes end.
Elsewhere a prefix comes off while every convolution stands under it, and several bodies are told apart by names such as
student and teacher, or by being alike.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resnets.base.errors import InputError
from resnets.weights.checkpoint_file import may_unpack_to
from resnets.weights.flattening import Flat, Tensors, laid_flat
from resnets.weights.topology import Geometry
from resnets.weights.unpickling import Stub

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

# In a prefix: averaged weights, which the field evaluates rather than those that they average.
_AVERAGED = re.compile(r"(.*_)?(ema|swa|averaged|shadow)(_.*)?")
# Of two that were trained together, the one that its publishers evaluate, and the other that follows it.
_PAIRS: tuple[tuple[str, str], ...] = (
    ("encoder_q", "encoder_k"),  # MoCo
    ("base_encoder", "momentum_encoder"),  # MoCo v3
    ("online_encoder", "target_encoder"),  # BYOL
    ("online_network", "target_network"),
    ("online_net", "target_net"),
    ("query_encoder", "key_encoder"),
    ("backbone", "backbone_momentum"),  # lightly
)
_ROLES = {"student", "teacher", "model", "ema", "model_ema", *(name for pair in _PAIRS for name in pair)}
# Prefixes that other networks' convolutions may stand beside.
_BODIES = {"module", "model", "net", "network", "backbone", "encoder", "base", "trunk", "body", "resnet", "base_model",
           "feature_extractor", "features", "cnn", "_orig_mod"}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A network's tensors, by their names under `prefix`.

    `envelope` and `prefix` say where they stand in the file, `beside` what else stands around them and around no other
    body, a classifier perhaps. `contrastive` bodies were trained without classes: what looks like a classifier is none.
    `geometry` is that of convolutions, by the name of the layer, where the file records it.
    """

    envelope: str
    prefix: str
    tensors: Tensors
    beside: Tensors
    contrastive: bool = False
    notes: tuple[str, ...] = ()
    geometry: Mapping[str, Geometry] = field(default_factory=dict[str, Geometry])

    @property
    def name(self) -> str:
        """What `--body` calls it."""
        return ".".join(part for part in (self.envelope, self.prefix.removesuffix(".")) if part) or "the whole file"

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part.lower() for part in self.name.split("."))


def unwrapped(path: Path, content: Any, known: Sequence[re.Pattern[str]] = (), body: str | None = None) -> Body:
    """The one body that a file's content holds, or the one called `body` of several.

    known: how names of known layouts begin, those first that others occur in. Averaged weights (EMA) come before plain
    ones, and MoCo's query before its key. Raises InputError, with all bodies' names, where there is no such usage, and
    for a file without weights.
    """
    laid = laid_flat(path, content)
    if not laid.tensors:
        if isinstance(content, Stub) and content.home.startswith("__torch__."):
            raise InputError(
                f"{path}: holds a frozen TorchScript module, whose weights are constants without names; save it before "
                "torch.jit.freeze, or save a state_dict"
            )
        if not isinstance(content, Mapping):
            what = content.home if isinstance(content, Stub) else f"a {type(content).__name__}"
            raise InputError(f"{path}: holds {what}, not weights by name; save a state_dict")
        entries = ", ".join(f"{entry!s:.40}" for entry in list(content)[:5])
        raise InputError(f"{path}: holds no weights; its entries are {entries or 'none'}")
    bodies = _bodies(laid, known)
    chosen = _chosen(path, bodies, body)
    for name, tensor in chosen.tensors.items():
        if what := _strange(tensor):
            raise InputError(f"{path}: {name} is {what}; save plain floating-point weights, 16 to 64 bits each")
    return chosen


def _strange(tensor: Tensor) -> str:
    """Why a tensor is no plain weights, if it is not."""
    if tensor.is_meta:
        return "on the device meta, without its numbers"
    if tensor.is_complex():
        return "sparse, quantized or complex"
    if (tensor.is_floating_point() and tensor.dtype not in _FLOATS) or tensor.element_size() == 0:
        return str(tensor.dtype).removeprefix("torch.")
    return ""


def check_sizes(path: Path, tensors: Tensors, size: int) -> None:
    """Raise InputError where tensors repeat the file's bytes, by strides of 0, to more than a file unpacks to."""
    left = may_unpack_to(size)
    for name, tensor in tensors.items():
        left -= tensor.numel() * tensor.element_size()
        if left < 0:
            raise InputError(
                f"{path}: {name} of shape {tuple(tensor.shape)} stands for far more numbers than the file of {size:,} "
                "bytes holds; take another copy"
            )


# Where bodies stand: under which prefixes.


def _bodies(laid: Flat, known: Sequence[re.Pattern[str]]) -> list[Body]:
    flat, envelopes = laid.tensors, laid.envelopes
    prefixes = _known_prefixes(flat, known) or list(_prefixes(flat, ""))
    bodies: list[Body] = []
    for prefix in prefixes:
        inner = [other for other in prefixes if other != prefix and other.startswith(prefix)]
        tensors = {
            name.removeprefix(prefix): tensor
            for name, tensor in flat.items()
            if name.startswith(prefix) and not name.startswith(tuple(inner))
        }
        envelope = max((one for one in envelopes if prefix.startswith(f"{one}.")), key=len, default="")
        scope = _scope(prefix, prefixes, f"{envelope}." if envelope and prefix != f"{envelope}." else "")
        beside = {
            name.removeprefix(scope): tensor
            for name, tensor in flat.items()
            if name.startswith(scope) and not name.startswith(tuple(prefixes))
        }
        geometry = {
            name.removeprefix(start): one
            for start in (scope, prefix)
            for name, one in laid.geometry.items()
            if name.startswith(start)
        }
        inside, contrastive = prefix.removeprefix(f"{envelope}."), _is_contrastive(prefix, flat)
        bodies.append(Body(envelope, inside, tensors, beside, contrastive, geometry=geometry))
    return _different(bodies)


def _known_prefixes(flat: Tensors, known: Sequence[re.Pattern[str]]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in known:
        earlier = tuple(found)
        for name in flat:
            match = _begins(pattern, name)
            if match and not (earlier and name[: match.start()].startswith(earlier)):
                found[name[: match.start()]] = None
    return list(found)


def _begins(pattern: re.Pattern[str], name: str) -> re.Match[str] | None:
    """Where a layout's names begin in a name: at its front, or behind a dot."""
    match = pattern.search(name)
    while match and match.start() and name[match.start() - 1] != ".":
        match = pattern.search(name, match.start() + 1)
    return match


def _prefixes(flat: Tensors, prefix: str) -> Iterator[str]:
    """The prefixes of the bodies under a prefix, where no layout is known: see above."""
    groups: dict[str, list[str]] = {}
    for name, tensor in flat.items():
        if name.startswith(prefix) and tensor.ndim == 4:
            groups.setdefault(name[len(prefix) :].partition(".")[0], []).append(name)
    names = [name for name in groups if not name.isdigit()]
    if len(groups) == 1 and names and groups[names[0]][0] != f"{prefix}{names[0]}.weight":
        yield from _prefixes(flat, f"{prefix}{names[0]}.")
    elif len(groups) > 1 and (_ROLES.issuperset(map(str.lower, groups)) or _are_alike(flat, prefix, groups)):
        for name in groups:
            yield from _prefixes(flat, f"{prefix}{name}.")
    elif names and names[0] == next(iter(groups)) and names[0].lower() in _BODIES and _has_most(groups, names[0]):
        yield from _prefixes(flat, f"{prefix}{names[0]}.")
    else:
        yield prefix


def _are_alike(flat: Tensors, prefix: str, groups: Mapping[str, list[str]]) -> bool:
    """Whether groups have the same convolutions: a network and its copy."""
    if any(len(group) < 4 for group in groups.values()):
        return False
    shapes = [
        [(name[len(prefix) + len(first) :], flat[name].shape) for name in group] for first, group in groups.items()
    ]
    return all(one == shapes[0] for one in shapes)


def _has_most(groups: Mapping[str, list[str]], name: str) -> bool:
    return len(groups[name]) >= 0.6 * sum(map(len, groups.values()))


def _scope(prefix: str, prefixes: Sequence[str], least: str) -> str:
    """The shortest beginning of a prefix that no other body stands under; `least` is the shortest that may be."""
    others = [other for other in prefixes if other != prefix]
    parts = prefix.split(".")[:-1]
    for count in range(least.count("."), len(parts)):
        scope = "".join(f"{part}." for part in parts[:count])
        if not any(other.startswith(scope) for other in others):
            return scope
    return prefix


def _is_contrastive(prefix: str, flat: Tensors) -> bool:
    """Whether a body was trained against a queue or a twin, so that its last layers are a projection."""
    parts = set(prefix.lower().split("."))
    twins = {name for pair in _PAIRS[:-1] for name in pair}
    return bool(parts & twins) or any(name.rpartition(".")[2] in ("queue", "queue_ptr") for name in flat)


def _different(bodies: list[Body]) -> list[Body]:
    """Those with convolutions, if any have, and one of those that share their numbers."""
    bodies = [body for body in bodies if _first_convolution(body) is not None] or bodies
    found: dict[Any, Body] = {}
    for number, body in enumerate(bodies):
        first = _first_convolution(body)
        key = (first.data_ptr(), first.shape, len(body.tensors)) if first is not None and first.numel() else number
        found.setdefault(key, body)
    return list(found.values())


def _first_convolution(body: Body) -> Tensor | None:
    found = (tensor for tensor in body.tensors.values() if tensor.ndim == 4)
    return next(found, None)


# Which body is taken.


def _chosen(path: Path, bodies: list[Body], asked: str | None) -> Body:
    listed = ", ".join(f"{body.name} ({len(body.tensors)} tensors)" for body in bodies[:8])
    if asked is not None:
        fitting = [body for body in bodies if asked == body.name] or [b for b in bodies if asked.lower() in b.parts]
        if len(fitting) != 1:
            what = "no body" if not fitting else "several bodies"
            raise InputError(f"{path}: {what} called {asked!r:.80}; it holds {listed}")
        return fitting[0]
    best = min(map(_rank, bodies))
    fitting = [body for body in bodies if _rank(body) == best]
    if len(fitting) > 1:
        raise InputError(f"{path}: holds several bodies: {listed}; choose one with --body {fitting[0].parts[-1]}")
    body = fitting[0]
    return replace(body, notes=tuple(_told(body, bodies)))


def _rank(body: Body) -> tuple[bool, bool]:
    """Averaged weights first, then those that others follow."""
    return not _is_averaged(body), any(second in body.parts for _, second in _PAIRS)


def _is_averaged(body: Body) -> bool:
    return any(map(_AVERAGED.fullmatch, body.parts)) or any(name.endswith("n_averaged") for name in body.beside)


def _told(body: Body, bodies: list[Body]) -> Iterator[str]:
    others = [other.name for other in bodies if other is not body]
    rest = f"; --body chooses among it and {', '.join(others[:8])}" if others else ""
    if _is_averaged(body):
        yield f"averaged weights (EMA) taken, {body.name}{rest}"
    elif others:
        yield f"{body.name} taken{rest}"
