"""What passes through a network while it works, heard by hooks that are gone afterwards."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from resnets.explain.record import Response, Strongest
from resnets.network import ResNet

Hook = Callable[..., None]


@dataclass
class Heard:
    """What the hooks of one pass have heard, in the order in which it came."""

    outputs: list[Tensor] = field(default_factory=list[Tensor])  # of the stem, then of each block
    shortcuts: list[Tensor] = field(default_factory=list[Tensor])
    residuals: list[Tensor] = field(default_factory=list[Tensor])
    responses: dict[str, Response] = field(default_factory=dict[str, Response])
    last_maps: Tensor = field(default_factory=lambda: torch.empty(0))
    strongest: Strongest = field(init=False)

    @property
    def inputs(self) -> list[Tensor]:
        """Of each block."""
        return self.outputs[:-1]


@contextmanager
def listening(network: ResNet) -> Generator[Heard]:
    """While it lasts, what passes through the network is heard; afterwards no hook is left."""
    heard, hooks = Heard(), list[Any]()

    def into(place: list[Tensor]) -> Hook:
        def hook(_module: nn.Module, _args: tuple[Tensor, ...], result: Tensor | int) -> None:
            # a plain network's shortcut is the number 0
            place.append(result if isinstance(result, Tensor) else torch.tensor(float(result)))

        return hook

    def before_pool(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
        heard.last_maps = args[0].detach()

    def first(_module: nn.Conv2d, _args: tuple[Tensor, ...], result: Tensor) -> None:
        heard.strongest = _strongest(result.detach()[0])

    def of_convolution(name: str) -> Hook:
        def hook(module: nn.Conv2d, args: tuple[Tensor, ...], result: Tensor) -> None:
            heard.responses[name] = _response(name, module, args[0].detach()[0], result.detach()[0])

        return hook

    try:
        hooks.append(network.maxpool.register_forward_hook(into(heard.outputs)))
        for block in network.blocks():
            hooks.append(block.downsample.register_forward_hook(into(heard.shortcuts)))
            hooks.append(block.se.register_forward_hook(into(heard.residuals)))
            hooks.append(block.register_forward_hook(into(heard.outputs)))
        hooks.append(network.pool.register_forward_pre_hook(before_pool))
        hooks.append(first_convolution(network)[1].register_forward_hook(first))
        for name, module in modules(network):
            if isinstance(module, nn.Conv2d):
                hooks.append(module.register_forward_hook(of_convolution(name)))
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def modules(network: ResNet) -> Iterator[tuple[str, nn.Module]]:
    """Every module with its name, in the order in which they were made."""
    yield from network.named_modules()


def first_convolution(network: ResNet) -> tuple[str, nn.Conv2d]:
    """The convolution that reads the image, and its name."""
    return next((name, one) for name, one in modules(network) if isinstance(one, nn.Conv2d))


def _strongest(result: Float[Tensor, "filters rows columns"]) -> Strongest:
    values, places = result.flatten(1).max(dim=1)
    rows, columns = np.divmod(places.cpu().numpy(), result.shape[2])
    return Strongest(rows, columns, array(values))


def _response(name: str, module: nn.Conv2d, image: Float[Tensor, "_ _ _"], result: Float[Tensor, "_ _ _"]) -> Response:
    """The largest number that the convolution gave, with its window and kernel."""
    chosen, row, column = (int(one) for one in np.unravel_index(int(result.argmax()), result.shape))
    channels, height, width = module.weight.shape[1:]
    start = channels * (chosen // (len(module.weight) // module.groups))
    sides = [side for side in reversed(_pair(module.padding)) for _ in range(2)]
    padded = F.pad(image[start : start + channels], sides)
    down, across = _pair(module.dilation)
    top, left = row * _pair(module.stride)[0], column * _pair(module.stride)[1]
    window = padded[:, top : top + down * height : down, left : left + across * width : across]
    return Response(
        operation=name, filter=chosen, row=row, column=column, window=array(window),
        kernel=array(module.weight[chosen]), bias=0.0 if module.bias is None else float(module.bias.detach()[chosen]),
        value=float(result[chosen, row, column]),
    )  # fmt: skip


def _pair(sizes: Any) -> tuple[int, int]:
    """Height and width, as torch's convolutions hold them."""
    return int(sizes[0]), int(sizes[1])


def array(tensor: Tensor) -> NDArray[np.float32]:
    """A copy of a tensor's values."""
    return tensor.detach().float().cpu().contiguous().numpy().copy()
