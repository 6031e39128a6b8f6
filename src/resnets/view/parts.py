"""What a network is made of beyond its blocks and widths, in plain words, for tables, pictures and the page."""

from collections.abc import Mapping
from functools import cache

from resnets.spec import Activation, Antialias, Attention, BranchKind, GlobalPool, Norm, ResNetSpec

ACTIVATIONS: Mapping[Activation, str] = {
    "relu": "ReLU", "silu": "SiLU", "mish": "Mish", "leaky-relu": "leaky ReLU", "gelu": "GELU",
}  # fmt: skip
ORDERS = {False: "convolution, norm, activation", True: "norm, activation, convolution (pre-activation)"}
NORMS: Mapping[Norm, str] = {"batch": "batch norm", "group": "group norm", "frozen": "frozen batch norm"}
POOLS: Mapping[GlobalPool, str] = {
    "average": "global average pool",
    "max": "global max pool",
    "both": "global average and max pools",
    "gem": "global generalized-mean pool",
}
ATTENTIONS: Mapping[Attention, str] = {
    "none": "none",
    "se": "squeeze-and-excitation",
    "eca": "efficient channel attention",
}
ANTIALIASES: Mapping[Antialias, str] = {
    "none": "none",
    "average": "strides are 2×2 averages",
    "blur": "strides are 3×3 blurs",
    "max": "strides are 2×2 max pools",
}


def described(spec: ResNetSpec) -> Mapping[str, str]:
    """Each part of a network by its name: `attention` is `squeeze-and-excitation, reduction 16`."""
    reduction = f", reduction {spec.attention_reduction}" if spec.attention == "se" else ""
    first = "" if spec.reduce_first == 1 else f"its width over {spec.reduce_first}"
    kernel = spec.projection_kernel
    return {
        "order": ORDERS[spec.preactivation],
        "attention": ATTENTIONS[spec.attention] + reduction,
        "anti-aliasing": ANTIALIASES[spec.antialias],
        "norm": NORMS[spec.norm],
        "activation": ACTIVATIONS[spec.activation],
        "convolutions": "with bias" if spec.conv_bias else "without bias",
        "a block's first convolution": first or "its width",
        "first stage": "keeps the resolution" if spec.first_stride == 1 else "halves the resolution",
        "projections that change the resolution": f"{kernel}×{kernel}",
        "output stride": dilated(spec) or "by strides alone",
        "last pool": POOLS[spec.pool],
        "dropout": f"{spec.dropout:.0%} of the features" if spec.dropout else "none",
    }  # fmt: skip


def unusual(spec: ResNetSpec) -> Mapping[str, str]:
    """The parts in which a network is not as the usual one is."""
    return {name: words for name, words in described(spec).items() if words != _usual()[name]}


def differences(first: ResNetSpec, second: ResNetSpec) -> tuple[str, ...]:
    """The parts in which two networks differ: `attention: none → squeeze-and-excitation, reduction 16`."""
    before, after = described(first), described(second)
    return tuple(f"{name}: {before[name]} → {after[name]}" for name in before if before[name] != after[name])


def dilated(spec: ResNetSpec) -> str:
    """Where dilation takes the place of strides; empty where it never does."""
    usual = spec.stage_strides[0] * 2 ** (len(spec.depths) - 1)
    last = spec.stage_strides[-1]
    return f"{last}, then dilation instead of strides" if last < usual else ""


def head(spec: ResNetSpec) -> str:
    """What follows the last block: `global average pool, 1000-d fc`."""
    before = f"norm, {ACTIVATIONS[spec.activation]}, " if spec.preactivation else ""
    dropout = f"dropout {spec.dropout:.0%}, " if spec.dropout else ""
    classifier = f", {dropout}{spec.num_classes}-d fc" if spec.num_classes else ", no classifier"
    return f"{before}{POOLS[spec.pool]}{classifier}"


def reads_activated(spec: ResNetSpec, kind: BranchKind) -> bool:
    """Whether a shortcut reads what the block's first activation gives; in pre-activation all that change it do."""
    return spec.preactivation and kind not in ("identity", "none")


@cache
def _usual() -> Mapping[str, str]:
    return described(ResNetSpec(depths=(3, 4, 6, 3)))
