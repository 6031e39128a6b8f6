"""Published weights of the networks in the catalog, a row each: where they are, and what they are published to score.

torchvision's are files at download.pytorch.org; timm's are repositories of the Hugging Face Hub. `Pretrained.published`
is the publisher's own figure at the row's preprocessing, or else timm's, and None where neither is known.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from resnets import catalog
from resnets.base.errors import InputError
from resnets.catalog import Published
from resnets.weights.timm_results import RESULTS

TORCHVISION_HOST = "https://download.pytorch.org/models"
USUAL: Mapping[str, Any] = {  # preprocessing, as plain values; rows name what differs
    "size": 224,
    "resize": 256,
    "fit": "crop",
    "interpolation": "bilinear",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """Weights that somebody published for a network."""

    name: str
    network: str  # its name in the catalog
    where: str  # a URL, the file's hash in its name; or OWNER/NAME of a Hub repository in timm's layout
    preprocessing: Mapping[str, Any]  # what the network reads, as fields of `Preprocessing`
    published: Published | None
    licence: str
    source: str

    @property
    def file(self) -> str | None:
        """The file's name, where the weights are a file at a URL."""
        return self.where.rpartition("/")[2] if "://" in self.where else None


# The first weights' accuracies are the catalog's own; of the second, hash, top-1 and top-5.
_TORCHVISION_V1: Mapping[str, str] = {
    "resnet18": "f37072fd",
    "resnet34": "b627a593",
    "resnet50": "0676ba61",
    "resnet101": "63fe2227",
    "resnet152": "394f9c45",
    "resnext50_32x4d": "7cdf4587",
    "resnext101_32x8d": "8ba56ff5",
    "resnext101_64x4d": "173b62eb",
    "wide_resnet50_2": "95faca4d",
    "wide_resnet101_2": "32ee1156",
}
_TORCHVISION_V2: Mapping[str, tuple[str, float, float]] = {
    "resnet50": ("11ad3fa6", 0.80858, 0.95434),
    "resnet101": ("cd907fc2", 0.81886, 0.95780),
    "resnet152": ("f82ba261", 0.82284, 0.96002),
    "resnext50_32x4d": ("1a0047aa", 0.81198, 0.95340),
    "resnext101_32x8d": ("110c445d", 0.82834, 0.96228),
    "wide_resnet50_2": ("9ba9bcbe", 0.81602, 0.95758),
    "wide_resnet101_2": ("d733dc28", 0.82510, 0.96020),
}


def _torchvision() -> Iterator[Pretrained]:
    for network, prefix in _TORCHVISION_V1.items():
        resize = 232 if network == "resnext101_64x4d" else 256  # the one V1 of the newer training recipe
        yield _of_torchvision(network, "v1", prefix, resize, catalog.find(network).published)
    for network, (prefix, top1, top5) in _TORCHVISION_V2.items():
        published = Published(top1, top5, "ImageNet-1k", "torchvision IMAGENET1K_V2")
        yield _of_torchvision(network, "v2", prefix, 232, published)


def _of_torchvision(network: str, version: str, prefix: str, resize: int, published: Published | None) -> Pretrained:
    return Pretrained(
        name=f"torchvision/{network}.{version}",
        network=network,
        where=f"{TORCHVISION_HOST}/{network}-{prefix}.pth",
        preprocessing={**USUAL, "resize": resize},
        published=published,
        licence="bsd-3-clause",
        source="torchvision.models.resnet",
    )


