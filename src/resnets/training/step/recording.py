"""A step recorded as a CUDA graph: hundreds of small operations that a GPU then starts by itself, without Python.

A small network's step takes a GPU less time than Python needs to ask for its operations one by one. Recording asks for
them once. What is recorded reads its inputs from fixed places, and leaves its results in fixed places.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from resnets.training.step.inputs import StepInputs

log = logging.getLogger(__name__)

WARM_UP = 3  # steps before one is recorded: libraries choose their kernels, optimizers make their sums

Outputs = tuple[Tensor, ...]
Function = Callable[[StepInputs], Outputs]


@runtime_checkable
class Graph(Protocol):
    """Something that records what a function does, and does it again. `outputs` are the function's, after each."""

    outputs: Outputs

    def aside(self, function: Callable[[], Outputs]) -> Outputs:
        """Carry out the function as usual, where it may later be recorded."""
        ...

    def record(self, function: Callable[[], Outputs]) -> None:
        """Note what the function does, without doing it."""
        ...

    def replay(self) -> None: ...


class CudaGraph:
    """A CUDA graph, recorded on a stream of its own."""

    def __init__(self) -> None:
        self.outputs: Outputs = ()
        self._stream = torch.cuda.Stream()
        self._graph: Any = torch.cuda.CUDAGraph()

    def aside(self, function: Callable[[], Outputs]) -> Outputs:
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            outputs = function()
        current.wait_stream(self._stream)
        return outputs

    def record(self, function: Callable[[], Outputs]) -> None:
        with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
            self.outputs = function()

    def replay(self) -> None:
        self._graph.replay()


@dataclass
class _Recording:
    graph: Graph
    done: int = 0  # steps before it is recorded
    inputs: StepInputs | None = None  # where it reads, once it is recorded
    gradients: list[Tensor | None] = field(default_factory=list[Tensor | None])  # where it leaves them


class Recorder:
    """Carries out steps: the first few of each kind as usual, then recorded and replayed.

    Steps are of one kind if they have the same key and inputs of the same shapes. A step that cannot be recorded is
    carried out as usual, as are all that follow; the log says why.
    """

    def __init__(self, graph: Callable[[], Graph] = CudaGraph, *, parameters: Sequence[Tensor] = ()) -> None:
        """parameters: whose gradients are read after a step, by what is not recorded with it."""
        self._make, self._parameters = graph, parameters
        self._kinds: dict[Hashable, _Recording] = {}
        self.refused: str | None = None  # why steps are not recorded

    def __call__(self, function: Function, inputs: StepInputs, key: Hashable) -> Outputs:
        """What the function gives. Its tensors are the caller's: no later step writes to them."""
        if self.refused is not None:
            return function(inputs)
        which = (key, inputs.shapes())
        kind = self._kinds.get(which) or self._kinds.setdefault(which, _Recording(self._make()))
        if kind.inputs is None:
            if kind.done < WARM_UP:
                kind.done += 1
                return kind.graph.aside(lambda: function(inputs))
            held = inputs.copy()
            try:
                kind.graph.record(lambda: function(held))
            except RuntimeError as error:  # what torch raises for an operation that no graph can hold
                self.refused = str(error).partition("\n")[0]
                log.warning("steps are not recorded as a CUDA graph: %s", self.refused)
                return function(inputs)
            kind.inputs = held
            kind.gradients = [parameter.grad for parameter in self._parameters]
        kind.inputs.take(inputs)
        kind.graph.replay()
        for parameter, gradient in zip(self._parameters, kind.gradients, strict=True):
            parameter.grad = gradient  # those of this kind, not of the one that was recorded last
        return tuple(output.clone() for output in kind.graph.outputs)
