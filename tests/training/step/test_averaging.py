"""The moving average of weights against timm's and torch's."""

import copy
import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from resnets import resnet
from resnets.network import ResNet
from resnets.training.step.averaging import Average, decay_at
from tests import peers


def small(seed: int = 0) -> ResNet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return resnet("cifar_resnet20", num_classes=4)


def batches(count: int = 5, seed: int = 0) -> list[Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    return [2 + 3 * torch.randn(8, 3, 16, 16, generator=numbers) for _ in range(count)]


def train(network: ResNet, steps: int) -> Iterator[int]:
    sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    for step, x in enumerate(batches(steps, seed=1)):
        sgd.zero_grad()
        nn.functional.cross_entropy(network(x), torch.arange(8) % 4).backward()
        sgd.step()
        yield step


def assert_equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_average_is_timms_with_warm_up_bit_for_bit(decay: float) -> None:
    network = small()
    ours, theirs = Average(network, decay=decay), peers.ModelEmaV3(network, decay=decay, use_warmup=True)
    for step in train(network, 12):
        ours.update(network, step)
        theirs.update(network, step + 1)  # timm counts from 1
        assert_equal(ours.state_dict(), theirs.module.state_dict())
    assert int(ours.state_dict()["bn1.num_batches_tracked"]) == 12


def test_the_average_is_torchs_once_warm_bit_for_bit() -> None:
    network = small()
    ours = Average(network, decay=0.5)
    theirs = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5), use_buffers=True
    )
    theirs.update_parameters(network)  # the first copies
    for step in train(network, 6):
        ours.update(network, step + 100)
        theirs.update_parameters(network)
    for name, tensor in theirs.module.state_dict().items():
        if tensor.is_floating_point():
            assert torch.equal(ours.state_dict()[name], tensor), name


def test_the_decay_rises_to_what_was_asked_for() -> None:
    decays = [decay_at(update, 0.999) for update in range(40_000)]
    assert decays[0] == 0
    assert decays[-1] == 0.999
    assert all(a <= b for a, b in pairwise(decays))
    # What is left of the first weights after a short run is next to nothing, where a fixed 0.999 leaves 90% of them.
    assert math.prod(decays[1:100]) < 1e-4


def test_within_the_network_is_its_average_and_afterwards_itself_again() -> None:
    network = small()
    average = Average(network, decay=0.9)
    for step in train(network, 4):
        average.update(network, step)
    own = copy.deepcopy(network.state_dict())
    with average.in_place_of(network):
        assert_equal(network.state_dict(), average.state_dict())
    assert_equal(network.state_dict(), own)
    with pytest.raises(ZeroDivisionError), average.in_place_of(network):
        _ = 1 / 0
    assert_equal(network.state_dict(), own)


def test_a_saved_average_goes_on_bit_for_bit() -> None:
    network = small()
    whole, resumed = Average(network, decay=0.9), Average(small(1), decay=0.9)
    for step in train(network, 6):
        whole.update(network, step)
        if step == 2:
            resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
        elif step > 2:
            resumed.update(network, step)
    assert_equal(resumed.state_dict(), whole.state_dict())


def test_an_average_of_another_network_is_refused() -> None:
    average = Average(small(), decay=0.9)
    with pytest.raises(RuntimeError, match=r"fc\.weight: \(9, 64\)"):
        average.load_state_dict(resnet("cifar_resnet20", num_classes=9).state_dict())
    with pytest.raises(KeyError):
        average.load_state_dict({})