_CUBIC: Mapping[str, Any] = {"interpolation": "bicubic"}
_STRIKES_BACK: Mapping[str, Any] = {"interpolation": "bicubic", "resize": 235}
_HALVES: Mapping[str, Any] = {"interpolation": "bicubic", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
_SIX = "resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d"
_WEAKLY = "resnet18 resnet50 resnext50_32x4d resnext101_32x4d resnext101_32x8d"

# timm's tags: the networks that have weights so called, and how their preprocessing differs from the usual.
_TIMM: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("a1_in1k", f"{_SIX} resnet50d", _STRIKES_BACK),
    ("a2_in1k", f"{_SIX} resnet50d", _STRIKES_BACK),
    ("a3_in1k", f"{_SIX} resnet50d", _STRIKES_BACK),
    ("a1h_in1k", "resnet101 resnet152 resnext50_32x4d", _STRIKES_BACK),
    ("a1h_in1k", "resnet50", {**_CUBIC, "resize": 224}),
    ("b1k_in1k", "resnet50", _STRIKES_BACK),
    ("b2k_in1k", "resnet50", _STRIKES_BACK),
    ("c1_in1k", "resnet50 resnext101_64x4d", _STRIKES_BACK),
    ("c2_in1k", "resnet50", _STRIKES_BACK),
    ("d_in1k", "resnet50", _STRIKES_BACK),
    ("am_in1k", "resnet50", _CUBIC),
    ("bt_in1k", "resnet26 resnet34 resnet50 resnet26d resnext50d_32x4d", _CUBIC),
    ("ra_in1k", "resnet50 resnext50_32x4d", _CUBIC),
    ("ram_in1k", "resnet50", _CUBIC),
    ("racm_in1k", "wide_resnet50_2", _CUBIC),
    ("ra2_in1k", "resnet18d resnet34d resnet50d", _CUBIC),
    ("ra2_in1k", "resnet101d resnet152d resnet200d", {**_CUBIC, "size": 256, "resize": 269}),
    ("ra4_e3600_r224_in1k", "resnet34 resnet18d", {**_HALVES, "resize": 248}),
    ("ra4_e3600_r224_in1k", "resnet50d", {**_HALVES, "resize": 235}),
    ("gluon_in1k", f"{_SIX} resnext101_32x4d resnext101_64x4d", _CUBIC),
    ("gluon_in1k", "resnet50c resnet101c resnet152c resnet50d resnet101d resnet152d", _CUBIC),
    ("tv_in1k", " ".join(_TORCHVISION_V1), {}),
    ("tv2_in1k", " ".join(_TORCHVISION_V2), {"resize": 232}),
    ("fb_ssl_yfcc100m_ft_in1k", _WEAKLY, {}),
    ("fb_swsl_ig1b_ft_in1k", _WEAKLY, {}),
    ("fb_wsl_ig1b_ft_in1k", "resnext101_32x8d", {}),
    ("c3_in1k", "resnet10t resnet14t", _STRIKES_BACK),
    ("ra2_in1k", "resnet26t", {**_CUBIC, "size": 256, "resize": 272}),
    ("a1h_in1k", "resnet50_gn", {**_CUBIC, "resize": 238}),
    ("fb_wsl_ig1b_ft_in1k", "resnext101_32x16d resnext101_32x32d", {}),
    ("fb_ssl_yfcc100m_ft_in1k", "resnext101_32x16d", {}),
    ("fb_swsl_ig1b_ft_in1k", "resnext101_32x16d", {}),
    ("ra2_in1k", "ecaresnet26t ecaresnet50t", {**_CUBIC, "size": 256, "resize": 292}),
    ("miil_in1k", "ecaresnetlight ecaresnet50d ecaresnet101d", _CUBIC),
    ("a1_in1k", "ecaresnet50t seresnet50", _STRIKES_BACK),
    ("a2_in1k", "ecaresnet50t seresnet50", _STRIKES_BACK),
    ("a3_in1k", "ecaresnet50t seresnet50", _STRIKES_BACK),
    ("ra2_in1k", "ecaresnet269d", {**_CUBIC, "size": 320, "resize": 336}),
    ("ra2_in1k", "seresnet50", _CUBIC),
    ("ra2_in1k", "seresnet152d", {**_CUBIC, "size": 256, "resize": 269}),
    ("bt_in1k", "seresnext26d_32x4d seresnext26t_32x4d resnetblur50", _CUBIC),
    ("racm_in1k", "seresnext50_32x4d", _CUBIC),
    ("gluon_in1k", "seresnext50_32x4d seresnext101_32x4d seresnext101_64x4d senet154", _CUBIC),
    ("gluon_in1k", "resnet50s resnet101s resnet152s", _CUBIC),
    ("ah_in1k", "seresnext101_32x8d seresnext101d_32x8d seresnextaa101d_32x8d", _STRIKES_BACK),
    ("sw_in12k_ft_in1k", "resnetaa50d resnetaa101d", _STRIKES_BACK),
    ("sw_in12k_ft_in1k_288", "seresnextaa101d_32x8d", {**_CUBIC, "size": 288, "resize": 303}),
    ("sw_in12k_ft_in1k", "seresnextaa101d_32x8d", _CUBIC),
    ("sw_in12k_ft_in1k_384", "seresnextaa201d_32x8d", {**_CUBIC, "size": 384, "resize": 384}),
    ("a1h_in1k", "resnetaa50", _STRIKES_BACK),
    ("tf_in1k", "resnetrs50", {**_CUBIC, "resize": 246}),
    ("tf_in1k", "resnetrs101", {**_CUBIC, "size": 288, "resize": 306}),
    ("tf_in1k", "resnetrs152 resnetrs200 resnetrs270", {**_CUBIC, "size": 256}),
    ("tf_in1k", "resnetrs350", {**_CUBIC, "size": 288, "resize": 288}),
    ("tf_in1k", "resnetrs420", {**_CUBIC, "size": 320, "resize": 320}),
)

