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

from resnets.classifier import Classifier
from resnets.deploy.graph import INPUT, Graph
from resnets.header import ENTRY

HEADER = f"{ENTRY}.json"  # the archive's file that holds our metadata

_FILES = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|models/model\.json|extra/resnets\.json|"
    r"data/(weights|constants)/(model_\w+_config\.json|(weight|tensor)_\d+)|data/sample_inputs/model\.pt"
)
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
    torch.export.save(program, buffer, extra_files={HEADER: metadata})
    return buffer.getvalue()


def read_metadata(content: bytes) -> str | None:
    """Our metadata in a .pt2 file; None when it holds none. Raises ValueError when it is no such file, or damaged."""
    with _opened(content) as archive:
        found = next((name for name in archive.namelist() if name.endswith(f"/extra/{HEADER}")), None)
        return None if found is None else archive.read(found).decode()


def load(content: bytes) -> torch.nn.Module:
    """The program as a module. Raises ValueError when the file is damaged, or holds what we do not write.

    torch.export.load trusts its file: it evaluates sizes as Python, unpickles, and loads compiled code. So what is in
    the archive is looked through first.
    """
    _look_through(content)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # of torch's own parts among themselves
        return torch.export.load(io.BytesIO(content)).module()


def _opened(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ValueError(str(error)) from error


def _look_through(content: bytes) -> None:
    with _opened(content) as archive:
        names = archive.namelist()
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"{damaged} is damaged")
        if len(set(names)) != len(names):
            raise ValueError("a file is in it twice")
        for name in names:
            inner = name.partition("/")[2]
            if not _FILES.fullmatch(inner):
                raise ValueError(f"holds {name}, which no exported classifier has")
            if inner.endswith(".json") and not inner.startswith("extra/"):
                _check_json(json.loads(archive.read(name)))
            elif inner.endswith(".pt"):
                torch.load(io.BytesIO(archive.read(name)), weights_only=True)


def _check_json(document: Any) -> None:
    for key, value in _entries(document):
        if key == "expr_str" and not _SIZES.fullmatch(str(value)):
            raise ValueError(f"the size {str(value)[:60]!r} is no size")
        if key == "target" and not _OPERATORS.fullmatch(str(value)):
            raise ValueError(f"calls {str(value)[:60]!r}, which no exported classifier does")
        if key == "use_pickle" and value is not False:
            raise ValueError("holds pickled values, which no exported classifier has")


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
