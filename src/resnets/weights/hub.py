"""Weights by name: a file, a URL, a row of published weights, or a repository of the Hugging Face Hub in timm's layout.

A repository holds config.json (timm's: network, classes, preprocessing) and model.safetensors or pytorch_model.bin.
It is read through huggingface_hub and its cache, and so are HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and the login.
"""

import contextlib
import io
import json
import logging
import os
import re
import threading
import warnings
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress, Watch, unwatched
from resnets.base.reading import read_text
from resnets.catalog import Published
from resnets.classifier.header import shortly
from resnets.weights import timm_config
from resnets.weights.download import cached_at, download, offline
from resnets.weights.limits import Budget
from resnets.weights.published import PRETRAINED, Pretrained, nearest_names

log = logging.getLogger(__name__)

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # of a repository, in the order in which we look
TIMEOUT = 10.0  # seconds for the Hub's first answer

_NAMED = ("x-repo-commit", "etag", "x-linked-etag", "x-xet-hash")  # headers that huggingface_hub names files after
_WAITS = ("retry-after", "ratelimit")  # headers that say for how long to wait
_HARMLESS = re.compile(r'(?:W/)?"?\w[\w.+=-]{0,199}"?')  # no separator, and no dot in front

_REPOSITORY = re.compile(r"(?P<id>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[\w./-]+))?")
_FILE = re.compile(r".*\.(pth|pt|th|bin|safetensors|ckpt|tar|xz)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Weights on this machine, and what their publisher says of them; None where nothing is said."""

    path: Path
    origin: str  # the row's name, the URL or the repository and its commit; the path of a local file
    network: str | None = None  # its name in the catalog
    fields: dict[str, Any] | None = None  # of its spec that differ from the catalog's
    preprocessing: dict[str, Any] | None = None  # fields of `Preprocessing`
    classes: tuple[str, ...] | None = None
    published: Published | None = None
    licence: str | None = None
    cached: bool = False  # whether the file is a download in a cache, and so ours to remove

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of weights that are not simply a local file."""
        if self.origin == str(self.path):
            return ()
        licence = f", licence {self.licence}" if self.licence else ""
        accuracy = f"published top-1 {100 * self.published.top1:.2f}% ({self.published.by})" if self.published else ""
        return tuple(note for note in (f"{self.origin}: in {self.path}{licence}", accuracy) if note)


def fetch(name: str | Path, *, watch: Watch = unwatched) -> Fetched:
    """The weights called `name`, downloaded unless the cache has them.

    name: a file's path, or that of a folder with such a repository; the name of a row that `resnets list --weights`
    prints; a URL; or OWNER/NAME, hf-hub:OWNER/NAME or OWNER/NAME@REVISION of a Hub repository. What exists as a file
    comes before anything else of its name.

    Raises InputError when nothing is called so, or it can neither be reached nor found in the cache; RunFailed when the
    cache cannot be written.
    """
    text = str(name)
    if os.path.isfile(Path(text, "config.json")):  # noqa: PTH113 - which is no error for names that no file can have
        return _from_folder(Path(text))
    if os.path.exists(text):  # noqa: PTH110 - as above
        return Fetched(path=Path(text), origin=text)
    row = PRETRAINED.get(text.removeprefix("hf-hub:"))
    if re.match(r"https?://", text):
        return Fetched(path=download(text, watch=watch), origin=text, cached=True)
    if row is not None and row.file:
        return _of_row(row, download(row.where, watch=watch))
    if text.startswith("torchvision/"):  # nobody's on the Hub
        raise InputError(f"{text}: no published weights are called so; {nearest_names(text)}")
    repository = _REPOSITORY.fullmatch(text.removeprefix("hf-hub:"))
    if repository and not all(map(_is_inside, (repository["id"], repository["revision"] or "main"))):
        raise InputError(f"{text}: no name of a repository and its revision can have .. in it, or begin with a dot")
    if repository and (text.startswith("hf-hub:") or not _FILE.fullmatch(text)):
        return _from_hub(repository["id"], repository["revision"] or "main", row, watch)
    if _FILE.fullmatch(text) or "/" in text or os.sep in text:
        return Fetched(path=Path(text), origin=text)  # whoever reads it says that it is not there
    raise InputError(f"{text}: no such file, and no published weights are called so; {nearest_names(text)}")


def forget(fetched: Fetched) -> bool:
    """Remove a download from the cache, so that the next use fetches it anew. Whether it was one, and is gone."""
    if not fetched.cached:
        return False
    try:
        kept = fetched.path.resolve()
        fetched.path.unlink(missing_ok=True)
        if kept.is_relative_to(cache().resolve()):  # huggingface_hub's names are links to its blobs
            kept.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be read and cannot be removed (%s)", fetched.path, error.strerror or error)
        return False
    return True


def cached(row: Pretrained) -> Path | None:
    """Where a row's weights are on this machine, if they are."""
    if row.file:
        path = cached_at(row.where)
        return path if os.path.isfile(path) else None  # noqa: PTH113 - which is no error for folders closed to us
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(row.where, name, cache_dir=cache()) for name in WEIGHTS)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def cache() -> Path:
    """huggingface_hub's cache folder, as the environment names it now."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or Path(home, "hub")
    return Path(os.path.expandvars(named)).expanduser()


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or the Hub itself."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _of_row(row: Pretrained, path: Path) -> Fetched:
    return Fetched(
        path=path,
        origin=row.name,
        network=row.network,
        preprocessing=dict(row.preprocessing),
        published=row.published,
        licence=row.licence,
        cached=True,
    )


def _from_folder(folder: Path) -> Fetched:
    """A repository that lies in a folder, as a clone of it or timm's save_for_hf leaves it."""
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise InputError(f"{folder}: has a config.json, but neither {' nor '.join(WEIGHTS)} beside it")
    described = timm_config.read(_parsed(folder / "config.json", str(folder)), str(folder))
    return _with(described, path, origin=str(folder))


