"""Ten real photographs through the published ImageNet ResNet-18, in one page. `make slow` runs it."""

import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import resnets
from resnets.explain.recording import image_record
from tests.view.test_live import ARRAY, exposed, within

Open = Callable[..., Any]


@pytest.mark.slow
def test_a_page_about_ten_photographs_says_what_torch_says(
    shared_data: Path, opened_file: Open, tmp_path: Path, unchecked: None
) -> None:
    captum = pytest.importorskip("captum.attr")
    weights = tmp_path / "resnet18.safetensors"
    weights.write_bytes(lzma.decompress((shared_data / "imagenet-resnet18.safetensors.xz").read_bytes()))
    classifier = resnets.load(resnets.convert(weights, "resnet18")[0].save(tmp_path / "imagenet.safetensors"))
    with zipfile.ZipFile(shared_data / "imagenette-val-200.zip") as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))[::20]
        pictures = [Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names]
    assert len(pictures) == 10
    assert classifier.path is not None
    content = str(resnets.show(classifier.path, images=pictures).as_format("html"))
    assert len(content.encode()) < 8_000_000
    path = tmp_path / "page.html"
    path.write_text(exposed(content))
    tab = opened_file(path, "#view=image")
    tab.wait_for_selector("html[data-live=true]")
    biases = classifier.network.fc.bias.detach().numpy()
    for place, (picture, prediction) in enumerate(zip(pictures, classifier.predict(pictures), strict=True)):
        answers = tab.locator(f".shot[data-image='{place}'] .answers .name").all_inner_texts()
        assert answers == [answer.label for answer in prediction.answers]
        logits = np.array(tab.evaluate(ARRAY, [place, "logits"]))
        maps = np.array(tab.evaluate(ARRAY, [place, "classMaps"])).reshape(1000, 7, 7)
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), logits - biases, atol=1e-4)  # float32, 25,088 products
        pixels = classifier.preprocessing.pixels(picture)
        x = classifier.preprocessing.normalize(torch.from_numpy(pixels[None]))
        for label in (int(logits.argmax()), 0, 999):
            theirs = captum.LayerGradCam(classifier.network, classifier.network.get_submodule("layer4"))
            found = theirs.attribute(x, target=label)[0, 0].detach().numpy()
            np.testing.assert_allclose(maps[label], found, atol=1e-5)  # float32, 512 products a cell
        if place in (0, 9):
            record = image_record(classifier, pixels)
            for sum_ in record.sums:
                kept = tab.evaluate(ARRAY, [place, f"{sum_.output.name}/channels"])
                chosen = np.searchsorted(sum_.output.channels, kept)
                within(tab, place, sum_.output.name, "sum", sum_.total[chosen])
                within(tab, place, sum_.output.name, "residual", sum_.residual[chosen])
