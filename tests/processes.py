"""Processes that a test stops, kills or limits: forked from one that has loaded torch and all that a run needs.

Loading takes seconds, and each of these would do it anew. What they load is the package as users have it: no annotation
is checked in them.
"""

import multiprocessing
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

LOADED = [
    "resnets.runs.run", "resnets.bulk.run", "resnets.cli.train", "resnets.cli.predict", "resnets.cli.convert",
    "torch._dynamo", "pyarrow.parquet", "scipy.optimize", "matplotlib",
]  # fmt: skip


def begun(function: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """A process that runs a function of a module of the tests, in this one's folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


class Command:
    """`resnets` with these words, as from a shell: what it says goes to a file, which may be read as it runs.

    limit: bytes that it may write to one file. stdin: what it reads. rank, size, port: as one of several processes that
    train together, as `torchrun` begins them.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, *, limit: int | None = None, stdin: Path | None = None,
        rank: int = 0, size: int = 0, port: int = 0,
    ) -> None:  # fmt: skip
        self.out, self.err = folder / f"command-{rank}.out", folder / f"command-{rank}.err"
        for path in (self.out, self.err):
            path.write_text("")
        places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
        variables = {name: str(value) for name, value in places.items()} | {"MASTER_ADDR": "127.0.0.1"} if size else {}
        streams = (str(self.out), str(self.err), stdin and str(stdin))
        self.process = begun(_run, list(words), streams, limit, variables)

    def wait_for(self, said: str) -> None:
        """Until it has said this on standard error. Fails the test if it ends before."""
        while said not in self.err.read_text():
            self.process.join(0.02)
            assert self.process.is_alive(), self.err.read_text()

    def send(self, number: int) -> None:
        """A signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it said on standard error, when it has ended."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode, self.err.read_text()


def free_ports(count: int) -> list[int]:
    """Ports of this machine at which nobody listens."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def together(words: Sequence[str], folder: Path, size: int) -> list[Command]:
    """The same command in so many processes that train together."""
    (port,) = free_ports(1)
    return [Command(words, folder, rank=rank, size=size, port=port) for rank in range(size)]


def _run(words: list[str], streams: tuple[str, str, str | None], limit: int | None, variables: dict[str, str]) -> None:
    out, err, stdin = streams
    os.environ |= variables
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - they last as long as this
    if stdin is not None:
        os.dup2(os.open(stdin, os.O_RDONLY), 0)
        sys.stdin = open(0)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    from resnets.cli import main

    main(words)
