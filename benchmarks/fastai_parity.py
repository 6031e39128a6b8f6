"""python -m benchmarks.fastai_parity: every xResNet of the catalog gives fastai's logits to the last bit.

fastai is no dependency: `pip install fastai` first. Its weights go through the same translation as a user's.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch

from resnets.catalog import CATALOG
from resnets.network import ResNet
from resnets.weights import checkpoint
from tests import peers  # lets torchvision be imported beside a CPU-only torch

SIZES = ((96, 64), (65, 97))
assert peers


def agree(name: str, folder: Path) -> bool:
    """Whether fastai and we give the same numbers for random images of two sizes."""
    from fastai.vision.models import xresnet  # pyright: ignore[reportMissingImports] # see above

    torch.manual_seed(0)
    theirs: Any = getattr(xresnet, name)(n_out=1000).eval()
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5) if tensor.ndim == 1 else tensor.normal_(std=0.05)
    torch.save(theirs.state_dict(), folder / f"{name}.pth")
    ours = ResNet(CATALOG[name].spec).eval()
    checkpoint.load(folder / f"{name}.pth").into(ours)
    images = (torch.randn(1, 3, *size) for size in SIZES)
    with torch.inference_mode():
        return all(torch.equal(theirs(image), ours(image)) for image in images)


def main() -> None:
    names = [row.name for row in CATALOG.values() if row.name.startswith("x")]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"{name:<16} {'the same to the last bit' if agree(name, Path(folder)) else 'DIFFERENT'}", flush=True)


if __name__ == "__main__":
    main()
