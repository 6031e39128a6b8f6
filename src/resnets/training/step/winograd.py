"""Gradients of 3x3 kernels with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2015), on a CPU.

A convolution of stride 1 makes 4x4 outputs from 6x6 inputs that overlap. In the right basis each of the 36 numbers of a
tile meets one number of the kernel, so the products of all tiles are 36 matrix products, where the direct way has 144.
For the kernel's gradient this pays twice: torch's direct way runs at half the rate of its forward pass on a CPU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

TILE, REACH = 4, 6  # outputs of a tile in each direction, and the inputs they depend on
CHANNELS = 64  # with fewer, in or out, changing the basis takes longer than the products
TILES = 64  # with fewer, filling 36 matrices of the kernel's size takes longer than their products
AT_ONCE = 4 * 2**20  # bytes of tiles that are made and used at once, so that they stay in the cache
FEWEST_AT_ONCE = 128  # tiles: as long an inner dimension as a matrix product wants
USUAL = (None, (1, 1), (1, 1), (1, 1), 1)  # no bias, stride, padding, dilation, groups

# Cook-Toom, at 0, 1, -1, 2, -2 and infinity.
INPUTS = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
OUTPUTS = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
KERNELS = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip


class WinogradGradients(TorchFunctionMode):
    """Within, kernels of 3x3 convolutions get their gradients this way, where it is likely to be faster."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func is torch.conv2d and not kwargs and args[2:] == USUAL and pays(args[0], args[1]):
            return _Convolution.apply(args[0], args[1])
        return func(*args, **(kwargs or {}))


def pays(images: Tensor, kernel: Tensor) -> bool:
    """Whether this is likely to be the faster way to the gradient of `kernel`, and computes in float32 as it asks."""
    return (
        kernel.shape[2:] == (3, 3) and kernel.requires_grad and torch.is_grad_enabled()
        and min(kernel.shape[:2]) >= CHANNELS and len(images) * _tiles(images) >= TILES
        and images.device.type == "cpu" and images.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    )  # fmt: skip


def kernel_gradient(
    images: Float[Tensor, "batch c_in height width"], gradient: Float[Tensor, "batch c_out height width"]
) -> Float[Tensor, "c_out c_in 3 3"]:
    """The gradient of a 3x3 kernel of stride 1 and padding 1, from its inputs and the gradient of its outputs."""
    c_in, c_out = images.shape[1], gradient.shape[1]
    tiles = max(AT_ONCE // (4 * REACH**2 * (c_in + c_out)), FEWEST_AT_ONCE)
    at_once = max(1, round(tiles / _tiles(images)))
    sums = images.new_zeros(REACH**2, c_in, c_out)
    for some, theirs in zip(images.split(at_once), gradient.split(at_once), strict=True):
        sums.baddbmm_(_in_basis(some, INPUTS, border=1).mT, _in_basis(theirs, _transposed(OUTPUTS), border=0))
    kernel = _both_ways(_transposed(KERNELS), sums) @ sums.view(REACH**2, -1)
    return kernel.view(3, 3, c_in, c_out).permute(3, 2, 0, 1)


def _tiles(images: Tensor) -> int:
    """The tiles of an image."""
    return -(-images.shape[2] // TILE) * -(-images.shape[3] // TILE)


def _in_basis(
    images: Float[Tensor, "batch channels height width"], basis: tuple[tuple[float, ...], ...], *, border: int
) -> Float[Tensor, "36 tiles channels"]:
    """All tiles of the images, with a border of zeros, as 36 numbers in another basis."""
    batch, channels, height, width = images.shape
    down, across = -(-height // TILE), -(-width // TILE)
    behind = (border + TILE * across - width, border + TILE * down - height)
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, border, behind[0], border, behind[1]))
    image, row, column, one = padded.stride()
    size = TILE + 2 * border
    shape = (size, size, batch, down, across, channels)
    tiles = padded.as_strided(shape, (row, column, image, TILE * row, TILE * column, one)).reshape(size**2, -1)
    return (_both_ways(basis, images) @ tiles).view(REACH**2, batch * down * across, channels)


def _both_ways(basis: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    """The matrix that changes the basis of both directions of a tile."""
    one = like.new_tensor(basis)
    return torch.kron(one, one)


def _transposed(basis: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(zip(*basis, strict=True))


class _Convolution(torch.autograd.Function):
    """A 3x3 convolution of stride 1 and padding 1. Only the kernel's gradient is found another way than torch's."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(images, kernel)
        return torch.conv2d(images, kernel, padding=1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor]:
        (gradient,), (images, kernel) = grad_outputs, ctx.saved_tensors
        ones, wanted = [1, 1], [ctx.needs_input_grad[0], False, False]
        of_images, _, _ = torch.ops.aten.convolution_backward(
            gradient, images, kernel, None, ones, ones, ones, False, [0, 0], 1, wanted
        )
        return of_images, kernel_gradient(images, gradient)
