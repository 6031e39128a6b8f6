"""The verb that serves classifiers over HTTP."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resnets.base.errors import InputError

if TYPE_CHECKING:
    from resnets.serve.app import Application
    from resnets.serve.settings import Settings

PACKAGES = ("fastapi", "uvicorn", "starlette", "prometheus_client", "python_multipart", "httptools", "pydantic")
INSTALL = "pip install 'resnets[serve,export]'"


def serve(
    classifiers: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
    *,
    started: Callable[[str], None] | None = None,
    engine: Literal["local", "ray"] = "local",
    replicas: str | int | None = None,
    ray_address: str | None = None,
    **options: Any,
) -> None:
    """Answer over HTTP until SIGINT or SIGTERM: the web page at /, /v1/predict, and the open inference protocol.

    classifiers: files, runs' folders or exported files; by name in a mapping, or "NAME=PATH". started: is told the
    server's address once it listens. engine: "ray" has replicas compute, as many as `replicas` says (2, or "1:4" for
    what the load needs), on the Ray cluster at `ray_address` or a new one on this machine. options: the fields of
    `resnets.serve.settings.Settings`: host, port, key, hosts, origins, threads, drain and limits.
    Raises InputError for what the user can mend, RunFailed when replicas do not start.
    """
    for name, value in (("--replicas", replicas), ("--ray-address", ray_address)):
        if engine != "ray" and value is not None:
            raise InputError(f"{name} {value}: only works with --engine ray")
    with _packages():
        from resnets.serve import server
        from resnets.serve.settings import Workforce

        if engine == "local":
            server.run(_paths(classifiers), _settings(options), started=started)
            return
        workforce = Workforce.of(str(1 if replicas is None else replicas), ray_address)
        from resnets.serve import on_ray

        on_ray.run(_paths(classifiers), _settings(options), workforce, started=started)


def application(
    classifiers: str | Path | Sequence[str | Path] | Mapping[str, str | Path], **options: Any
) -> "Application":
    """What `serve` serves, as an ASGI application for another server. It takes the same options.

    The limits on slow heads and on connections are then the other server's.
    """
    with _packages():
        from resnets.serve import server

        return server.application(_paths(classifiers), _settings(options))


@contextmanager
def _packages() -> Generator[None]:
    """A missing package in the block is an InputError that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise InputError(f"serving needs the package {error.name}: {INSTALL}") from error


def _paths(classifiers: str | Path | Sequence[str | Path] | Mapping[str, str | Path]) -> dict[str, Path]:
    from resnets.serve.served import named_paths

    if isinstance(classifiers, Mapping):
        return named_paths([f"{name}={path}" for name, path in classifiers.items()])
    many = [classifiers] if isinstance(classifiers, str | Path) else classifiers
    return named_paths([str(one) for one in many])


def _settings(options: Mapping[str, Any]) -> "Settings":
    from resnets.serve.settings import Settings

    return Settings(**options)
