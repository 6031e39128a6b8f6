"""The one place that imports the peers we are held against: timm, torchvision, torchmetrics, which imports it, and
cleanlab.

torchvision's wheel is built for the CUDA torch. Beside a CPU-only torch it imports once its two missing operators are
declared.
"""

import warnings
from functools import cache
from importlib import import_module
from typing import Any

import torch

if not torch.cuda.is_available():
    _library = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import timm
    import torchvision
    import torchvision.models
    import torchvision.transforms
    from cleanlab import count as cleanlab_count
    from cleanlab import filter as cleanlab_filter
    from timm.data import auto_augment, distributed_sampler, mixup, random_erasing
    from timm.data.config import resolve_data_config
    from timm.data.dataset import ImageDataset
    from timm.data.loader import create_loader
    from timm.data.mixup import mixup_target
    from timm.data.transforms_factory import create_transform
    from timm.layers.drop import drop_path
    from timm.loss.binary_cross_entropy import BinaryCrossEntropy
    from timm.models._manipulate import adapt_input_conv
    from timm.optim._param_groups import param_groups_layer_decay
    from timm.optim.lamb import Lamb
    from timm.scheduler.cosine_lr import CosineLRScheduler
    from timm.utils.model_ema import ModelEmaV3

__all__ = [
    "BinaryCrossEntropy", "CosineLRScheduler", "ImageDataset", "Lamb", "ModelEmaV3", "adapt_input_conv", "auto_augment",
    "cleanlab_count", "cleanlab_filter",
    "create_loader", "create_transform", "distributed_sampler", "drop_path", "mixup", "mixup_target",
    "param_groups_layer_decay", "random_erasing", "resolve_data_config", "timm", "torchmetrics", "torchvision",
]  # fmt: skip


@cache
def torchmetrics() -> Any:
    """Its scores of classifications. Two tests ask for them, and the import takes a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("torchmetrics.functional.classification")
