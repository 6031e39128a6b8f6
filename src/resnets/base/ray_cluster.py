"""A Ray cluster: one that runs, or a new one on this machine for as long as it is needed."""

import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from resnets.base.errors import InputError

_NO_REPORTS = {"RAY_USAGE_STATS_ENABLED": "0"}  # Ray would tell its makers of the cluster
_MODE, _TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"


@contextmanager
def connected(address: str | None, *, needs: str, extra: str, cpus: int | None = None) -> Generator[Any]:
    """Ray, connected to a cluster; one that was started for this is stopped at the end.

    address: of a cluster that runs; by default the one that this process is connected to, or a new one on this machine
    with so many `cpus`. needs: the part of Ray that is used, which our `extra` installs.
    Raises InputError when it cannot be used.
    """
    with _environment(_NO_REPORTS | ({} if address else _token())):
        yield from _connected(address, needs, extra, cpus)


def _connected(address: str | None, needs: str, extra: str, cpus: int | None) -> Generator[Any]:
    try:
        import ray
        import ray.exceptions

        import_module(needs)
    except ImportError:
        raise InputError(f"--engine ray needs Ray, which is not installed: pip install 'resnets[{extra}]'") from None
    ours = not ray.is_initialized()
    if ours:
        handler = signal.getsignal(signal.SIGTERM)
        where: dict[str, Any] = {"address": address} if address else {"address": "local", "num_cpus": cpus}
        try:
            # Without an address Ray would take that of RAY_ADDRESS, or of a cluster that happens to run here.
            ray.init(**where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # what Ray raises where it cannot start is a bare Exception
            what = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
            raise InputError(f"{what} cannot be used ({' '.join(str(error).split())[:200]})") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray puts one of its own there
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


@cache  # Ray reads it once in a process
def _token() -> dict[str, str]:
    """What has Ray ask everyone for a token: the ports of a cluster on this machine are open to others.

    Nothing where the user has chosen, or where Ray is loaded already, as it has then read what to do.
    """
    if "ray" in sys.modules or _MODE in os.environ:
        return {}
    return {_MODE: "token", _TOKEN: secrets.token_hex(32)}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    """Variables that are set in the block, unless the user has set them."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ |= new
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
