"""LAMB: Adam whose step is, for every tensor, as long as the tensor's own norm says."""

# pyright: reportPrivateImportUsage=false
# torch documents its _foreach functions; only their names are private.

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Lamb(torch.optim.Optimizer):
    """LAMB (You et al. 2020) with NVIDIA's clipping, as "ResNet strikes back" trained with it through timm.

    params: parameters, or groups of them as dicts. betas, eps: Adam's. weight_decay: added to Adam's direction, before
    the norm is taken. max_grad_norm: all gradients together are scaled down to this norm; None leaves them as they are.
    trust_clip: no step is longer than Adam's. always_adapt: parameters that do not decay adapt as well.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6, weight_decay: float = 0.01, *,
        max_grad_norm: float | None = 1.0, trust_clip: bool = False, always_adapt: bool = False,
    ) -> None:  # fmt: skip
        self.max_grad_norm = max_grad_norm
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "trust_clip": trust_clip, "always_adapt": always_adapt})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step for every parameter that has a gradient, which is left as it is."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        moving = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        gradients = [[p.grad for p in parameters] for parameters in moving]
        shrink = self._shrink([gradient for several in gradients for gradient in several])
        for group, parameters, several in zip(self.param_groups, moving, gradients, strict=True):
            if parameters:
                clipped = several if shrink is None else list(torch._foreach_div(several, shrink))
                self._move(group, parameters, clipped)
        return loss

    def _shrink(self, gradients: list[Tensor]) -> Tensor | None:
        """What to divide every gradient by, at least 1."""
        if self.max_grad_norm is None or not gradients:
            return None
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return (norm / self.max_grad_norm).clamp_(min=1.0)

    def _move(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor]) -> None:
        directions = self._adam(group, parameters, gradients)
        if group["weight_decay"] != 0:
            torch._foreach_add_(directions, parameters, alpha=group["weight_decay"])
        if group["weight_decay"] != 0 or group["always_adapt"]:
            torch._foreach_mul_(directions, _trust(parameters, directions, clip=group["trust_clip"]))
        torch._foreach_add_(parameters, directions, alpha=-group["lr"])

    def _adam(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
        """Adam's directions, and its moments brought up to date. Each parameter counts the steps it has made."""
        states = [self._state_of(parameter) for parameter in parameters]
        steps = [float(state["step"]) for state in states]
        first, second = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
        beta1, beta2 = group["betas"]
        torch._foreach_lerp_(first, gradients, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, gradients, gradients, value=1 - beta2)
        scales = torch._foreach_sqrt(second)
        torch._foreach_div_(scales, [(1 - beta2**step) ** 0.5 for step in steps])
        torch._foreach_add_(scales, group["eps"])
        directions = torch._foreach_div(first, [1 - beta1**step for step in steps])
        torch._foreach_div_(directions, scales)
        return list(directions)

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        """Its moments, with the step that is being made counted."""
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # kept on the CPU, where its value is needed
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        return state


def _trust(parameters: list[Tensor], directions: list[Tensor], *, clip: bool) -> list[Tensor]:
    """norm of the parameter / norm of its direction, and 1 where either is zero."""
    weights = torch.stack(torch._foreach_norm(parameters))
    lengths = torch.stack(torch._foreach_norm(directions))
    ratios = torch.where((weights > 0) & (lengths > 0), weights / lengths, 1.0)
    return list((ratios.clamp(max=1.0) if clip else ratios).unbind())
