"""The picture of a network: what it says, that all of it can be seen, and that it stays within its page."""

import math
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageFont

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.spec import ResNetSpec, Stem, blocks
from resnets.structure import MACS_CONVENTION, Structure, structure
from resnets.variants import plain
from resnets.view.diagram import diagram
from resnets.view.diagram.marks import Mark
from resnets.view.diagram.palette import DARK, LIGHT, PRINT
from resnets.view.diagram.raster import png

SVG = "{http://www.w3.org/2000/svg}"
SHOWN = (
    "resnet18",
    "resnet34",
    "resnet34_a",
    "resnet50_2015",
    "resnet50d",
    "resnet152",
    "resnext50_32x4d",
    "cifar_resnet1202",
    "seresnext50_32x4d",
    "resnetblur50",
    "ecaresnet50t",
    "resnet110_preact",
)
STRANGE = {
    "one stage": ResNetSpec(depths=(1,), widths=(8,), zero_last_norm=True, block="basic", num_classes=1),
    "seven stages": ResNetSpec(depths=(1, 2, 3, 4, 3, 2, 1), widths=(16, 32, 64, 128, 256, 512, 1024)),
    "deep stem": ResNetSpec(depths=(2, 2), widths=(64, 128), stem=Stem(widths=(8, 16, 32, 48, 64), kernel=3)),
    "shrinking": ResNetSpec(depths=(2, 3), widths=(512, 16), block="basic", in_channels=300, num_classes=21843),
    "all at once": ResNetSpec(
        depths=(2, 2, 2, 2), preactivation=True, attention="se", antialias="average", norm="group",
        activation="leaky-relu", conv_bias=True, output_stride=16, pool="both", zero_last_norm=True,
        projection_kernel=3, num_classes=0, groups=32, group_width=4,
        stem=Stem(widths=(32, 32, 64), kernel=3, pool="conv"),
    ),
    "plain": ResNetSpec(depths=(2, 3), widths=(64, 128), block="basic", shortcut="none"),
    "plain, activated first": ResNetSpec(
        depths=(2, 2), widths=(64, 128), shortcut="none", preactivation=True, attention="se"
    ),
    "dilated blur": ResNetSpec(
        depths=(2, 2, 2, 2), attention="eca", antialias="blur", norm="frozen", activation="silu", output_stride=8,
        pool="gem", shortcut="pooled-projection", dropout=0.2,
    ),
    "option C, 110 layers": replace(find("cifar_resnet110").spec, shortcut="projection-always"),
}  # fmt: skip


@cache
def built(name: str) -> Structure:
    if name in STRANGE:
        return structure(STRANGE[name], (96, 160))
    row = find(name)
    return structure(row.spec, row.image_size)


@cache
def drawn(name: str) -> ET.Element:
    return ET.fromstring(diagram(name, built(name)))


def classes(element: ET.Element) -> list[str]:
    return element.get("class", "").split()


def words(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def shortcuts(root: ET.Element) -> Counter[str]:
    """How many blocks have each kind of shortcut, as drawn."""
    counts: Counter[str] = Counter()
    for path in root.iter(f"{SVG}path"):
        if "shortcut" in classes(path):
            counts[path.attrib["data-kind"]] += int(path.attrib["data-repeats"])
    return counts


# What it says.


@pytest.mark.parametrize("name", SHOWN)
def test_a_diagram_is_what_its_golden_file_holds(name: str, golden: Callable[[str, str], None]) -> None:
    svg = diagram(name, built(name))
    assert len(svg.encode()) < 68_000
    golden(f"diagram-{name}.svg", svg)


@pytest.mark.parametrize("name", [*CATALOG, *STRANGE])
def test_every_block_has_its_shortcut_in_the_drawing(name: str) -> None:
    kinds = [block.shortcut for block in blocks(built(name).spec)]
    assert shortcuts(drawn(name)) == Counter(kind for kind in kinds if kind != "none")


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("resnet34", {"projection": 3, "identity": 13}),
        ("resnet34_a", {"pad": 3, "identity": 13}),
        ("resnet34_c", {"projection": 16}),
        ("resnet50", {"projection": 4, "identity": 12}),
        ("resnet152", {"projection": 4, "identity": 46}),
        ("resnet50d", {"pooled-projection": 4, "identity": 12}),
        ("cifar_resnet1202", {"pad": 2, "identity": 598}),
    ],
)
def test_shortcuts_are_as_many_as_the_papers_say(name: str, counts: dict[str, int]) -> None:
    assert shortcuts(drawn(name)) == counts


