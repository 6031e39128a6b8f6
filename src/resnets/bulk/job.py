"""What a bulk prediction computes: a job, which is written down so that a later run can go on with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.data.views import Views

FORMAT = 2


class OtherFormat(Exception):  # noqa: N818 - a state of a file, not yet an error
    """A job that another version of resnets wrote."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be computed, but for the images themselves."""

    format: int = FORMAT
    classifier: str  # digest of its file
    classifier_name: str  # as the user called it
    top: int
    views: Views  # test-time augmentation
    batch: int  # images in a step of the network
    features: int  # how many of each image are written; 0: none
    device: str
    versions: Mapping[str, str]  # of what decides the answers' last bits
    images: tuple[str, ...]  # the arguments
    listed: str = ""  # digest of the list on standard input
    stores: tuple[str, ...] = ()
    folder: str = ""  # that relative names of images begin in; "": none is relative
    count: int = 0  # of images
    part: int = 1  # images in a part, a multiple of `batch`
    files: Mapping[str, str] = field(default_factory=dict[str, str])  # digest of each file that parts are made from
    bad: int = -1  # once the output is there: how many of its images could not be read

    def same(self, other: "Job") -> bool:
        """Whether the two ask for the same of the same classifier and images."""
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.count // self.part)

    @cached_property
    def number(self) -> str:
        """The job's own number, which tells its parts from any others'."""
        return _digest(asdict(replace(self, classifier_name="", bad=-1)))[:12]

    def images_in(self, part: int) -> int:
        """How many images a part has."""
        return min(self.part, self.count - part * self.part)

    def to_json(self) -> str:
        """The job as a JSON document with a digest of itself."""
        values = asdict(self)
        return json.dumps(values | {"digest": _digest(values)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Job":
        """The job that `to_json` wrote.

        Raises OtherFormat when another version wrote it; ValueError, TypeError, KeyError when it is damaged.
        """
        values: dict[str, Any] = dict(json.loads(content))
        if values["format"] != FORMAT:
            raise OtherFormat(f"format {values['format']}")
        if values.pop("digest") != _digest(values):
            raise ValueError("its digest differs")
        values["images"], values["stores"] = tuple(values["images"]), tuple(values["stores"])
        return cls(**values)


def check_same(unfinished: Job, wanted: Job, folder: Path) -> None:
    """Raise InputError, naming the difference, when what was begun is not what is wanted now."""
    for name, what in _COMPARED.items():
        before, now = getattr(unfinished, name), getattr(wanted, name)
        if before == now:
            continue
        if name == "classifier":
            before, now = unfinished.classifier_name, f"{wanted.classifier_name}, whose content differs"
        raise InputError(
            f"{folder}: was begun with {what} {_as_text(before)}, but now it is {_as_text(now)}; run the same "
            "command to continue, remove the folder to start over, or name another output"
        )


_COMPARED = {
    "classifier": "classifier",
    "top": "--top",
    "views": "--tta",
    "batch": "images a step (--batch-size)",
    "features": "features an image (--embeddings)",
    "device": "--device",
    "images": "the images",
    "folder": "the images in the working directory",
    "listed": "a list on standard input with digest",
    "versions": "versions",
}


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
