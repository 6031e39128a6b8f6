"""An ONNX model in 8-bit integers, which a CPU computes several times as fast: static quantization by ONNX Runtime's
quantizer, with the ranges chosen by measured accuracy.

What holds for every method, and what was measured for it on a CPU with AVX2 and without VNNI. The figures are CIFAR
ResNet-20's right answers of 10,000 (9,173 in float32), ranges from 512 training images, biases not yet corrected:

- Weights have a scale for each output channel and are symmetric; activations are unsigned with one scale a tensor, so
  that a ReLU costs nothing: what it would cut off lies below the least number.
- Weights have 7 of the 8 bits. CPUs without VNNI add two products of an unsigned and a signed byte in 16 bits, which
  255 x 127 x 2 overflows, and 255 x 64 x 2 does not. With 8 bits sums were clipped: 9,128, where the same file computed
  exactly gives 9,174. With 7 bits, which no CPU clips: 9,172.
- Unsigned 8-bit weights do not overflow either (9,175), but took 1.5 times as long: they are tried when nothing else is
  good enough. Symmetric signed activations lose the bit that ReLU leaves unused (9,044).
- What is not in QUANTIZED is computed in float32 between bytes: attention from its mean over positions to its weights
  and their product with the maps, activations other than ReLU, and group norms. It costs time and no accuracy; the gate
  says whether what the bytes around them lose can be afforded.
- A blur's kernel of sixteenths is kept exactly.
- Additions are quantized too, so that a block's values stay bytes from end to end. Normalization stays as it is, as do
  the outputs of the last layer: in 8 bits the best classes of an image would often tie.
- Ranges from ONNX Runtime's histograms were no better with 128 images (percentile 99.9: 9,158; 99.99: 9,169), and took
  longer to collect.
- Biases take back what rounding the weights did to each channel's mean, which costs nothing. With "min-max" and 256
  images 9,168 instead of 9,165 are right, 9,929 answers are the float32 model's instead of 9,900, and the divergence of
  the probabilities is 0.0027 instead of 0.0041. ImageNet ResNet-18 from 64 photographs of other classes, of 200: 143
  right instead of 141 (143 in float32), 194 answers the same instead of 188, a divergence of 0.0097 instead of 0.0212.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import UInt8

from resnets.base.errors import InputError
from resnets.base.progress import Progress, Watch, unwatched
from resnets.export.activation_ranges import Activations, activations
from resnets.export.correction import correct_biases
from resnets.export.onnx import INSTALL

if TYPE_CHECKING:
    import onnx

Images = UInt8[np.ndarray, "batch height width channels"]

# What computes on bytes. The mean over positions is not here: ONNX Runtime has it in float32 alone.
QUANTIZED = ("Conv", "Gemm", "Add", "Relu", "MaxPool", "AveragePool", "Pad", "Slice")
_ON_MEANS = ("Conv", "Relu", "Reshape", "Unsqueeze", "Squeeze")  # what attention computes of a mean over positions


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to quantize."""

    name: str
    ranges: Literal["widest", "usual"]  # of activations, as `Activations` gives them
    weights: Literal["int7", "uint8"] = "int7"


METHODS = (
    Method(name="min-max", ranges="widest"),
    Method(name="mean min-max", ranges="usual"),
)
SLOWER = (
    Method(name="min-max, 8-bit weights", ranges="widest", weights="uint8"),
    Method(name="mean min-max, 8-bit weights", ranges="usual", weights="uint8"),
)


@dataclass(frozen=True)
class Quantized:
    """A quantized model, and how it was chosen."""

    content: bytes = field(repr=False)
    method: str
    accuracies: Mapping[str, float]  # of each method tried, as the judge measured it, in the order they were tried
    images: int  # that it was calibrated on

    @property
    def accuracy(self) -> float:
        """Of the chosen method."""
        return self.accuracies[self.method]


def quantize(
    model: bytes,
    calibration: Images | Iterable[Images],
    judge: Callable[[bytes], float],
    *,
    enough: float = 0.0,
    watch: Watch = unwatched,
) -> Quantized:
    """The model that `onnx.export` made, in 8-bit integers, by the method that scores best; of equals the first.

    calibration: images as the model's input takes them, uint8, N x height x width x channels, or batches of such;
    some 100 like those it is to answer for, not those it is judged on. judge: the accuracy of a model, 0 to 1, on other
    images. enough: the accuracy, 0 to 1, at which methods that make a slower model need not be tried.
    Inputs, outputs and metadata stay. Raises InputError when a package to do it with is missing, or there is no image;
    RunFailed when the model's values are not finite.
    """
    onnx = _package()
    parsed = onnx.shape_inference.infer_shapes(_apart(onnx.load_model_from_string(model)), strict_mode=True)
    batches = [calibration] if isinstance(calibration, np.ndarray) else calibration
    count = len(calibration) if isinstance(calibration, np.ndarray) else None
    seen = activations(parsed, _tensors(parsed), batches, count=count, watch=watch)
    made: dict[str, bytes] = {}
    accuracies: dict[str, float] = {}
    methods = METHODS + SLOWER
    for done, method in enumerate(methods, 1):
        if method in SLOWER and max(accuracies.values()) >= enough:
            break
        made[method.name] = _quantized(parsed, seen, method)
        accuracies[method.name] = judge(made[method.name])
        watch(Progress("quantizing", done, len(methods), {method.name: f"{accuracies[method.name]:.2%}"}))
    best = max(accuracies, key=lambda name: accuracies[name])  # the first of equals
    return Quantized(made[best], best, accuracies, len(seen.least))


