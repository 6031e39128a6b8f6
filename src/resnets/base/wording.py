"""Messages name options as their reader gives them: `--skip-bad` on the command line, `skip_bad=True` from Python.

The library writes them as the command line has them, and `worded` translates for whoever calls from Python.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

_FLAGS = "skip-bad|resume|new-head|trust|embeddings|tensorboard|weights"  # in Python: True
_TRANSLATIONS = (  # compiled when they are first needed, which on the command line is never
    (r"or give --spec FILE\.toml", "give a ResNetSpec, or the path of a .toml file"),
    (r"the same command with --resume", "the same call with resume=True"),
    (r"run the same command again", "make the same call again"),
    (r"the same command", "the same call"),
    (r" \(`resnets recipe list`\)", ""),
    (r"; `resnets predict --help` lists the options", ""),
    (r"--(engine|format) ([a-z]+)", r'\1="\2"'),
    (r"`resnets list((?: --weights)?)`", r"`resnets list_networks\1`"),
    (rf"`resnets (\w+) --({_FLAGS})`", r"`resnets.\1(..., \2=True)`"),
    (r"`resnets check --fix-list FILE`", "`resnets.check(..., fix_list=FILE)`"),
    (r"`resnets (show|check|convert|export|train|predict|evaluate|list_networks)`", r"`resnets.\1`"),
    (r"`resnets (show|convert|export|train) ([\w./-]+)`", r'`resnets.\1("\2")`'),
    (r"--epochs (\d+)", r"epochs=\1"),
    (r"--weights (\S*[/.]\S*)", r'weights="\1"'),
    (r"--set ([\w.]+)=([^\s,;)`]+)", r'settings={"\1": \2}'),
    (r"--set\b", "settings="),
    (r"--(skip-bad|resume|new-head|trust|embeddings|tensorboard|overwrite)\b", r"\1=True"),
    (r"(?<![\w-])-o\b", "out="),
    (r"(?<![\w-])--([a-z][a-z-]*[a-z]) (?=[A-Z\d])", r"\1="),  # and its value
    (r"(?<![\w-])--([a-z][a-z-]*[a-z])\b", r"\1="),
)
_NAME = re.compile(r"[a-z]+(?:-[a-z]+)+(?==)")  # skip-bad=: an option's name, as Python cannot spell it

_readers: list[str] = []  # who reads: the command line while it runs, and else Python


def worded(text: str) -> str:
    """A message in the words of its reader."""
    if _readers:
        return text
    for pattern, python in _TRANSLATIONS:
        text = re.sub(pattern, python, text)
    return _NAME.sub(lambda name: name[0].replace("-", "_"), text)


@contextmanager
def on_the_command_line() -> Iterator[None]:
    """While it lasts, messages name options as the command line has them."""
    _readers.append("command line")
    try:
        yield
    finally:
        _readers.pop()
