"""Pickles -> Python objects, with nothing in them run."""

import io
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from resnets.base.errors import InputError

WHAT_WORKS = "a checkpoint is a .pth, .pt, .th or .safetensors file of weights by name"


def unpickled(path: Path, data: bytes) -> Any:
    """What a pickle holds, read with `weights_only=True`. Raises InputError where it is damaged or no weights."""
    try:
        with warnings.catch_warnings():  # about pickle protocols: the error below says what matters
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it holds {forbidden[1]}, which is no weights" if forbidden else "it is no checkpoint or holds more"
        raise InputError(f"{path}: refused, since {why} and unpickling it could run code; save a state_dict") from error
    except MemoryError as error:
        raise InputError(f"{path}: asks for more memory than there is; {WHAT_WORKS}") from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: damaged, or not a checkpoint; {WHAT_WORKS}") from error