@pytest.mark.parametrize("name", SHOWN)
def test_the_first_of_alike_blocks_names_its_arc_and_unlike_ones_are_not_folded(name: str) -> None:
    arcs = [path for path in drawn(name).iter(f"{SVG}path") if "shortcut" in classes(path)]
    every = {f"layer{block.stage}.{block.index}": block for block in blocks(built(name).spec)}
    names = list(every)
    for arc in arcs:
        start = names.index(arc.attrib["data-block"])
        folded = [every[name_] for name_ in names[start : start + int(arc.attrib["data-repeats"])]]
        assert len({replace(block, index=0) for block in folded}) == 1


def test_kinds_of_shortcut_differ_by_stroke_and_by_label_not_by_colour() -> None:
    strokes, labels = {}, {}
    for name in ("resnet34", "resnet34_a", "resnet50d"):
        elements = list(drawn(name).iter())
        for position, arc in enumerate(elements):
            if "shortcut" in classes(arc):
                look = arc.get("stroke-dasharray", ""), arc.get("stroke-linecap", "")
                strokes.setdefault(arc.attrib["data-kind"], set()).add(look)
                label = next(element for element in elements[position:] if element.tag == f"{SVG}text")
                labels.setdefault(arc.attrib["data-kind"], set()).add(label.text)
    assert {kind: len(looks) for kind, looks in strokes.items()} == dict.fromkeys(labels, 1)
    assert len(set.union(*strokes.values())) == 4
    assert labels == {
        "identity": {"identity"},
        "projection": {"1×1 projection"},
        "pad": {"pad"},
        "pooled-projection": {"1×1, no pool", "avg pool + 1×1"},
    }


@pytest.mark.parametrize("name", CATALOG)
def test_every_volume_is_written_out_beside_its_box(name: str) -> None:
    network, root = built(name), drawn(name)
    stages = [network.stage(f"stage {number}")[-1].output for number in range(1, len(network.spec.depths) + 1)]
    stem = [network.operations[0].input, *(operation.output for operation in network.stage("stem"))]
    head = [operation.output for operation in network.stage("head")]
    labels = {" × ".join(map(str, volume)) for volume in (*stem, *stages, *head)}
    assert labels <= set(words(root))
    assert labels == {group.attrib["data-volume"] for group in root.iter(f"{SVG}g") if group.get("data-volume")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", {"25.56 M", "4.089 G", "50", "square-root", "3 + 4 + 6 + 3 bottleneck blocks"}),
        ("cifar_resnet20", {"269.7 k", "40.55 M", "20", "linear", "3 + 3 + 3 basic blocks"}),
    ],
)
def test_totals_scales_and_conventions_are_said(name: str, expected: set[str]) -> None:
    text = "\n".join(words(drawn(name)))
    for fact in (*expected, MACS_CONVENTION):
        assert fact in text


def test_a_block_shows_where_its_stride_is() -> None:
    original, moved = words(drawn("resnet50_2015")), words(drawn("resnet50"))
    assert (original.count("conv 1×1, stride 2"), original.count("conv 3×3, stride 2")) == (3, 0)
    assert (moved.count("conv 1×1, stride 2"), moved.count("conv 3×3, stride 2")) == (0, 3)


def test_groups_and_zeroed_scales_are_written_on_the_operations() -> None:
    assert words(drawn("resnext50_32x4d")).count("32 groups") == 4
    assert words(drawn("resnet50d")).count("norm, starts at 0") == 4
    assert "norm, starts at 0" not in words(drawn("resnet50"))


