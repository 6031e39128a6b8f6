"""The ten lines of docs/shipping.md read an image as the classifier does."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from resnets.classifier.file import Classifier
from tests import pictures

PAGE = Path(__file__).parents[2] / "docs" / "shipping.md"


def documented_read() -> Any:
    """The page's function `read`, as it stands there."""
    (block,) = re.findall(r"^```python\n((?:(?!^```).)*def read.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block.partition("\nsession = ")[0], names)
    return names["read"]


@pytest.mark.parametrize("size", [(301, 200), (199, 303), (24, 24), (31, 77), (40, 25)])
@pytest.mark.parametrize("turn", [1, 3, 6])
def test_the_pages_snippet_gives_the_probabilities_of_predict(
    turn: int, size: tuple[int, int], classifier: Classifier, onnx_file: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    image = Image.fromarray(pictures.picture(1, sum(size), size))
    image.convert("P" if turn == 3 else "RGB").save(tmp_path / "a.png", exif=exif)
    session: Any = onnxruntime.InferenceSession(onnx_file)
    preprocessing = json.loads(session.get_modelmeta().custom_metadata_map["resnets"])["preprocessing"]
    pixels = documented_read()(tmp_path / "a.png", **preprocessing)
    (probabilities,) = session.run(["probabilities"], {"images": pixels[None]})
    said = {answer.label: answer.probability for answer in classifier.predict(tmp_path / "a.png", top=3).answers}
    assert np.abs(probabilities[0] - [said[name] for name in classifier.classes]).max() < 1e-5  # float32
