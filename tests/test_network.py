"""The network: against torchvision and timm, its initialization, and all that PyTorch does to a module."""

import copy
import dataclasses
import io
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation
from torch import Tensor, nn

from resnets import resnet
from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find, usual_size
from resnets.folding import folded
from resnets.layers import FrozenBatchNorm, PaddedShortcut
from resnets.network import BasicBlock, Bottleneck, PreactBasicBlock, ResNet
from resnets.spec import ResNetSpec, Stem
from resnets.structure import structure
from resnets.variants import small_images, zero_gamma
from tests.kinds import cut_short
from tests.peers import timm, torchvision

TORCHVISION = [name for name in CATALOG if hasattr(torchvision.models, name)]
TIMM = [name for name in CATALOG if timm.is_model(name)]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


# Against the peers.


@cache
def noise() -> Tensor:
    return torch.randn(26_000_000, generator=torch.Generator().manual_seed(0))


def random_state(shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Numbers for every tensor of a network, drawn from one pool because drawing 127 million anew takes a second.

    Convolutions get He's deviation, and norms differ from channel to channel, so that a misplaced one shows.
    """
    state = {}
    for position, (name, tensor) in enumerate(shapes.items()):
        values = noise().narrow(0, 1009 * position, tensor.numel()).view(tensor.shape)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)
        elif name.endswith("running_var"):
            state[name] = values.abs() + 0.5
        elif tensor.ndim == 4:
            state[name] = values * math.sqrt(2 / tensor[0].numel())
        else:
            state[name] = 0.1 * values + (tensor.ndim == 1 and name.endswith("weight"))
    return state


def assert_the_same_network(spec: ResNetSpec, make: Callable[[], nn.Module]) -> None:
    """The same names and shapes, and the same logits to the last bit."""
    with torch.device("meta"):
        network = ResNet(spec).eval()
    with torch.device("cpu" if spec.antialias == "blur" else "meta"):  # no state replaces timm's blurs
        peer = make().eval()
    shapes = {name: tensor.shape for name, tensor in peer.state_dict().items()}
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == shapes
    state = random_state(peer.state_dict())
    for module in (network, peer):
        module.load_state_dict(state, assign=True)
    image = torch.randn(1, 3, 64, 32)
    with torch.inference_mode():
        logits = network(image)
        assert logits.isfinite().all()
        assert torch.equal(logits, peer(image))


def test_the_peers_share_the_networks_that_they_should() -> None:
    assert len(TORCHVISION) == 10
    assert {"resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", "resnet200d"} < set(TIMM)
    assert {"resnet50c", "resnet101c", "resnet152c", "resnext50d_32x4d", "resnext101_32x4d"} < set(TIMM)
    assert set(TORCHVISION) <= set(TIMM)


LARGE = {"resnet152", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet101_2"}  # half of the time is theirs


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in TORCHVISION]
)
def test_a_network_gives_torchvisions_logits_bit_for_bit(name: str) -> None:
    assert_the_same_network(find(name).spec, lambda: torchvision.models.get_model(name, weights=None))


@pytest.mark.parametrize("name", {cut_short(find(name).spec): name for name in TIMM}.values())
def test_a_network_gives_timms_logits_bit_for_bit(name: str) -> None:
    """Of at most two blocks a stage, since all behind the first are alike; of those that are then the same, one.

    `make slow` takes every block of every network.
    """
    spec = cut_short(find(name).spec)
    assert_the_same_network(spec, lambda: timm.create_model(name, layers=spec.depths))


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_a_network_of_all_its_blocks_gives_timms_logits_bit_for_bit(name: str) -> None:
    assert_the_same_network(find(name).spec, lambda: timm.create_model(name))


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50d", "senet154", "resnetblur50", "resnetaa50d"])
def test_dilation_for_strides_gives_timms_logits_bit_for_bit(name: str, stride: int) -> None:
    spec = dataclasses.replace(find(name).spec, depths=(1, 2, 2, 1), output_stride=stride)
    assert_the_same_network(spec, lambda: timm.create_model(name, layers=spec.depths, output_stride=stride))


def test_timms_residual_networks_are_in_the_catalog_but_for_three() -> None:
    """The pruned ones have a width of their own in every layer, and the third mixes kinds of blocks to test timm."""
    theirs = set(timm.list_models(module="resnet"))
    assert theirs - set(TIMM) == {"ecaresnet50d_pruned", "ecaresnet101d_pruned", "test_resnet"}
    assert len(TIMM) == 78


@pytest.mark.parametrize(("ours", "theirs"), [("xresnet50", "resnet50d"), ("resnet50b", "resnet50")])
def test_networks_that_differ_in_their_start_alone_share_their_weights(ours: str, theirs: str) -> None:
    assert_the_same_network(find(ours).spec, lambda: timm.create_model(theirs))


# Construction.


def test_a_network_is_built_from_a_name_a_file_or_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "cifar_resnet20"\nnum_classes = 7\n')
    image = torch.randn(2, 3, 32, 32)
    for network in ("cifar_resnet20", path, str(path), find("cifar_resnet20").spec):
        assert resnet(network, num_classes=5)(image).shape == (2, 5)
    assert resnet(path)(image).shape == (2, 7)


@pytest.mark.parametrize("channels", [1, 5])
def test_a_network_takes_images_of_any_channels(channels: int) -> None:
    network = resnet("resnet18", in_channels=channels, num_classes=10)
    assert network(torch.randn(2, channels, 33, 32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("network", "fields", "message"),
    [
        ("resnet51", {}, "resnet51: no such network; did you mean"),
        ("resnet18", {"classes": 10}, "resnet18: unknown field 'classes'; did you mean num_classes"),
        ("resnet18", {"num_classes": -1}, "resnet18: num_classes = -1"),
        ("nowhere.toml", {}, r"nowhere\.toml: no such file"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(network: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resnet(network, **fields)


def test_shapes_are_checked_in_this_test_run() -> None:
    network = resnet("cifar_resnet20")
    with pytest.raises(jaxtyping.TypeCheckError, match="batch channels height width"):
        network(torch.zeros(3, 32, 32))
    with pytest.raises(jaxtyping.TypeCheckError):
        network(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


def test_types_are_checked_in_this_test_run() -> None:
    wrong: Any = "3"
    with pytest.raises(BeartypeCallHintParamViolation, match="violates type hint"):
        Stem(kernel=wrong)  # a dataclass
    with pytest.raises(BeartypeCallHintParamViolation, match="violates type hint"):
        usual_size(wrong)  # a function


def test_option_a_has_no_shortcut_parameters() -> None:
    assert not [name for name in resnet("resnet34_a").state_dict() if "downsample" in name]
    assert [name for name in resnet("resnet34_b").state_dict() if "downsample" in name]


def test_a_padded_shortcut_keeps_every_second_position_between_zeros() -> None:
    x = torch.randn(2, 3, 5, 4)
    padded = PaddedShortcut(3, 8, 2)(x)
    assert padded.shape == (2, 8, 3, 2)
    assert torch.equal(padded[:, 2:5], x[:, :, ::2, ::2])
    assert not padded[:, :2].any()
    assert not padded[:, 5:].any()


# Initialization.


def assert_deviation(weight: Tensor, expected: float) -> None:
    """Within five standard errors of a normal sample's deviation, sigma / sqrt(2 n)."""
    assert abs(weight.std().item() / expected - 1) < 5 / math.sqrt(2 * weight.numel())
    assert abs(weight.mean().item()) < 5 * expected / math.sqrt(weight.numel())


@pytest.mark.parametrize("name", ["resnet18", "resnet50d", "resnext50_32x4d", "cifar_resnet20"])
def test_convolutions_start_with_hes_deviation_over_what_leaves_them(name: str) -> None:
    for module in resnet(name).modules():
        if isinstance(module, nn.Conv2d):
            c_out, _, height, width = module.weight.shape
            assert_deviation(module.weight, math.sqrt(2 / (c_out * height * width)))


def test_the_classifier_starts_as_pytorchs_linear_layer_does() -> None:
    fc = resnet("resnet18").fc
    bound = 1 / math.sqrt(fc.in_features)
    for values in (fc.weight, fc.bias):
        assert values.abs().max() <= bound
        assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)  # uniform; 1000 draws or more


