"""A classifier as an ONNX model: made by torch's exporter, cleared of its debug entries, and checked."""

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.export import ExportedProgram

from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.classifier.header import ENTRY
from resnets.export import program
from resnets.export.graph import FEATURES, INPUT, PROBABILITIES

if TYPE_CHECKING:
    import onnx

OPSET = 18  # read by OpenVINO since 2023.0, Triton since 23.04
OLDEST_RUNTIME = "1.14"  # of ONNX Runtime: the first with opset 18, which its table of versions pairs with IR version 8
INSTALL = "pip install 'resnets[export]'"


def export(classifier: Classifier, *, features: bool = False) -> bytes:
    """The classifier as an ONNX model without metadata.

    Its input `images` is uint8, N x size x size x channels, as `Preprocessing.pixels` gives each image; its output
    `probabilities` float32, N x classes. features: whether it has a second output, `features`: what
    `network.features` gives. Raises InputError when the packages to make it with are missing.
    """
    return from_program(program.trace(classifier, features=features))


def from_program(traced: ExportedProgram) -> bytes:
    """`export` of a classifier that `program.trace` has traced."""
    onnx = _package()
    outputs = [PROBABILITIES, FEATURES][: len(traced.graph_signature.user_outputs)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # of torch's own parts among themselves
        made = torch.onnx.export(
            traced, dynamo=True, input_names=[INPUT], output_names=outputs, opset_version=OPSET, verbose=False
        )
    assert made is not None  # with dynamo=True
    model = made.model_proto
    _clear(model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)  # newer parts are cleared
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def with_metadata(content: bytes, metadata: str) -> bytes:
    """The model with our metadata, in place of any it had."""
    onnx = _package()
    model = onnx.load_model_from_string(content)
    others = {entry.key: entry.value for entry in model.metadata_props if entry.key != ENTRY}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**others, ENTRY: metadata})
    return model.SerializeToString(deterministic=True)


def feature_count(content: bytes) -> int:
    """How wide the second output, `features`, is."""
    shape = _package().load_model_from_string(content).graph.output[1].type.tensor_type.shape
    return int(shape.dim[1].dim_value)


def _package() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx imports it, and says less when it is missing
    except ImportError as error:
        raise InputError(f"writing an ONNX file needs the packages onnx and onnxscript: {INSTALL}") from error
    return onnx


def _clear(model: "onnx.ModelProto") -> None:
    """Take out what the exporter notes for debugging: where in which source file each node was made, and such."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")  # shapes between nodes, which every runtime infers
    graph.name = "resnets"
