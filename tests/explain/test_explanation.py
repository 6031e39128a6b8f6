"""An explanation is captum's where captum has it, sums to what it claims, is checked, and leaves nothing behind."""

import gc
import io
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.explain.maps import Method, map_of
from resnets.explain.overlay import signed_overlay
from resnets.explain.sanity import Curve
from tests import kinds
from tests.accessibility import assert_accessible

METHODS: tuple[Method, ...] = ("cam", "gradcam", "occlusion", "integrated-gradients")


def noise(size: int = kinds.SIZE, width: int | None = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (size, width or size, 3), dtype=np.uint8)


def seen(made: Classifier, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    return made.preprocessing.normalize(torch.from_numpy(pixels)[None])


@pytest.fixture(scope="module")
def made() -> Classifier:
    return kinds.classifier("silu")  # smooth, so that its integrals are easy


# What the maps are.


@pytest.mark.parametrize("kind", ["silu", "pre-activation", "squeeze-and-excitation", "dilation", "plain"])
@pytest.mark.parametrize("method", ["cam", "gradcam"])
def test_the_cells_and_the_bias_sum_to_the_logit_of_any_class(kind: str, method: Method) -> None:
    made = kinds.classifier(kind)
    for label in kinds.CLASSES:
        found = made.explain(noise(), label=label, method=method, sanity=False)
        assert found.label == label
        assert found.map.sum() + found.bias == pytest.approx(found.logit, abs=1e-5)  # float32, in another order


@pytest.mark.parametrize("kind", ["silu", "max", "average and max", "generalized mean"])
def test_gradcam_is_captums_before_its_relu_whatever_the_pool(kind: str) -> None:
    attr = pytest.importorskip("captum.attr")
    made, pixels = kinds.classifier(kind), noise()
    with torch.enable_grad():
        peer = attr.LayerGradCam(made.network, made.network.layer2).attribute(seen(made, pixels), target=1)
    ours = map_of(made, pixels, 1, "gradcam").values
    np.testing.assert_allclose(ours, peer[0, 0].detach().numpy(), atol=1e-6)  # float32, in another order


def test_integrated_gradients_are_captums_and_complete_within_one_percent(made: Classifier) -> None:
    attr = pytest.importorskip("captum.attr")
    found = map_of(made, noise(), 2, "integrated-gradients")
    assert found.completeness is not None
    assert found.completeness.is_met
    peer = attr.IntegratedGradients(made.network).attribute(
        seen(made, noise()), target=2, n_steps=found.completeness.steps
    )
    np.testing.assert_allclose(found.values, peer[0].sum(dim=0).detach().numpy(), atol=1e-6)  # batches of other sizes
    black = torch.zeros(1, 3, kinds.SIZE, kinds.SIZE)
    with torch.no_grad():
        rise = (made.network(seen(made, noise())) - made.network(black))[0, 2].item()
    assert found.values.sum() == pytest.approx(rise, rel=0.01)


def test_occlusion_is_captums_and_the_fall_of_the_logit(made: Classifier) -> None:
    attr = pytest.importorskip("captum.attr")
    found = map_of(made, noise(), 0, "occlusion").values
    with torch.no_grad():
        peer = attr.Occlusion(made.network).attribute(
            seen(made, noise()), (3, 2, 2), strides=(3, 1, 1), target=0, baselines=0
        )
        covered = seen(made, noise())
        covered[:, :, :2, :2] = 0
        fall = (made.network(seen(made, noise())) - made.network(covered))[0, 0].item()
    np.testing.assert_allclose(found, peer[0, 0].numpy(), atol=1e-6)  # as above
    assert found[0, 0] == pytest.approx(fall, abs=1e-6)  # one patch alone covers the corner


# What it says of itself.


def test_the_class_is_the_most_probable_one_or_any_by_name_or_number(made: Classifier) -> None:
    answer = made.predict(noise())
    found = made.explain(noise(), sanity=False)
    assert (found.label, found.method) == (answer.label, "cam")
    assert found.probability == pytest.approx(answer.probability)
    assert made.explain(noise(), label=1, sanity=False).label == made.explain(noise(), label="b", sanity=False).label
    with pytest.raises(InputError, match="class 'bee': the classifier has no such class; known: a, b, c"):
        made.explain(noise(), label="bee")
    with pytest.raises(InputError, match="class 3: the classifier's outputs are numbered 0 to 2"):
        made.explain(noise(), label=3)


def test_where_cam_is_not_exact_gradcam_is_the_default_and_cam_is_refused() -> None:
    made = kinds.classifier("max")
    assert made.explain(noise(), sanity=False).method == "gradcam"
    with pytest.raises(InputError, match="a class activation map is the logit position by position"):
        made.explain(noise(), method="cam")


def test_without_captum_its_methods_say_what_to_install(made: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(InputError, match=r'pip install "resnets\[explain\]"; cam and gradcam work without it'):
        made.explain(noise(), method="occlusion")


@pytest.mark.parametrize(
    ("fields", "box"),
    [
        ({"size": 16, "resize": 16, "fit": "crop"}, (8, 0, 24, 16)),
        ({"size": 8, "resize": 16, "fit": "crop"}, (12, 4, 20, 12)),
        ({"size": 16, "resize": 16, "fit": "squash"}, (0, 0, 32, 16)),
        ({"size": 16, "resize": 16, "fit": "pad"}, (0, -8, 32, 24)),
    ],
)
def test_the_crop_is_in_the_images_own_pixels(fields: dict[str, Any], box: tuple[float, ...]) -> None:
    assert Preprocessing(**fields).box(32, 16) == box


def test_the_crop_shows_what_the_network_saw_and_the_rest_is_dark(made: Classifier) -> None:
    found = made.explain(np.full((16, 32, 3), 200, np.uint8), sanity=False)
    picture = found.picture()
    assert picture.shape == (224, 448, 3)  # enlarged
    assert picture[:, :110].max() < 100
    assert picture[100:, 114:330].mean() > 100
    assert (picture[1, 114:330] == 255).all()  # the frame


def test_for_and_against_differ_by_stripes_not_by_colour_alone() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    drawn = signed_overlay(pixels, np.array([[1.0, -1.0]], np.float32), smooth=False).astype(int)
    left, right = drawn[8:56, 8:24].mean(axis=2), drawn[8:56, 40:56].mean(axis=2)
    assert left.std() < 1e-9
    assert right.std() > 5


# Its checks.


def test_a_curves_area_is_its_mean_height() -> None:
    assert Curve((1.0, 0.5, 0.0)).area == pytest.approx(0.5)
    assert Curve((1.0, 0.0, 0.0)).area == pytest.approx(0.25)


def test_taking_the_evidence_away_is_quicker_by_the_map_than_at_random_and_the_network_is_not_touched() -> None:
    """The class is what tells an image with something in one corner from one without."""
    made = kinds.classifier("silu")
    pixels = np.full((kinds.SIZE, kinds.SIZE, 3), made.preprocessing.mean_colour, np.uint8)
    with torch.no_grad():
        without = made.network.features(seen(made, pixels))[0]
        pixels[:5, 11:] = noise()[:5, 11:]
        change = made.network.features(seen(made, pixels))[0] - without
        made.network.fc.weight.zero_()
        made.network.fc.weight[0] = 8 * change / change.norm() ** 2
        made.network.fc.bias.zero_()
        made.network.fc.bias[0] = -made.network.fc.weight[0] @ without - 4
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    state = torch.get_rng_state()
    checks = made.explain(pixels, label="a").sanity
    assert checks is not None
    assert checks.deletion.probabilities[0] == pytest.approx(checks.insertion.probabilities[-1])
    assert checks.deletion.probabilities[-1] == pytest.approx(checks.random_deletion.probabilities[-1])
    assert checks.deletion.area < 0.6 * checks.random_deletion.area
    assert checks.insertion.area > 1.2 * checks.random_insertion.area
    assert checks.correlation is not None
    assert abs(checks.correlation) < 0.9
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in made.network.state_dict().items())


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("cam", 50),
        ("gradcam", 50),
        ("occlusion", 8),  # captum's take hundreds of steps each
        ("integrated-gradients", 8),
        pytest.param("cam", 1000, marks=pytest.mark.slow),
        pytest.param("gradcam", 1000, marks=pytest.mark.slow),
    ],
)
def test_a_thousand_explanations_leave_nothing_behind(method: Method, count: int) -> None:
    made = kinds.classifier("silu", depths=[1, 1])
    expected = made.outputs(noise()[None])
    made.explain(noise(), method=method, sanity=False)

    def left() -> tuple[int, int, int]:
        gc.collect()
        hooks = sum(len(one._forward_hooks) + len(one._backward_hooks) for one in made.network.modules())
        tensors = sum(isinstance(one, torch.Tensor) for one in gc.get_objects())
        return hooks, tensors, tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        begun = left()
        for _ in range(count):
            made.explain(noise(), method=method, sanity=False)
        ended = left()
    finally:
        tracemalloc.stop()
    assert ended[:2] == begun[:2]
    assert ended[2] - begun[2] < 50_000  # bytes: caches of the interpreter, 7 to 27 KB; 50 maps would be 60 KB
    assert all(parameter.grad is None for parameter in made.network.parameters())
    np.testing.assert_array_equal(made.outputs(noise()[None]), expected)


