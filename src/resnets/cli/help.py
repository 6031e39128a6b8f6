"""What `--help` shows beside the docstring of a verb: the examples at the end, and which defaults are worth a word."""

import inspect
from collections.abc import Callable
from typing import Any

EXAMPLES = "Examples\n--------\n"


def examples(verb: Callable[..., Any]) -> str:
    """The commands under "Examples" in the verb's docstring, one a line, as Markdown."""
    _, _, commands = (inspect.getdoc(verb) or "").partition(EXAMPLES)
    lines = "\\\n".join(f"`{command}`" for command in commands.splitlines() if command)
    return f"Examples:\n\n{lines}" if lines else ""


def default(value: Any) -> str | None:
    """A default as help shows it. An option that is off, or that has no value, says nothing."""
    if value is None or value is False:
        return None
    return "on" if value is True else str(value)
