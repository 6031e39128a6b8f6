"""Which of a classifier's outputs each class of some data means."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int64

from resnets.base.errors import InputError, nearest

ClassMap = Mapping[str, str | int]  # from the data's class to the classifier's class, or to the number of its output


def outputs(
    data: str, theirs: tuple[str, ...], ours: tuple[str, ...], class_map: ClassMap | None
) -> Int64[np.ndarray, " classes"]:
    """The place among a classifier's outputs of each class of the data.

    data: what a message calls the data. theirs: its classes. ours: the classifier's. Raises InputError, with the
    difference, when the classes are not the same and no class map says which means which.
    """
    if class_map is not None:
        return np.array([_output(name, ours, class_map) for name in theirs], dtype=np.int64)
    extra = [name for name in theirs if name not in ours]
    lacking = [name for name in ours if name not in theirs]
    if extra or lacking:
        raise InputError(
            f"{data}: its classes are not the classifier's; only in the data: {_some(extra)}; only in the "
            f"classifier: {_some(lacking)}; a class map says which class means which"
        )
    return np.array([ours.index(name) for name in theirs], dtype=np.int64)


def _output(name: str, ours: tuple[str, ...], class_map: ClassMap) -> int:
    if name not in class_map:
        raise InputError(f"class map: {name!r} is in the data and not in the map; {nearest(name, class_map)}")
    output = class_map[name]
    if isinstance(output, str) and output in ours:
        return ours.index(output)
    if isinstance(output, str) and output.isdecimal():  # a number where no class is called so
        output = int(output)
    if isinstance(output, int) and 0 <= output < len(ours):
        return output
    raise InputError(
        f"class map: {name!r} means {output!r}, which is neither a class nor one of the outputs, 0 to {len(ours) - 1}; "
        f"{nearest(str(output), ours)}"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "none"
