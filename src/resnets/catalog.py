"""Networks by name, and what a name, a TOML file or a spec stands for."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from resnets import spec_values
from resnets.base.errors import InputError, nearest
from resnets.base.reading import read_text
from resnets.named_network import Published, Row
from resnets.named_networks import CIFAR, FAMILIES, cifar
from resnets.spec import ResNetSpec, Stem

__all__ = ["CATALOG", "Published", "Row", "find", "matching", "resolve", "usual_size"]

CATALOG: Mapping[str, Row] = {row.name: row for family in FAMILIES for row in family()}


def find(name: str) -> Row:
    """The row called `name`; any `cifar_resnet<6n+2>` has one. Raises InputError with the nearest names."""
    if name in CATALOG:
        return CATALOG[name]
    if depth := re.fullmatch(r"cifar_resnet(\d{1,6})", name):
        return Row(name, cifar(int(depth[1])), f"{CIFAR}, option A", 32)
    close = difflib.get_close_matches(name, CATALOG, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`resnets list` prints every name"
    raise InputError(f"{name}: no such network; {hint}")


def resolve(network: str | Path | ResNetSpec, fields: Mapping[str, Any] | None = None) -> Row:
    """The row that a name, a TOML file or a spec stands for, with some fields of its spec replaced.

    A name that ends in .toml is a file: the fields of a ResNetSpec, and optionally `base = "NAME"` to start from a row.
    """
    if isinstance(network, ResNetSpec):
        row = Row("custom", network, "given as a spec", usual_size(network.stem))
    elif str(network).endswith(".toml"):
        row = _from_toml(Path(network))
    else:
        row = find(str(network))
    return _with(row, fields, where=row.name) if fields else row


def _with(row: Row, fields: Mapping[str, Any], *, where: str) -> Row:
    """The row with some fields of its spec replaced. Another stem brings its own usual size."""
    spec = spec_values.with_fields(row.spec, fields, where=where)
    return replace(row, spec=spec, image_size=row.image_size if spec.stem == row.spec.stem else usual_size(spec.stem))


def usual_size(stem: Stem) -> int:
    """The image size that networks with such a stem are usually trained at, in pixels of a side."""
    shrinks = stem.stride * (1 if stem.pool == "none" else 2)
    return 32 if shrinks == 1 else 64 if shrinks < 4 else 224  # CIFAR, Tiny ImageNet, ImageNet


def _from_toml(path: Path) -> Row:
    try:
        values = tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; a spec is a TOML file with lines such as depths = [3, 4, 6, 3]"
        ) from None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    base = values.pop("base", None)
    if base is None:
        spec = spec_values.from_dict(values, where=str(path))
        return Row(path.stem, spec, str(path), usual_size(spec.stem))
    if not isinstance(base, str) or base.endswith(".toml"):
        raise InputError(f"{path}: base = {base!r}: must be the name of a network; {nearest(str(base), CATALOG)}")
    try:
        row = find(base)
    except InputError as error:
        raise InputError(f"{path}: base = {error}") from None
    return replace(_with(row, values, where=str(path)), name=path.stem, source=f"{path}, from {base}", published=None)


def matching(pattern: str) -> list[Row]:
    """The rows whose names `pattern` matches or is part of. Raises InputError with the nearest names."""
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?["):
        wanted = f"*{wanted}*"
    return [row for name, row in CATALOG.items() if fnmatchcase(name, wanted)] or [find(pattern.lower())]
