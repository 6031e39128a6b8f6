"""Every named network, a row each, with where it comes from and what it is published to score.

Accuracies are the publisher's own figures for one 224 x 224 centre crop of ImageNet-1k's validation images, or for the
CIFAR-10 test images. The weights that reached them are named in `Published.by`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from resnets import variants
from resnets.base.errors import InputError
from resnets.named_network import Published, Row
from resnets.spec import ResNetSpec, Stem

HE2015 = "He et al. 2015, table 1"
TORCHVISION = "torchvision.models.resnet"
TIMM = "timm.models.resnet"
TRICKS = "He et al. 2018, figure 2; timm.models.resnet"
FASTAI = "fastai.vision.models.xresnet"
RESNEXT = "Xie et al. 2017; torchvision.models.resnet"
WIDE = "Zagoruyko & Komodakis 2016; torchvision.models.resnet"
CIFAR = "He et al. 2015, section 4.2"

PREACT = "He et al. 2016, Identity Mappings"
SE = "Hu et al. 2018; timm.models.resnet"
ECA = "Wang et al. 2020; timm.models.resnet"
BLUR = "Zhang 2019; timm.models.resnet"
RS = "Bello et al. 2021; timm.models.resnet"

DEPTHS: Mapping[int, tuple[int, ...]] = {
    10: (1, 1, 1, 1),
    14: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    269: (3, 30, 48, 8),
}
PLAIN = (18, 26, 34, 50, 101, 152, 200)  # depths of the original form, and of D


def imagenet(depth: int) -> ResNetSpec:
    """The ResNet of `depth` layers as torchvision builds it: bottlenecks except in 10, 18 and 34, stride on the 3x3."""
    return ResNetSpec(depths=DEPTHS[depth], block="basic" if depth in (10, 18, 34) else "bottleneck")


def cifar(depth: int) -> ResNetSpec:
    """The paper's CIFAR ResNet of `depth` = 6n + 2 layers, n blocks a stage, padded shortcuts (option A)."""
    n, rest = divmod(depth - 2, 6)
    if n < 1 or rest:
        below, above = max(1, n) * 6 + 2, (max(0, n) + 1) * 6 + 2
        raise InputError(f"cifar_resnet{depth}: the depth must be 6n + 2, such as {below} or {above}")
    return ResNetSpec(
        depths=(n, n, n),
        widths=(16, 32, 64),
        block="basic",
        stem=Stem(widths=(16,), kernel=3, stride=1, pool="none"),
        shortcut="pad",
        num_classes=10,
    )


def cifar_resnext29(cardinality: int) -> ResNetSpec:
    """The paper's ResNeXt-29 for CIFAR, with groups of 64 (Xie et al. 2017, section 5.3)."""
    base = ResNetSpec(
        depths=(3, 3, 3),
        widths=(64, 128, 256),
        stem=Stem(widths=(64,), kernel=3, stride=1, pool="none"),
        num_classes=10,
    )
    return variants.resnext(base, cardinality=cardinality, base_width=64)


def _torchvision(top1: float, top5: float, weights: str = "V1") -> Published:
    return Published(top1, top5, "ImageNet-1k", f"torchvision IMAGENET1K_{weights}")


def _strikes_back(top1: float) -> Published:
    return Published(top1, None, "ImageNet-1k", "Wightman et al. 2021, A1")


def _on_cifar(error: float, by: str) -> Published:
    return Published(round(1 - error / 100, 4), None, "CIFAR-10", by)


def _originals() -> Iterator[Row]:
    published = {
        18: _torchvision(0.69758, 0.89078),
        34: _torchvision(0.73314, 0.91420),
        50: _torchvision(0.76130, 0.92862),
        101: _torchvision(0.77374, 0.93546),
        152: _torchvision(0.78312, 0.94046),
    }
    for depth in PLAIN:
        source = f"{HE2015}; {TORCHVISION}" if depth in published else TIMM
        yield Row(f"resnet{depth}", imagenet(depth), source, published=published.get(depth))
    msra = {50: (0.753, 0.922), 101: (0.764, 0.929), 152: (0.770, 0.933)}
    for depth, (top1, top5) in msra.items():
        spec = replace(imagenet(depth), stride_at="conv1")
        yield Row(
            f"resnet{depth}_2015", spec, HE2015, published=Published(top1, top5, "ImageNet-1k", "MSRA's 2015 release")
        )
    for option in ("A", "B", "C"):
        yield Row(
            f"resnet34_{option.lower()}",
            variants.shortcut_option(imagenet(34), option),
            f"{HE2015} and table 3, option {option}",
        )


