"""Test-time augmentation: the views of an image over which a classifier's outputs are averaged.

`Preprocessing.views` makes them.
"""

from collections.abc import Mapping
from typing import Literal

Views = Literal["none", "flip", "crops"]
VIEWS: Mapping[Views, int] = {"none": 1, "flip": 2, "crops": 10}  # of an image
WORDS: Mapping[Views, str] = {"none": "", "flip": ", each with its mirror image", "crops": ", each in ten crops"}
