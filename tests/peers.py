"""The one place that imports the peers we are held against: timm, torchvision and torchmetrics, which imports it.

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
    import torchmetrics.functional.classification as torchmetrics
    import torchvision
    import torchvision.models
    import torchvision.transforms
    from timm.data.transforms_factory import create_transform

__all__ = ["create_transform", "timm", "torchmetrics", "torchvision"]
