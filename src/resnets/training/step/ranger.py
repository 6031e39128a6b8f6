"""RAdam, and Ranger: RAdam whose weights are drawn back, every few steps, halfway to where they were."""

# pyright: reportPrivateImportUsage=false
# torch documents its _foreach functions; only their names are private.

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class RAdamW(torch.optim.RAdam):
    """RAdam (Liu et al. 2020) with AdamW's weight decay, which is no part of the gradient.

    Its first steps are plain momentum, since the second moment is still a guess. So it needs no warm-up.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.01,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, decoupled_weight_decay=True)


class Ranger(RAdamW):
    """RAdam with lookahead (Zhang et al. 2019), as fastai's `ranger` and Wright's Ranger have it.

    Every parameter has slow weights, which begin where it does. After each `every` of its steps they go `share` of the
    way to the parameter, and the parameter goes back to them. They are in its state, so that a run resumes with them.
    eps is 1e-6, fastai's. torch adds it before the second moment's bias is corrected and fastai afterwards, which only
    tells while gradients are about as small.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 1e-3,
        betas: tuple[float, float] = (0.95, 0.99), eps: float = 1e-6, weight_decay: float = 0.01, *,
        every: int = 6, share: float = 0.5,
    ) -> None:  # fmt: skip
        self.every, self.share = every, share
        super().__init__(params, lr, betas, eps, weight_decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step for every parameter that has a gradient, and back to the slow weights where it is time."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        moving = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        begun = {parameter: parameter.clone() for parameter in moving if not self.state[parameter]}
        super().step()
        for parameter, weights in begun.items():  # only now: RAdam takes a state with anything in it for its own
            self.state[parameter]["slow"] = weights
        due = [parameter for parameter in moving if int(self.state[parameter]["step"]) % self.every == 0]
        if due:
            slow = [self.state[parameter]["slow"] for parameter in due]
            torch._foreach_lerp_(slow, due, self.share)
            torch._foreach_copy_(due, slow)
        return loss
