"""What is exported of a classifier: one module from uint8 pixels to calibrated probabilities."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from resnets.classifier.file import Classifier
from resnets.folding import folded
from resnets.layers import ChannelAttention, Maps, SqueezeExcitation

INPUT, PROBABILITIES, FEATURES = "images", "probabilities", "features"


class Graph(nn.Module):
    """Normalization, network, temperature and softmax of a classifier, on the CPU; the classifier stays as it is."""

    scale: Tensor
    offset: Tensor

    def __init__(self, classifier: Classifier, *, features: bool = False) -> None:
        """features: whether to give, beside the probabilities, what `network.features` gives."""
        super().__init__()
        self.network = folded(classifier.network).to("cpu", memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
        for block in self.network.blocks():
            if isinstance(block.se, SqueezeExcitation | ChannelAttention):
                block.se.register_module("squeeze", Mean())
        self.temperature = classifier.temperature
        self.features = features
        # (x / 255 - mean) / std as one multiplication and one addition, of a whole row of the image at a time: runtimes
        # are slow at numbers that change with every channel of channels-last pixels.
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in _normalization(classifier))
        self.register_buffer("scale", (1 / (255 * std)).float().repeat(classifier.preprocessing.size))
        self.register_buffer("offset", (-mean / std).float().repeat(classifier.preprocessing.size))
        self.eval().requires_grad_(requires_grad=False)

    def forward(
        self, images: UInt8[Tensor, "batch height width channels"]
    ) -> tuple[Float[Tensor, "batch outputs"], ...]:
        """The probabilities; then the features, where they are asked for."""
        rows = images.flatten(2).to(torch.float32) * self.scale + self.offset
        x = self.network.stem(rows.view(images.shape).permute(0, 3, 1, 2))
        for stage in self.network.stages():
            x = stage(x)
        x = self.network.act(self.network.norm(x))
        average = self.network.spec.pool == "average"
        found = x.mean((2, 3)) if average else self.network.pool(x).flatten(1)  # one operation in the file for a mean
        logits = self.network.classify(found)
        probabilities = torch.softmax(logits if self.temperature == 1 else logits / self.temperature, dim=1)
        return (probabilities, found) if self.features else (probabilities,)


class Mean(nn.Module):
    """Each channel's mean: what a pool to one position gives, as one operation in the file instead of a dozen."""

    def forward(self, x: Maps) -> Maps:
        return x.mean((2, 3), keepdim=True)


def _normalization(classifier: Classifier) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return classifier.preprocessing.mean, classifier.preprocessing.std