def _tweaked() -> Iterator[Row]:
    yield Row("resnet50b", variants.resnet_b(imagenet(50)), "fb.resnet.torch; He et al. 2018, figure 2")
    for depth in (50, 101, 152):
        yield Row(f"resnet{depth}c", variants.zero_gamma(variants.resnet_c(imagenet(depth))), TRICKS)
    for depth in PLAIN:
        yield Row(
            f"resnet{depth}d",
            variants.zero_gamma(variants.resnet_d(imagenet(depth))),
            TRICKS if depth == 50 else TIMM,
            published=_strikes_back(0.8073) if depth == 50 else None,
        )
    for depth in (18, 34, 50, 101, 152):
        yield Row(f"xresnet{depth}", variants.xresnet(imagenet(depth)), FASTAI)


def resnext(depth: int, cardinality: int, base_width: int) -> ResNetSpec:
    """The ResNeXt of `depth` layers (Xie et al. 2017)."""
    return variants.resnext(imagenet(depth), cardinality=cardinality, base_width=base_width)


def _grouped() -> Iterator[Row]:
    yield Row(
        "resnext50",
        resnext(50, 32, 4),
        "the tutorials' ResNeXt-50: cardinality 32, base width 4",
    )
    yield Row("resnext50_32x4d", resnext(50, 32, 4), RESNEXT, published=_torchvision(0.77618, 0.93698))
    yield Row("resnext50d_32x4d", variants.zero_gamma(variants.resnet_d(resnext(50, 32, 4))), TIMM)
    yield Row(
        "resnext101_32x4d",
        resnext(101, 32, 4),
        f"Xie et al. 2017; {TIMM}",
        published=Published(0.788, None, "ImageNet-1k", "facebookresearch/ResNeXt"),
    )
    yield Row("resnext101_32x8d", resnext(101, 32, 8), RESNEXT, published=_torchvision(0.79312, 0.94526))
    yield Row("resnext101_64x4d", resnext(101, 64, 4), RESNEXT, published=_torchvision(0.83246, 0.96454))
    yield Row("wide_resnet50_2", variants.wide(imagenet(50), 2), WIDE, published=_torchvision(0.78468, 0.94086))
    yield Row("wide_resnet101_2", variants.wide(imagenet(101), 2), WIDE, published=_torchvision(0.78848, 0.94284))


def _from_timm() -> Iterator[Row]:
    """timm's own: other stems, norms and widths. All start each block as its shortcut."""
    for depth in (10, 14, 26, 50):
        yield Row(f"resnet{depth}t", variants.zero_gamma(variants.resnet_t(imagenet(depth))), TIMM)
    for depth in (50, 101, 152):
        yield Row(f"resnet{depth}s", variants.zero_gamma(variants.resnet_s(imagenet(depth))), f"GluonCV; {TIMM}")
    yield Row("resnet50_gn", variants.zero_gamma(replace(imagenet(50), norm="group")), f"Wu & He 2018; {TIMM}")
    for base_width in (16, 32):
        yield Row(
            f"resnext101_32x{base_width}d",
            variants.zero_gamma(resnext(101, 32, base_width)),
            f"Mahajan et al. 2018; {TIMM}",
        )


def _attentive() -> Iterator[Row]:
    """Squeeze-and-excitation and efficient channel attention, in timm's forms."""
    d, t = variants.resnet_d, variants.resnet_t
    squeezed = {
        **{f"seresnet{depth}": imagenet(depth) for depth in (18, 34, 50, 101, 152)},
        "seresnet50t": t(imagenet(50)),
        **{f"seresnet{depth}d": d(imagenet(depth)) for depth in (152, 200, 269)},
        "seresnext26d_32x4d": d(resnext(26, 32, 4)),
        "seresnext26t_32x4d": t(resnext(26, 32, 4)),
        "seresnext50_32x4d": resnext(50, 32, 4),
        "seresnext101_32x4d": resnext(101, 32, 4),
        "seresnext101_32x8d": resnext(101, 32, 8),
        "seresnext101d_32x8d": d(resnext(101, 32, 8)),
        "seresnext101_64x4d": resnext(101, 64, 4),
        "senet154": replace(variants.resnet_s(resnext(152, 64, 4)), projection_kernel=3, reduce_first=2),
    }
    for name, spec in squeezed.items():
        yield Row(name, variants.zero_gamma(variants.squeezed(spec)), SE)
    neighbours = {
        "ecaresnet26t": t(imagenet(26)),
        "ecaresnet50t": t(imagenet(50)),
        **{f"ecaresnet{depth}d": d(imagenet(depth)) for depth in (50, 101, 200, 269)},
        "ecaresnetlight": replace(imagenet(50), depths=(1, 1, 11, 3), shortcut="pooled-projection"),
        "ecaresnext26t_32x4d": t(resnext(26, 32, 4)),
        "ecaresnext50t_32x4d": t(resnext(50, 32, 4)),
    }
    for name, spec in neighbours.items():
        yield Row(name, variants.zero_gamma(variants.eca(spec)), ECA)


