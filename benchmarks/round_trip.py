"""python -m benchmarks.round_trip: a classifier goes to transformers' layout, and transformers gives the same logits.

transformers is no dependency: `pip install transformers` first. Random weights; timm and torchvision are in the tests.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch

import resnets
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from tests import peers  # lets torchvision be imported beside a CPU-only torch

NETWORKS = ("resnet18", "resnet26", "resnet34", "resnet50", "resnet50_2015")
assert peers


def logits_agree(name: str, folder: Path) -> bool:
    """Whether transformers and we give the same numbers for one random image."""
    from transformers import AutoModelForImageClassification  # pyright: ignore[reportMissingImports] # see above

    torch.manual_seed(0)
    ours = Classifier(
        network=resnets.resnet(name, num_classes=3), classes=("a", "b", "c"), preprocessing=Preprocessing()
    )
    path, _ = resnets.convert_to(ours, "transformers", folder)
    theirs: Any = AutoModelForImageClassification.from_pretrained(path).eval()
    network = ours.network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue] # torch's stub lacks this overload
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        return torch.equal(theirs(image).logits, network(image)) and theirs.config.id2label[2] == "c"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in NETWORKS:
            same = logits_agree(name, Path(folder, name))
            print(f"{name:<14} {'the same to the last bit' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
