"""What checks the annotations of `resnets` in tests: beartype, where a whole number will do for a float (PEP 484).

jaxtyping's hook puts its own wrapper around every function, and that wrapper costs twenty times what beartype does.
Only a function that names shapes needs it, to hold them against one another; every other gets beartype alone. A
function is checked when it is first called, and on so many calls of each test that what goes wrong is met.
"""

import dataclasses
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

OFTEN, SELDOM = 5, 31  # calls of a function that are checked in each test; after them one in so many (a prime)

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
by_jaxtyping = jaxtyping.jaxtyped
test = 0  # which one runs


def install() -> None:
    """Have every module of `resnets` that is imported from now on checked as it runs."""
    setattr(jaxtyping, "jaxtyped", checked)  # noqa: B010 # what the hook writes above every function and class
    jaxtyping.install_import_hook("resnets", f"{__name__}.check")


def begin() -> None:
    """The calls of a new test are counted from now on."""
    global test  # noqa: PLW0603 - every function looks at it
    test += 1


def checked(of: Any = None, *, typechecker: Any) -> Any:
    """A class, of which only dataclasses are checked, as they are made; or a function, unless checks are off."""
    if of is None:
        return partial(checked, typechecker=typechecker)
    if isinstance(of, type):
        if dataclasses.is_dataclass(of) and "__init__" in vars(of):
            setattr(of, "__init__", checked(of.__init__, typechecker=typechecker))  # noqa: B010 # a slot wrapper's type
        return of
    if isinstance(of, classmethod | staticmethod):
        return type(of)(checked(of.__func__, typechecker=typechecker))
    if isinstance(of, property):
        return property(of.fget and checked(of.fget, typechecker=typechecker), of.fset, of.fdel)
    return _checked(of)


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    guarded: Callable[..., Any] | None = None
    calls, within = 0, 0

    @wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        nonlocal guarded, calls, within
        if within != test:
            calls, within = 0, test
        calls += 1
        if jaxtyping.config.jaxtyping_disable or (calls > OFTEN and calls % SELDOM):
            return function(*args, **kwargs)
        if guarded is None:
            guarded = by_jaxtyping(function, typechecker=check) if _names_shapes(function) else check(function)
        return guarded(*args, **kwargs)

    return either


def _names_shapes(function: Callable[..., Any]) -> bool:
    """Whether an annotation holds a shape. One that cannot be read as it runs counts too: jaxtyping lets it pass."""
    try:
        return any(map(_is_shape, get_type_hints(function, include_extras=True).values()))
    except (NameError, AttributeError):
        return True


def _is_shape(annotation: Any) -> bool:
    if isinstance(annotation, list):  # the parameters of a Callable
        return any(map(_is_shape, annotation))
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    return any(map(_is_shape, get_args(annotation)))
