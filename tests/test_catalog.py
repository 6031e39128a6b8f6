"""Named networks: against torchvision's own metadata, and found by name or by file."""

from pathlib import Path

import pytest

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, cifar, find, resolve
from resnets.structure import structure
from tests.peers import torchvision

TORCHVISION = {name: row for name, row in CATALOG.items() if row.published and "torchvision" in row.published.by}


def test_every_residual_network_of_torchvision_with_its_first_weights_is_in_the_catalog() -> None:
    families = ("resnet", "resnext", "wide_resnet")
    theirs = [name for name in torchvision.models.list_models(torchvision.models) if name.startswith(families)]
    assert sorted(TORCHVISION) == sorted(theirs)


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_weights_claim_the_same_accuracy_parameters_and_macs(name: str) -> None:
    row = TORCHVISION[name]
    assert row.published
    weights = torchvision.models.get_model_weights(name)[row.published.by.removeprefix("torchvision ")]
    metrics = weights.meta["_metrics"]["ImageNet-1K"]
    ours = (round(100 * row.published.top1, 3), round(100 * (row.published.top5 or 0), 3))
    built = structure(row.spec, 224)
    assert ours == (metrics["acc@1"], metrics["acc@5"])
    assert built.parameters == weights.meta["num_params"]
    assert round(built.macs / 1e9, 3) == weights.meta["_ops"]


@pytest.mark.parametrize("name", CATALOG)
def test_a_row_is_complete(name: str) -> None:
    row = CATALOG[name]
    assert row.name == name
    assert row.source
    small = row.spec.stem.pool == "none"
    assert (row.image_size, row.spec.num_classes) == ((32, 10) if small else (224, 1000))
    if row.published:
        assert 0.5 < row.published.top1 < (row.published.top5 or 1)


@pytest.mark.parametrize(
    ("name", "error"),
    [("cifar_resnet20", 8.75), ("cifar_resnet110", 6.43), ("cifar_resnext29_8x64d", 3.65), ("resnet50_2015", 24.7)],
)
def test_published_errors_are_the_papers(name: str, error: float) -> None:
    published = find(name).published
    assert published
    assert round(100 * (1 - published.top1), 2) == error


@pytest.mark.parametrize("depth", [8, 14, 38, 164])
def test_every_cifar_resnet_of_6n_plus_2_layers_has_a_name(depth: int) -> None:
    row = find(f"cifar_resnet{depth}")
    assert (row.spec.depth, row.spec, row.published) == (depth, cifar(depth), None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet5O", "resnet5O: no such network; did you mean resnet50"),
        ("resnext50_32x4", "did you mean resnext50_32x4d"),
        ("vgg16", r"vgg16: no such network; `resnets\.list_networks` prints every name"),
        ("cifar_resnet21", "cifar_resnet21: the depth must be 6n \\+ 2, such as 20 or 26"),
        ("cifar_resnet2", "the depth must be 6n \\+ 2, such as 8 or"),
    ],
)
def test_a_wrong_name_is_answered_with_what_would_work(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find(name)


def test_a_toml_file_is_a_network(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text('depths = [1, 1]\nblock = "basic"\nwidths = [8, 16]\n[stem]\nwidths = [8]\npool = false\n')
    row = resolve(str(path))
    assert row.name == "tiny"
    assert (row.spec.depths, row.spec.widths, row.spec.stem.widths, row.spec.stem.kernel) == ((1, 1), (8, 16), (8,), 7)


def test_a_toml_file_may_start_from_a_named_network(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "cifar_resnet20"\nnum_classes = 100\n')
    row = resolve(path, {"in_channels": 1})
    assert row.image_size == 32
    assert (row.spec.depth, row.spec.num_classes, row.spec.in_channels) == (20, 100, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"net\.toml: no such file"),
        ("depths = [1, 2", r"net\.toml: cannot be read as TOML"),
        ("depths = [1]\ndepth = 3\n", r"net\.toml: unknown field 'depth'; did you mean depths"),
        ("[stem]\nkernels = 3\n", r"net\.toml: depths is missing"),
        ("depths = [1]\n[stem]\nkernels = 3\n", r"net\.toml, stem: unknown field 'kernels'; did you mean kernel"),
        ("widths = [64]\n", r"net\.toml: depths is missing"),
        ("depths = [0]\n", r"net\.toml: depths\[0\] = 0"),
        ("depths = [1]\nnum_classes = -1\n", r"net\.toml: num_classes = -1"),
        ('base = "resnet5O"\n', r"net\.toml: base = resnet5O: no such network; did you mean resnet50"),
        ("base = 50\n", r"net\.toml: base = 50: must be the name of a network"),
        ('base = "other.toml"\n', "must be the name of a network"),
    ],
)
def test_a_wrong_toml_file_is_refused_by_its_path(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "net.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        resolve(path)
    assert "\n" not in str(caught.value)


def test_a_folder_or_a_picture_is_no_toml_file(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\xff")
    for name in ("folder.toml", "picture.toml"):
        with pytest.raises(InputError, match=f"{name}: cannot be read as TOML"):
            resolve(tmp_path / name)
