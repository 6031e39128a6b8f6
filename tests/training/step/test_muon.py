"""Muon against torch's own on matrices, and what it promises of kernels: directions, lengths, steps that resume."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from resnets import resnet
from resnets.network import ResNet
from resnets.training.step.muon import Muon, orthogonal
from resnets.training.step.optimization import optimizer_of, parameter_groups


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def images(seed: int) -> Tensor:
    return random(8, 3, 16, 16, seed=seed)


def backward(network: nn.Module, seed: int) -> None:
    network.zero_grad()
    nn.functional.cross_entropy(network(images(seed)), torch.arange(8) % 4).backward()


def muon_of(network: ResNet, lr: float = 0.1) -> torch.optim.Optimizer:
    groups = parameter_groups(network, weight_decay=1e-3, orthogonal=True)
    return optimizer_of(groups, rule="muon", lr=lr, momentum=0.6)


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_a_matrix_keeps_its_singular_directions_and_its_values_become_alike(shape: tuple[int, int]) -> None:
    matrix = random(*shape)
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    turned = left.T @ orthogonal(matrix).double() @ right.T
    torch.testing.assert_close(turned, torch.diag(turned.diagonal()), atol=1e-4, rtol=0)  # float32 products
    large = values > matrix.norm() / 80
    assert ((turned.diagonal() > 0.5) & (turned.diagonal() < 1.21))[large].all()


def test_a_matrix_of_zeros_and_a_tiny_one_stay_finite() -> None:
    assert not orthogonal(torch.zeros(4, 9)).any()
    torch.testing.assert_close(orthogonal(random(4, 9) * 1e-15), orthogonal(random(4, 9)))


@pytest.mark.parametrize("nesterov", [False, True])
def test_matrices_move_as_with_torchs_muon(nesterov: bool) -> None:
    """torch computes in bfloat16, makes 5 rounds and takes absolute steps, so directions are compared."""
    ours, theirs = (nn.Parameter(random(16, 40)) for _ in range(2))
    groups = [{"params": [ours], "orthogonal": True}]
    muon = Muon(groups, lr=0.02, momentum=0.9, nesterov=nesterov)
    torchs = torch.optim.Muon(
        [theirs], lr=1.0, momentum=0.9, nesterov=nesterov, weight_decay=0.0, adjust_lr_fn="original"
    )
    for step in range(4):
        before = ours.detach().clone(), theirs.detach().clone()
        ours.grad = random(16, 40, seed=step)
        theirs.grad = ours.grad.clone()
        muon.step()
        torchs.step()
        held = before[0] * min(1.0, float(random(16, 40).norm() / before[0].norm()))
        moved = [(ours.detach() - held).flatten(), (theirs.detach() - before[1]).flatten()]
        assert torch.cosine_similarity(*moved, dim=0) > 0.98
        assert moved[0].norm() == pytest.approx(0.02 * random(16, 40).norm(), rel=0.25)  # values are 0.5 to 1.21


def test_kernels_are_turned_and_all_else_moves_as_with_sgd() -> None:
    ours = resnet("cifar_resnet20", num_classes=4)
    plain = copy.deepcopy(ours)
    sgd = optimizer_of(parameter_groups(plain, weight_decay=1e-3), rule="sgd", lr=0.1, momentum=0.6)
    muon = muon_of(ours)
    for network, optimizer in ((ours, muon), (plain, sgd)):
        backward(network, 0)
        optimizer.step()
    other = dict(plain.named_parameters())
    kernels = [name for name, parameter in ours.named_parameters() if parameter.ndim == 4 and name != "conv1.weight"]
    assert len(kernels) == 18
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter, other[name]) == (name not in kernels), name
        assert parameter.grad is not None


def test_no_kernel_becomes_longer_than_a_step_beyond_its_first_length() -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    begun = {
        name: float(parameter.detach().norm()) for name, parameter in network.named_parameters() if parameter.ndim == 4
    }
    del begun["conv1.weight"]
    muon = muon_of(network, lr=0.2)
    for step in range(6):
        backward(network, step)
        muon.step()
    now = dict(network.named_parameters())
    for name, length in begun.items():
        assert now[name].norm() <= length * (1 + 0.2 * 1.21)  # a step's length times its largest singular value


def test_a_kernel_of_zeros_grows_and_attention_is_left_to_sgd() -> None:
    network = resnet("seresnet50", num_classes=4)
    groups = parameter_groups(network, weight_decay=0.0, orthogonal=True)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    turned = {names[id(p)] for group in groups if group["orthogonal"] for p in group["params"]}
    assert turned == {
        name for name, p in network.named_parameters() if p.ndim == 4 and ".se." not in name and name != "conv1.weight"
    }
    kernel = nn.Parameter(torch.zeros(4, 2, 3, 3))
    muon = Muon([{"params": [kernel], "orthogonal": True}], lr=0.1)
    kernel.grad = random(4, 2, 3, 3)
    muon.step()
    assert 0.05 < float(kernel.detach().norm()) < 0.25  # a tenth of an orthogonal 4 x 18 matrix's 2


def test_a_loaded_state_goes_on_to_the_same_weights() -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    muon = muon_of(network)
    for step in range(3):
        backward(network, step)
        muon.step()
    other = copy.deepcopy(network)
    again = muon_of(other)
    again.load_state_dict(copy.deepcopy(muon.state_dict()))
    for made, optimizer in ((network, muon), (other, again)):
        for step in range(3, 6):
            backward(made, step)
            optimizer.step()
    for parameter, same in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(parameter, same)


def test_a_closure_is_evaluated_once() -> None:
    calls: list[Any] = []
    weight = nn.Parameter(torch.ones(2, 2))

    def loss() -> float:
        calls.append(weight)
        return 1.5

    assert Muon([weight]).step(loss) == 1.5
    assert len(calls) == 1


def test_what_learns_faster_does_not_decay_faster_under_muon() -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    groups = parameter_groups(
        network, weight_decay=0.1, decay_norms_and_biases=True, orthogonal=True, bias_lr=50.0, scale_lr=0.0,
        head_lr=0.5, first_lr=0.25,
    )  # fmt: skip
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {names[id(p)]: (group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert found["layer2.0.bn1.bias"] == (50, 0.1 / 50)
    assert found["layer2.0.bn1.weight"] == (0, 0.1)
    assert found["fc.weight"] == found["fc.bias"] == (0.5, 0.2)
    assert found["conv1.weight"] == (0.25, 0.4)
    assert found["layer2.0.conv1.weight"] == (1, 0.1)


def test_kernels_have_a_momentum_of_their_own() -> None:
    network = resnet("cifar_resnet20", num_classes=4)
    made = optimizer_of(
        parameter_groups(network, weight_decay=0.0, orthogonal=True), rule="muon", lr=0.1, momentum=0.9,
        kernel_momentum=0.5,
    )  # fmt: skip
    assert {(group["orthogonal"], group["momentum"]) for group in made.param_groups} == {(True, 0.5), (False, 0.9)}
