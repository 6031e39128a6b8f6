"""What a notebook shows without being asked: progress, reasons, and small tables of values."""

import html
import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.wording import worded

_PAUSE = 0.1  # seconds between two drawings of a bar


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this code; IPython in a terminal has none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def watching(watch: Watch | None) -> Iterator[Watch]:
    """`watch`, or where there is none: in a notebook a bar, with the reasons above it, and elsewhere nothing."""
    if watch is not None or not in_notebook():
        yield watch or unwatched
        return
    logger, reasons = logging.getLogger("resnets"), _Reasons()
    level = logger.level
    logger.addHandler(reasons)
    logger.setLevel(logging.INFO)
    try:
        yield _Bar()
    finally:
        logger.removeHandler(reasons)
        logger.setLevel(level)


class _Reasons(logging.Handler):
    """What the library logs, as lines under the cell."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(f"{worded(record.getMessage())}\n")


class _Bar:
    """One display under the cell, which always shows the task at hand."""

    def __init__(self) -> None:
        self.place: Any = None  # the display, once there is something to show
        self.drawn = -math.inf  # when, in seconds
        self.task = ""

    def __call__(self, progress: Progress) -> None:
        from IPython.display import HTML, display  # pyright: ignore # only a notebook has it

        now = time.monotonic()
        if progress.task == self.task and progress.done < progress.total and now < self.drawn + _PAUSE:
            return
        self.task, self.drawn = progress.task, now
        content = HTML(_bar(progress))
        if self.place is None:
            self.place = display(content, display_id=True)
        else:
            self.place.update(content)


def _bar(progress: Progress) -> str:
    figures = "".join(f", {name} {value}" for name, value in progress.figures.items())
    words = html.escape(f"{progress.task}: {progress.done:,} of {progress.total:,}{figures}")
    return f'<progress value="{progress.done}" max="{progress.total}" style="width:16em"></progress> {words}'


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Names and values as a small HTML table."""
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><caption><b>{html.escape(title)}</b></caption>{cells}</table>"
