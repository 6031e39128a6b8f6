"""What a server accepts, and what it says to a request that it does not accept."""

from dataclasses import dataclass

from resnets.base.errors import InputError

RETRY_AFTER = 1  # seconds after which a client that met a full queue may ask again


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one server. Raises InputError for one that cannot work."""

    body: int = 32 << 20  # bytes of one request
    bodies: int = 256 << 20  # bytes of all requests that are being read or answered
    pixels: int = 50_000_000  # of one image
    images: int = 64  # of one request
    queue: int = 256  # images that wait or are being computed
    seconds: float = 30.0  # from a request's last byte to its answer
    body_seconds: float = 30.0  # from a request's head to its last byte
    head_seconds: float = 10.0  # from the first byte of a request to the end of its head
    idle_seconds: float = 30.0  # that a connection stays open without a request
    connections: int = 1024
    head: int = 64 << 10  # bytes of a request's address and headers

    def __post_init__(self) -> None:
        for name in ("body", "bodies", "pixels", "images", "queue", "connections", "head"):
            if getattr(self, name) < 1:
                raise InputError(f"limit of {name} = {getattr(self, name)}: must be at least 1")
        for name in ("seconds", "body_seconds", "head_seconds", "idle_seconds"):
            if not getattr(self, name) > 0:
                raise InputError(f"limit of {name} = {getattr(self, name)}: must be more than 0")


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is not answered: its status, a word that programs can test, and a sentence for people.

    The sentence names no file, version or address of the server's.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after

    def headers(self) -> dict[str, str]:
        """What the answer's head says of it."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def busy(message: str) -> Refused:
    """The server has too much to do: 503, and when to try again."""
    return Refused(503, "busy", message, retry_after=RETRY_AFTER)