# Its files.


def test_it_is_written_as_a_picture_a_page_a_map_and_all_arrays(made: Classifier, tmp_path: Path) -> None:
    image = tmp_path / "<b>bee.png"
    Image.fromarray(noise(20, 30)).save(image)
    found = resnets.explain(made, image)
    np.testing.assert_array_equal(np.load(found.save(tmp_path / "map.npy")), found.map)
    with np.load(found.save(tmp_path / "all.npz")) as arrays:
        assert arrays["image"].shape == (20, 30, 3)
        assert {"map", "pixels", "seen", "randomized", "deletion", "insertion"} <= set(arrays)
    with Image.open(found.save(tmp_path / "all.png")) as drawn:
        assert drawn.width > 1000
    page = found.save(tmp_path / "page.html").read_text()
    assert "<b>bee" not in page
    assert str(tmp_path) not in page
    with pytest.raises(InputError, match=r"unknown ending; use one of \.png, \.html, \.npy, \.npz"):
        found.save(tmp_path / "map.jpg")
    assert "Explanation" in found._repr_html_()
    assert found._repr_png_().startswith(b"\x89PNG")
    assert json.loads(json.dumps(found.as_dict()))["map"] == found.map.tolist()


@pytest.mark.usefixtures("unchecked")
def test_the_page_is_accessible_and_draws_everything(
    made: Classifier, tmp_path: Path, opened_file: Callable[..., Any]
) -> None:
    tab = opened_file(made.explain(noise()).save(tmp_path / "page.html", command="resnets explain a b -o page.html"))
    assert tab.locator("img.drawn").count() == 2
    assert tab.locator("svg.plot").count() == 2
    assert_accessible(tab)


def test_maps_of_real_photographs_sum_to_the_logit_and_are_captums(shared_data: Path) -> None:
    attr = pytest.importorskip("captum.attr")
    trained, _ = resnets.convert(shared_data / "imagenet-resnet18.safetensors.xz", "resnet18")
    layer = attr.LayerGradCam(trained.network, trained.network.layer4)
    photographs = resnets.open_source(shared_data / "imagenette-val-200.zip")
    for index in range(0, len(photographs), 20):  # one of each class
        file = photographs.read(index)
        assert isinstance(file, bytes)
        found = trained.explain(Image.open(io.BytesIO(file)), method="cam", sanity=False)
        assert found.map.sum() + found.bias == pytest.approx(found.logit, abs=1e-4)  # of 512 x 49 products in float32
        with torch.enable_grad():
            peer = layer.attribute(seen(trained, found.pixels), target=found.place)
        np.testing.assert_allclose(found.map, peer[0, 0].detach().numpy(), atol=1e-5)  # likewise
