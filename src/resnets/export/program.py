"""A classifier as a torch.export program: how it is traced, saved and, after it has been looked through, loaded."""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from resnets.classifier.file import Classifier
from resnets.export.graph import INPUT, Graph
from resnets.export.header import MEMBER

_FILES = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|models/model\.json|extra/resnets\.json|"
    r"data/(weights|constants)/(model_\w+_config\.json|(weight|tensor)_\d+)|data/sample_inputs/model\.pt"
)
_NAMES = re.compile(r"[A-Za-z_]\w*", re.ASCII)  # of what becomes variables of generated Python
_OPERATORS = re.compile(r"torch\.ops\.aten\.\w+\.\w+")
_SIZES = re.compile(r"-?\d+|s\d+|Symbol\('s\d+'(, (positive|integer)=True)*\)")  # what torch hands to sympy to evaluate


def trace(classifier: Classifier, *, features: bool = False) -> ExportedProgram:
    """The classifier from uint8 pixels (batch x height x width x channels, any batch) to probabilities, traced."""
    size, channels = classifier.preprocessing.size, classifier.preprocessing.channels
    example = torch.zeros(2, size, size, channels, dtype=torch.uint8)  # of two: a size of 1 would be taken for fixed
    program = torch.export.export(
        Graph(classifier, features=features), (example,), dynamic_shapes={INPUT: {0: Dim("batch", min=1)}}
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def save(program: ExportedProgram, metadata: str) -> bytes:
    """The .pt2 file: the program, and our metadata as an extra file."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={MEMBER: metadata})
    return buffer.getvalue()


def read_metadata(content: bytes) -> str | None:
    """Our metadata in a .pt2 file; None when it holds none. Raises ValueError when it is no such file, or damaged."""
    with _opened(content) as archive:
        found = next((info for info in archive.infolist() if info.filename.endswith(f"/extra/{MEMBER}")), None)
        return None if found is None else _read(archive, found).decode()


def load(content: bytes) -> torch.nn.Module:
    """The program as a module. Raises ValueError when the file is damaged, or holds what we do not write.

    torch.export.load trusts its file: it evaluates sizes, guards and names as Python, unpickles, and loads compiled
    code. So what is in the archive is looked through first, and only that is handed on.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # of torch's own parts among themselves
        return torch.export.load(_looked_through(content)).module()


def _opened(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ValueError(str(error)) from error


def _looked_through(content: bytes) -> io.BytesIO:
    """The archive, written anew from what was looked at, so that no two readers can see different things in it."""
    copy = io.BytesIO()
    with _opened(content) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as new:
        seen: set[str] = set()
        for info in archive.infolist():
            inner = info.filename.partition("/")[2]
            if not _FILES.fullmatch(inner) or inner in seen:
                raise ValueError(
                    f"contains {info.filename}, which an exported classifier does not have, or has only once"
                )
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{info.filename} is compressed, unlike in an exported classifier")
            seen.add(inner)
            data = _read(archive, info)
            if inner.endswith(".json") and not inner.startswith("extra/"):
                _check_json(json.loads(data))
            elif inner.endswith(".pt"):
                torch.load(io.BytesIO(data), weights_only=True)
            new.writestr(f"archive/{inner}", data)
    copy.seek(0)
    return copy


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{info.filename} is damaged ({error})") from error


def _check_json(document: Any) -> None:
    """Raise ValueError for what torch would evaluate, import or unpickle, unless it is of the plain kind we write."""
    for key, value in _entries(document):
        if key == "expr_str" and not _SIZES.fullmatch(str(value)):
            raise ValueError(f"the size {str(value)[:60]!r} is not a size")
        if key == "target" and not _OPERATORS.fullmatch(str(value)):
            raise ValueError(f"calls {str(value)[:60]!r}, which an exported classifier does not")
        if key == "name" and value is not None and not _NAMES.fullmatch(str(value)):
            raise ValueError(f"{str(value)[:60]!r} is not a name")
        if key in ("use_pickle", "guards_code", "treespec_namedtuple_fields") and value:
            raise ValueError(f"contains code or pickled values ({key}), which an exported classifier does not")


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
