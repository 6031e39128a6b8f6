"""A network with weights that others trained, for other images and other classes than theirs."""

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor

import resnets
from resnets.base.errors import InputError
from resnets.weights import hub
from resnets.weights.hub import Fetched
from resnets.weights.input_channels import adapted_kernel
from tests import peers


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.pth"
    torch.manual_seed(0)
    torch.save(resnets.resnet("cifar_resnet20", num_classes=5).state_dict(), path)
    return path


def images(channels: int) -> Tensor:
    return torch.randn(2, channels, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_first_kernel_is_adapted_as_timm_does_it_bit_for_bit(channels: int, dtype: torch.dtype) -> None:
    kernel = torch.randn(8, 3, 7, 7, generator=torch.Generator().manual_seed(1)).to(dtype)
    assert torch.equal(adapted_kernel(kernel, channels), peers.adapt_input_conv(channels, kernel.clone()))


def test_grey_images_get_the_answers_of_the_same_image_in_each_channel(weights: Path) -> None:
    grey = resnets.resnet("cifar_resnet20", pretrained=weights, in_channels=1).eval()
    colour = resnets.resnet("cifar_resnet20", pretrained=weights).eval()
    assert grey.spec.in_channels == 1
    torch.testing.assert_close(grey(images(1)), colour(images(1).expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_what_was_done_to_fit_is_said(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="resnets"):
        made = resnets.resnet("cifar_resnet20", pretrained=weights, in_channels=4, num_classes=2)
    assert (made.spec.in_channels, made.spec.num_classes) == (4, 2)
    assert "conv1.weight: for 3 channels, repeated to 4 and rescaled, as the network reads 4" in caplog.text
    assert "for 5 classes: replaced by a new one for 2" in caplog.text


def test_classes_that_are_not_given_are_the_weights_own(weights: Path) -> None:
    made = resnets.resnet("cifar_resnet20", pretrained=weights)
    assert made.spec.num_classes == 5
    assert torch.equal(made.fc.weight, torch.load(weights)["fc.weight"])


def test_without_classes_the_features_are_left(weights: Path) -> None:
    made = resnets.resnet("cifar_resnet20", pretrained=weights, num_classes=0).eval()
    assert made(images(3)).shape == (2, 64)
    assert [info.channels for info in made.feature_info] == [maps.shape[1] for maps in made.feature_maps(images(3))]


def test_pretrained_takes_the_usual_published_weights(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    own = weights.parent / "resnet18.pth"
    torch.save(resnets.resnet("resnet18").state_dict(), own)
    monkeypatch.setattr(hub, "fetch", lambda name: asked.append(name) or Fetched(path=own, origin=str(own)))
    made = resnets.resnet("resnet18", pretrained=True)
    assert asked == ["torchvision/resnet18.v1"]
    assert torch.equal(made.fc.weight, torch.load(own)["fc.weight"])


def test_pretrained_is_refused_in_a_line_where_nobody_published_weights() -> None:
    with pytest.raises(InputError, match="cifar_resnet1202: nobody's weights are known for it"):
        resnets.resnet("cifar_resnet1202", pretrained=True)


def test_convert_adapts_kernel_and_normalization_to_other_channels(weights: Path) -> None:
    classifier, notes = resnets.convert(weights, "cifar_resnet20", preprocessing={"channels": 1})
    assert classifier.network.spec.in_channels == 1
    assert classifier.preprocessing.mean == (pytest.approx((0.485 + 0.456 + 0.406) / 3),)
    assert any("summed to one" in note for note in notes)
    classifier, _ = resnets.convert(weights, "cifar_resnet20", preprocessing={"channels": 4})
    assert classifier.preprocessing.mean == (0.485, 0.456, 0.406, 0.485)


def test_a_guessed_network_reads_the_channels_that_are_asked_for(tmp_path: Path) -> None:
    made = resnets.resnet("resnet18", widths=(8, 16, 24, 32), stem={"widths": [8]}, num_classes=2)
    torch.save(made.state_dict(), tmp_path / "w.pth")
    classifier, notes = resnets.convert(tmp_path / "w.pth", preprocessing={"channels": 1})
    assert classifier.network.spec.in_channels == classifier.preprocessing.channels == 1
    assert any("summed to one" in note for note in notes)
