"""A model's folder in a repository as Triton and KServe read it: NAME/{config.pbtxt, labels.txt, 1/model.onnx}."""

import re
from pathlib import Path

from resnets.base.files import write_folder_whole
from resnets.export.exported import Exported
from resnets.export.graph import FEATURES, INPUT, PROBABILITIES
from resnets.export.onnx import feature_count

DELAY = 2_000  # microseconds that a request waits for others: less than one image takes on a CPU


def model_name(path: Path | None) -> str:
    """A model's name, from a classifier's file or its run's folder: letters, digits, _, . and -, as in an address."""
    if path is None:
        return "classifier"
    stem = path.absolute().parent.name if path.name == "classifier.safetensors" else path.stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).strip("_.-") or "classifier"


def write(folder: Path, exported: Exported, content: bytes, *, max_batch: int) -> Path:
    """Write the model's folder, whole or not at all; its own name is the model's.

    content: the ONNX file. Raises InputError when the folder is there already.
    """
    files = {
        "config.pbtxt": config(folder.name, exported, content, max_batch=max_batch),
        "labels.txt": "".join(f"{' '.join(name.split())}\n" for name in exported.classes),
        "1/model.onnx": content,
    }
    return write_folder_whole(folder, files)


def config(name: str, exported: Exported, content: bytes, *, max_batch: int) -> str:
    """The model's config.pbtxt (Triton's model configuration): requests are gathered into batches."""
    size, channels = exported.preprocessing.size, exported.preprocessing.channels
    preferred = [number for number in (4, 8, 16, 32, 64, 128, 256) if number < max_batch]
    outputs = [_output(PROBABILITIES, len(exported.classes), '\n    label_filename: "labels.txt"')]
    if FEATURES in exported.runtime.outputs:
        outputs.append(_output(FEATURES, feature_count(content), ""))
    return f"""name: "{name}"
backend: "onnxruntime"
max_batch_size: {max_batch}
input [
  {{
    name: "{INPUT}"
    data_type: TYPE_UINT8
    dims: [ {size}, {size}, {channels} ]
  }}
]
output [
{",".join(outputs).lstrip()}
]
dynamic_batching {{
  preferred_batch_size: [ {", ".join(map(str, [*preferred, max_batch]))} ]
  max_queue_delay_microseconds: {DELAY}
}}
"""


def _output(name: str, width: int, more: str) -> str:
    return f"""
  {{
    name: "{name}"
    data_type: TYPE_FP32
    dims: [ {width} ]{more}
  }}"""
