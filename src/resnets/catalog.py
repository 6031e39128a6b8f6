"""Every named network, a row each, with where it comes from and what it is published to score.

Accuracies are the publisher's own figures for one 224 x 224 centre crop of ImageNet-1k's validation images, or for the
CIFAR-10 test images. The weights that reached them are named in `Published.by`.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from resnets import spec as specs
from resnets.base.errors import InputError, nearest
from resnets.base.reading import read_text
from resnets.spec import ResNetSpec, Stem


@dataclass(frozen=True, slots=True)
class Published:
    """An accuracy that somebody published for a network: fractions, on which images, by whom."""

    top1: float
    top5: float | None
    data: str
    by: str


@dataclass(frozen=True, slots=True)
class Row:
    """A named network: its spec, where it comes from, the image size used there, and what it was published to score."""

    name: str
    spec: ResNetSpec
    source: str
    image_size: int = 224  # usual in the source; of a spec of one's own, for a stem such as its
    published: Published | None = None


HE2015 = "He et al. 2015, table 1"
TORCHVISION = "torchvision.models.resnet"
TIMM = "timm.models.resnet"
TRICKS = "He et al. 2018, figure 2; timm.models.resnet"
FASTAI = "fastai.vision.models.xresnet"
RESNEXT = "Xie et al. 2017; torchvision.models.resnet"
WIDE = "Zagoruyko & Komodakis 2016; torchvision.models.resnet"
CIFAR = "He et al. 2015, section 4.2"

DEPTHS: Mapping[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}


def imagenet(depth: int) -> ResNetSpec:
    """The ResNet of `depth` layers as torchvision builds it: bottlenecks except in 18 and 34, stride on the 3x3."""
    return ResNetSpec(depths=DEPTHS[depth], block="basic" if depth in (18, 34) else "bottleneck")


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
        stem=Stem(widths=(16,), kernel=3, stride=1, pool=False),
        shortcut="pad",
        num_classes=10,
    )


def cifar_resnext29(cardinality: int) -> ResNetSpec:
    """The paper's ResNeXt-29 for CIFAR, with groups of 64 (Xie et al. 2017, section 5.3)."""
    base = ResNetSpec(
        depths=(3, 3, 3),
        widths=(64, 128, 256),
        stem=Stem(widths=(64,), kernel=3, stride=1, pool=False),
        num_classes=10,
    )
    return specs.resnext(base, cardinality=cardinality, base_width=64)


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
    for depth in DEPTHS:
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
            specs.shortcut_option(imagenet(34), option),
            f"{HE2015} and table 3, option {option}",
        )


def _tweaked() -> Iterator[Row]:
    yield Row("resnet50b", specs.resnet_b(imagenet(50)), "fb.resnet.torch; He et al. 2018, figure 2")
    for depth in (50, 101, 152):
        yield Row(f"resnet{depth}c", specs.zero_gamma(specs.resnet_c(imagenet(depth))), TRICKS)
    for depth in DEPTHS:
        yield Row(
            f"resnet{depth}d",
            specs.zero_gamma(specs.resnet_d(imagenet(depth))),
            TRICKS if depth == 50 else TIMM,
            published=_strikes_back(0.8073) if depth == 50 else None,
        )
    for depth in (18, 34, 50, 101, 152):
        yield Row(f"xresnet{depth}", specs.xresnet(imagenet(depth)), FASTAI)


def _grouped() -> Iterator[Row]:
    def resnext(depth: int, cardinality: int, base_width: int) -> ResNetSpec:
        return specs.resnext(imagenet(depth), cardinality=cardinality, base_width=base_width)

    yield Row(
        "resnext50",
        resnext(50, 32, 4),
        "the tutorials' ResNeXt-50: cardinality 32, base width 4",
    )
    yield Row("resnext50_32x4d", resnext(50, 32, 4), RESNEXT, published=_torchvision(0.77618, 0.93698))
    yield Row("resnext50d_32x4d", specs.zero_gamma(specs.resnet_d(resnext(50, 32, 4))), TIMM)
    yield Row(
        "resnext101_32x4d",
        resnext(101, 32, 4),
        f"Xie et al. 2017; {TIMM}",
        published=Published(0.788, None, "ImageNet-1k", "facebookresearch/ResNeXt"),
    )
    yield Row("resnext101_32x8d", resnext(101, 32, 8), RESNEXT, published=_torchvision(0.79312, 0.94526))
    yield Row("resnext101_64x4d", resnext(101, 64, 4), RESNEXT, published=_torchvision(0.83246, 0.96454))
    yield Row("wide_resnet50_2", specs.wide(imagenet(50), 2), WIDE, published=_torchvision(0.78468, 0.94086))
    yield Row("wide_resnet101_2", specs.wide(imagenet(101), 2), WIDE, published=_torchvision(0.78848, 0.94284))


