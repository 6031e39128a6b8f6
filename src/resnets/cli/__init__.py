"""The command line. Each verb is a thin file of its own, which imports what is heavy when it is called."""

from resnets.cli.app import main

__all__ = ["main"]
