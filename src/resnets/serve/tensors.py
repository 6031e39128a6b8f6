"""The open inference protocol's requests and answers (KServe v2, HTTP): JSON and binary tensors.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and, for binary tensors and
classification, Triton's extensions of it.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from resnets.export.graph import INPUT, PROBABILITIES
from resnets.serve.limits import Refused
from resnets.serve.served import Served

HEADER_LENGTH = "inference-header-content-length"
MOST_CLASSES = 1000  # of a classification


@dataclass(frozen=True)
class Wanted:
    """How the client wants the probabilities."""

    binary: bool
    classes: int  # 0: the numbers; else so many classes as text


@dataclass(frozen=True)
class Question:
    """A parsed request."""

    id: str | None
    pixels: NDArray[np.uint8]
    wanted: Wanted


def metadata(served: Served) -> dict[str, Any]:
    """What the model reads and gives."""
    return {
        "name": served.name,
        "versions": ["1"],
        "platform": "onnxruntime_onnx" if served.runtime == "ONNX Runtime" else "pytorch",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *served.shape]}],
        "outputs": [{"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, len(served.classes)]}],
    }


def question(body: bytes, header_length: str | None, served: Served, most: int) -> Question:
    """A request's images. Raises Refused (400, 413) for what does not fit the model."""
    length = len(body)
    if header_length is not None:
        if not header_length.isdecimal() or len(header_length) > 9 or int(header_length) > len(body):
            raise _bad("Inference-Header-Content-Length is not the length of the JSON part")
        length = int(header_length)
    try:
        said = json.loads(body[:length])
    except (ValueError, RecursionError):
        raise _bad("the JSON is damaged") from None
    if not isinstance(said, dict):
        raise _bad("the JSON is not an object")
    told = cast("dict[str, Any]", said)
    identity = told.get("id")
    if identity is not None and (not isinstance(identity, str) or len(identity) > 200):
        raise _bad("id is not a short text")
    pixels = _pixels(told.get("inputs"), body[length:], served, most)
    return Question(identity, pixels, _wanted(told))


def answer(
    served: Served, identity: str | None, probabilities: NDArray[np.float64], wanted: Wanted
) -> tuple[bytes, int | None]:
    """The body of an answer, and how many bytes of it are JSON; None where all are."""
    numbers = probabilities.astype("<f4")
    output: dict[str, Any] = {"name": PROBABILITIES}
    if wanted.classes:
        texts = _classification(served, numbers, wanted.classes)
        output |= {"datatype": "BYTES", "shape": [len(numbers), len(texts) // len(numbers)]}
        binary = b"".join(struct.pack("<I", len(one)) + one for one in texts)
        values: list[Any] = [one.decode() for one in texts]
    else:
        output |= {"datatype": "FP32", "shape": list(numbers.shape)}
        binary, values = numbers.tobytes(), numbers.ravel().tolist() if not wanted.binary else []
    if wanted.binary:
        output["parameters"] = {"binary_data_size": len(binary)}
    else:
        output["data"] = values
    said: dict[str, Any] = {"model_name": served.name, "model_version": "1", "outputs": [output]}
    if identity is not None:
        said["id"] = identity
    head = json.dumps(said).encode()
    return (head + binary, len(head)) if wanted.binary else (head, None)


def _pixels(inputs: object, binary: bytes, served: Served, most: int) -> NDArray[np.uint8]:
    if not isinstance(inputs, list) or len(cast("list[object]", inputs)) != 1:
        raise _bad(f"inputs must be one tensor, {INPUT}")
    one = cast("list[object]", inputs)[0]
    tensor = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
    if tensor.get("name") != INPUT or tensor.get("datatype") != "UINT8":
        raise _bad(f"the input must be {INPUT}, of datatype UINT8")
    shape = tensor.get("shape")
    if not _is_shape(shape) or tuple(cast("list[int]", shape)[1:]) != served.shape:
        raise _bad(f"the input's shape must be [N, {', '.join(map(str, served.shape))}]")
    counts = cast("list[int]", shape)
    if counts[0] > most:
        raise Refused(413, "too_many_images", f"{counts[0]:,} images in one request; at most {most} are accepted")
    parameters = tensor.get("parameters")
    size = cast("dict[str, Any]", parameters).get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None:
        if size != len(binary) or size != int(np.prod(counts)):
            raise _bad("the binary data is not as long as the shape says")
        return np.frombuffer(bytearray(binary), dtype=np.uint8).reshape(counts)  # which torch may write into
    try:
        found = np.asarray(tensor.get("data"))
        if found.dtype.kind not in "iu" or found.min() < 0 or found.max() > 255:
            raise _bad("data must be whole numbers from 0 to 255")
        return found.astype(np.uint8).reshape(counts)
    except (ValueError, TypeError, OverflowError):
        raise _bad("data is not as long as the shape says, or not made of numbers") from None


def _is_shape(shape: object) -> bool:
    if not isinstance(shape, list) or len(cast("list[object]", shape)) != 4:
        return False
    return all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in cast("list[object]", shape))


def _wanted(said: dict[str, Any]) -> Wanted:
    parameters = said.get("parameters")
    binary = isinstance(parameters, dict) and cast("dict[str, Any]", parameters).get("binary_data_output") is True
    outputs = said.get("outputs")
    if outputs is None:
        return Wanted(binary, 0)
    many = cast("list[object]", outputs) if isinstance(outputs, list) else []
    if len(many) != 1 or not isinstance(many[0], dict):
        raise _bad(f"outputs must be one tensor, {PROBABILITIES}")
    one = cast("dict[str, Any]", many[0])
    if one.get("name") != PROBABILITIES:
        raise _bad(f"the output must be {PROBABILITIES}")
    given = one.get("parameters")
    own = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    classes = own.get("classification", 0)
    if not isinstance(classes, int) or not 0 <= classes <= MOST_CLASSES:
        raise _bad(f"classification must be a number of classes, up to {MOST_CLASSES}")
    return Wanted(own.get("binary_data", binary) is True, classes)


def _classification(served: Served, probabilities: NDArray[np.float32], count: int) -> list[bytes]:
    """The first classes of each image as Triton writes them, `probability:output:name`."""
    orders = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return [
        f"{row[place]:f}:{place}:{served.classes[place]}".encode()
        for row, order in zip(probabilities, orders, strict=True)
        for place in order.tolist()
    ]


def _bad(message: str) -> Refused:
    return Refused(400, "bad_tensor", message)
