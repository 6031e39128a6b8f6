"""Checks of single values. Each raises InputError with the value's name, the value, and what would work."""

from collections.abc import Iterable

from resnets.base.errors import InputError

MOST_ITEMS = 16  # of a list of counts: a network's stages, a stem's layers


def check_type(name: str, value: object, kind: type) -> None:
    """`value` must be a `kind`: true or false, or a table of fields."""
    if not isinstance(value, kind):
        raise InputError(f"{name} = {value!r}: must be {'true or false' if kind is bool else 'a table of its fields'}")


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """`value` must be one of `choices`."""
    if value not in (known := tuple(choices)):
        raise InputError(f"{name} = {value!r}: must be one of {', '.join(known)}")


def check_count(name: str, value: object, most: int, *, least: int = 1) -> None:
    """`value` must be a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{name} = {_brief(value)}: must be a whole number from {least} to {most:,}")


def check_share(name: str, value: object) -> None:
    """`value` must be a number from 0 to below 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise InputError(f"{name} = {_brief(value)}: must be a number from 0 to below 1")


def check_counts(name: str, values: object, most: int) -> None:
    """`values` must be a tuple of 1 to 16 whole numbers from 1 to `most`."""
    if not isinstance(values, tuple) or not 1 <= len(values) <= MOST_ITEMS:  # pyright: ignore[reportUnknownArgumentType] # what the tuple holds is checked below
        raise InputError(
            f"{name} = {_brief(values)}: must be a list of whole numbers, one for each stage or layer, of which there "  # pyright: ignore[reportUnknownArgumentType] # as below
            f"are at most {MOST_ITEMS}"
        )
    for position, value in enumerate(values):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # what the tuple holds is what is being checked
        check_count(f"{name}[{position}]", value, most)  # pyright: ignore[reportUnknownArgumentType] # as above


def _brief(value: object) -> str:
    """The value as Python writes it, cut to a line."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:80]} ..."
