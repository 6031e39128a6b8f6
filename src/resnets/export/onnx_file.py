"""An ONNX file as it comes from others, looked through before a runtime opens it.

A runtime looks for weights that are kept outside of a file (external data) where the process happens to be, and makes
tensors as large as the file says.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from resnets.base.errors import InputError
from resnets.base.reading import open_regular
from resnets.classifier.header import shortly
from resnets.export.onnx import INSTALL

MAX_BYTES = 2**31 - 2**20  # of a model with its weights: protobuf's own limit, and some room
MAX_NUMBERS = 2**30  # of one tensor, for one image; the largest of ours has 2**22


def read_whole(path: Path) -> bytes:
    """What is in a file; of an ONNX file with the weights that it keeps in others of its folder.

    So the answers depend on these bytes alone. Raises InputError when the file or its weights cannot be read, or the
    weights are outside of its folder.
    """
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES and path.suffix.lower() == ".onnx":
            raise InputError(f"{path}: {path.stat().st_size / 2**30:.1f} GiB; an ONNX file must be smaller than 2 GiB")
        with open_regular(path) as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); name a file that is there") from error
    if path.suffix.lower() != ".onnx" or b"location" not in content:  # what every piece of external data says
        return content
    onnx = _package(f"{path}: may keep its weights in another file; to read it")
    try:
        model = onnx.load_model_from_string(content)
    except Exception:
        return content
    external = [
        tensor for tensor in _every(model, "TensorProto") if onnx.external_data_helper.uses_external_data(tensor)
    ]
    if not external:
        return content
    _check_places(path, external, MAX_BYTES - len(content))
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        return model.SerializeToString(deterministic=True)
    except Exception as error:  # what onnx raises differs with its version
        raise InputError(f"{path}: its external data cannot be read ({shortly(error)}); copy it whole") from error


def check_numbers(content: bytes, path: Path) -> None:
    """Raise InputError for a graph with a tensor of more than MAX_NUMBERS, as far as its shapes can be told."""
    try:
        import onnx
    except ImportError:  # ONNX Runtime alone can run a file
        return
    try:
        model = onnx.load_model_from_string(content)
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) > 2**12:  # weights, on which no shape depends
                tensor.ClearField("raw_data")
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:
        return
    for value in _every(inferred, "ValueInfoProto"):
        count = 1
        for dim in value.type.tensor_type.shape.dim:
            count *= dim.dim_value if dim.WhichOneof("value") == "dim_value" else 1
        if count > MAX_NUMBERS:
            raise InputError(
                f"{path}: needs {count:,} numbers at once for one image (tensor {value.name[:40]!r}); use a "
                "file that `resnets export` wrote"
            )


def _check_places(path: Path, external: list[Any], room: int) -> None:
    """Raise InputError unless each tensor's data is in a file of the model's own folder, and all are below 2 GiB."""
    folder = path.parent.resolve()
    for tensor in external:
        said = {entry.key: entry.value for entry in tensor.external_data}
        location = said.get("location", "")
        place = PurePosixPath(location)
        file = path.parent / location
        inside = location and not place.is_absolute() and ".." not in place.parts and "\0" not in location
        if not inside or not file.resolve().is_relative_to(folder):
            raise InputError(
                f"{path}: takes its weights from {location[:200]!r}, which is outside its folder; use a file whose "
                "weights are in it or next to it"
            )
        if not file.is_file():
            raise InputError(f"{path}: its weights are in {file}, which is missing; copy both files together")
        length, offset = said.get("length", ""), said.get("offset", "")
        room -= int(length) if length.isdecimal() else file.stat().st_size - int(offset or 0)
        if room < 0:
            raise InputError(f"{path}: larger than 2 GiB with its external data; an ONNX file cannot be that large")


def _every(message: Any, kind: str) -> Iterator[Any]:
    """All messages of a kind in a protobuf message, at any depth."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in (value,) if hasattr(value, "ListFields") else value:
            if one.DESCRIPTOR.name == kind:
                yield one
            yield from _every(one, kind)


def _package(what: str) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"{what} needs the package onnx: {INSTALL}") from error
    return onnx
