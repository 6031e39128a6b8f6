"""A file of a Hub repository, through huggingface_hub and its cache, within the limits of downloads.

HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and the login are read as huggingface_hub reads them.
"""

import contextlib
import io
import logging
import os
import re
import threading
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch
from resnets.classifier.header import shortly
from resnets.weights.download import offline
from resnets.weights.limits import Budget
from resnets.weights.published import nearest_names

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # of a repository, in the order in which we look
TIMEOUT = 10.0  # seconds for the Hub's first answer

_NAMED = ("x-repo-commit", "etag", "x-linked-etag", "x-xet-hash")  # headers that huggingface_hub names files after
_WAITS = ("retry-after", "ratelimit")  # headers that say for how long to wait
_HARMLESS = re.compile(r'(?:W/)?"?\w[\w.+=-]{0,199}"?')  # no separator, and no dot in front


def cache() -> Path:
    """huggingface_hub's cache folder, as the environment names it now."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or Path(home, "hub")
    return Path(os.path.expandvars(named)).expanduser()


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or the Hub itself."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


@contextlib.contextmanager
def careful(repository: str) -> Generator[None]:
    """huggingface_hub names files in its cache after what a server answers: refuse answers that lead out of it.

    It waits as long as a server asks it to, and for every byte anew: keep to the limits. Its Xet client keeps to none
    and can be told of none; without that header the same file comes by HTTP.
    """
    from huggingface_hub import close_session, get_session

    budgets: dict[str, Budget] = {}
    whole = Budget(repository)

    def trace(event: str, found: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            whole.connected(found["return_value"].get_extra_info("socket"))

    def begin(request: Any) -> None:
        whole.check_time()
        request.extensions = {**request.extensions, "trace": trace}

    def check(response: Any) -> None:
        for name in _WAITS:
            response.headers.pop(name, None)
        address = str(response.request.url)
        if response.request.method == "GET":
            budgets.setdefault(address, Budget(repository)).request()
            return
        for name in _NAMED:
            value = response.headers.get(name, "a")
            if not _HARMLESS.fullmatch(value):
                raise InputError(
                    f"{repository}: {endpoint()} answers with {name} = {value!r:.100}, which would leave the cache's "
                    "folder; it is no Hub: check HF_ENDPOINT"
                )

        response.headers.pop("x-xet-hash", None)

    close_session()  # connections from before, whose time is not counted
    session = get_session()
    before = session.event_hooks
    session.event_hooks = {
        "request": [*before.get("request", []), begin],
        "response": [*before.get("response", []), check],
    }
    try:
        with whole.enforced():
            yield
    except InputError:
        whole.check_time()  # that it broke off is then no news
        raise
    finally:
        session.event_hooks = before


def why_unreachable(repository: str, revision: str) -> InputError | None:
    """None when the Hub answers for the repository, and otherwise the error to raise if the cache has not got it.

    huggingface_hub itself asks again and again for half a minute before it says that there is no network.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled  # pyright: ignore[reportPrivateImportUsage] # that of httpx or httpx2, whichever it uses

    where = f"{repository}: not in the cache ({cache()}) at {revision}, and"
    if offline():
        return InputError(
            f"{where} RESNETS_OFFLINE or HF_HUB_OFFLINE says to stay offline; unset it, or give a local file"
        )
    hub = endpoint()
    try:
        urlsplit(hub).port  # noqa: B018 - which raises ValueError where there is none that could be
        url = hf_hub_url(repository, "config.json", revision=revision, endpoint=hub)
        found = get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=hub)
    except InputError:
        raise
    except HfHubHTTPError as error:
        hint = f"; {nearest_names(repository)}" if repository.startswith("timm/") else ""
        return InputError(f"{repository}: {_refusal(error.response.status_code, revision)}{hint}")
    except (HTTPError, OfflineModeIsEnabled, OSError, ValueError) as error:
        return InputError(
            f"{where} {hub} cannot be reached ({shortly(error)}); connect to the network, set HF_ENDPOINT to a "
            "mirror, or give a local file"
        )
    if found.commit_hash is None or found.etag is None:
        return InputError(f"{where} {hub} does not answer as the Hub does; check HF_ENDPOINT, or a proxy in the way")
    return None


