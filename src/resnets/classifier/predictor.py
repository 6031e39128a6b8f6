"""What answers for images: a classifier, or what was exported from it. Everything between an image and its answer but
the network itself is here, so that no two of them can differ in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnets.classifier.answering import Answering
from resnets.classifier.scoring import Scoring
from resnets.data import preprocessing as preprocessings


@dataclass(kw_only=True)
class Predictor(Answering, Scoring):
    """Says of which class an image is, and scores itself: a classifier, or a file exported from one."""


def predictor_fields(header: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Predictor that a file's header holds.

    Raises InputError, KeyError, TypeError or ValueError when the header lacks one, or has it in another form.
    """
    names = header["classes"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("classes are not a list of names")
    return {
        "classes": tuple(names),
        "preprocessing": preprocessings.from_dict(header["preprocessing"]),
        "temperature": float(header["temperature"]),
        "abstain_below": float(header["abstain_below"]),
        "metrics": dict(header["metrics"]),
        "origin": dict(header["origin"]),
    }
