"""Specs to and from plain values: JSON in a classifier's header, TOML on the command line."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from resnets.base.checks import check_counts
from resnets.base.errors import InputError, nearest
from resnets.spec import MOST_BLOCKS, ResNetSpec, Stem

# What the first format of a classifier's header says of a network. What came later has defaults that change nothing.
_WHOLE = {
    "depths", "widths", "block", "stem", "stride_at", "shortcut", "groups", "group_width", "init", "zero_last_norm",
    "in_channels", "num_classes",
}  # fmt: skip


def is_whole(values: Mapping[str, Any]) -> bool:
    """Whether the values describe a network completely, so that nothing is left to a named one."""
    return set(values) >= _WHOLE


def to_dict(spec: ResNetSpec) -> dict[str, Any]:
    """The spec as JSON values. What is None, and so follows from the rest, is left out, as TOML has no word for it."""
    return {name: value for name, value in dataclasses.asdict(spec).items() if value is not None}


def with_fields(spec: ResNetSpec, fields: Mapping[str, Any], *, where: str = "spec") -> ResNetSpec:
    """`spec` with some fields replaced by JSON or TOML values; `stem` may be a table of some of its own fields."""
    values = dict(fields)
    stem: Mapping[str, Any] | None = values["stem"] if isinstance(values.get("stem"), Mapping) else None
    _check_names(where, values, ResNetSpec)
    _check_names(f"{where}, stem", stem or {}, Stem)
    try:
        if stem is not None:
            values["stem"] = dataclasses.replace(spec.stem, **_with_pool(_with_tuples(stem)))
        return dataclasses.replace(spec, **_with_tuples(values))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def from_dict(values: Mapping[str, Any], *, where: str = "spec") -> ResNetSpec:
    """The spec that JSON or TOML values describe; `depths` must be among them."""
    if "depths" not in values:
        raise InputError(f"{where}: depths is missing: the blocks of each stage, such as depths = [3, 4, 6, 3]")
    depths = _with_tuples(values)["depths"]
    check_counts(f"{where}: depths", depths, MOST_BLOCKS)
    widths = tuple(64 * 2**stage for stage in range(len(depths)))
    return with_fields(ResNetSpec(depths=depths, widths=widths), values, where=where)


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # the values are checked by __post_init__


def _with_pool(stem: Mapping[str, Any]) -> dict[str, Any]:
    """In the first format of a classifier's header, `pool` was true for a max pool and false for none."""
    old: dict[bool, str] = {True: "max", False: "none"}
    return {name: old[value] if name == "pool" and isinstance(value, bool) else value for name, value in stem.items()}


def _check_names(where: str, values: Mapping[str, Any], kind: type[ResNetSpec] | type[Stem]) -> None:
    known = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown field {name!r}; {nearest(name, known)}")
