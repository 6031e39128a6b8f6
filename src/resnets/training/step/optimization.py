"""How a step is made: which parameters decay, how fast each layer learns, and by which rule all of them move."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from resnets.network import ResNet
from resnets.training.optimizers import OPTIMIZERS, Groups, Momenta
from resnets.training.recipes.recipe import Optimizer


def parameter_groups(
    network: ResNet, *,
    weight_decay: float, decay_norms_and_biases: bool = False, layer_decay: float = 1.0, freeze_norms: bool = False,
    bias_lr: float = 1.0, scale_lr: float = 1.0, head_lr: float = 1.0, first_lr: float = 1.0, orthogonal: bool = False,
) -> Groups:  # fmt: skip
    """The network's parameters in groups, each with its `weight_decay`, its `lr_scale` and whether it is `orthogonal`.

    By default only the weights of convolutions and the classifier decay: norms and biases are few and decaying them
    does not regularize ("no bias decay", He et al. 2018, section 3.1).
    layer_decay: the learning rate of a layer is this times that of the one behind it, and the classifier's is whole
    (Howard and Ruder 2018; BEiT, Bao et al. 2021). A layer is the stem, each block, or the classifier, as in timm;
    what is between the last block and the classifier (a last norm, a learnt pool) counts as the classifier's.
    freeze_norms: leave out the scales and shifts of norms; see `freeze_norms`.
    bias_lr, scale_lr: the learning rates of norms' biases and scales are these times that of their layer (Page 2019,
    How to train your ResNet 8; Jordan 2024, section 3.4).
    head_lr, first_lr: the learning rates of the classifier and of the first convolution are these times their own.
    orthogonal: kernels between other layers (not the stem's first, nor attention's) are apart, to be moved by Muon.
    What these four multiples make faster does not decay faster, as in the source of such large ones (cifar10-airbench).
    """
    frozen = {id(p) for norm in _norms(network) for p in norm.parameters()} if freeze_norms else set[int]()
    rates = {id(norm.bias): bias_lr for norm in _norms(network)}
    rates |= {id(norm.weight): scale_lr for norm in _norms(network)}
    rates |= {id(parameter): head_lr for parameter in network.fc.parameters()}
    rates[id(_convolutions(network)[0].weight)] = first_lr
    layers = _layers(network)
    kernels = {id(one.weight) for one in _convolutions(network)[1:]} if orthogonal else set[int]()
    groups: dict[tuple[float, bool, float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if id(parameter) not in frozen:
            multiple = rates.get(id(parameter), 1.0)
            scale = multiple * layer_decay ** (len(layers) - 1 - layers[_layer(name)])
            decays = parameter.ndim > 1 or decay_norms_and_biases
            decay = weight_decay / (multiple if orthogonal and multiple else 1.0)
            groups.setdefault((scale, decays, decay, id(parameter) in kernels), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay if decays else 0.0, "lr_scale": scale, "orthogonal": kernel}
        for (scale, decays, decay, kernel), parameters in groups.items()
    ]


def optimizer_of(
    groups: Groups,
    *,
    rule: Optimizer,
    lr: float,
    momentum: float = 0.9,
    nesterov: bool = True,
    beta2: float = 0.999,
    kernel_momentum: float = 0.6,
) -> torch.optim.Optimizer:
    """The optimizer of this name (training/optimizers.py) over `parameter_groups`.

    momentum: SGD's, or beta1 of all others. kernel_momentum: of what Muon turns.
    """
    made = OPTIMIZERS[rule].build(
        groups, lr, Momenta(momentum=momentum, kernels=kernel_momentum, beta2=beta2, nesterov=nesterov)
    )
    set_rate(made, lr)
    return made


def set_rate(optimizer: torch.optim.Optimizer, lr: float, *, single: bool = False) -> None:
    """Make the next step with this learning rate times each group's `lr_scale`.

    single: rounded to float32, which a recorded step reads its rates in, so that both ways give the same weights.
    """
    for group in optimizer.param_groups:
        rate = lr * group["lr_scale"]
        group["lr"] = float(np.float32(rate)) if single else rate


def rates_of(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rate of each group."""
    return [group["lr"] for group in optimizer.param_groups]


@contextmanager
def rates_from(optimizer: torch.optim.Optimizer, rates: Float[Tensor, " groups"]) -> Iterator[None]:
    """Within, each group reads its learning rate from a tensor, so that a recorded step can be given another."""
    own = rates_of(optimizer)
    for group, rate in zip(optimizer.param_groups, rates.unbind(), strict=True):
        group |= {"lr": rate, **({"capturable": True} if "capturable" in group else {})}
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, own, strict=True):
            group |= {"lr": rate, **({"capturable": False} if "capturable" in group else {})}


def to_training(network: ResNet, *, norms_frozen: bool, stages_frozen: int) -> None:
    """Every layer in the mode in which it trains, and learning, but for what is frozen."""
    network.train().requires_grad_(requires_grad=True)
    if norms_frozen:
        freeze_norms(network)
    freeze_stages(network, stages_frozen)


def set_norm_momentum(network: nn.Module, momentum: float) -> None:
    """Let the statistics that batch norms keep for evaluation move by this part of the way to each batch's own."""
    for norm in _norms(network):
        if not isinstance(norm, nn.GroupNorm):
            norm.momentum = momentum


def freeze_norms(network: nn.Module) -> None:
    """Norms keep their scales and shifts for good, and batch norms their statistics until the next `network.train()`.

    For fine-tuning on batches too small, or too unlike the first training's, to estimate statistics from.
    """
    for norm in _norms(network):
        norm.eval()
        norm.requires_grad_(requires_grad=False)


def freeze_stages(network: ResNet, count: int) -> None:
    """The stem and the first stages keep their weights and, until the next `network.train()`, their statistics.

    count: 1 is the stem alone, 2 the stem and the first stage; 0 freezes nothing.
    """
    stem = (network.conv1, network.bn1, network.maxpool)
    for layer in (*stem, *network.stages())[: len(stem) + count - 1 if count else 0]:
        layer.eval()
        layer.requires_grad_(requires_grad=False)


def _norms(network: nn.Module) -> list[nn.BatchNorm2d | nn.SyncBatchNorm | nn.GroupNorm]:
    """The norms that learn; `FrozenBatchNorm` never does."""
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm | nn.GroupNorm)]


def _convolutions(network: ResNet) -> list[nn.Conv2d]:
    """Those that give maps, the first one first; not attention's, which give weights of channels."""
    return [m for name, m in network.named_modules() if isinstance(m, nn.Conv2d) and ".se." not in name]


def _layers(network: ResNet) -> dict[str, int]:
    """The layers' names, in the order in which images go through them, each with its place."""
    names = dict.fromkeys(_layer(name) for name, _ in network.named_parameters())
    return {name: place for place, name in enumerate(names)}


def _layer(parameter: str) -> str:
    """`layer2.0` of a parameter in that block; the stem of one in front of all blocks; `fc`."""
    first, *rest = parameter.split(".")
    if first.startswith("layer"):
        return f"{first}.{rest[0]}"
    return "stem" if first in ("conv1", "bn1", "maxpool") else "fc"
