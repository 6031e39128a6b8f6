"""Residual networks of other families, known by their names, and why this family does not have them."""

import re
from collections.abc import Sequence
from pathlib import Path

from resnets.base.errors import InputError

_TIMM_V2 = re.compile(r"(?:.*\.)?stages\.\d+\.blocks\.\d+\.norm1\.weight")


def refuse(path: Path, names: Sequence[str]) -> None:
    """Raise InputError, with the reason, where names are those of a network that looks like one of the family."""
    if not any(map(_TIMM_V2.fullmatch, names)):
        return
    if any(name.endswith("running_var") for name in names):
        raise InputError(
            f"{path}: is timm's resnetv2 (pre-activation): its first norm stands behind the stem's pool, in the first "
            "block, which no network here does"
        )
    raise InputError(
        f"{path}: is timm's resnetv2 with group norms, as BiT (Big Transfer) has it with standardized kernels, "
        "which no network here does"
    )