def _antialiased() -> Iterator[Row]:
    """Strides as blurs and averages, in timm's forms."""
    d, s = variants.resnet_d, variants.squeezed
    blurred = {
        "resnetblur18": imagenet(18),
        "resnetblur50": imagenet(50),
        "resnetblur50d": d(imagenet(50)),
        "resnetblur101d": d(imagenet(101)),
    }
    for name, spec in blurred.items():
        yield Row(name, variants.zero_gamma(variants.antialiased(spec, "blur")), BLUR)
    wide_stem = variants.deep_stem(d(replace(resnext(200, 32, 8), depths=(3, 24, 36, 4))), (64, 64, 128))
    averaged = {
        "resnetaa34d": d(imagenet(34)),
        "resnetaa50": imagenet(50),
        "resnetaa50d": d(imagenet(50)),
        "resnetaa101d": d(imagenet(101)),
        "seresnetaa50d": s(d(imagenet(50))),
        "seresnextaa101d_32x8d": s(d(resnext(101, 32, 8))),
        "seresnextaa201d_32x8d": s(wide_stem),
    }
    for name, spec in averaged.items():
        yield Row(name, variants.zero_gamma(variants.antialiased(spec, "average")), TIMM)


def _scaled() -> Iterator[Row]:
    """ResNet-RS, whose deeper networks add blocks to the middle stages (Bello et al. 2021, appendix)."""
    deeper = {270: (4, 29, 53, 4), 350: (4, 36, 72, 4), 420: (4, 44, 87, 4)}
    depths = {depth: DEPTHS[depth] for depth in (50, 101, 152, 200)} | deeper
    for depth, stages in depths.items():
        spec = variants.resnet_rs(ResNetSpec(depths=stages))
        yield Row(f"resnetrs{depth}", variants.zero_gamma(spec), RS)


def _from_fastai() -> Iterator[Row]:
    """xResNets with squeeze-and-excitation; their plain bottlenecks are twice and four times as wide inside."""

    def se(spec: ResNetSpec) -> ResNetSpec:
        return variants.squeezed(variants.xresnet(spec))

    for depth in (18, 34, 50, 101, 152):
        spec = imagenet(depth)
        if spec.block == "bottleneck":
            spec = replace(variants.wide(spec, 4), reduce_first=2)
        yield Row(f"xse_resnet{depth}", se(spec), FASTAI)
    for depth in (18, 34, 50, 101):
        yield Row(f"xresnext{depth}", variants.xresnet(resnext(depth, 32, 4)), FASTAI)
        yield Row(f"xse_resnext{depth}", se(resnext(depth, 32, 4)), FASTAI)


def _preactivated() -> Iterator[Row]:
    published = {110: 6.37, 164: 5.46, 1001: 4.92}
    for depth, error in published.items():
        spec = cifar(110)
        if depth > 110:
            n = (depth - 2) // 9
            spec = replace(spec, depths=(n, n, n), block="bottleneck", shortcut="projection", stride_at="conv1")
        name, by = f"resnet{depth}_preact", "He et al. 2016"
        yield Row(name, variants.preactivated(spec), f"{PREACT}, table 2", 32, _on_cifar(error, by))
    torch_lua = Published(0.7834, 0.9421, "ImageNet-1k", "facebook/fb.resnet.torch")
    yield Row("resnet200_preact", variants.preactivated(imagenet(200)), f"{PREACT}; fb.resnet.torch", 224, torch_lua)


def _from_the_tutorials() -> Iterator[Row]:
    """ResNeXt as the tutorial's code has it: convolutions with bias, blocks from 128 channels that double them."""
    for depth in (50, 101, 152):
        spec = replace(
            imagenet(depth), widths=(128, 256, 512, 1024), expansion=2, groups=32, group_width=2, conv_bias=True
        )
        yield Row(f"resnext{depth}_tutorial", spec, "Debnath 2020, ResNeXt: from scratch")


def _small() -> Iterator[Row]:
    errors = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    for depth, error in errors.items():
        yield Row(f"cifar_resnet{depth}", cifar(depth), f"{CIFAR}, option A", 32, _on_cifar(error, "He et al. 2015"))
    for cardinality, error in ((8, 3.65), (16, 3.58)):
        name, by = f"cifar_resnext29_{cardinality}x64d", "Xie et al. 2017"
        yield Row(name, cifar_resnext29(cardinality), f"{by}, section 5.3", 32, _on_cifar(error, by))
    wide = ResNetSpec(
        depths=(1, 1, 1), widths=(64, 256, 256), block="basic", first_stride=2, antialias="max", activation="gelu",
        stem=Stem(widths=(24,), kernel=2, stride=1, pool="none"), shortcut="pooled-projection", pool="max",
        num_classes=10,
    )  # fmt: skip
    yield Row("cifar_resnet8_wide", wide, "Jordan 2024 (cifar10-airbench), with shortcuts", 32)


FAMILIES = (
    _originals,
    _tweaked,
    _grouped,
    _from_timm,
    _attentive,
    _antialiased,
    _scaled,
    _from_fastai,
    _preactivated,
    _from_the_tutorials,
    _small,
)
