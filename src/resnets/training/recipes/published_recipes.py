"""Recipes that somebody published, with what they scored there."""

from collections.abc import Mapping
from typing import Any

from resnets.training.recipes.named_recipe import NamedRecipe

_PLAIN: Mapping[str, Any] = {  # the settings of 2015 that later recipes left behind
    "nesterov": False, "momentum": 0.9, "decay_norms_and_biases": True, "label_smoothing": 0.0, "warmup": 0.0,
    "flip": True,
}  # fmt: skip
_INCEPTION: Mapping[str, Any] = {"augment": "resized-crop", "min_area": 0.08, "flip": True}
_IMAGENET: Mapping[str, Any] = {
    "size": 224, "resize": 256, "fit": "crop", "interpolation": "bilinear",
    "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3,
}  # fmt: skip
_STRIKES_BACK: Mapping[str, Any] = {
    **_INCEPTION, "optimizer": "lamb", "momentum": 0.9, "beta2": 0.999, "batch_size": 256, "accumulate": 8,
    "lr_batch": 2048, "schedule": "cosine", "decay_norms_and_biases": False, "loss": "bce", "bce_threshold": 0.2,
    "policy": "rand-augment", "policy_ops": 2, "policy_spread": 0.5, "cutmix": 1.0, "mix_switch": 0.5,
}  # fmt: skip
_STRIKES_BACK_SOURCE = "Wightman et al. 2021 (ResNet strikes back), table 2"


def _strikes_back_tests(resize: int) -> dict[str, Any]:
    return {**_IMAGENET, "resize": resize, "interpolation": "bicubic"}


