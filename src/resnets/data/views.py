"""Test-time augmentation: the views of an image over which a classifier's outputs are averaged.

`Preprocessing.views` makes them.
"""

from collections.abc import Mapping
from typing import Literal

Views = Literal["none", "flip", "shift", "crops"]
VIEWS: Mapping[Views, int] = {"none": 1, "flip": 2, "shift": 6, "crops": 10}  # of an image
WORDS: Mapping[Views, str] = {
    "none": "",
    "flip": ", each with its mirror image",
    "shift": ", each in three places with mirror images",
    "crops": ", each in ten crops",
}
