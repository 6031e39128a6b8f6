"""The one place that imports the peers we are held against: timm and torchvision.

torchvision's wheel is built for the CUDA torch. Beside a CPU-only torch it imports once its two missing operators are
declared.
"""

import warnings

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
    from timm.data import auto_augment, distributed_sampler, mixup, random_erasing
    from timm.data.transforms_factory import create_transform
    from torchvision.transforms import autoaugment

__all__ = [
    "auto_augment", "autoaugment", "create_transform", "distributed_sampler", "mixup", "random_erasing", "timm",
    "torchvision",
]  # fmt: skip