def test_xresnet_starts_with_hes_deviation_over_what_enters_and_no_bias() -> None:
    network = resnet("xresnet18")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            assert_deviation(module.weight, math.sqrt(2 / module.weight[0].numel()))
    assert_deviation(network.fc.weight, math.sqrt(2 / network.fc.in_features))
    assert not network.fc.bias.any()


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50c", "xresnet50", "cifar_resnet20"])
def test_only_the_last_norm_of_each_block_starts_at_zero_and_only_where_the_spec_says(name: str) -> None:
    network = resnet(name)
    last = {id(block.last_scale) for block in network.blocks()}
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            scale = 0 if network.spec.zero_last_norm and id(module.weight) in last else 1
            assert (module.weight == scale).all()
            assert not module.bias.any()


@pytest.mark.parametrize("name", ["resnet18d", "xresnet50", "resnet34_a"])
def test_a_block_whose_last_norm_is_zero_starts_as_its_shortcut(name: str) -> None:
    network = ResNet(zero_gamma(find(name).spec)).eval()
    x = network.stem(torch.randn(1, 3, 64, 64))
    for stage in network.stages():
        for block in stage:
            assert isinstance(block, BasicBlock | Bottleneck)
            shortcut = torch.relu(block.downsample(x))
            x = block(x)
            assert torch.equal(x, shortcut)


