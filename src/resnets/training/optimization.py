"""How a step is made: which parameters decay, and the learning rate of every step."""

import math

import torch
from torch import nn

from resnets.network import ResNet
from resnets.training.recipe import Recipe


def optimizer(network: ResNet, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum, which by default decays only the weights of convolutions and the classifier.

    Norms and biases are few and decaying them does not regularize ("no bias decay", He et al. 2018, section 3.1).
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in network.parameters():
        (decayed if parameter.ndim > 1 or recipe.decay_norms_and_biases else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.SGD(
        [group for group in groups if group["params"]], lr=recipe.lr, momentum=recipe.momentum,
        nesterov=recipe.momentum > 0, fused=True,
    )  # fmt: skip


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate of step `step` (from 0) of `steps`: a linear rise, then the recipe's way down to zero."""
    rise = round(recipe.warmup * steps)
    if step < rise:
        return recipe.lr * (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    if recipe.schedule == "cosine":
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * done))
    if recipe.schedule == "linear":
        return recipe.lr * (1 - done)
    return recipe.lr
