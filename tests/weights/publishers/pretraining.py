"""What self-supervised training and frameworks keep around a network of torchvision's names: files, not modules.

Checked against their source: moco (moco/builder.py), dino (main_dino.py, DINOHead in vision_transformer.py), and the
fastai Learner (create_head in vision/learner.py, LinBnDrop in layers.py at its commit aed484f).
"""

# pyright: reportAttributeAccessIssue=false

from argparse import Namespace
from typing import Any

import torch
from torch import Tensor, nn

FEATURES = 64  # that leave the networks here


def under(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in module.state_dict().items()}


def changed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Another network's, of the same shapes."""
    return {name: one * 0.9 if one.is_floating_point() else one for name, one in tensors.items()}


def _projection(prefix: str, *names: str, norm: str = "") -> dict[str, Tensor]:
    """Linear layers, and perhaps a norm between them."""
    made: dict[str, Tensor] = {}
    for name in names:
        made |= {
            f"{prefix}{name}.weight": torch.randn(FEATURES, FEATURES),
            f"{prefix}{name}.bias": torch.randn(FEATURES),
        }
    return made | (under(f"{prefix}{norm}.", nn.BatchNorm1d(FEATURES)) if norm else {})


def moco(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/moco, version 2: a queue, a query and a key encoder, each with two layers for fc."""
    state = {"module.queue": torch.randn(16, 32), "module.queue_ptr": torch.zeros(1, dtype=torch.long)}
    state |= under("module.encoder_q.", network) | _projection("module.encoder_q.fc.", "0", "2")
    state |= changed(under("module.encoder_k.", network))
    state |= _projection("module.encoder_k.fc.", "0", "2")
    return {"epoch": 200, "arch": "resnet50", "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}


def dino(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/dino: student and teacher, each a backbone and a head whose last layer is weight-normalized."""
    student = changed(under("module.backbone.", network))
    head = _projection("module.head.mlp.", "0", "2", "4")
    head |= {"module.head.last_layer.weight_g": torch.ones(8, 1)}
    head |= {"module.head.last_layer.weight_v": torch.randn(8, FEATURES)}
    teacher = under("module.backbone.", network) | head
    return {"student": student | head, "teacher": teacher, "optimizer": {"state": {}, "param_groups": []}, "epoch": 100,
            "args": Namespace(arch="resnet50"), "dino_loss": {"center": torch.zeros(1, 8)},
            "fp16_scaler": {"scale": 65536.0, "growth_factor": 2.0}}  # fmt: skip


def simclr(network: nn.Module) -> dict[str, Any]:
    """sthalles/SimCLR: backbone, its fc two layers."""
    return {
        "epoch": 100,
        "arch": "resnet18",
        "state_dict": under("backbone.", network) | _projection("backbone.fc.", "0", "2"),
    }


def bolts(network: nn.Module) -> dict[str, Any]:
    """Lightning Bolts' SimCLR: encoder, projection.model."""
    state = under("encoder.", network) | _projection("projection.model.", "0", "3", norm="1")
    return {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "1.8.0",
        "state_dict": state,
        "hyper_parameters": {"arch": "resnet50"},
    }


def swav(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/swav: a projection head with a norm, and prototypes, beside the layers."""
    state = under("module.", network) | _projection("module.projection_head.", "0", "3", norm="1")
    return {"epoch": 800, "state_dict": state | {"module.prototypes.weight": torch.randn(32, FEATURES)}}


def barlow(network: nn.Module) -> dict[str, Any]:
    """facebookresearch/barlowtwins: backbone, projector, and a norm without weights."""
    state = under("module.backbone.", network) | _projection("module.projector.", "0", "3", norm="1")
    norm = nn.BatchNorm1d(FEATURES, affine=False)
    return {"epoch": 1000, "model": state | under("module.bn.", norm), "optimizer": {"state": {}, "param_groups": []}}


def learner(network: nn.Module) -> dict[str, Any]:
    """A fastai Learner: the body at 0, and at 1 a head of two norms and two layers that reads average and max pools."""
    body = nn.Sequential(*list(network.children())[:-2])
    pooled = 2 * FEATURES
    head = nn.Sequential(
        nn.Identity(), nn.Flatten(), nn.BatchNorm1d(pooled), nn.Dropout(), nn.Linear(pooled, 32, bias=False), nn.ReLU(),
        nn.BatchNorm1d(32), nn.Dropout(), nn.Linear(32, 5, bias=False),
    )  # fmt: skip
    return {"model": nn.Sequential(body, head).state_dict(), "opt": {"state": [], "hypers": []}}
