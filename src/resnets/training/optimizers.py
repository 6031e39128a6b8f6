"""Every optimizer, a row each: how it is built, the rate it usually takes, and where a search for one looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from resnets.training.recipes.recipe import Optimizer
from resnets.training.step.lamb import Lamb
from resnets.training.step.muon import Muon
from resnets.training.step.ranger import RAdamW, Ranger

Groups = list[dict[str, Any]]  # of parameters, each with its settings

USUAL_BATCH = 128  # images a step for which the usual rates are


@dataclass(frozen=True, kw_only=True)
class Momenta:
    """What the past of a run weighs: momentum, that of kernels under Muon, or the decays of Adam's two moments."""

    momentum: float = 0.9
    kernels: float = 0.6
    beta2: float = 0.999
    nesterov: bool = True

    @property
    def betas(self) -> tuple[float, float]:
        """Those of Adam and its kin."""
        return self.momentum, self.beta2


@dataclass(frozen=True, kw_only=True)
class OptimizerRow:
    """One optimizer. Its rates are for weights begun anew at USUAL_BATCH images a step, and for trained weights."""

    build: Callable[[Groups, float, Momenta], torch.optim.Optimizer]
    rate: float
    growth: float  # the power of the images a step with which the rate grows
    finetuning_rate: float  # of weights that were trained before, whatever the batch
    search: float  # from lr_find's lowest rate to its highest, times this
    orthogonal: bool = False  # whether it moves kernels between other layers by a rule of their own
    recordable: bool = False  # whether a CUDA graph can hold its step: one that counts steps in Python can't be

    def rate_of(self, images: int) -> float:
        """The usual rate for steps of so many images."""
        return self.rate * (images / USUAL_BATCH) ** self.growth


def _sgd(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    nesterov = past.nesterov and past.momentum > 0
    return _at_rest(torch.optim.SGD(groups, lr=lr, momentum=past.momentum, nesterov=nesterov, fused=True))


def _muon(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    turned = [group | ({"momentum": past.kernels} if group["orthogonal"] else {}) for group in groups]
    return _at_rest(Muon(turned, lr=lr, momentum=past.momentum, nesterov=past.nesterov))


def _at_rest(sgd: torch.optim.SGD) -> torch.optim.SGD:
    """With momentum of zero everywhere: torch refuses a group of which only some have moved, as after thawing."""
    for group in sgd.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return sgd


def _adamw(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=lr, betas=past.betas, fused=True)


def _lamb(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    return Lamb(groups, lr=lr, betas=past.betas)


def _radam(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    return RAdamW(groups, lr=lr, betas=past.betas)


def _ranger(groups: Groups, lr: float, past: Momenta) -> torch.optim.Optimizer:
    return Ranger(groups, lr=lr, betas=past.betas)


OPTIMIZERS: Mapping[Optimizer, OptimizerRow] = {
    # Goyal et al. 2017: in proportion to the batch
    "sgd": OptimizerRow(build=_sgd, rate=0.1, growth=1.0, finetuning_rate=0.01, search=1.0, recordable=True),
    # Jordan 2024, cifar10-airbench: a part of each kernel's norm, for any batch; trained weights are to stay near
    "muon": OptimizerRow(
        build=_muon, rate=0.24, growth=0.0, finetuning_rate=0.02, search=1.0, orthogonal=True, recordable=True
    ),
    # Loshchilov and Hutter 2019; Malladi et al. 2022: with the root of the batch, as for all of Adam's kin
    "adamw": OptimizerRow(build=_adamw, rate=2e-3, growth=0.5, finetuning_rate=1e-4, search=0.1, recordable=True),
    # You et al. 2020; 8e-3 at 2,048 images is that of "ResNet strikes back", A3
    "lamb": OptimizerRow(build=_lamb, rate=2e-3, growth=0.5, finetuning_rate=1e-3, search=0.1),
    # Liu et al. 2020: Adam's rates, without its warm-up
    "radam": OptimizerRow(build=_radam, rate=2e-3, growth=0.5, finetuning_rate=1e-4, search=0.1),
    # 8e-3 at 64 images is that of fastai's Imagenette runs; lookahead undoes half of every way
    "ranger": OptimizerRow(build=_ranger, rate=0.011, growth=0.5, finetuning_rate=2e-4, search=0.1),
}
