"""structure.py against the network itself, against published counts and against automatic differentiation."""

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.network import ResNet
from resnets.spec import ResNetSpec
from resnets.spec_values import from_dict
from resnets.structure import Structure, Totals, parse_image_size, structure, totals
from tests.kinds import cut_short
from tests.trace import Row, trace

ODD_SIZES = ((97, 65), (31, 47))


def without_receptive_fields(built: Structure) -> list[Row]:
    rows = [operation.as_dict() for operation in built.operations]
    for row in rows:
        del row["receptive_field"]
    return rows


def on_meta(spec: ResNetSpec) -> ResNet:
    """The network with shapes and no numbers, which is all that counting needs."""
    with torch.device("meta"):
        return ResNet(spec).eval()


def different() -> dict[ResNetSpec, str]:
    """Every row of the catalog, cut short; of those that are then the same, one's name."""
    found = {cut_short(row.spec): name for name, row in CATALOG.items()}
    assert len(found) > 50
    return found


@pytest.mark.usefixtures("unchecked")  # thousands of calls a network
@pytest.mark.parametrize(
    ("spec", "size"),
    [pytest.param(spec, ODD_SIZES[place % 2], id=name) for place, (spec, name) in enumerate(different().items())],
)
def test_the_structure_agrees_with_what_the_network_does_operation_for_operation(
    spec: ResNetSpec, size: tuple[int, int]
) -> None:
    """All blocks of a stage behind the first are alike. `make slow` takes every block of every row, in both sizes."""
    assert_agrees(spec, size)


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("name", CATALOG)
def test_the_structure_of_every_block_agrees_too(name: str, size: tuple[int, int]) -> None:
    assert_agrees(CATALOG[name].spec, size)


def assert_agrees(spec: ResNetSpec, size: tuple[int, int]) -> None:
    network = on_meta(spec)
    built = structure(spec, size)
    assert without_receptive_fields(built) == trace(network, torch.empty(1, 3, *size, device="meta"))
    assert built.parameters == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "millions", "gmacs"),
    [
        ("resnet18", "11.69", "1.82"),
        ("resnet34", "21.80", "3.67"),
        ("resnet50", "25.56", "4.11"),
        ("resnet101", "44.55", "7.83"),
        ("resnet152", "60.19", "11.56"),
        ("resnet18d", "11.71", "2.06"),
        ("resnet34d", "21.82", "3.91"),
        ("resnet50c", "25.58", "4.35"),
        ("resnet50d", "25.58", "4.35"),
        ("resnet101d", "44.57", "8.08"),
        ("resnet152d", "60.21", "11.80"),
        ("resnext50_32x4d", "25.03", "4.26"),
        ("resnext101_32x4d", "44.18", "8.01"),
        ("resnext101_32x8d", "88.79", "16.48"),
        ("resnext101_64x4d", "83.46", "15.52"),
        ("wide_resnet50_2", "68.88", "11.43"),
        ("wide_resnet101_2", "126.89", "22.8"),
    ],
)
def test_fvcores_count_is_what_timms_tables_print(name: str, millions: str, gmacs: str) -> None:
    built = structure(find(name).spec, 224)
    decimals = len(gmacs.partition(".")[2])
    assert (f"{built.parameters / 1e6:.2f}", f"{built.fvcore_macs / 1e9:.{decimals}f}") == (millions, gmacs)


@pytest.mark.parametrize(
    ("name", "gmacs", "parameters"),
    [
        ("resnet18", "1.814", 11_689_512),
        ("resnet34", "3.664", 21_797_672),
        ("resnet50_2015", "3.858", 25_557_032),
        ("resnet50", "4.089", 25_557_032),
        ("resnet152", "11.514", 60_192_808),
        ("resnext50_32x4d", "4.230", 25_028_904),
    ],
)
def test_convolutions_and_the_classifier_cost_what_is_published(name: str, gmacs: str, parameters: int) -> None:
    built = structure(find(name).spec, 224)
    assert (f"{built.macs / 1e9:.3f}", built.parameters) == (gmacs, parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet50d", 25_576_264), ("xresnet50", 25_576_264), ("resnext50", 25_028_904), ("resnet34_a", 21_623_848)],
)
def test_a_networks_parameters_are_the_known_number(name: str, parameters: int) -> None:
    assert structure(find(name).spec, 224).parameters == parameters


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7"), (1202, "19.4")]
)
def test_a_cifar_resnet_has_the_papers_parameters(depth: int, millions: str) -> None:
    decimals = len(millions.partition(".")[2])
    parameters = structure(find(f"cifar_resnet{depth}").spec, 32).parameters
    assert f"{parameters / 1e6:.{decimals}f}" == millions


