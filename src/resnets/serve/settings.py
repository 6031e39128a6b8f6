"""Who may ask a server what."""

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from resnets.base.errors import InputError
from resnets.serve.limits import Limits, Refused

SHORTEST_KEY = 16  # characters
OPEN = ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")  # need no key
OPEN_FOLDERS = ("/static/",)  # the page's own files, which hold nothing of the classifiers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server is told when it starts. Raises InputError for what cannot work."""

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()  # names that a client may call this server by
    origins: tuple[str, ...] = ()  # of web pages elsewhere that may use it, such as https://lab.example.org
    threads: int | None = None  # by default one a core
    drain: float = 0.0  # seconds that a server which is told to stop goes on, saying that it is not ready
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise InputError(f"port {self.port}: must be a whole number from 0 to 65535")
        if self.key is not None and (len(self.key) < SHORTEST_KEY or not re.fullmatch(r"[\x21-\x7e]+", self.key)):
            raise InputError(f"the key must have at least {SHORTEST_KEY} characters of ASCII, without spaces")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads = {self.threads}: must be at least 1")
        if not 0 <= self.drain <= 3600:
            raise InputError(f"drain = {self.drain:g}: must be a number of seconds from 0 to 3600")
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
                raise InputError(f"origin {origin!r}: must be such as https://lab.example.org, without a path")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or _is_loopback(self.host)


@dataclass(frozen=True, kw_only=True)
class Workforce:
    """How many replicas compute, and where. Raises InputError for what cannot work."""

    least: int = 1
    most: int = 1
    address: str | None = None  # of a Ray cluster that runs; by default one is started on this machine

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise InputError(f"replicas from {self.least} to {self.most}: at least 1, and no more than the last")

    @classmethod
    def of(cls, replicas: str, address: str | None = None) -> "Workforce":
        """Of a number, or a range such as 1:4. Raises InputError."""
        found = re.fullmatch(r"(\d{1,4})(?::(\d{1,4}))?", replicas)
        if found is None:
            raise InputError(f"--replicas {replicas}: must be a number such as 2, or a range such as 1:4")
        return cls(least=int(found[1]), most=int(found[2] or found[1]), address=address)


def check_host(settings: Settings, host: str | None) -> None:
    """Raise Refused unless a client calls the server by an address, `localhost`, or a name that is allowed.

    A web page that has a name of its own point at this server (DNS rebinding) comes with that name.
    """
    if host is None:
        raise Refused(400, "no_host", "the request has no Host header")
    name = _name(host)
    if name is None or not (_is_address(name) or name == "localhost" or name in map(str.lower, settings.hosts)):
        raise Refused(421, "foreign_host", "this server isn't known by that name; its owner can allow it: --allow-host")


def check_origin(settings: Settings, host: str, headers: dict[str, str], *, navigates: bool) -> None:
    """Raise Refused for what a web page of another origin asks, unless that origin is allowed.

    navigates: whether a browser follows a link, whose answer the other page does not see.
    """
    origin = headers.get("origin")
    foreign = Refused(403, "foreign_origin", "a web page of another origin may not use this server")
    if origin is not None:
        if origin not in settings.origins and urlsplit(origin).netloc.lower() != host.lower():
            raise foreign
    elif headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not navigates:
        raise foreign


def check_key(settings: Settings, path: str, authorization: str | None) -> None:
    """Raise Refused unless the request has the key, or needs none. Takes as long for any wrong key."""
    if settings.key is None or path in OPEN or path.startswith(OPEN_FOLDERS):
        return
    scheme, _, given = (authorization or "").partition(" ")
    if not hmac.compare_digest(given.strip().encode(), settings.key.encode()) or scheme.lower() != "bearer":
        raise Refused(401, "wrong_key", "the key is missing or wrong; send it as Authorization: Bearer KEY")


def security_headers(
    *, extra_scripts: Iterable[str] = (), inline_styles: bool = False, forms: bool = False
) -> dict[str, str]:
    """What every answer tells a browser: to run and load nothing but this server's own files.

    extra_scripts: hashes of scripts within a page, as CSP writes them. forms: whether the page sends forms to this
    server. Their origin is checked, and without a referrer a browser calls it null.
    """
    styles = "'self' 'unsafe-inline'" if inline_styles else "'self'"
    policy = {
        "default-src": "'none'", "script-src": " ".join(("'self'", *extra_scripts)), "style-src": styles,
        "img-src": "'self' blob: data:", "connect-src": "'self'", "base-uri": "'none'",
        "form-action": "'self'" if forms else "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin" if forms else "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    }


def _name(host: str) -> str | None:
    """The name in a Host header, without its port; None where it is none."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?", host)
    return None if found is None else found[1].lower().strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
