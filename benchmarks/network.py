"""One training step and one forward, ours against a peer's module, in images a second.

    .venv/bin/python -m benchmarks.network [NETWORK ...]

Two comparisons for each network, in one process, alternating peer and ours so that a drifting machine slows both:
at the same memory format and precision (contiguous, float32), and with each one's defaults (ours: channels_last, fused
SGD; theirs: contiguous, SGD as their training scripts build it). The peer is timm; for CIFAR, the same layers written
the way akamaster's script writes them, contiguous, since that repository is no package.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.measuring import Measured, Wanted, in_turns, timed
from resnets import resnet
from resnets.network import ResNet
from resnets.structure import structure
from resnets.training.step.optimization import optimizer_of, parameter_groups
from tests.peers import timm

CASES = {"resnet18": (16, 224), "resnet50": (8, 224), "cifar_resnet20": (128, 32)}
PAIRS = 9
AS_FAST = 0.95  # the same arithmetic in the same order: as fast, but for how far a repetition differs


class AkamasterBlock(nn.Module):
    """Two convolutions and the padded shortcut, with functional ReLU and padding as in the published script."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.extra = c_out - c_in
        self.same = stride == 1 and not self.extra

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        side = self.extra // 2
        out += x if self.same else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, side, side))
        return F.relu(out)


class AkamasterNet(nn.Module):
    """CIFAR ResNet-20 in that style."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = [16] * 4 + [32] * 3 + [64] * 3
        pairs = list(pairwise(widths))
        self.blocks = nn.Sequential(*(AkamasterBlock(a, b, 2 if b > a else 1) for a, b in pairs))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.linear(F.avg_pool2d(out, out.shape[3]).flatten(1))


def peer(name: str) -> nn.Module:
    return AkamasterNet() if name.startswith("cifar") else timm.create_model(name)


def forward(network: nn.Module, images: torch.Tensor) -> Callable[[], object]:
    network.eval()

    def run() -> object:
        with torch.inference_mode():
            return network(images)

    return run


def step(network: nn.Module, images: torch.Tensor, sgd: torch.optim.Optimizer) -> Callable[[], object]:
    labels = torch.zeros(len(images), dtype=torch.long)

    def run() -> object:
        network.train()
        sgd.zero_grad(set_to_none=True)
        F.cross_entropy(network(images), labels).backward()
        return sgd.step()

    return run


def plain_sgd(network: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True, weight_decay=5e-4)


def rate(function: Callable[[], object], images: int) -> Callable[[], float]:
    """How many images a second `function` gets through, called once."""
    function()
    return lambda: images / timed(function)


def ours_with_defaults(name: str) -> tuple[ResNet, torch.optim.Optimizer]:
    network = resnet(name).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
    groups = parameter_groups(network, weight_decay=5e-4)
    return network, optimizer_of(groups, rule="sgd", lr=1e-4)


def lines(names: Sequence[str] = tuple(CASES)) -> Iterator[Measured]:
    for name in names:
        batch, size = CASES[name]
        images = torch.randn(batch, 3, size, size)
        last = images.contiguous(memory_format=torch.channels_last)
        theirs, same, (best, sgd) = peer(name), resnet(name), ours_with_defaults(name)
        macs = structure(same.spec, size).macs
        same_step = step(same, images, plain_sgd(same)), step(theirs, images, plain_sgd(theirs))
        best_step = step(best, last, sgd), step(theirs, images, plain_sgd(theirs))
        runs = {
            "a step, same format": (*same_step, 6, Wanted(AS_FAST)),
            "forward, same format": (forward(same, images), forward(theirs, images), 2, Wanted(AS_FAST)),
            "a step, defaults": (*best_step, 6, None),
            "forward, defaults": (forward(best, last), forward(theirs, images), 2, None),
        }
        for kind, (own, others, operations, wanted) in runs.items():
            yield in_turns(
                f"{name}, batch {batch} at {size}: {kind}", rate(own, batch), rate(others, batch), unit="images/s",
                peer_name="akamaster's layers" if name.startswith("cifar") else "timm", flops=operations * macs,
                rounds=PAIRS, wanted=wanted,
            )  # fmt: skip


if __name__ == "__main__":
    for line in lines(sys.argv[1:] or tuple(CASES)):
        print(line, flush=True)