@pytest.mark.parametrize(("cardinality", "tenths"), [(8, 344), (16, 681)])
def test_a_cifar_resnext_has_the_papers_parameters(cardinality: int, tenths: int) -> None:
    parameters = structure(find(f"cifar_resnext29_{cardinality}x64d").spec, 32).parameters
    assert parameters // 100_000 == tenths  # the paper cuts 68.16 to 68.1


def test_totals_count_every_block_of_a_stage() -> None:
    for row in (find("resnet152"), find("cifar_resnet110"), find("seresnextaa101d_32x8d"), find("resnet200d")):
        built = structure(row.spec, row.image_size)
        assert totals(row.spec, row.image_size) == Totals(built.parameters, built.macs)


def test_an_image_size_may_be_one_side_or_two() -> None:
    spec = find("cifar_resnet20").spec
    assert structure(spec, 32) == structure(spec, (32, 32))


@pytest.mark.parametrize("size", [0, (0, 5), (5, -1)])
def test_an_image_without_pixels_is_refused(size: int | tuple[int, int]) -> None:
    with pytest.raises(InputError, match="at least one pixel"):
        structure(find("resnet18").spec, size)


@pytest.mark.parametrize(
    ("text", "size"), [("224", (224, 224)), ("160x224", (160, 224)), (" 160 × 224 ", (160, 224)), ("1x1", (1, 1))]
)
def test_an_image_size_reads_as_a_side_or_as_height_by_width(text: str, size: tuple[int, int]) -> None:
    assert parse_image_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "224x0", "x224", "224x", "-1", "1.5", "big", "1x2x3", "1000000"])
def test_what_is_no_image_size_is_refused_by_its_value(text: str) -> None:
    with pytest.raises(InputError, match="such as 224 or 160x224") as caught:
        parse_image_size(text)
    assert repr(text) in str(caught.value)


# Receptive fields.


def all_positive(spec: ResNetSpec) -> ResNet:
    """The network with positive weights, norms that change nothing and an average for the max pool.

    On positive images every ReLU lets its gradient through and nothing cancels, so an output's gradient is nonzero
    exactly where it reads. A max pool would pass it to one pixel of its window alone; the average has the same window.
    In float64, because a field's edge is reached by a single path through every convolution.
    """
    network = ResNet(spec).double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    if spec.stem.pool == "max":
        network.add_module("maxpool", nn.AvgPool2d(3, stride=2, padding=1))
    return network