def _from_hub(repository: str, revision: str, row: Pretrained | None, watch: Watch) -> Fetched:
    with quiet(), _careful(repository):
        unreachable = _unreachable(repository, revision)
        config = _file(repository, "config.json", revision, unreachable, watch)
        commit = config.parent.name
        described = timm_config.read(_parsed(config, repository), repository)  # before the weights come
        path = _weights(repository, commit, unreachable, watch)
    found = replace(_with(described, path, origin=f"{repository}@{commit[:12]}"), cached=True)
    return replace(found, published=row.published, licence=row.licence) if row else found


def _is_inside(name: str) -> bool:
    """Whether a name, its parts taken as folders, stays in the folder that it is put in."""
    return all(part and not part.startswith(".") for part in name.split("/"))


@contextlib.contextmanager
def _careful(repository: str) -> Generator[None]:
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


def _with(described: timm_config.Described, path: Path, *, origin: str) -> Fetched:
    return Fetched(
        path=path,
        origin=origin,
        network=described.network,
        fields=described.fields,
        preprocessing=described.preprocessing,
        classes=described.classes,
        licence=described.licence,
    )


def _unreachable(repository: str, revision: str) -> InputError | None:
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


def _weights(repository: str, commit: str, unreachable: InputError | None, watch: Watch) -> Path:
    from huggingface_hub.errors import EntryNotFoundError

    for name in WEIGHTS:
        with contextlib.suppress(EntryNotFoundError):
            return _download(repository, name, commit, unreachable, watch)
    raise unreachable or InputError(f"{repository}: has neither {' nor '.join(WEIGHTS)}; it is not in timm's layout")


def _file(repository: str, name: str, revision: str, unreachable: InputError | None, watch: Watch) -> Path:
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


def _parsed(path: Path, repository: str) -> Mapping[str, Any]:
    try:
        config = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:  # among them ours, of a file that is too large
        raise InputError(f"{repository}: config.json cannot be read ({shortly(error)}); it is {path}") from error
    if not isinstance(config, dict):
        raise InputError(f"{repository}: config.json holds a {type(config).__name__}, not timm's table of fields")
    return config


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
