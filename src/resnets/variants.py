"""Modifiers: a network in, another out. Each is one idea of the literature, and they compose."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from resnets.base.checks import check_choice
from resnets.spec import Antialias, ResNetSpec, ShortcutKind, Stem

ShortcutOption = Literal["A", "B", "C", "D"]
SHORTCUT_OPTIONS: Mapping[ShortcutOption, ShortcutKind] = {  # the paper's A, B and C, and ResNet-D's
    "A": "pad",
    "B": "projection",
    "C": "projection-always",
    "D": "pooled-projection",
}


def resnet_b(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-B: the stride moves from the first 1x1 to the 3x3 (fb.resnet.torch; He et al. 2018, section 4.2)."""
    return dataclasses.replace(spec, stride_at="conv2")


def resnet_c(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-C: three 3x3 convolutions for the 7x7 (Inception-v2; He et al. 2018, section 4.2). Keeps B."""
    last = spec.stem.widths[-1]
    return deep_stem(resnet_b(spec), (last // 2, last // 2, last))


def resnet_d(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-D: C, and shortcuts that average before they project (He et al. 2018, section 4.2)."""
    return dataclasses.replace(resnet_c(spec), shortcut="pooled-projection")


def resnet_t(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-T: D, with a stem whose three convolutions grow in even steps, 24, 32 and 64 (timm, `resnet50t`)."""
    last = spec.stem.widths[-1]
    return deep_stem(resnet_d(spec), (3 * (last // 8), last // 2, last))


def resnet_s(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-S: C, with a stem twice as wide (GluonCV, `resnet50_v1s`)."""
    last = spec.stem.widths[-1]
    return deep_stem(resnet_b(spec), (last, last, 2 * last))


def resnet_rs(spec: ResNetSpec) -> ResNetSpec:
    """ResNet-RS: D, squeeze-and-excitation, and a convolution for the stem's pool (Bello et al. 2021, section 4)."""
    spec = dataclasses.replace(squeezed(resnet_d(spec)), attention_reduction=4)
    return dataclasses.replace(spec, stem=dataclasses.replace(spec.stem, pool="conv"))


def xresnet(spec: ResNetSpec) -> ResNetSpec:
    """xResNet: D, each block's last norm scale zero, and fastai's initialization (fastai, `XResNet`)."""
    return dataclasses.replace(resnet_d(spec), init="xresnet", zero_last_norm=True)


def resnext(spec: ResNetSpec, *, cardinality: int, base_width: int) -> ResNetSpec:
    """ResNeXt: the residual branch in `cardinality` groups of `base_width` (Xie et al. 2017)."""
    return dataclasses.replace(spec, groups=cardinality, group_width=base_width)


def wide(spec: ResNetSpec, factor: int) -> ResNetSpec:
    """Wide ResNet: `factor` times the channels inside each bottleneck (Zagoruyko & Komodakis 2016)."""
    return dataclasses.replace(spec, group_width=spec.group_width * factor)


def squeezed(spec: ResNetSpec) -> ResNetSpec:
    """SE-ResNet: squeeze-and-excitation after each residual branch (Hu et al. 2018)."""
    return dataclasses.replace(spec, attention="se")


def eca(spec: ResNetSpec) -> ResNetSpec:
    """ECA-ResNet: efficient channel attention after each residual branch (Wang et al. 2020)."""
    return dataclasses.replace(spec, attention="eca")


def antialiased(spec: ResNetSpec, how: Antialias) -> ResNetSpec:
    """Strides become a blur (Zhang 2019) or an average (timm, `resnetaa50`), so that a shift changes less."""
    return dataclasses.replace(spec, antialias=how)


def preactivated(spec: ResNetSpec) -> ResNetSpec:
    """Norm and activation before each convolution, nothing after a sum (He et al. 2016, Identity Mappings)."""
    return dataclasses.replace(spec, preactivation=True)


def shortcut_option(spec: ResNetSpec, option: ShortcutOption) -> ResNetSpec:
    """The paper's options (A pads, B projects where the shape changes, C projects everywhere) and ResNet-D's."""
    check_choice("option", option, SHORTCUT_OPTIONS)
    return dataclasses.replace(spec, shortcut=SHORTCUT_OPTIONS[option])


def plain(spec: ResNetSpec) -> ResNetSpec:
    """The plain network of the same layers, without shortcuts, that residual ones are held against (He et al. 2015)."""
    return dataclasses.replace(spec, shortcut="none", zero_last_norm=False)


def zero_gamma(spec: ResNetSpec) -> ResNetSpec:
    """Every block starts as its shortcut: the last norm's scale is zero (Goyal et al. 2017, section 5.1)."""
    return dataclasses.replace(spec, zero_last_norm=True)


def deep_stem(spec: ResNetSpec, widths: tuple[int, ...]) -> ResNetSpec:
    """Several 3x3 convolutions of `widths` channels for the stem's one, the first of them strided."""
    return dataclasses.replace(spec, stem=dataclasses.replace(spec.stem, widths=widths, kernel=3))


def small_images(spec: ResNetSpec) -> ResNetSpec:
    """The CIFAR stem: one 3x3 convolution of stride 1 and no pool, so that small images keep their positions."""
    return dataclasses.replace(spec, stem=Stem(widths=spec.stem.widths[-1:], kernel=3, stride=1, pool="none"))
