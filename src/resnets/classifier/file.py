"""The file a user keeps: network, classes, preprocessing, calibration and where it came from, in one safetensors file.

Everything that uses a classifier starts from this file, so what an image goes through cannot differ between training,
evaluation, prediction and export.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from resnets import spec_values
from resnets.base.errors import InputError
from resnets.base.files import write_whole
from resnets.base.notebook import table
from resnets.base.seal import sealed
from resnets.classifier.answering import Picture
from resnets.classifier.header import ENTRY, FORMAT, check_whole, read_header, shortly, without_folders
from resnets.classifier.predictor import Predictor, predictor_fields
from resnets.data import preprocessing
from resnets.network import ResNet
from resnets.spec import ResNetSpec

if TYPE_CHECKING:
    from resnets.explain.maps import Method
    from resnets.report.explanation import Explanation


@dataclass(kw_only=True)
class Classifier(Predictor):
    """A trained network and all that is needed to use it. Raises InputError when its parts do not fit each other."""

    network: ResNet

    def __post_init__(self) -> None:
        spec = self.network.spec
        if len(self.classes) != spec.num_classes:
            raise InputError(f"{len(self.classes)} class names, but the network has {spec.num_classes} outputs")
        if self.preprocessing.channels != spec.in_channels:
            raise InputError(
                f"the preprocessing gives {self.preprocessing.channels} channels, but the network reads "
                f"{spec.in_channels}"
            )
        super().__post_init__()
        self.network.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload

    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        """The network's outputs."""
        return self.logits(torch.from_numpy(pixels)).cpu().numpy()

    @torch.inference_mode()
    def outputs_and_features(
        self, pixels: UInt8[np.ndarray, "batch height width channels"]
    ) -> tuple[Float32[np.ndarray, "batch classes"], Float32[np.ndarray, "batch features"]]:
        """The network's outputs, and what its last layer reads."""
        images = self.preprocessing.normalize(torch.from_numpy(pixels).to(self.device))
        with in_float32(self.device):
            features = self.network.features(images)
        return self.network.classify(features).float().cpu().numpy(), features.float().cpu().numpy()

    def explain(
        self,
        image: Picture,
        *,
        label: str | int | None = None,
        method: "Method | None" = None,
        smooth: bool = False,
        sanity: bool = True,
    ) -> "Explanation":
        """What in an image speaks for a class, and what against it. The arguments are those of `resnets.explain`."""
        from resnets.report.explanation import explained

        return explained(self, image, label=label, method=method, smooth=smooth, sanity=sanity)

    def __repr__(self) -> str:
        return f"Classifier({', '.join(value for _, value in self._facts())})"

    def _repr_html_(self) -> str:
        return table("Classifier", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        val = self.metrics.get("val") or {}
        some = ", ".join(self.classes[:4]) + (", ..." if len(self.classes) > 4 else "")
        rows = [
            ("network", self.network_name),
            ("classes", f"{len(self.classes)} {'class' if len(self.classes) == 1 else 'classes'}: {some}"),
            ("images", f"{self.preprocessing.size} pixels"),
            ("validation", f"top-1 {val['top1']:.1%} on validation" if "top1" in val else ""),
            ("file", str(self.path or "")),
        ]
        return [(name, value) for name, value in rows if value]

    @property
    def network_name(self) -> str:
        """What the network is called: in the catalog, where it was trained or converted as one of it."""
        data = self.origin.get("data") or {}
        return str(self.origin.get("network") or data.get("network") or "residual network")

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.fc.weight.device

    @property
    def concurrent(self) -> bool:
        """Whether the network is on a CPU. An accelerator computes one batch after the other."""
        return self.device.type == "cpu"

    @torch.inference_mode()
    def logits(self, pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch classes"]:
        """The network's outputs for images as `preprocessing.pixels` gives them, on the network's device."""
        with in_float32(self.device):
            return self.network(self.preprocessing.normalize(pixels.to(self.device))).float()

    def probabilities(self, pixels: UInt8[Tensor, "batch height width channels"]) -> Float[Tensor, "batch classes"]:
        """Calibrated probabilities, 0 to 1, which sum to 1 over the classes."""
        return torch.softmax(self.logits(pixels) / self.temperature, dim=1)

    def header(self) -> dict[str, Any]:
        """All but the weights, as JSON values."""
        return {
            "format": FORMAT,
            "spec": spec_values.to_dict(self.network.spec),
            "classes": list(self.classes),
            "preprocessing": preprocessing.to_dict(self.preprocessing),
            "temperature": self.temperature,
            "abstain_below": self.abstain_below,
            "metrics": self.metrics,
            "origin": without_folders(self.origin),
        }

    def save(self, path: str | Path) -> Path:
        """Write the classifier's file, whole or not at all. Raises RunFailed when the system refuses."""
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        content = safetensors.torch.save(tensors, metadata={ENTRY: json.dumps(self.header())})
        self.path = write_whole(path, sealed(content))
        return self.path


@contextmanager
def in_float32(device: torch.device) -> Iterator[None]:
    """Within, a GPU's convolutions are computed in float32 as a CPU's are, not in TF32, which torch takes by default.

    resnet50's probabilities are then within 1e-6 of the CPU's; with TF32 within 4e-4 (benchmarks/gpu.py, an H100).
    """
    cudnn = torch.backends.cudnn
    if device.type != "cuda":
        yield
        return
    with cudnn.flags(enabled=True, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False):
        yield


def load(path: str | Path, *, device: Literal["cpu", "cuda", "mps"] | str = "cpu") -> Classifier:
    """Read a classifier's file. Raises InputError when it is missing, damaged, no classifier, or of a newer format."""
    path = Path(path)
    header = read_header(path)
    check_whole(path)
    try:
        spec, tensors = spec_values.from_dict(header["spec"]), safetensors.torch.load_file(path)
        _check_blocks(spec, tensors)
        with torch.device("meta"):  # no weights drawn only to be replaced
            network = ResNet(spec)
        network.load_state_dict(tensors, assign=True)
        classifier = Classifier(
            network=network.to(device, torch.float32),
            path=path,
            **predictor_fields(header),
        )
    except InputError as error:
        raise InputError(f"{path}: damaged: {error}") from error
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: damaged: its header and its weights do not match ({shortly(error)})") from error
    return classifier


def _check_blocks(spec: ResNetSpec, names: Iterable[str]) -> None:
    """Raise InputError where the weights are not of as many blocks as the header says, before a network is built."""
    blocks = {found[0] for name in names if (found := re.match(r"layer\d+\.\d+\.", name))}
    wanted = {f"layer{stage}.{index}." for stage, depth in enumerate(spec.depths, 1) for index in range(depth)}
    if blocks != wanted:
        raise InputError(
            f"its header says depths = {spec.depths}, {len(wanted):,} blocks, but it has weights for {len(blocks):,} "
            "blocks"
        )
