"""Muon: SGD that turns a kernel in all of its directions alike, however small the gradient is in some of them."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# Of the quintic that drives singular values toward 1, as steep at zero as it can be (Jordan 2024, Muon).
QUINTIC = (3.4445, -4.7750, 2.0315)
TINY = 1e-20  # stands for a norm of zero, where something is divided by it
ROUNDS = 3  # as in cifar10-airbench; torch.optim.Muon makes 5


class Muon(torch.optim.SGD):
    """Muon (Jordan 2024) for groups with `orthogonal`, Nesterov's SGD for all others.

    A kernel of shape (out, in, height, width) is a matrix with a row for each channel that leaves it. Its step is the
    momentum with all singular values made about 1, and `lr` says how long the step is as a part of the kernel's own
    norm. No kernel becomes longer than it was at the start: a norm follows, so its length would only shorten the steps
    after it. So it does not decay either. One that starts at zero may grow as long as an orthogonal matrix is.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 0.1, momentum: float = 0.9, *,
        nesterov: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, momentum=momentum, nesterov=nesterov and momentum > 0, fused=True)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """A group of parameters; `orthogonal` says whether they are kernels to be turned, and is False by default."""
        super().add_param_group({"orthogonal": False, **param_group})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step for every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        kernels = [(p, group) for group in self.param_groups if group["orthogonal"] for p in group["params"]]
        gradients = [kernel.grad for kernel, _ in kernels]
        for kernel, _ in kernels:
            kernel.grad = None  # SGD leaves alone what has none
        super().step()
        for (kernel, group), gradient in zip(kernels, gradients, strict=True):
            kernel.grad = gradient
            if gradient is not None:
                self._turn(kernel, gradient, group)
        return loss

    def _turn(self, kernel: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self._state_of(kernel)
        moved = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        if group["nesterov"]:
            moved = moved * group["momentum"] + gradient
        direction = orthogonal(moved.flatten(1)).reshape(kernel.shape)
        longest = state["norm"]
        kernel.mul_((longest / kernel.norm().clamp(min=TINY)).clamp(max=1.0))
        kernel.sub_(direction * (longest / _length(kernel) * group["lr"]))

    def _state_of(self, kernel: Tensor) -> dict[str, Tensor]:
        """The kernel's momentum, and the norm that it began with."""
        state: dict[str, Tensor] = self.state[kernel]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(kernel)
        if "norm" not in state:
            begun = kernel.norm()
            state["norm"] = torch.where(begun > 0, begun, _length(kernel))
        return state


def orthogonal(matrix: Float[Tensor, "rows columns"], rounds: int = ROUNDS) -> Float[Tensor, "rows columns"]:
    """The matrix with its singular directions and about equal singular values, by Newton and Schulz's iteration.

    Three rounds bring every singular value of at least an eightieth of the Frobenius norm between 0.5 and 1.21. A
    matrix of zeros stays as it is.
    """
    a, b, c = QUINTIC
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T  # the smaller product
    found = wide / wide.norm().clamp(min=TINY)
    for _ in range(rounds):
        gram = found @ found.T
        found = a * found + (b * gram + c * gram @ gram) @ found
    return found if wide is matrix else found.T


def _length(kernel: Tensor) -> float:
    """The Frobenius norm of an orthogonal matrix of this shape."""
    return min(len(kernel), kernel[0].numel()) ** 0.5
