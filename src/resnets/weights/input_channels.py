"""Weights for images of some channels in a network that reads others: the first kernel adapted, as timm does it."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

FIRST = ("conv1.weight", "conv1.0.weight")  # the stem's first kernel, of one convolution or of several


def adapted_kernel(
    kernel: Float[Tensor, "c_out theirs height width"], channels: int
) -> Float[Tensor, "c_out ours height width"]:
    """A first kernel for images of `channels` channels (timm, `adapt_input_conv`).

    One channel: the sum over all, which gives for a grey image what the kernel gave for the same image in each channel.
    Others: the kernel's channels repeated in order and rescaled, so that channels alike add up to the same.
    """
    theirs = kernel.shape[1]
    if channels == theirs:
        return kernel
    if channels == 1:
        return kernel.float().sum(dim=1, keepdim=True).to(kernel.dtype)
    times = -(-channels // theirs)
    repeated = kernel.float().repeat(1, times, 1, 1)[:, :channels]
    return (repeated * (theirs / channels)).to(kernel.dtype)


def with_channels(tensors: Mapping[str, Tensor], channels: int) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The weights of a network that reads `channels` channels, and what was done for it in words, if anything."""
    name = next((one for one in FIRST if one in tensors), None)
    if name is None or tensors[name].ndim != 4 or tensors[name].shape[1] == channels or not tensors[name].shape[1]:
        return dict(tensors), ()
    theirs = tensors[name].shape[1]
    how = "summed to one" if channels == 1 else f"repeated to {channels} and rescaled"
    many = f"{theirs} channels" if theirs > 1 else "1 channel"
    note = f"{name}: for {many}, {how}, as the network reads {channels}"
    return {**tensors, name: adapted_kernel(tensors[name], channels)}, (note,)