# How it is written.


@pytest.mark.parametrize("name", ["<a&\"b'>", "]]>", "\x00\x1b\ud800", "", "網路 שלום", "x" * 5000, "a\nb\tc"])
def test_any_name_makes_a_well_formed_document_that_stays_in_its_page(name: str) -> None:
    root = ET.fromstring(diagram(name, built("resnet18")).encode())
    shown = re.sub("[\x00\x1b\ud800]", "\ufffd", name)
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == f"{shown}: the network as a diagram"
    check_page(root)


def test_a_diagram_is_an_image_with_a_title_and_a_description() -> None:
    root = drawn("resnet34")
    assert (root.get("role"), root.get("width")) == ("img", "100%")
    told = [
        next(element for element in root if element.get("id") == name)
        for name in root.attrib["aria-labelledby"].split()
    ]
    assert [element.tag for element in told] == [f"{SVG}title", f"{SVG}desc"]
    assert "Stage 2: output 128 × 28 × 28; shortcuts 1 × 1×1 projection then 3 × identity." in (told[1].text or "")


def test_a_diagram_stands_alone_and_comes_out_the_same_every_time() -> None:
    svg = diagram("resnet50d", built("resnet50d"))
    assert svg == diagram("resnet50d", structure(find("resnet50d").spec, 224))
    assert re.findall(r"<script|href=|url\(|@import|<foreignObject", svg) == []
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]


def test_two_diagrams_on_one_page_share_no_id() -> None:
    ids = [element.attrib["id"] for name in SHOWN for element in drawn(name).iter() if element.get("id")]
    assert len(ids) == len(set(ids)) == 2 * len(SHOWN)


# That it can be seen: boxes as a renderer with DejaVu Sans, the widest of the usual fonts, would place them.


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: "Area", slack: float = 0.06) -> bool:
        return (
            self.left <= other.left + slack
            and self.top <= other.top + slack
            and self.right >= other.right - slack
            and self.bottom >= other.bottom - slack
        )

    def meets(self, other: "Area") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), 100)


def text_areas(element: ET.Element) -> Iterator[Area]:
    """Of each line: from the height of a capital to below a descender."""
    size = float(element.attrib["font-size"])
    anchor = element.get("text-anchor", "start")
    for line in list(element) or [element]:
        content = (line.text or "").replace("\n", " ").replace("\t", " ")
        square = re.sub("[\u3000-\u9fff\uff00-\uff60]", "—", content)  # DejaVu has no Chinese, which is one em wide
        width = font("font-weight" in element.attrib).getlength(square) * size / 100
        x, y = float(line.attrib["x"]), float(line.attrib["y"])
        left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        yield Area(left, y - 0.75 * size, left + width, y + 0.22 * size)


def rectangle_area(element: ET.Element) -> Area:
    x, y, width, height = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
    return Area(x, y, x + width, y + height)


def path_area(group: ET.Element) -> Area:
    xs, ys = zip(*(point for path in group for point in path_points(path.attrib["d"])), strict=True)
    return Area(min(xs), min(ys), max(xs), max(ys))


def path_points(d: str) -> Iterator[tuple[float, float]]:
    """Points along a path, at most two units apart."""
    x = y = 0.0
    for command, arguments in re.findall(r"([A-Za-z])([^A-Za-z]*)", d):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", arguments)]
        relative = command.islower()
        if command in "Hh":
            corners = [(numbers[0] + (x if relative else 0), y)]
        elif command in "Vv":
            corners = [(x, numbers[0] + (y if relative else 0))]
        else:
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            corners = [(a + (x if relative else 0), b + (y if relative else 0)) for a, b in pairs]
        if not corners:
            continue
        control = [(x, y), *corners]
        if command not in "Mm":
            steps = math.ceil(sum(map(math.dist, control, control[1:])) / 2)  # a curve is no longer than its polygon
            for step in range(steps + 1):
                yield bezier(control, step / max(1, steps))
        x, y = corners[-1]


