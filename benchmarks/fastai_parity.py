"""python -m benchmarks.fastai_parity: every xResNet of the catalog gives fastai's logits to the last bit, and 200 steps
of our `ranger` end where 200 of fastai's do, but for eps.

fastai is no dependency: `pip install fastai==2.8.7` first (2.8.12 has LAMB's step in `RAdam`). Its weights go through
the same translation as a user's. Measured: the logits are the same; weights after 200 steps of Ranger in float64 differ
by 1.5e-5 of the largest with an eps of 1e-6 and by 1.5e-11 with one of 1e-12. torch adds eps before it corrects the
second moment, fastai afterwards.
"""

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resnets.catalog import CATALOG
from resnets.network import ResNet
from resnets.training.step.ranger import Ranger
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


def ranger_distance(eps: float, steps: int = 200) -> float:
    """How far weights trained by fastai's ranger and by ours are apart, at most, over the largest of their size."""
    from fastai.optimizer import ranger  # pyright: ignore[reportMissingImports] # see above

    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 5)).double()
    theirs = copy.deepcopy(ours)
    rules: tuple[Any, Any] = (
        Ranger(ours.parameters(), lr=8e-3, betas=(0.95, 0.99), eps=eps, weight_decay=0.01),
        ranger(list(theirs.parameters()), lr=8e-3, mom=0.95, sqr_mom=0.99, eps=eps, wd=0.01),
    )
    for _ in range(steps):
        x, y = torch.randn(32, 12).double(), torch.randint(5, (32,))
        for network, rule in zip((ours, theirs), rules, strict=True):
            rule.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            rule.step()
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return max(float((one - other).detach().abs().max() / other.detach().abs().max()) for one, other in pairs)


def main() -> None:
    names = [row.name for row in CATALOG.values() if row.name.startswith("x")]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"{name:<16} {'the same to the last bit' if agree(name, Path(folder)) else 'DIFFERENT'}", flush=True)
    for eps in (1e-6, 1e-12):
        print(
            f"{'ranger':<16} weights differ by {ranger_distance(eps):.1e} of the largest after 200 steps, eps {eps:g}"
        )


if __name__ == "__main__":
    main()