def pixels_read(network: ResNet, image: Tensor, stage: int, position: int) -> tuple[list[int], list[int]]:
    """The rows and the columns of `image` that one output position reads; stage 0 is the stem."""
    image.requires_grad_()
    output = network.feature_maps(image)[stage - 1] if stage else network.stem(image)
    (gradient,) = torch.autograd.grad(output[0, :, position, position].sum(), image)
    read = gradient[0].abs().sum(0) != 0
    return read.any(1).nonzero().flatten().tolist(), read.any(0).nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("name", "stage", "side"),
    [
        ("cifar_resnet20", 0, 32),
        ("cifar_resnet20", 1, 48),
        ("cifar_resnet20", 2, 96),
        ("cifar_resnet20", 3, 160),
        ("resnet18", 0, 64),
        ("resnet18", 1, 128),
        ("resnet50_2015", 2, 224),
        ("resnet50d", 2, 256),
    ],
)
def test_an_output_reads_exactly_its_receptive_field(name: str, stage: int, side: int) -> None:
    """Of a narrow network, and without what is behind: neither changes what is read, and both cost time."""
    spec = find(name).spec
    depths = tuple(depth if place < stage else 1 for place, depth in enumerate(spec.depths))
    spec = dataclasses.replace(spec, depths=depths, widths=tuple(max(16, width // 8) for width in spec.widths))
    built = structure(spec, side)
    last = built.stage(f"stage {stage}" if stage else "stem")[-1]
    network, image = all_positive(spec), torch.rand(1, 3, side, side, dtype=torch.float64) + 0.1
    centre = last.output[1] // 2
    for position in (centre, 0):
        start = last.field.start + position * last.field.jump
        interval = list(range(max(start, 0), start + last.field.size))
        if position == centre:
            assert start >= 0
            assert start + last.field.size <= side, "the image is too small for this test"
        assert pixels_read(network, image, stage, position) == (interval, interval)


# Any network, any size.


@st.composite
def spec_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a small spec; plain values, since the type checker draws random numbers that a strategy must not."""
    stages = draw(st.integers(1, 3))
    antialias = draw(st.sampled_from(["none", "average", "blur", "max"]))
    whole = ["pad", "projection", "projection-always"]  # those that keep a last odd row, which max pools leave out
    shortcut = draw(st.sampled_from(["pooled-projection", "none", *(whole if antialias != "max" else ())]))
    widths = draw(st.lists(st.sampled_from([4, 8, 12]), min_size=stages, max_size=stages))
    fields: dict[str, Any] = {"block": "basic"}
    if draw(st.booleans()):
        fields = {
            "block": "bottleneck",
            "stride_at": draw(st.sampled_from(["conv1", "conv2"])),
            "groups": draw(st.sampled_from([1, 2])),
            "group_width": draw(st.sampled_from([64, 128])),
            "reduce_first": draw(st.sampled_from([1, 2])),
        }
    return fields | {
        "preactivation": draw(st.booleans()),
        "expansion": draw(st.sampled_from([None, 2])),
        "first_stride": draw(st.sampled_from([1, 2])),
        "projection_kernel": draw(st.sampled_from([1, 3])),
        "attention": draw(st.sampled_from(["none", "se", "eca"])),
        "antialias": antialias,
        "norm": draw(st.sampled_from(["batch", "frozen"])),
        "activation": draw(st.sampled_from(["relu", "silu", "mish", "leaky-relu", "gelu"])),
        "conv_bias": draw(st.booleans()),
        "output_stride": draw(st.sampled_from([None, 8, 16])),
        "pool": draw(st.sampled_from(["average", "max", "both", "gem"])),
        "depths": draw(st.lists(st.integers(1, 2), min_size=stages, max_size=stages)),
        "widths": sorted(widths) if shortcut == "pad" else widths,
        "stem": {
            "widths": draw(st.lists(st.sampled_from([2, 4]), min_size=1, max_size=3)),
            "kernel": draw(st.sampled_from([1, 2, 3, 4, 5, 7])),
            "stride": draw(st.integers(1, 3)),
            "pool": draw(st.sampled_from(["max", "conv", "none"])),
        },
        "shortcut": shortcut,
        "in_channels": draw(st.integers(1, 4)),
        "num_classes": draw(st.integers(1, 5)),
    }


def structure_if_it_fits(spec: ResNetSpec, height: int, width: int) -> Structure | None:
    """None where maps are smaller than a stem's kernel, which only an even one can be, or than a 2x2 pool."""
    try:
        return structure(spec, (height, width))
    except InputError:
        assert spec.stem.kernel % 2 == 0 or spec.antialias == "max"
        return None


@settings(max_examples=50, deadline=None, derandomize=True)
@given(fields=spec_fields(), height=st.integers(1, 40), width=st.integers(1, 40))
def test_any_valid_spec_on_any_image_gives_logits_and_agrees_with_its_structure(
    fields: dict[str, Any], height: int, width: int
) -> None:
    spec = from_dict(fields)
    network, images = ResNet(spec).eval(), torch.rand(2, spec.in_channels, height, width)
    built = structure_if_it_fits(spec, height, width)
    if built is None:
        with pytest.raises(RuntimeError, match=r"Kernel size can't be greater than actual|Output size is too small"):
            network(images)
        return
    assert without_receptive_fields(built) == trace(network, images)
    assert built.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert totals(spec, (height, width)) == Totals(built.parameters, built.macs)
    assert network(images).shape == (2, spec.num_classes)