# By the part of the tag before its first underscore: licence and source, where they are not timm's own.
_ORIGINS: Mapping[str, tuple[str, str]] = {
    "tv": ("bsd-3-clause", "torchvision.models.resnet"),
    "tv2": ("bsd-3-clause", "torchvision.models.resnet"),
    "gluon": ("apache-2.0", "GluonCV's model zoo"),
    "fb": ("cc-by-nc-4.0", "facebookresearch's semi-supervised-ImageNet1K-models and WSL-Images"),
    **dict.fromkeys(("a1", "a2", "a3"), ("apache-2.0", "Wightman et al. 2021")),
}

# ResNet strikes back, Wightman et al. 2021: top-1 % by procedures A1, A2 and A3, tested at 224 pixels.
_STRIKES_BACK_TOP1: Mapping[str, Mapping[str, float]] = {
    "a1": {"resnet18": 71.50, "resnet34": 76.42, "resnet50": 80.38, "resnet50d": 80.73, "resnet101": 81.49,
           "resnet152": 82.00, "resnext50_32x4d": 80.53},
    "a2": {"resnet18": 70.63, "resnet34": 75.52, "resnet50": 79.83, "resnet50d": 80.27, "resnet101": 81.34,
           "resnet152": 81.76, "resnext50_32x4d": 80.44},
    "a3": {"resnet18": 68.25, "resnet34": 73.00, "resnet50": 78.05, "resnet50d": 78.74, "resnet101": 79.84,
           "resnet152": 80.55, "resnext50_32x4d": 79.26},
}  # fmt: skip


def _timm(torchvisions: Mapping[str, Pretrained]) -> Iterator[Pretrained]:
    for tag, networks, fields in _TIMM:
        recipe = tag.partition("_")[0]
        licence, source = _ORIGINS.get(recipe, ("apache-2.0", "timm.models.resnet"))
        for network in networks.split():
            preprocessing = {**USUAL, **fields}
            copied = torchvisions.get(f"torchvision/{network}.{'v2' if recipe == 'tv2' else 'v1'}")
            if recipe in ("tv", "tv2") and copied and copied.preprocessing == preprocessing:
                published = copied.published
            else:
                published = _strikes_back(recipe, network) or _measured_by_timm(tag, network)
            name = f"timm/{network}.{tag}"
            yield Pretrained(
                name=name, network=network, where=name, preprocessing=preprocessing, published=published,
                licence=licence, source=source,
            )  # fmt: skip


def _strikes_back(recipe: str, network: str) -> Published | None:
    top1 = _STRIKES_BACK_TOP1.get(recipe, {}).get(network)
    if top1 is None:
        return None
    return Published(round(top1 / 100, 4), None, "ImageNet-1k", f"Wightman et al. 2021, {recipe.upper()}")


def _measured_by_timm(tag: str, network: str) -> Published | None:
    found = RESULTS.get(tag, {}).get(network)
    if found is None:
        return None
    top1, top5 = (round(percent / 100, 5) for percent in found)
    return Published(top1, top5, "ImageNet-1k", "timm")


def _rows() -> dict[str, Pretrained]:
    torchvisions = {row.name: row for row in _torchvision()}
    order = list(catalog.CATALOG)
    rows = sorted((*torchvisions.values(), *_timm(torchvisions)), key=lambda row: order.index(row.network))
    return {row.name: row for row in rows}


PRETRAINED: Mapping[str, Pretrained] = _rows()


def matching(pattern: str) -> list[Pretrained]:
    """The rows whose names `pattern` matches or is part of. Raises InputError with the nearest names."""
    wanted = pattern.lower()
    if not any(character in wanted for character in "*?["):
        wanted = f"*{wanted}*"
    found = [row for name, row in PRETRAINED.items() if fnmatchcase(name, wanted)]
    if not found:
        raise InputError(f"{pattern}: no published weights are called so; {nearest_names(pattern)}")
    return found


def nearest_names(name: str) -> str:
    """A half-sentence that helps with a name that no row has: the nearest ones, whoever published them."""
    word = name.rpartition("/")[2].lower()
    endings = {row.rpartition("/")[2]: row for row in PRETRAINED}
    close = [endings[ending] for ending in difflib.get_close_matches(word, endings, n=3)]
    close += [row for row in PRETRAINED if row.partition("/")[2].partition(".")[0] == word and row not in close]
    return f"did you mean {' or '.join(close[:3])}?" if close else "`resnets list --weights` prints every name"


def weights_of(network: str) -> str | None:
    """The name of the first published weights of a network of the catalog, or None where nobody published any."""
    return next((name for name, row in PRETRAINED.items() if row.network == network), None)
