"""The command line. Each verb is a thin file of its own, which imports what is heavy when it is called."""

import gc
import sys
from collections.abc import Sequence
from types import ModuleType

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit, as `resnets.cli.app` has it."""
    try:
        app = _loaded()
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and "failed to map segment" not in str(error):
            raise
        sys.exit(f"resnets: too little memory to start ({error or 'no more available'}); free some")
    app.main(arguments)


def _loaded() -> ModuleType:
    """The application. What its modules make stays, so nothing of it is ever looked through for garbage."""
    if "resnets.cli.app" in sys.modules or not gc.isenabled():
        from resnets.cli import app

        return app
    gc.disable()
    try:
        from resnets.cli import app
    finally:
        gc.freeze()
        gc.enable()
    return app
