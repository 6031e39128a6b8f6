"""What a download may take before it is given up: bytes, seconds and requests, each with its environment variable."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from resnets.base.errors import InputError

USUAL: Mapping[str, int] = {  # of one file, all its attempts together
    "RESNETS_DOWNLOAD_BYTES": 16 << 30,
    "RESNETS_DOWNLOAD_SECONDS": 6 * 60 * 60,
    "RESNETS_DOWNLOAD_RETRIES": 100,
}


def limit(variable: str) -> int:
    """A limit, as the environment says or as usual. Raises InputError when it says no whole number."""
    text = os.environ.get(variable, "").strip() or str(USUAL[variable])
    if not text.isdecimal() or len(text) > 18:
        raise InputError(f"{variable} = {text!r:.80}: must be a whole number, such as {USUAL[variable]}")
    return int(text)


@dataclass(slots=True)
class Budget:
    """What is left of the limits of one file. Each method raises InputError, naming the variable, once none is."""

    where: str
    begun: float = field(default_factory=time.monotonic)
    requests: int = 0
    sockets: list[socket.socket] = field(default_factory=list[socket.socket])

    @contextlib.contextmanager
    def enforced(self) -> Generator[None]:
        """While it lasts, connections end when the time is over, though a server sends a byte now and then."""
        left = self.begun + limit("RESNETS_DOWNLOAD_SECONDS") - time.monotonic()
        timer = threading.Timer(min(max(0.0, left), threading.TIMEOUT_MAX), self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def connected(self, connection: socket.socket) -> None:
        """Remember what must end when the time is over."""
        self.check_time()
        self.sockets.append(connection)

    def _end(self) -> None:
        for connection in self.sockets:
            with contextlib.suppress(OSError):  # closed by now
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # beneath TLS, which another thread reads

    def request(self) -> None:
        """Count a request for the file, or for the rest of it."""
        self.check_time()
        self.requests += 1
        if self.requests > (most := limit("RESNETS_DOWNLOAD_RETRIES")) + 1:
            raise InputError(
                f"{self.where}: broke off again and again, {most + 1:,} times; try later, or set "
                "RESNETS_DOWNLOAD_RETRIES to more"
            )

    def received(self, size: int) -> None:
        """Check what has come of the file so far, or is announced, and how long it has taken."""
        if size > (most := limit("RESNETS_DOWNLOAD_BYTES")):
            raise InputError(
                f"{self.where}: has more than {most:,} bytes, the most that is downloaded; check the address, or set "
                "RESNETS_DOWNLOAD_BYTES to more"
            )
        self.check_time()

    def check_time(self) -> None:
        """Check how long the file has taken."""
        if time.monotonic() - self.begun > (most := limit("RESNETS_DOWNLOAD_SECONDS")):
            raise InputError(
                f"{self.where}: takes more than {most:,} seconds; try later, or set RESNETS_DOWNLOAD_SECONDS to more"
            )
