"""What a classifier's file says besides its weights, read without them and without torch."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, cast

import safetensors

from resnets.base.errors import InputError
from resnets.base.reading import check_regular
from resnets.base.seal import seal_of

FORMAT = 2  # 1: before attention, anti-aliasing and pre-activation; its specs say less, and mean the same
READABLE = (1, FORMAT)
ENTRY = "resnets"  # of the safetensors file's own header
SAMPLES = "samples.zip"  # beside a run's classifier: some of its images
WHAT_WORKS = "a classifier is the classifier.safetensors of a training run"


def read_header(path: str | Path) -> dict[str, Any]:
    """What a classifier's file says besides its weights, which are not read. Raises InputError as `load` does."""
    path = Path(path)
    check_regular(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; {WHAT_WORKS}")
    try:
        opened: Any = safetensors.safe_open(path, framework="numpy")  # its stub is untyped
        with opened as file:
            metadata: dict[str, str] = file.metadata() or {}
        text = metadata.get(ENTRY)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a safetensors file ({shortly(error)}); {WHAT_WORKS}, whole"
        ) from error
    if text is None:
        raise InputError(
            f"{path}: only weights, without the header of a classifier; `resnets convert` turns them into a classifier"
        )
    return parsed(text, path, WHAT_WORKS)


def check_whole(path: Path) -> None:
    """Raise InputError when a classifier's file is not as it was written; older ones, without a checksum, pass."""
    try:
        broken = seal_of(path) == "broken"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); {WHAT_WORKS}, whole") from error
    if broken:
        raise InputError(f"{path}: damaged: its checksum is wrong; use another copy")


def parsed(text: str, path: str | Path, what_works: str) -> dict[str, Any]:
    """A header from its JSON. Raises InputError, naming the file, when it is damaged or of another format."""
    try:
        header = dict(json.loads(text))
        version = header["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{path}: damaged: its header is not that of a classifier ({shortly(error)}); {what_works}, whole"
        ) from error
    if version not in READABLE:
        raise InputError(
            f"{path}: format {version}, written by {_writer(header)}; this version reads formats up to {FORMAT}, so "
            "install that version"
        )
    return header


def without_folders(value: Any) -> Any:
    """JSON values, in which absolute paths are the names of their files: a header is passed on."""
    if isinstance(value, Mapping):
        values = cast("Mapping[str, Any]", value)
        return {name: without_folders(one) for name, one in values.items()}
    if isinstance(value, list | tuple):
        return [without_folders(one) for one in cast("list[Any]", value)]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PureWindowsPath(value).name  # which takes both kinds of slashes
    return value


def _writer(header: dict[str, Any]) -> str:
    try:
        return f"resnets {header['origin']['versions']['resnets']}"
    except (KeyError, TypeError):
        return "another version of resnets"


def shortly(error: BaseException) -> str:
    """An error of a library's in one line that fits into ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
