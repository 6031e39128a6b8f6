"""What the verbs share: progress on standard error, results on standard output."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnets.base.errors import InputError
from resnets.base.files import check_place, write_whole
from resnets.base.launch import is_follower
from resnets.base.progress import Progress, Watch, unwatched
from resnets.view.table import UNPRINTABLE, Table, printable, render

if TYPE_CHECKING:
    from rich.console import Console

LAYOUT = "\n\t"  # what of all control characters a terminal may have from us
LONGEST_NAME = 65_536  # characters of a line of a list
LINE_EVERY = 5.0  # seconds between plain progress lines
SHORTEST_BAR = 8  # characters


@contextmanager
def watched() -> Iterator[Watch]:
    """Show progress and the library's log on standard error: a bar on a terminal, plain lines elsewhere.

    Of several processes that train together only the first shows anything.
    """
    if is_follower():
        yield unwatched
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with _logging_to(console):
        if not console.is_terminal:
            yield _Lines()
            return
        with _Bar(console) as bar:
            yield bar


def check_table(out: Path, *, json: bool, more: Sequence[str] = ()) -> bool:
    """Whether a verb's result goes to `out` as JSON: it was asked for, or the file ends in .json.

    more: endings that the verb writes besides. Raises InputError when nothing can be written there, or for an ending of
    another kind of file.
    """
    suffix = out.suffix.lower()
    known = {"": json, ".txt": json, ".json": True}
    if suffix not in known:
        others = "".join(f", {ending}" for ending in more)
        raise InputError(f"{out}: unknown ending; use one of .txt, .json{others}")
    check_place(out)
    return known.get(suffix, json)


def write_result(text: str, out: Path | None = None) -> None:
    """The verb's result: to `out` as it is, or to standard output without what would command a terminal.

    Of several processes only the first writes it.
    """
    if is_follower():
        return
    if out is not None:
        write_whole(out, text)
    else:
        sys.stdout.write(printable(text, keep=LAYOUT))


def write_note(text: str) -> None:
    """A line on standard error, without what would command a terminal."""
    sys.stderr.write(printable(text, keep=LAYOUT) + "\n")


def listed_names() -> Iterator[str]:
    """The lines of standard input. Raises InputError for one that is longer than any name."""
    if sys.stdin is None:  # closed by a caller
        return
    while line := sys.stdin.readline(LONGEST_NAME):
        if len(line) == LONGEST_NAME:
            raise InputError(f"standard input: a line has {LONGEST_NAME:,} characters or more; give one name per line")
        yield line


def as_json(document: Any) -> str:
    """One JSON document, its numbers strictly JSON's. What would command a terminal is as JSON escapes it."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return UNPRINTABLE.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def as_text(*tables: Table) -> str:
    """Tables in aligned columns."""
    return render(list(tables), "text")


class _Lines:
    """Progress where there is no terminal: now and then a line, and how long the rest should take."""

    def __init__(self) -> None:
        self.begun: dict[str, tuple[float, int]] = {}  # of each task: when it began, and how far it was then
        self.done: dict[str, int] = {}
        self.shown = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.done < self.done.get(progress.task, progress.done):  # begun anew, as validation is in each epoch
            del self.begun[progress.task]
        self.done[progress.task] = progress.done
        started, first = self.begun.setdefault(progress.task, (now, progress.done))
        if now - self.shown < LINE_EVERY or progress.done == first:
            return
        self.shown = now
        figures = "".join(f", {name} {value}" for name, value in progress.figures.items())
        left = (now - started) / (progress.done - first) * (progress.total - progress.done)
        write_note(f"{progress.task}: {progress.done:,} of {progress.total:,}{figures}, {_duration(left)} left")
        sys.stderr.flush()


class _Bar:
    """Progress on a terminal: a bar for the task at hand, with its figures and the time left."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self.bars = RichProgress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False), TimeRemainingColumn(), TextColumn("left"),
            console=console, transient=True, expand=True,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bar":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def __call__(self, progress: Progress) -> None:
        figures = printable(_fitting(progress, self.bars.console.width))
        if progress.task not in self.tasks:
            self.tasks[progress.task] = self.bars.add_task(
                printable(progress.task), total=progress.total, figures=figures
            )
        for name, task in self.tasks.items():
            if name == progress.task:
                self.bars.update(task, completed=progress.done, total=progress.total, figures=figures, visible=True)
            else:
                self.bars.update(task, visible=False)


def _fitting(progress: Progress, width: int) -> str:
    """As many figures, the first ones, as a line of `width` has room for beside task, bar, step and time left."""
    room = width - len(progress.task) - SHORTEST_BAR - len(f"{progress.total}/{progress.total}") - len("0:00:00 left")
    room -= 5  # a space behind each column
    text = ""
    for name, value in progress.figures.items():
        longer = f"{text}  {name} {value}".lstrip()
        if len(longer) > room:
            break
        text = longer
    return text


class _ConsoleHandler(logging.Handler):
    """Log records as lines above the bar."""

    def __init__(self, console: "Console") -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(record.getMessage(), keep=LAYOUT)
        self.console.print(text, markup=False, style="yellow" if record.levelno > logging.INFO else None)


@contextmanager
def _logging_to(console: "Console") -> Iterator[None]:
    logger = logging.getLogger("resnets")
    handler, level = _ConsoleHandler(console), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