def bezier(control: list[tuple[float, float]], t: float) -> tuple[float, float]:
    while len(control) > 1:
        control = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairwise(control)]
    return control[0]


def background(area: Area, before: list[ET.Element]) -> ET.Element:
    """The last rectangle, of those drawn before a text, under the middle of the text."""
    x, y = (area.left + area.right) / 2, (area.top + area.bottom) / 2
    middle = Area(x, y, x, y)
    return [rectangle for rectangle in before if rectangle_area(rectangle).holds(middle)][-1]


def check_page(root: ET.Element) -> None:
    """All is within the page; texts are within what they are written on, and apart from each other and from lines."""
    elements = list(root.iter())
    page = Area(*map(float, root.attrib["viewBox"].split()))
    starts: dict[ET.Element, int] = {}  # of each element: how many of the lines' points were drawn before it
    points: list[tuple[float, float]] = []
    for element in elements:
        starts[element] = len(points)
        if element.tag == f"{SVG}path":
            points += path_points(element.attrib["d"])
    x, y = np.array(points).T
    assert page.holds(Area(x.min(), y.min(), x.max(), y.max()))
    seen: list[tuple[str, Area]] = []
    rectangles: list[ET.Element] = []
    for element in elements:
        if element.tag == f"{SVG}rect":
            assert page.holds(rectangle_area(element)), element.attrib
            rectangles.append(element)
        elif element.tag == f"{SVG}text":
            said = "".join(element.itertext())
            for area in text_areas(element):
                ground = background(area, rectangles)
                assert rectangle_area(ground).holds(area), (said, area, ground.attrib)
                seen.append((said, area))
                later = slice(starts[ground], None)  # what is drawn before is covered
                within = (
                    (area.left < x[later]) & (x[later] < area.right) & (area.top < y[later]) & (y[later] < area.bottom)
                )
                assert not within.any(), said
    for (one, area), (other, other_area) in combinations(seen, 2):
        assert not area.meets(other_area), (one, other)


@pytest.mark.parametrize("name", [*SHOWN, "resnet34_c", "xresnet34", "resnext101_64x4d", "wide_resnet101_2", *STRANGE])
def test_all_is_within_the_page_and_no_text_overlaps_anything(name: str) -> None:
    check_page(drawn(name))


@pytest.mark.parametrize("name", [*CATALOG, *STRANGE])
def test_volumes_stand_apart_from_each_other_inside_their_columns(name: str) -> None:
    root = drawn(name)
    columns = [rectangle_area(band) for band in root.iter(f"{SVG}rect") if "fill-band" in classes(band)]
    areas = [path_area(group) for group in root.iter(f"{SVG}g") if group.get("data-volume")]
    assert all(sum(column.holds(area) for column in columns) == 1 for area in areas)
    for one, other in combinations(areas, 2):
        assert not one.meets(other)


@pytest.mark.parametrize("name", CATALOG)
def test_a_page_is_landscape_and_letters_can_be_read(name: str) -> None:
    root = drawn(name)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    attentive = find(name).spec.attention != "none"  # its blocks have a path more
    assert width == (1672 if len(set(find(name).spec.stem.widths)) == 3 else 1600)  # five volumes in the stem, not four
    assert 900 <= height <= (1225 if attentive else 1050)
    assert min(float(element.attrib["font-size"]) for element in root.iter(f"{SVG}text")) >= 10


@pytest.mark.parametrize("name", SHOWN)
def test_text_stands_out_from_what_it_is_written_on_in_light_dark_and_print(name: str) -> None:
    elements = list(drawn(name).iter())
    pairs: set[tuple[str, str]] = set()
    for position, element in enumerate(elements):
        if element.tag == f"{SVG}text":
            rectangles = [other for other in elements[:position] if other.tag == f"{SVG}rect"]
            ground = background(next(text_areas(element)), rectangles)
            pairs.add((painted(element), painted(ground)))
    assert {"ink", "muted", "shortcut"} == {letters for letters, _ in pairs}
    for palette in (LIGHT, DARK, PRINT):
        for letters, ground in pairs:
            assert contrast(palette[letters], palette[ground]) >= 4.5, (letters, ground)