def test_a_seed_decides_the_start() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        states.append(resnet("cifar_resnet20").state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


# What it gives.


@pytest.fixture
def small() -> ResNet:
    """Every kind of part that the family has, at an eighth of its width, with norms that have seen images."""
    spec = ResNetSpec(
        depths=(1, 2), widths=(16, 32), groups=2, group_width=32, shortcut="pooled-projection", num_classes=5
    )
    network = ResNet(spec)
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(8, 3, 31, 29))
    return network.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50d", "cifar_resnet20", "cifar_resnext29_8x64d"])
def test_feature_maps_are_each_stages_output(name: str) -> None:
    spec = find(name).spec
    built = structure(spec, (33, 47))
    network = ResNet(spec).eval()
    image = torch.randn(1, 3, 33, 47)
    maps = network.feature_maps(image)
    stages = [built.stage(f"stage {number}")[-1].output for number in range(1, len(spec.depths) + 1)]
    assert [tuple(stage.shape[1:]) for stage in maps] == stages
    assert torch.equal(maps[-1].mean((2, 3)), network.features(image))


def test_the_classifier_on_the_features_gives_the_logits(small: ResNet) -> None:
    images = torch.randn(3, 3, 31, 29)
    assert small.features(images).shape == (3, 128)
    assert torch.equal(small.fc(small.features(images)), small(images))


@pytest.mark.parametrize("name", ["resnet18", "resnet50d", "cifar_resnet20", "resnet34_c"])
def test_every_parameter_learns(name: str) -> None:
    network = resnet(name, zero_last_norm=False)
    nn.functional.cross_entropy(network(torch.randn(4, 3, 33, 35)), torch.arange(4)).backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any()


@pytest.mark.usefixtures("unchecked")  # dynamo cannot trace the type checker, which users do not run
def test_a_network_compiles_whole(small: ResNet) -> None:
    images = torch.randn(3, 3, 31, 29)
    compiled = torch.compile(small, backend="eager", fullgraph=True)
    with torch.no_grad():
        assert torch.equal(compiled(images), small(images))
    torch.compiler.reset()


@pytest.mark.usefixtures("unchecked")  # as above
def test_a_network_exports_for_any_batch(small: ResNet) -> None:
    batch = torch.export.Dim("batch", min=1)
    exported = torch.export.export(small, (torch.randn(2, 3, 31, 29),), dynamic_shapes={"x": {0: batch}})
    for count in (1, 2, 7):
        images = torch.randn(count, 3, 31, 29)
        torch.testing.assert_close(
            exported.module()(images), small(images)
        )  # float32's default: batches sum as they like


