"""Published weights: each row against the table of the peer that published it."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from resnets.base.errors import InputError
from resnets.catalog import CATALOG
from resnets.data.preprocessing import from_dict
from resnets.weights.published import PRETRAINED, Pretrained, matching
from tests.peers import resolve_data_config, timm, torchvision

TORCHVISION = [row for row in PRETRAINED.values() if row.name.startswith("torchvision/")]
TIMM = [row for row in PRETRAINED.values() if row.name.startswith("timm/")]


# Trained on smaller images than they are read at, for which alone timm's table has figures.
UNMEASURED = {
    "timm/resnet10t.c3_in1k", "timm/resnet14t.c3_in1k", "timm/ecaresnet50t.a3_in1k", "timm/seresnet50.a3_in1k",
    "timm/resnetrs50.tf_in1k", "timm/resnetrs101.tf_in1k",
}  # fmt: skip


def named(row: Pretrained) -> str:
    return row.name


def torchvisions_weights() -> dict[str, Any]:
    """Every set of weights that torchvision has for a network of ours, by our name for it."""
    families = ("resnet", "resnext", "wide_resnet")
    return {
        f"torchvision/{network}.{weights.name.removeprefix('IMAGENET1K_').lower()}": weights
        for network in torchvision.models.list_models(torchvision.models)
        if network.startswith(families)
        for weights in torchvision.models.get_model_weights(network)
    }


def timms_configurations() -> dict[str, Any]:
    """Every set of weights for 1,000 classes that timm has on the Hub for a network of ours, by our name for it."""
    return {
        f"timm/{network}.{tag}": configuration
        for network, tags in timm.models.resnet.default_cfgs.items()
        for tag, configuration in tags.cfgs.items()
        if network in CATALOG and configuration.hf_hub_id == "timm/" and configuration.num_classes == 1000
    }


def test_the_rows_are_all_that_torchvision_and_timm_have_for_our_networks() -> None:
    assert sorted(named(row) for row in TORCHVISION) == sorted(torchvisions_weights())
    assert sorted(named(row) for row in TIMM) == sorted(timms_configurations())
    assert len(TORCHVISION) + len(TIMM) == len(PRETRAINED)


@pytest.mark.parametrize("row", TORCHVISION, ids=named)
def test_a_row_of_torchvision_has_its_url_accuracy_and_preprocessing(row: Pretrained) -> None:
    theirs = torchvisions_weights()[row.name]
    metrics = theirs.meta["_metrics"]["ImageNet-1K"]
    assert row.where == theirs.url
    assert row.published
    assert row.published.by == f"torchvision {theirs.name}"
    found = (row.published.top1, row.published.top5 or 0)
    assert [round(100 * accuracy, 3) for accuracy in found] == [metrics["acc@1"], metrics["acc@5"]]
    transforms, ours = theirs.transforms(), row.preprocessing
    assert ([ours["size"]], [ours["resize"]]) == (transforms.crop_size, transforms.resize_size)
    assert (list(ours["mean"]), list(ours["std"])) == (transforms.mean, transforms.std)
    assert ours["interpolation"] == transforms.interpolation.value


@pytest.mark.parametrize("row", TIMM, ids=named)
def test_a_row_of_timm_has_its_preprocessing_and_licence(row: Pretrained) -> None:
    configuration = timms_configurations()[row.name]
    small = configuration.input_size[-1] < 224  # trained small to save time; published accuracies are at the test size
    theirs = resolve_data_config(pretrained_cfg=configuration.to_dict(), use_test_size=small)
    ours = row.preprocessing
    assert (3, ours["size"], ours["size"]) == theirs["input_size"]
    assert ours["resize"] == math.floor(ours["size"] / theirs["crop_pct"])
    assert (ours["mean"], ours["std"], ours["interpolation"]) == tuple(
        theirs[name] for name in ("mean", "std", "interpolation")
    )
    assert (ours["fit"], theirs["crop_mode"]) == ("crop", "center")
    assert row.licence == configuration.license
    assert row.where == row.name


@pytest.mark.parametrize("row", [row for row in TIMM if ".tv" in row.name], ids=named)
def test_timms_copies_of_torchvisions_weights_claim_what_torchvision_claims(row: Pretrained) -> None:
    url = timms_configurations()[row.name].url
    original = next(other for other in TORCHVISION if other.where == url)
    same = original.preprocessing == row.preprocessing
    assert row.published
    assert row.published == original.published if same else row.published.by == "timm"
    assert same is (row.network != "resnext101_64x4d")  # of which timm crops otherwise than torchvision measured


def test_strikes_back_accuracies_are_those_of_the_published_table(shared_data: Path) -> None:
    text = (shared_data.parent / "published.md").read_text()
    table = re.search(r"## ResNet strikes back.*?\n(\|.*?)\n\n", text, re.DOTALL)
    assert table
    names = {"50-D": "resnet50d", "ResNeXt-50 32x4d": "resnext50_32x4d"}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()[2:]]
    wanted = {
        f"timm/{names.get(model, f'resnet{model}')}.a{number}_in1k": float(top1)
        for model, *accuracies in rows
        for number, top1 in enumerate(accuracies, 1)
    }
    found = {
        row.name: round(100 * row.published.top1, 2)
        for row in TIMM
        if row.published and row.published.by.startswith("Wightman")
    }
    assert found == wanted


@pytest.mark.parametrize("row", PRETRAINED.values(), ids=named)
def test_a_row_is_complete(row: Pretrained) -> None:
    assert row.network in CATALOG
    assert from_dict(row.preprocessing).channels == 3
    assert row.source
    assert row.published or row.name in UNMEASURED
    if row.file:
        assert re.fullmatch(rf"{row.network}-[0-9a-f]{{8}}\.pth", row.file)
    else:
        assert row.where.count("/") == 1


def test_names_are_found_by_pattern_or_part() -> None:
    assert [row.name for row in matching("torchvision/resnet50")] == [
        "torchvision/resnet50.v1",
        "torchvision/resnet50.v2",
    ]
    assert {row.network for row in matching("timm/resnet50d.*")} == {"resnet50d"}
    assert matching("*") == list(PRETRAINED.values())


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("resnet50.a9_in1k", r"did you mean timm/resnet50\.\w+_in1k"),
        ("timm/resnet18.v1", r"did you mean torchvision/resnet18\.v1"),
        ("alexnet", r"`resnets\.list_networks\(\.\.\., weights=True\)` prints every name"),
    ],
)
def test_a_name_that_is_none_is_answered_with_the_nearest(pattern: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        matching(pattern)
