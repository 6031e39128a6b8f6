"""Weights by name: a file, a URL, a row of published weights, or a repository of the Hugging Face Hub in timm's layout.

A repository holds config.json (timm's: network, classes, preprocessing) and model.safetensors or pytorch_model.bin.
It is read through huggingface_hub and its cache, and so are HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and the login.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.base.reading import read_text
from resnets.catalog import Published
from resnets.classifier.header import shortly
from resnets.weights import timm_config
from resnets.weights.download import cached_at, download
from resnets.weights.hub_files import WEIGHTS, cache, careful, named_file, quiet, weights_file, why_unreachable
from resnets.weights.published import PRETRAINED, Pretrained, nearest_names

log = logging.getLogger(__name__)

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
    with quiet(), careful(repository):
        unreachable = why_unreachable(repository, revision)
        config = named_file(repository, "config.json", revision, unreachable, watch)
        commit = config.parent.name
        described = timm_config.read(_parsed(config, repository), repository)  # before the weights come
        path = weights_file(repository, commit, unreachable, watch)
    found = replace(_with(described, path, origin=f"{repository}@{commit[:12]}"), cached=True)
    return replace(found, published=row.published, licence=row.licence) if row else found


def _is_inside(name: str) -> bool:
    """Whether a name, its parts taken as folders, stays in the folder that it is put in."""
    return all(part and not part.startswith(".") for part in name.split("/"))


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


def _parsed(path: Path, repository: str) -> Mapping[str, Any]:
    try:
        config = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:  # among them ours, of a file that is too large
        raise InputError(f"{repository}: config.json cannot be read ({shortly(error)}); it is {path}") from error
    if not isinstance(config, dict):
        raise InputError(f"{repository}: config.json holds a {type(config).__name__}, not timm's table of fields")
    return config
