"""What an exported file says besides its graph, read without torch and without running it."""

import zipfile
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.classifier.header import ENTRY, parsed, shortly

SUFFIXES = (".onnx", ".pt2")
WHAT_WORKS = "what works is a file that `resnets export` wrote"
MEMBER = f"{ENTRY}.json"  # of a .pt2: the archive's file that holds our metadata


def is_exported(path: str | Path) -> bool:
    """Whether a path is named as an exported file, or is a model's folder in a model repository."""
    path = Path(path)
    return path.suffix.lower() in SUFFIXES or (path / "config.pbtxt").is_file()


def latest(folder: Path) -> Path:
    """The newest version's file in a model's folder. Raises InputError when there is none."""
    versions = [int(one.name) for one in folder.iterdir() if one.name.isdecimal() and (one / "model.onnx").is_file()]
    if not versions:
        raise InputError(f"{folder}: has a config.pbtxt but no model.onnx in a version's folder, such as 1/model.onnx")
    return folder / str(max(versions)) / "model.onnx"


def read_exported_header(path: str | Path) -> dict[str, Any]:
    """The classifier's header in an exported .onnx or .pt2, or in the newest of a model's folder.

    Raises InputError when the file is missing, damaged, or not an exported classifier.
    """
    path = latest(Path(path)) if Path(path).is_dir() else Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; {WHAT_WORKS}")
    try:
        text = _of_archive(path) if path.suffix.lower() == ".pt2" else _of_onnx(path)
    except InputError:
        raise
    except Exception as error:  # protobuf's errors on damaged files have no public base
        raise InputError(
            f"{path}: damaged, or not written by resnets ({shortly(error)}); {WHAT_WORKS}, whole"
        ) from error
    if text is None:
        raise InputError(f"{path}: has no classes and preprocessing of a classifier in it; {WHAT_WORKS}")
    return parsed(text, path, WHAT_WORKS)


def _of_archive(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        name = next((name for name in archive.namelist() if name.endswith(f"/extra/{MEMBER}")), None)
        return None if name is None else archive.read(name).decode()


def _of_onnx(path: Path) -> str | None:
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"{path}: reading it needs the package onnx: pip install 'resnets[export]'") from error
    model = onnx.load_model(str(path), load_external_data=False)
    return next((entry.value for entry in model.metadata_props if entry.key == ENTRY), None)
