"""What is written down of an image is what the network did with it, and afterwards the network is as it was."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.explain.record import ImageRecord
from resnets.explain.recording import image_record, kept_channels
from resnets.network import ResNet
from resnets.view.explorer.live import quantized
from tests import kinds

SOME = ("squeeze-and-excitation", "pre-activation", "silu", "convolutions with bias", "dilation", "max", "plain")


def warmed(kind: str) -> Classifier:
    """A tiny classifier whose norms have statistics of their own."""
    made = kinds.classifier(kind)
    made.network.train()
    with torch.no_grad():
        made.network(torch.randn(8, 3, kinds.SIZE, kinds.SIZE))
    made.network.eval()
    return made


def image(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (kinds.SIZE, kinds.SIZE, 3), dtype=np.uint8)


def recorded(made: Classifier) -> ImageRecord:
    return image_record(made, image())


@torch.no_grad()
def by_hand(network: ResNet, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Of each block: what its shortcut and its residual branch give, and its output."""
    found, x = [], network.stem(x)
    for block in network.blocks():
        entering = x.clone()
        x = block(x)
        if network.spec.preactivation:
            activated = block.act1(block.bn1(entering))
            plain = isinstance(block.downsample, torch.nn.Identity)
            found.append((block.downsample(entering if plain else activated), block.residual(activated), x))
        else:
            residual = block.residual(entering)
            found.append((torch.as_tensor(block.downsample(entering)).expand_as(residual), residual, x))
    return found


@pytest.mark.parametrize("kind", SOME)
def test_a_record_holds_every_sum_and_every_convolution_as_the_network_computes_them(kind: str) -> None:
    made = warmed(kind)
    record = recorded(made)
    x = made.preprocessing.normalize(torch.from_numpy(image()[None]))
    for sum_, (shortcut, residual, output) in zip(record.sums, by_hand(made.network, x), strict=True):
        np.testing.assert_array_equal(sum_.shortcut, shortcut[0].numpy())
        np.testing.assert_array_equal(sum_.residual, residual[0].numpy())
        np.testing.assert_array_equal(sum_.output.values, output[0].numpy())
        np.testing.assert_array_equal(sum_.total, (shortcut + residual)[0].numpy())
        assert sum_.residual_norm == pytest.approx(float(residual.norm()), rel=1e-5)
    convolutions = [name for name, one in made.network.named_modules() if isinstance(one, torch.nn.Conv2d)]
    assert list(record.responses) == sorted(convolutions, key=list(record.responses).index)
    assert set(record.responses) == set(convolutions)
    for one in record.responses.values():
        products = one.window.astype(np.float64) * one.kernel
        assert products.sum() + one.bias == pytest.approx(one.value, abs=1e-6 * (1 + np.abs(products).sum()))


@pytest.mark.parametrize("kind", ["pre-activation", "dilation", "squeeze-and-excitation"])
def test_class_maps_sum_to_the_logit_without_its_bias_and_are_captums(kind: str) -> None:
    attribution = pytest.importorskip("captum.attr")
    made = warmed(kind)
    record = recorded(made)
    assert record.class_maps is not None
    biases = made.network.fc.bias.detach().numpy()
    # float32 sums of at most 16 x 256 products
    np.testing.assert_allclose(record.class_maps.sum(axis=(1, 2)), record.logits - biases, atol=1e-5)
    x = made.preprocessing.normalize(torch.from_numpy(image()[None]))
    layer = made.network.act if made.network.spec.preactivation else list(made.network.stages())[-1]
    for label in range(3):
        theirs = attribution.LayerGradCam(made.network, layer).attribute(x, target=label)
        np.testing.assert_allclose(record.class_maps[label], theirs[0, 0].detach().numpy(), atol=1e-6)


def test_a_pool_that_is_no_mean_has_no_class_maps() -> None:
    assert recorded(warmed("max")).class_maps is None


@pytest.mark.parametrize("kind", ["silu", "squeeze-and-excitation", "pre-activation"])
def test_without_a_block_is_the_network_whose_branch_gives_zeros(kind: str) -> None:
    made = warmed(kind)
    record = recorded(made)
    x = made.preprocessing.normalize(torch.from_numpy(image()[None]))
    for place, row in enumerate(record.without):
        network = copy.deepcopy(made.network)
        block = list(network.blocks())[place]
        with torch.no_grad():
            block.last_scale.zero_()
            if not network.spec.preactivation:
                block.get_submodule("bn2").bias.zero_()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue] # a norm's bias
            expected = network(x)[0].numpy()
        np.testing.assert_allclose(row, expected, atol=1e-6)
    assert np.abs(record.without - record.logits).max() > 1e-3


def test_a_channels_strength_in_the_last_block_is_its_part_of_the_logit() -> None:
    made = warmed("silu")
    record = recorded(made)
    last = record.sums[-1].output
    weights = made.network.fc.weight.detach().numpy()
    for row, label in enumerate(record.answers):
        np.testing.assert_allclose(last.strength[row], weights[label] * last.values.mean(axis=(1, 2)), atol=1e-6)


def test_a_record_leaves_no_hook_and_no_gradient_behind_even_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    made = warmed("dilation")
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    recorded(made)

    def broken(*_: object) -> None:
        raise RuntimeError("a pool that fails")

    monkeypatch.setattr(made.network.pool, "forward", broken)
    with pytest.raises(RuntimeError, match="a pool that fails"):
        recorded(made)
    for module in made.network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert all(one.grad is None for one in made.network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in made.network.state_dict().items())


def test_fewer_cells_keep_the_channels_of_most_strength() -> None:
    made = warmed("silu")
    whole = image_record(made, image())
    part = image_record(made, image(), cells=3 * 4 * 16 * 16)
    for few, all_ in zip(part.sums, whole.sums, strict=True):
        strength = np.abs(all_.output.strength).max(axis=0)
        kept = few.output.channels
        assert 0 < len(kept) < len(strength)
        assert strength[kept].min() >= np.delete(strength, kept).max()
        np.testing.assert_array_equal(few.output.values, all_.output.values[kept])
        np.testing.assert_array_equal(few.output.mean, all_.output.mean)


def test_as_many_channels_are_kept_as_fit() -> None:
    sizes = [(1, 8, 4, 4), (3, 8, 4, 4), (3, 16, 2, 2)]
    assert kept_channels(sizes, 10_000) == 16
    assert kept_channels(sizes, 16 * 3 * 4 + 4 * 3 * 3) == 3
    assert kept_channels(sizes, 0) == 1


def test_bytes_are_within_half_a_step_and_keep_zeros_and_signs() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)
    maps[1], maps[2, 0] = 0, 0
    found, steps = quantized(maps)
    values = found * steps.astype(np.float64)[:, None, None]
    assert (np.abs(values - maps) <= steps[:, None, None] * 0.5000001).all()  # a step itself is rounded to float32
    assert steps[1] == 0
    assert (values[maps == 0] == 0).all()
    assert (values * maps >= 0).all()


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        ("crop", (400, 200), (100, 0, 300, 200)),
        ("squash", (400, 200), (0, 0, 400, 200)),
        ("pad", (400, 200), (0, -100, 400, 300)),
    ],
)
def test_the_part_of_an_image_that_is_seen(
    fit: str, size: tuple[int, int], expected: tuple[float, float, float, float]
) -> None:
    made = Preprocessing(size=64, resize=64, fit=fit)  # pyright: ignore[reportArgumentType] # one of the fits
    assert made.box(*size) == pytest.approx(expected)