@pytest.mark.parametrize("palette", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_lines_stand_out_from_what_they_cross(palette: dict[str, str]) -> None:
    for line in ("line", "shortcut", "edge"):
        for ground in ("paper", "band", "card"):
            assert contrast(palette[line], palette[ground]) >= 3  # WCAG 2.1, 1.4.11: graphical objects


@pytest.mark.parametrize("name", SHOWN)
def test_colours_are_attributes_too_for_programs_without_custom_properties(name: str) -> None:
    for element in drawn(name).iter():
        for role in ("fill", "stroke"):
            names = [cls.removeprefix(f"{role}-") for cls in classes(element) if cls.startswith(f"{role}-")]
            if names:
                assert element.attrib[role] == LIGHT[names[0]]


def painted(element: ET.Element) -> str:
    return next(cls.removeprefix("fill-") for cls in classes(element) if cls.startswith("fill-"))


def contrast(one: str, other: str) -> float:
    """WCAG 2.1's contrast ratio of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Pixels.


def test_png_has_the_width_asked_for_and_the_light_colours() -> None:
    pytest.importorskip("resvg_py")
    with Image.open(BytesIO(png(diagram("resnet18", built("resnet18")), width=800))) as image:
        pixels = image.convert("RGB")
    assert (image.format, image.size) == ("PNG", (800, 450))
    colours = pixels.getcolors(800 * 450)
    assert colours is not None
    counts = {colour: count for count, colour in colours}
    assert max(counts, key=lambda colour: counts[colour]) == (255, 255, 255)
    for name in ("band", "conv", "norm", "relu", "ink"):
        assert tuple(bytes.fromhex(LIGHT[name][1:])) in counts


def test_png_draws_the_letters() -> None:
    pytest.importorskip("resvg_py")
    svg = diagram("resnet18", built("resnet18"))
    assert png(svg, width=400) != png(svg.replace(">identity<", "><"), width=400)


def test_png_without_resvg_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(InputError, match=re.escape('pip install "resnets[png]"')):
        png("<svg/>")


@pytest.mark.parametrize(("svg", "width"), [("no picture", 100), (diagram("a", built("resnet18")), 0)])
def test_png_of_what_cannot_be_drawn_is_an_input_error(svg: str, width: int) -> None:
    pytest.importorskip("resvg_py")
    with pytest.raises(InputError):
        png(svg, width=width)


# A plain network, and what was measured of blocks.


def test_a_plain_network_is_drawn_without_arcs_and_sums_and_says_so() -> None:
    spec = plain(find("cifar_resnet20").spec)
    svg = diagram("plain", structure(spec, 32))
    root = ET.fromstring(svg)
    assert shortcuts(root) == {}
    assert "no shortcuts (plain)" in svg
    assert "sum of residual and shortcut" not in svg
    assert 'd="M' in svg


@pytest.mark.parametrize("name", ["cifar_resnet20", "resnet152", "cifar_resnet1202"])
def test_each_block_has_its_bar_in_order_and_the_rest_of_the_picture_stays(name: str) -> None:
    network = built(name)
    names = [f"layer{block.stage}.{block.index}" for block in blocks(network.spec)]
    marks = {
        one: Mark(size=place / len(names), words=f"−{place}", told=f"{one}: <{place}>")
        for place, one in enumerate(names)
    }
    root = ET.fromstring(diagram(name, network, marks=marks))
    bars = [one for one in root.iter(f"{SVG}g") if "contribution" in classes(one)]
    assert [bar.get("data-block") for bar in bars] == names
    told = [bar.findtext(f".//{SVG}title") for bar in bars]
    assert told == [mark.told for mark in marks.values()]
    heights = [float(bar.find(f"{SVG}rect").get("height", "")) for bar in bars]  # pyright: ignore[reportOptionalMemberAccess] # each has one
    assert heights == sorted(heights)
    assert shortcuts(root) == shortcuts(drawn(name))
    assert set(words(drawn(name))) <= set(words(root))