def _refusal(status: int, revision: str) -> str:
    if status == 404:
        return f"has no config.json at {revision} on {endpoint()} (404); check the name: it must be in timm's layout"
    if status in (401, 403):
        return f"is not there, or not for everyone, on {endpoint()} ({status}); check the name, or `hf auth login`"
    return f"{endpoint()} answered {status}; try again later"


def weights_file(repository: str, commit: str, unreachable: InputError | None, watch: Watch) -> Path:
    from huggingface_hub.errors import EntryNotFoundError

    for name in WEIGHTS:
        with contextlib.suppress(EntryNotFoundError):
            return _download(repository, name, commit, unreachable, watch)
    raise unreachable or InputError(f"{repository}: has neither {' nor '.join(WEIGHTS)}; it is not in timm's layout")


def named_file(repository: str, name: str, revision: str, unreachable: InputError | None, watch: Watch) -> Path:
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return _download(repository, name, revision, unreachable, watch)
    except EntryNotFoundError as error:
        raise unreachable or InputError(f"{repository}: has no {name}; it is not in timm's layout") from error


def _download(repository: str, name: str, revision: str, unreachable: InputError | None, watch: Watch) -> Path:
    """One file of a repository, in the cache. Raises EntryNotFoundError when it is not there."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HTTPError  # pyright: ignore[reportPrivateImportUsage] # as above

    try:
        return Path(
            hf_hub_download(
                repository, name, revision=revision, cache_dir=cache(), endpoint=endpoint(), etag_timeout=TIMEOUT,
                local_files_only=unreachable is not None, tqdm_class=_bar(repository, watch),
            )
        )  # fmt: skip
    except (EntryNotFoundError, InputError):  # ours: a limit, or an answer that leaves the cache
        raise
    except RecursionError as error:  # huggingface_hub goes on where a download breaks off by calling itself
        raise InputError(f"{repository}: {name} broke off again and again; try later") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise InputError(f"{repository}: {name}: {endpoint()} answered {status}; try again later") from error
    except HTTPError as error:
        raise InputError(f"{repository}: {name} broke off ({shortly(error)}); try again later") from error
    except ValueError as error:  # a name that the Hub cannot have
        raise InputError(f"{repository}: {shortly(error)}") from error
    except OSError as error:
        if error.errno is None:  # huggingface_hub's own: the wrong number of bytes
            raise InputError(f"{repository}: {name} did not come whole ({shortly(error)})") from error
        raise RunFailed(
            f"{error.filename or cache()}: could not be written ({error.strerror}); make room, or set HF_HOME to "
            "another folder"
        ) from error


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """huggingface_hub says nothing of its own: what matters is raised, and progress goes to whoever watches."""
    theirs = logging.getLogger("huggingface_hub")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        theirs.setLevel(before)


def _bar(repository: str, watch: Watch) -> Any:
    """A progress bar for huggingface_hub that draws nothing, tells `watch`, and keeps to the limits."""
    from tqdm import tqdm

    task, budget = f"downloading {repository} (MB)", Budget(repository)

    class Bar(tqdm):  # pyright: ignore[reportMissingTypeArgument] # tqdm's stub is generic for iterables alone
        monitor_interval = 0  # no thread of its own

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            budget.received(round(max(self.n + (n or 0), self.total or 0)))
            return super().update(n)

        def display(self, *_: Any, **__: Any) -> None:
            watch(Progress(task, round(self.n / 1e6), round((self.total or self.n) / 1e6)))

        def update_transfer(self, _: float) -> None:
            """Nothing: what came over the network is counted when it is in the file."""

    Bar.set_lock(threading.RLock())
    return Bar
