"""Less memory for more time: a block's insides are computed again when its gradients are wanted (Chen et al. 2016)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def checkpointed(block: nn.Module, x: Tensor) -> Tensor:
    """`block(x)`, of which only `x` is kept for the backward pass. Gradients and running statistics are the same."""

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _statistics_kept(block)

    result: Any = checkpoint(block, x, use_reentrant=False, context_fn=contexts)
    return result


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Within, batch norms leave their running statistics alone: the first pass has counted this batch."""
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
