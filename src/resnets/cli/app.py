"""The application: its verbs, and what becomes of their errors."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from resnets.cli.convert import convert
from resnets.cli.evaluate import evaluate
from resnets.cli.list import list_networks
from resnets.cli.predict import predict
from resnets.cli.show import show
from resnets.cli.train import train
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
for _order, _verb in enumerate((list_networks, show, train, evaluate, predict, convert)):
    app.command(_verb, name=_verb.__name__.removesuffix("_networks"), sort_key=_order)


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
