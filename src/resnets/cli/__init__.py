"""The command line. Each verb is a thin file of its own, imported when it is called."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from resnets.errors import InputError, Interrupted, RunFailed


def _version() -> str:
    from importlib.metadata import version

    return version("resnets")


app = App(
    name="resnets",
    help="Residual networks: see them, train them on your images, trust what they say, ship them.",
    help_epilogue="A first run: `resnets train digits`. Errors are one line; `--debug` adds the traceback.",
    version=_version,
)
app.command("resnets.cli.list:list_networks", name="list", help="List the networks: parameters, MACs, accuracy.")
app.command("resnets.cli.show:show", name="show", help="Show a network stage by stage and operation by operation.")
app.command("resnets.cli.train:train", name="train", help="Train a classifier on labelled images.")
app.command("resnets.cli.evaluate:evaluate", name="evaluate", help="Score a classifier on labelled images.")
app.command("resnets.cli.predict:predict", name="predict", help="Say what is on images.")
app.command("resnets.cli.convert:convert", name="convert", help="Make a classifier of weights that others trained.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the run failed, 2 the input cannot work, 128 + n stopped by signal n."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    try:
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (CycloptsError, InputError) as error:
        _fail(error, 2, debug)
    except Interrupted as error:
        _fail(error, 128 + error.signal, debug)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (RunFailed, OSError, MemoryError) as error:
        _fail(error, 1, debug)
    except Exception as error:  # a fault of ours: still one line, and how to see more
        _fail(
            RuntimeError(f"{type(error).__name__}: {error}; this is a fault in resnets, --debug shows where"), 1, debug
        )


def _fail(error: BaseException, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    message = " ".join(str(error).split()) or type(error).__name__
    sys.stderr.write(f"resnets: {message}\n")
    sys.exit(code)
