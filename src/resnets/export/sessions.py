"""ONNX Runtime's sessions, as exported classifiers are run."""

from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.export.onnx import INSTALL


def session(model: bytes | str | Path, *, threads: int = 0) -> Any:
    """A session of ONNX Runtime on the CPU. threads: of one run; 0 for one a core.

    Raises InputError when ONNX Runtime is not installed; what is wrong with the model raises ONNX Runtime's own errors.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"running an ONNX file needs the package onnxruntime: {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if threads > 1:
        options.add_session_config_entry("session.force_spinning_stop", "1")  # for other threads
    options.log_severity_level = 4  # errors are raised; its warnings are about what it itself makes of the graph
    content = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
