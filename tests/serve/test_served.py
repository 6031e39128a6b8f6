"""What a server finds out about a network before it answers."""

import time
from typing import Any

import numpy as np
import pytest

from resnets.data.preprocessing import Preprocessing
from resnets.serve.served import BATCH, Served


class Timed:
    """A predictor whose run takes so many seconds, and so many more for each image."""

    preprocessing = Preprocessing(size=4, resize=4)

    def __init__(self, run: float, image: float) -> None:
        self.run, self.image = run, image

    def outputs(self, pixels: np.ndarray) -> np.ndarray:
        time.sleep(self.run + self.image * len(pixels))
        return np.zeros((len(pixels), 2), np.float32)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("run", "image", "batch"), [(0.02, 0.001, BATCH), (0.0, 0.02, 1)])
def test_images_share_batches_only_where_the_network_gains_by_them(
    run: float, image: float, batch: int, tmp_path: Any
) -> None:
    network: Any = Timed(run, image)
    served = Served(name="a", path=tmp_path, predictor=network, wide=network, header={}, classifier=None)
    served.warm_up()
    assert served.batch == batch
