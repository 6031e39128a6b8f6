"""The application: its verbs, and what becomes of their errors."""

import io
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from cyclopts import App, CycloptsError, Parameter

from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.base.wording import on_the_command_line
from resnets.cli.ablate import ablate
from resnets.cli.calibrate import calibrate
from resnets.cli.check import check
from resnets.cli.compare import compare
from resnets.cli.convert import convert
from resnets.cli.evaluate import evaluate
from resnets.cli.explain import explain
from resnets.cli.export import export
from resnets.cli.help import default, examples
from resnets.cli.hub import hub
from resnets.cli.list import list_networks
from resnets.cli.lr_find import lr_find
from resnets.cli.predict import predict
from resnets.cli.recipe import recipe
from resnets.cli.report import report
from resnets.cli.serve import serve
from resnets.cli.shard import shard
from resnets.cli.show import show
from resnets.cli.terminal import write_note
from resnets.cli.train import train
from resnets.view.table import printable

NARROWEST = 20  # columns


def _version() -> str:
    from importlib.metadata import version

    return version("resnets")


app = App(
    name="resnets",
    help="Residual networks: see them, train them on your images, trust what they say, ship them.",
    help_epilogue="Start with [bold]resnets train digits[/bold], which needs no data of your own. "
    "[bold]resnets COMMAND --help[/bold] explains a command, with examples. If a command fails, [bold]--debug[/bold] "
    "adds the traceback.",
    help_format="rich",  # Markdown takes a third of the time that this page takes; each command's own page has it
    version=_version,
    default_parameter=Parameter(show_default=default),
)
VERBS = (
    list_networks,
    show,
    check,
    shard,
    train,
    lr_find,
    evaluate,
    report,
    compare,
    calibrate,
    predict,
    explain,
    ablate,
    convert,
    export,
    serve,
)
for _order, _verb in enumerate(VERBS):
    _name = _verb.__name__.removesuffix("_networks").replace("_", "-")
    app.command(_verb, name=_name, sort_key=_order, help_epilogue=examples(_verb), help_format="markdown")
app.command(recipe)
app.command(hub)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the run failed, 2 the input cannot work, 128 + n stopped by signal n."""
    with on_the_command_line():
        _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(tokens: list[str]) -> None:
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    _leave_room()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of an image that cannot be used we say so ourselves
    _prepare_streams()
    try:
        with _terminable():
            try:
                app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
            finally:
                sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except CycloptsError as error:
        command = " ".join(("resnets", *(error.command_chain or ())))
        _fail(InputError(f"{error} `{command} --help` shows how to use it."), 2, debug)
    except InputError as error:
        _fail(error, 2, debug)
    except Interrupted as error:
        _fail(error, 128 + error.signal, debug)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except RunFailed as error:
        _fail(error, 1, debug)
    except OSError as error:  # files are named where they are opened; what is left is standard output
        told = RunFailed(f"{error.filename or 'standard output'}: {error.strerror or error}")
        _fail(_explained(error) if _lacks_memory(error) else told, 1, debug)
    except Exception as error:
        _fail(_explained(error), 1, debug)


def _leave_room() -> None:
    """Lay out for NARROWEST columns at least: help for fewer than 3 is never done."""
    said = os.environ.get("COLUMNS", "")
    with suppress(OSError):  # no terminal
        columns = int(said) if said.isdecimal() else os.get_terminal_size(1).columns or NARROWEST
        if columns < NARROWEST:
            os.environ["COLUMNS"] = str(NARROWEST)


def _prepare_streams() -> None:
    """Let closed streams swallow what they are given, and file names that are not UTF-8 come in and go out."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open as long as we run
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, cleaning up. Training puts handlers of its own in front."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise Interrupted("stopped before the end", signal=number)


def _explained(error: Exception) -> RuntimeError:
    """What to say of an error that nobody foresaw: too little memory, or a fault of ours and how to see more."""
    if isinstance(error, ImportError) and _lacks_memory(error):
        return RunFailed(f"too little memory to load the libraries ({' '.join(str(error).split())[:120]}); free some")
    if _lacks_memory(error):
        return RunFailed(
            f"out of memory ({str(error) or 'no more available'}); try a smaller batch (--batch-size; in training "
            "--set batch_size=N), smaller images or a smaller network"
        )
    return RuntimeError(f"{type(error).__name__}: {error}; this is a bug in resnets; --debug shows where")


def _lacks_memory(error: Exception) -> bool:
    """Whether it says, in whose words ever, that there is no more memory; so does a library that cannot be loaded."""
    words = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc", "failed to map segment")
    return isinstance(error, MemoryError) or any(one in str(error).lower() for one in words)


def _fail(error: BaseException, code: int, debug: bool) -> None:
    if debug:
        write_note(traceback.format_exc().rstrip())
    message = " ".join(str(error).split()) or type(error).__name__
    write_note(f"resnets: {printable(message)}")
    sys.exit(code)