def _small() -> Iterator[Row]:
    errors = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    for depth, error in errors.items():
        yield Row(f"cifar_resnet{depth}", cifar(depth), f"{CIFAR}, option A", 32, _on_cifar(error, "He et al. 2015"))
    for cardinality, error in ((8, 3.65), (16, 3.58)):
        yield Row(
            f"cifar_resnext29_{cardinality}x64d",
            cifar_resnext29(cardinality),
            "Xie et al. 2017, section 5.3",
            32,
            _on_cifar(error, "Xie et al. 2017"),
        )


CATALOG: Mapping[str, Row] = {row.name: row for family in (_originals, _tweaked, _grouped, _small) for row in family()}


def find(name: str) -> Row:
    """The row called `name`; any `cifar_resnet<6n+2>` has one. Raises InputError with the nearest names."""
    if name in CATALOG:
        return CATALOG[name]
    if depth := re.fullmatch(r"cifar_resnet(\d{1,6})", name):
        return Row(name, cifar(int(depth[1])), f"{CIFAR}, option A", 32)
    close = difflib.get_close_matches(name, CATALOG, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`resnets list` prints every name"
    raise InputError(f"{name}: no such network; {hint}")


def resolve(network: str | Path | ResNetSpec, fields: Mapping[str, Any] | None = None) -> Row:
    """The row that a name, a TOML file or a spec stands for, with some fields of its spec replaced.

    A name that ends in .toml is a file: the fields of a ResNetSpec, and optionally `base = "NAME"` to start from a row.
    """
    if isinstance(network, ResNetSpec):
        row = Row("custom", network, "given as a spec", usual_size(network.stem))
    elif str(network).endswith(".toml"):
        row = _from_toml(Path(network))
    else:
        row = find(str(network))
    return _with(row, fields, where=row.name) if fields else row


def _with(row: Row, fields: Mapping[str, Any], *, where: str) -> Row:
    """The row with some fields of its spec replaced. Another stem brings its own usual size."""
    spec = specs.with_fields(row.spec, fields, where=where)
    return replace(row, spec=spec, image_size=row.image_size if spec.stem == row.spec.stem else usual_size(spec.stem))


def usual_size(stem: Stem) -> int:
    """The image size that networks with such a stem are usually trained at, in pixels of a side."""
    shrinks = stem.stride * (2 if stem.pool else 1)
    return 32 if shrinks == 1 else 64 if shrinks < 4 else 224  # CIFAR, Tiny ImageNet, ImageNet


def _from_toml(path: Path) -> Row:
    try:
        values = tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; a spec is a TOML file with lines such as depths = [3, 4, 6, 3]"
        ) from None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    base = values.pop("base", None)
    if base is None:
        spec = specs.from_dict(values, where=str(path))
        return Row(path.stem, spec, str(path), usual_size(spec.stem))
    if not isinstance(base, str) or base.endswith(".toml"):
        raise InputError(f"{path}: base = {base!r}: must be the name of a network; {nearest(str(base), CATALOG)}")
    try:
        row = find(base)
    except InputError as error:
        raise InputError(f"{path}: base = {error}") from None
    return replace(_with(row, values, where=str(path)), name=path.stem, source=f"{path}, from {base}", published=None)


def matching(pattern: str) -> list[Row]:
    """The rows whose names `pattern` matches or is part of. Raises InputError with the nearest names."""
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?["):
        wanted = f"*{wanted}*"
    return [row for name, row in CATALOG.items() if fnmatchcase(name, wanted)] or [find(pattern.lower())]