PUBLISHED = (
    NamedRecipe(
        name="he2015-imagenet",
        summary="ImageNet as in 2015: SGD, the rate divided by ten twice; 90 epochs",
        source="He et al. 2015, section 3.4; crops and 90 epochs as fb.resnet.torch and torchvision's V1 reference",
        scores=(
            "published (torchvision V1, 1 crop): resnet18 69.76, resnet34 73.31, resnet50 76.13, resnet101 77.37, "
            "resnet152 78.31% ImageNet-1k top-1",
        ),
        recipe={
            **_PLAIN,
            **_INCEPTION,
            "epochs": 90,
            "batch_size": 256,
            "lr": 0.1,
            "lr_batch": 256,
            "schedule": "step",
            "milestones": (1 / 3, 2 / 3),
            "decay": 0.1,
            "weight_decay": 1e-4,
        },
        preprocessing=_IMAGENET,
        notes=("The paper divides the rate when the error plateaus and crops at scales of 256 to 480 pixels.",),
    ),
    NamedRecipe(
        name="he2015-cifar",
        summary="CIFAR as in 2015: SGD, shifts and mirroring, the rate divided by ten twice; 182 epochs",
        source="He et al. 2015, section 4.2: 64,000 steps of 128 images, 45,000 to train and 5,000 to validate",
        scores=(
            "published (the paper): cifar_resnet20 8.75, 32 7.51, 44 7.17, 56 6.97, 110 6.43% CIFAR-10 test error",
            "published (akamaster, 200 epochs): cifar_resnet20 8.27, 32 7.37, 44 6.90, 56 6.61, 110 6.32% error",
            "measured (one seed, in bfloat16 on an H100, 2.5 minutes): cifar_resnet20 8.60% error",
        ),
        recipe={
            **_PLAIN,
            "epochs": 182,
            "batch_size": 128,
            "lr": 0.1,
            "schedule": "step",
            "milestones": (0.5, 0.75),
            "decay": 0.1,
            "weight_decay": 1e-4,
            "augment": "crop",
            "crop_padding": 4,
            "val_fraction": 0.1,
        },
        notes=(
            "The paper subtracts a mean image; here a mean for each channel. For 110 layers and more it begins at a "
            "rate of 0.01 until the training error is below 80%: --set warmup=0.01 does so in time.",
        ),
    ),
    NamedRecipe(
        name="resnext2017",
        summary="ImageNet as for ResNeXt: SGD, the rate divided by ten three times; 100 epochs",
        source="Xie et al. 2017, section 4; crops of fb.resnet.torch",
        scores=(
            "published (facebookresearch/ResNeXt, 1 crop): resnext50_32x4d 77.8, resnext101_32x4d 78.8, "
            "resnext101_64x4d 79.6% ImageNet-1k top-1",
        ),
        recipe={
            **_PLAIN,
            **_INCEPTION,
            "nesterov": True,
            "epochs": 100,
            "batch_size": 256,
            "lr": 0.1,
            "lr_batch": 256,
            "schedule": "step",
            "milestones": (0.3, 0.6, 0.9),
            "decay": 0.1,
            "weight_decay": 1e-4,
        },
        preprocessing=_IMAGENET,
    ),
    NamedRecipe(
        name="bag-of-tricks",
        summary="ImageNet, refined: linear scaling, warm-up, cosine, smoothing, zero gamma, no bias decay, mixup",
        source="He et al. 2018 (Bag of Tricks), sections 3 and 5",
        scores=("published: resnet50d 79.15% ImageNet-1k top-1, 94.58% top-5; with a teacher 79.29 and 94.63",),
        recipe={
            **_INCEPTION,
            "epochs": 200,
            "batch_size": 256,
            "accumulate": 4,
            "lr": 0.1,
            "lr_batch": 256,
            "warmup": 0.025,
            "schedule": "cosine",
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 1e-4,
            "decay_norms_and_biases": False,
            "label_smoothing": 0.1,
            "mixup": 0.2,
            "distill_temperature": 20.0,
        },
        preprocessing=_IMAGENET,
        spec={"zero_last_norm": True},
        notes=(
            "Distillation: --set teacher=resnet152d.safetensors. Mixup and distillation take 200 epochs, the rest 120.",
            "The paper also jitters colours and adds PCA noise.",
        ),
    ),
    NamedRecipe(
        name="rsb-a1",
        summary="ImageNet with LAMB, BCE, RandAugment, mixup and cutmix, repeated augmentation; 600 epochs",
        source=f"{_STRIKES_BACK_SOURCE}, procedure A1",
        scores=(
            "published (at 224): resnet18 71.50, resnet34 76.42, resnet50 80.38, resnet50d 80.73, resnet101 81.49, "
            "resnet152 82.00, resnext50_32x4d 80.53% ImageNet-1k top-1",
        ),
        recipe={
            **_STRIKES_BACK,
            "epochs": 600,
            "lr": 5e-3,
            "warmup": 5 / 600,
            "weight_decay": 0.01,
            "label_smoothing": 0.1,
            "policy_magnitude": 7.0,
            "mixup": 0.2,
            "repeats": 3,
            "drop_path": 0.05,
        },
        preprocessing=_strikes_back_tests(235),
    ),
    NamedRecipe(
        name="rsb-a2",
        summary="ImageNet with LAMB, BCE, RandAugment, mixup and cutmix, repeated augmentation; 300 epochs",
        source=f"{_STRIKES_BACK_SOURCE}, procedure A2",
        scores=(
            "published (at 224): resnet18 70.63, resnet34 75.52, resnet50 79.83, resnet50d 80.27, resnet101 81.34, "
            "resnet152 81.76, resnext50_32x4d 80.44% ImageNet-1k top-1",
        ),
        recipe={
            **_STRIKES_BACK,
            "epochs": 300,
            "lr": 5e-3,
            "warmup": 5 / 300,
            "weight_decay": 0.02,
            "label_smoothing": 0.0,
            "policy_magnitude": 7.0,
            "mixup": 0.1,
            "repeats": 3,
            "drop_path": 0.05,
        },
        preprocessing=_strikes_back_tests(235),
    ),
    NamedRecipe(
        name="rsb-a3",
        summary="ImageNet with LAMB, BCE, RandAugment, mixup and cutmix, trained at 160 and judged at 224; 100 epochs",
        source=f"{_STRIKES_BACK_SOURCE}, procedure A3",
        scores=(
            "published (at 224): resnet18 68.25, resnet34 73.00, resnet50 78.05, resnet50d 78.74, resnet101 79.84, "
            "resnet152 80.55, resnext50_32x4d 79.26% ImageNet-1k top-1",
        ),
        recipe={
            **_STRIKES_BACK,
            "epochs": 100,
            "lr": 8e-3,
            "warmup": 0.05,
            "weight_decay": 0.02,
            "label_smoothing": 0.0,
            "policy_magnitude": 6.0,
            "mixup": 0.1,
            "repeats": 1,
            "drop_path": 0.0,
            "train_size": 160,
        },
        preprocessing=_strikes_back_tests(235),
    ),
    NamedRecipe(
        name="fastai-imagenette",
        summary="5 to 200 epochs from scratch on ten classes of ImageNet, with Ranger and a flat rate that falls late",
        source="fastai/imagenette, 2020-01-train.md and fastai's train_imagenette.py",
        scores=(
            "published (fastai, one run each; for xse_resnext50 with Mish, self-attention and max-pooled shortcuts): "
            "Imagenette at 128 px 84.71 / 91.13 / 93.55 / 94.24% after 5 / 20 / 80 / 200 epochs; at 192 px 86.29 / "
            "92.25 / 94.50 / 95.03%",
            "measured (xresnet18 with ReLU at 64 px, 400 training images a class, 5 epochs, three seeds): 69.0 ± 2.1%; "
            "fastai itself 69.0 ± 0.4%",
        ),
        recipe={
            "epochs": 20,
            "batch_size": 64,
            "optimizer": "ranger",
            "lr": 8e-3,
            "momentum": 0.95,
            "beta2": 0.99,
            "weight_decay": 1e-2,
            "decay_norms_and_biases": False,
            "schedule": "cosine",
            "warmup": 0.0,
            "flat": 0.75,
            "lr_end": 1e-5,
            "label_smoothing": 0.1,
            "augment": "resized-crop",
            "min_area": 0.35,
            "flip": True,
        },
        network="xse_resnext50",
        preprocessing={**_IMAGENET, "size": 128, "resize": 152, "fit": "squash"},
        spec={"activation": "mish"},
        notes=(
            "Ours lacks three things of fastai's network: a self-attention layer, shortcuts that pool the maximum, and "
            "Mish within squeeze-and-excitation.",
            "fastai's runs of 80 and 200 epochs use mixup. The 85.77% after 5 epochs that its leaderboard once had are "
            "another network's.",
            "At 192 pixels: --set preprocessing.size=192 --set preprocessing.resize=224.",
        ),
    ),
)
