"""Which of a classifier's outputs each class of some data means."""

from collections.abc import Collection, Mapping

import numpy as np
from jaxtyping import Int64

from resnets.base.errors import InputError, nearest
from resnets.base.names import composed

ClassMap = Mapping[str, str | int]  # from the data's class to the classifier's class, or to the number of its output


def outputs(
    data: str,
    theirs: tuple[str, ...],
    ours: tuple[str, ...],
    class_map: ClassMap | None,
    *,
    present: Collection[str] | None = None,
) -> Int64[np.ndarray, " classes"]:
    """The place among a classifier's outputs of each class of the data; -1 for one that is none of them.

    data: what a message calls the data. theirs: its classes, which may be some of the classifier's. ours: the
    classifier's. present: the classes that have images, where not all do; the others need not be the classifier's.
    Raises InputError, with the difference, when a class that has images is not the classifier's and no class map says
    which is meant. Names are compared in Unicode's composed form.
    """
    places = {composed(name): place for place, name in enumerate(ours)}
    needed = set(map(composed, theirs if present is None else present))
    theirs = tuple(map(composed, theirs))
    if class_map is not None:
        meanings = {composed(name): output for name, output in class_map.items()}
        found = [_output(name, places, meanings) if name in needed or name in meanings else -1 for name in theirs]
        return np.array(found, dtype=np.int64)
    extra = [name for name in theirs if name in needed and name not in places]
    if extra:
        lacking = [name for name in places if name not in theirs]
        raise InputError(
            f"{data}: its classes are not those of the classifier; only in the data: {_some(extra)}; only in the "
            f"classifier: {_some(lacking)}; a class map says which class means which"
        )
    return np.array([places.get(name, -1) for name in theirs], dtype=np.int64)


def _output(name: str, places: Mapping[str, int], class_map: ClassMap) -> int:
    if name not in class_map and name in places:  # a name that both have needs no line
        return places[name]
    if name not in class_map:
        raise InputError(f"class map: class {name!r} of the data is not in the map; {nearest(name, class_map)}")
    output = class_map[name]
    if isinstance(output, str) and composed(output) in places:
        return places[composed(output)]
    if isinstance(output, str) and output.isdecimal():  # a number where no class is called so
        output = int(output)
    if isinstance(output, int) and 0 <= output < len(places):
        return output
    raise InputError(
        f"class map: {name!r} maps to {output!r}, which is neither a class nor an output number, 0 to "
        f"{len(places) - 1}; {nearest(str(output), places)}"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "none"