def _quantized(parsed: "onnx.ModelProto", seen: Activations, method: Method) -> bytes:
    """The model with every tensor of the quantized nodes written as 8-bit integers between QDQ pairs."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType
    from onnxruntime.quantization.calibrate import TensorsData

    model = onnx.ModelProto()
    model.CopyFrom(parsed)  # the quantizer changes what it is given
    ranges = seen.widest() if method.ranges == "widest" else seen.usual()
    seven = method.weights == "int7"
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=seven,
        weight_qType=QuantType.QInt8 if seven else QuantType.QUInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, {**ranges}),
        nodes_to_quantize=[],
        nodes_to_exclude=[*_before_the_network(model), *_gates(model)],
        op_types_to_quantize=list(QUANTIZED),
        extra_options={
            "OpTypesToExcludeOutputQuantization": ["Gemm"],
            "TensorQuantOverrides": _exact(model, np.int8 if seven else np.uint8),
        },
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()  # the format asks for it
    finished: onnx.ModelProto = quantizer.model.model
    correct_biases(finished, parsed, seen.means)
    finished.graph.ClearField("value_info")  # shapes of tensors that are no more
    del finished.metadata_props[:]  # the quantizer notes there how it inferred shapes
    finished.metadata_props.extend(parsed.metadata_props)
    onnx.checker.check_model(finished, full_check=True)
    return finished.SerializeToString(deterministic=True)


def _apart(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model, whose last layer reads a copy of what is also an output (embeddings), so that only the copy is rounded
    to bytes. The copy costs nothing: runtimes take it out again.
    """
    import onnx

    outputs = {output.name for output in model.graph.output}
    for place, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type in QUANTIZED and node.input[0] in outputs:
            name = f"{node.input[0]}_copy"
            model.graph.node.insert(place, onnx.helper.make_node("Identity", [node.input[0]], [name], name))
            model.graph.node[place + 1].input[0] = name
    return model


def _before_the_network(model: "onnx.ModelProto") -> list[str]:
    """The nodes that normalize: quantizing their results again and again would only lose what the pixels say."""
    return [node.name for node in takewhile(lambda node: node.op_type != "Conv", model.graph.node)]


def _gates(model: "onnx.ModelProto") -> list[str]:
    """The nodes between a mean over positions and the sigmoid that makes a channel's weight of it (attention)."""
    made = {output: node for node in model.graph.node for output in node.output}
    found: list[str] = []
    for last in (node for node in model.graph.node if node.op_type == "Sigmoid"):
        chain: list[str] = []
        node = made.get(last.input[0])
        while node is not None and node.op_type in _ON_MEANS:
            chain.append(node.name)
            node = made.get(node.input[0])
        if node is not None and node.op_type == "ReduceMean":
            found += chain
    return found


def _exact(model: "onnx.ModelProto", kind: type[np.integer[Any]]) -> dict[str, list[dict[str, Any]]]:
    """For the quantizer: the step and the zero of kernels whose values are whole sixteenths, such as a blur's.

    A step of a 127th of the largest would round them, and let a blur brighten by a hundredth.
    """
    from onnx import numpy_helper

    kernels = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    found: dict[str, list[dict[str, Any]]] = {}
    for tensor in model.graph.initializer:
        if tensor.name not in kernels or len(tensor.dims) != 4:
            continue
        sixteenths = 16 * numpy_helper.to_array(tensor)
        if (sixteenths == np.rint(sixteenths)).all() and 0 < sixteenths.max() <= 63 and sixteenths.min() >= 0:
            step = {"scale": np.array(1 / 16, np.float32), "zero_point": np.array(0, kind)}
            found[tensor.name] = [{"axis": 0, **step}, *([step] * (len(sixteenths) - 1))]
    return found


def _tensors(model: "onnx.ModelProto") -> list[str]:
    """The float tensors that enter or leave a node to be quantized, but its weights."""
    import onnx

    known = (*model.graph.value_info, *model.graph.output)
    floats = {value.name for value in known if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    nodes = [node for node in model.graph.node if node.op_type in QUANTIZED]
    return [name for node in nodes for name in (*node.input, *node.output) if name in floats]


def _package() -> Any:
    try:
        import onnx
        import onnxruntime.quantization  # noqa: F401 - which onnxruntime's mobile builds lack
    except ImportError as error:
        raise InputError(f"quantizing needs the packages onnx and onnxruntime: {INSTALL}") from error
    return onnx
