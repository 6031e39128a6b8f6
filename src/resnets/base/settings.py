"""Settings as dataclass fields that say what they are and which values they take, in one place."""

import dataclasses
from typing import Any, Literal, TypeVar, get_args, get_origin

from resnets.base.errors import InputError

T = TypeVar("T")


def setting(default: T, what: str, low: float = float("-inf"), high: float = float("inf")) -> T:
    """A dataclass field: its default, what it is in a line, and for numbers the range it must lie in."""
    field: Any = dataclasses.field(default=default, metadata={"what": what, "low": low, "high": high})
    return field  # typed as its default, as dataclasses.field itself is


def check(settings: Any) -> None:
    """Raise InputError, naming the setting and what it may be, for a value of the wrong kind or out of range."""
    for field in dataclasses.fields(settings):
        value, kind = getattr(settings, field.name), field.type
        if get_origin(kind) is Literal:
            if value not in get_args(kind):
                raise InputError(f"{field.name} = {value!r}: must be one of {', '.join(get_args(kind))}")
        elif kind is bool:
            if not isinstance(value, bool):
                raise InputError(f"{field.name} = {value!r}: must be true or false")
        elif kind is str:
            if not isinstance(value, str):
                raise InputError(f"{field.name} = {value!r}: must be text, in quotes")
        elif get_origin(kind) is tuple:
            _check_numbers(field, value)
        elif not _is_within(field, value, whole=kind is int):
            wanted = "a whole number" if kind is int else "a number"
            raise InputError(f"{field.name} = {value!r}: must be {wanted} {_limits(field)}")


def _check_numbers(field: "dataclasses.Field[Any]", values: Any) -> None:
    if not isinstance(values, tuple) or not all(_is_within(field, value, whole=False) for value in values):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # being checked
        raise InputError(f"{field.name} = {values!r}: must be a list of numbers {_limits(field)}")


def _is_within(field: "dataclasses.Field[Any]", value: object, *, whole: bool) -> bool:
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return field.metadata["low"] <= value <= field.metadata["high"]


def _limits(field: "dataclasses.Field[Any]") -> str:
    low, high = field.metadata["low"], field.metadata["high"]
    return f"from {low:g} to {high:g}" if high != float("inf") else f"of at least {low:g}"