def test_autocast_computes_in_bfloat16(small: ResNet) -> None:
    images = torch.randn(3, 3, 31, 29)
    with torch.inference_mode():
        exact = small(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = small(images)
    assert rough.dtype == torch.bfloat16
    # 8 bits of mantissa round by 2^-9 at each of a dozen convolutions; errors add up relative to the largest logit
    torch.testing.assert_close(rough.float(), exact, rtol=0, atol=12 * 2**-9 * exact.abs().max().item())


def test_channels_last_gives_the_same_logits(small: ResNet) -> None:
    images = torch.randn(3, 3, 31, 29)
    with torch.inference_mode():
        exact = small(images)
        last = copy.deepcopy(small).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch has it
        result = last(images.contiguous(memory_format=torch.channels_last))
    # another order of summation: float32's 2^-24 at each of a dozen layers, times a thousand terms in the worst case
    torch.testing.assert_close(result, exact, rtol=1e-4, atol=1e-5)


def test_a_saved_state_restores_the_network(small: ResNet) -> None:
    file = io.BytesIO()
    torch.save(small.state_dict(), file)
    file.seek(0)
    restored = ResNet(small.spec).eval()
    restored.load_state_dict(torch.load(file, weights_only=True))
    images = torch.randn(3, 3, 31, 29)
    with torch.inference_mode():
        assert torch.equal(restored(images), small(images))


def test_inference_mode_gives_the_same_logits(small: ResNet) -> None:
    images = torch.randn(3, 3, 31, 29)
    logits = small(images)
    assert logits.requires_grad
    with torch.inference_mode():
        assert torch.equal(small(images), logits.detach())


def test_the_cifar_stem_keeps_a_small_images_positions() -> None:
    network = ResNet(small_images(find("resnet18").spec))
    assert [tuple(stage.shape[2:]) for stage in network.feature_maps(torch.randn(1, 3, 32, 32))] == [
        (32, 32), (16, 16), (8, 8), (4, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["resnet18d", "resnet50_2015", "cifar_resnext29_8x64d", "cifar_resnet20", "cifar_resnet8_wide"],
)
def test_folding_keeps_the_outputs_of_every_kind_of_network(name: str) -> None:
    network = resnet(name, num_classes=5).eval()
    for norm in (one for one in network.modules() if isinstance(one, nn.BatchNorm2d)):
        assert norm.running_var is not None
        assert norm.running_mean is not None
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.normal_(norm.running_mean, 0, 0.1)
        nn.init.uniform_(norm.weight, 0.5, 1)
    x = torch.randn(1, 3, 32, 32)
    once = folded(network)
    with torch.inference_mode():
        before, after = network(x), once(x)
    assert not any(isinstance(one, nn.BatchNorm2d) for one in once.modules())
    assert any(isinstance(one, nn.BatchNorm2d) for one in network.modules())  # which stays as it was
    assert torch.allclose(before, after, rtol=0, atol=1e-4 * before.abs().max().item())  # float32, tens of layers deep


def test_a_norm_behind_a_max_pool_stays_where_it_would_turn_the_order_of_values() -> None:
    network = resnet("cifar_resnet8_wide", num_classes=5).eval()
    turned = network.get_submodule("layer2.0.bn1")
    assert isinstance(turned, nn.BatchNorm2d)
    nn.init.constant_(turned.weight[:3], -0.5)
    x = torch.randn(2, 3, 32, 32)
    once = folded(network)
    assert [name for name, one in once.named_modules() if isinstance(one, nn.BatchNorm2d)] == ["layer2.0.bn1"]
    with torch.inference_mode():
        before, after = network(x), once(x)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


# The rest of the family.


def test_frozen_batch_norm_gives_torchvisions_numbers() -> None:
    ours, theirs = FrozenBatchNorm(8), torchvision.ops.FrozenBatchNorm2d(8)
    state = {name: torch.rand(8) + 0.5 for name in theirs.state_dict()}
    ours.load_state_dict(state)
    theirs.load_state_dict(state)
    maps = torch.randn(2, 8, 5, 4)
    # another order of the same multiplications
    torch.testing.assert_close(ours(maps), theirs(maps), rtol=1e-6, atol=1e-6)


def test_frozen_norms_neither_learn_nor_follow_the_images() -> None:
    network = resnet("cifar_resnet20", norm="frozen")
    before = copy.deepcopy(network.bn1.state_dict())
    network.train()(torch.randn(4, 3, 32, 32)).sum().backward()
    assert not [name for name, _ in network.named_parameters() if "bn" in name]
    assert all(torch.equal(before[name], tensor) for name, tensor in network.bn1.state_dict().items())


@pytest.mark.parametrize("pool", ["max", "both", "gem"])
def test_a_pool_gives_timms_features(pool: str) -> None:
    network = resnet("cifar_resnet20", pool=pool).eval()
    images = torch.randn(2, 3, 32, 32)
    maps = network.feature_maps(images)[-1]
    expected = {
        "max": maps.amax((2, 3)),
        "both": timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d(pool_type="catavgmax", flatten=True)(maps),
        "gem": maps.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3),
    }[pool]
    torch.testing.assert_close(network.features(images), expected)
    assert network(images).shape == (2, 10)


def test_a_preactivated_network_is_the_papers_equations() -> None:
    """x + f(x) without anything after the sum, one activation before the first block and one after the last."""
    network = resnet("resnet110_preact", depths=(2, 2, 2)).eval()
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    images = torch.randn(2, 3, 32, 32)
    x = torch.relu(network.bn1(network.conv1(images)))
    for block in network.blocks():
        assert isinstance(block, PreactBasicBlock)
        activated = x if isinstance(block.bn1, nn.Identity) else torch.relu(block.bn1(x))
        f = block.conv2(torch.relu(block.bn2(block.conv1(activated))))
        x = f + (x if isinstance(block.downsample, nn.Identity) else block.downsample(activated))
    features = torch.relu(network.norm(x)).mean((2, 3))
    torch.testing.assert_close(network(images), network.fc(features))
    assert [isinstance(block.bn1, nn.Identity) for block in network.blocks()] == [True] + 5 * [False]


def test_feature_info_says_what_feature_maps_give() -> None:
    for name, size in (("resnet50", 64), ("cifar_resnet20", 32), ("resnet18", 96)):
        network = resnet(name, output_stride=16).eval()
        maps = network.feature_maps(torch.randn(1, 3, size, size))
        assert [(info.channels, info.stride) for info in network.feature_info] == [
            (one.shape[1], size // one.shape[2]) for one in maps
        ]
    assert [info.name for info in network.feature_info] == ["layer1", "layer2", "layer3", "layer4"]


def test_a_network_without_classes_gives_its_features() -> None:
    network = resnet("resnet18", num_classes=0).eval()
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(images), network.features(images))
    assert not [name for name in network.state_dict() if name.startswith("fc")]


def test_a_new_classifier_leaves_the_rest_as_it_is() -> None:
    network = resnet("cifar_resnet20").eval()
    images = torch.randn(2, 3, 32, 32)
    features = network.features(images)
    network.reset_classifier(7)
    assert torch.equal(network.features(images), features)
    assert network(images).shape == (2, 7)
    network.reset_classifier(3, pool="both")
    assert (network(images).shape, network.spec.num_classes, network.spec.pool) == ((2, 3), 3, "both")
    network.reset_classifier(0)
    assert network(images).shape == (2, 128)


def test_gradient_checkpointing_changes_neither_gradients_nor_statistics() -> None:
    plain = resnet("resnet50", depths=(1, 2, 1, 1), widths=(8, 16, 32, 64)).train()
    saving = copy.deepcopy(plain)
    saving.gradient_checkpointing = True
    images = torch.randn(4, 3, 64, 64)
    for network in (plain, saving):
        network(images).square().sum().backward()
    for ours, theirs in zip(saving.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)  # pyright: ignore[reportArgumentType] # every one has a gradient
    for name, tensor in saving.state_dict().items():
        assert torch.equal(tensor, plain.state_dict()[name]), name


def test_dropout_acts_on_the_features_in_training_alone() -> None:
    network = resnet("cifar_resnet20", dropout=0.5)
    network.fc.weight.data.fill_(1)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(network.eval()(images), network(images))
    features = torch.ones(1000, 64)
    kept = network.train().classify(features) - network.fc.bias
    assert 0.9 < kept.mean().item() / 64 < 1.1
    assert kept.std() > 0


@pytest.mark.parametrize("name", ["seresnet18", "ecaresnet50t", "resnetblur18", "resnetrs50", "resnet110_preact"])
def test_folding_changes_the_rest_of_the_family_by_rounding_alone(name: str) -> None:
    spec = find(name).spec
    network = ResNet(dataclasses.replace(spec, depths=tuple(1 for _ in spec.depths), zero_last_norm=False))
    with torch.no_grad():
        for _ in range(5):
            network.train()(torch.randn(4, 3, 64, 64))
        images = torch.randn(2, 3, 64, 64)
        exact = network.eval()(images)
        torch.testing.assert_close(folded(network)(images), exact, rtol=1e-4, atol=1e-4 * exact.abs().max().item())


def test_the_tutorials_resnext_has_biases_and_doubles_its_width() -> None:
    """Debnath 2020: 1x1, grouped 3x3 and 1x1 with bias, 128 channels first, each block twice as many out."""
    with torch.device("meta"):
        network = resnet("resnext50_tutorial")
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["conv1.bias"] == (64,)
    assert shapes["layer1.0.conv1.weight"] == (128, 64, 1, 1)
    assert shapes["layer1.0.conv2.weight"] == (128, 4, 3, 3)
    assert shapes["layer1.0.conv3.weight"] == (256, 128, 1, 1)
    assert shapes["layer1.0.downsample.0.bias"] == (256,)
    assert shapes["layer4.2.conv3.weight"] == (2048, 1024, 1, 1)
    assert shapes["fc.weight"] == (1000, 2048)
