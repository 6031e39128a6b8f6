"""What computes an exported file: ONNX Runtime or torch, each behind the same few names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resnets.classifier.header import ENTRY
from resnets.export import program
from resnets.export.graph import FEATURES, INPUT, PROBABILITIES
from resnets.export.sessions import session


@dataclass(frozen=True)
class Runtime:
    """A loaded graph from uint8 pixels to its outputs, the probabilities first, and what the file says of itself."""

    run: Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
    outputs: tuple[str, ...]
    input_shape: tuple[int | None, ...]  # N x height x width x channels; None: any number
    classes: int
    metadata: str | None  # our entry, as JSON


def onnx_runtime(content: bytes, threads: int = 0) -> Runtime:
    """An ONNX file in ONNX Runtime. Raises ValueError, or ONNX Runtime's errors, when it is no model of our kind."""
    made = session(content, threads=threads)
    inputs, outputs = made.get_inputs(), made.get_outputs()
    names = tuple(one.name for one in outputs)
    if [(one.name, one.type) for one in inputs] != [(INPUT, "tensor(uint8)")] or names[:1] != (PROBABILITIES,):
        raise ValueError(f"its input is not {INPUT!r} in uint8, or its first output is not {PROBABILITIES!r}")
    return Runtime(
        run=lambda pixels: made.run(None, {INPUT: pixels}),
        outputs=names,
        input_shape=tuple(one if isinstance(one, int) else None for one in inputs[0].shape),
        classes=outputs[0].shape[-1],
        metadata=made.get_modelmeta().custom_metadata_map.get(ENTRY),
    )


def torch_runtime(content: bytes) -> Runtime:
    """A torch.export file in torch. Raises ValueError, or torch's errors, when it is no program of our kind."""
    metadata = program.read_metadata(content)
    exported = program.load(content)
    shapes = _placeholder_shapes(exported)
    black = np.zeros((1, *(one or 1 for one in shapes[1:])), dtype=np.uint8)

    @torch.inference_mode()
    def run(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return [one.numpy() for one in exported(torch.from_numpy(np.ascontiguousarray(pixels)))]

    found = run(black)
    return Runtime(run, (PROBABILITIES, FEATURES)[: len(found)], shapes, found[0].shape[-1], metadata)


def _placeholder_shapes(module: Any) -> tuple[int | None, ...]:
    (images,) = (node.meta["val"] for node in module.graph.nodes if node.op == "placeholder")
    if images.dtype != torch.uint8:
        raise ValueError(f"its input is {images.dtype}")
    return tuple(one if isinstance(one, int) else None for one in images.shape)
