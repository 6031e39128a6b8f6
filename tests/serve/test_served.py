"""What a server finds out about a network before it answers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resnets.data.preprocessing import Preprocessing
from resnets.serve import served


class Timed:
    """A predictor whose run takes so many seconds, and so many more for each image, by a clock of its own."""

    preprocessing = Preprocessing(size=4, resize=4)

    def __init__(self, run: float, image: float) -> None:
        self.run, self.image, self.now = run, image, 0.0

    def outputs(self, pixels: np.ndarray) -> np.ndarray:
        self.now += self.run + self.image * len(pixels)
        return np.zeros((len(pixels), 2), np.float32)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("run", "image", "batch"), [(0.02, 0.001, served.BATCH), (0.0, 0.02, 1)])
def test_images_share_batches_only_where_the_network_gains_by_them(
    run: float, image: float, batch: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: Any = Timed(run, image)
    monkeypatch.setattr(served, "time", SimpleNamespace(perf_counter=lambda: network.now))
    one = served.Served(name="a", path=tmp_path, predictor=network, wide=network, header={}, classifier=None)
    one.warm_up()
    assert one.batch == batch
