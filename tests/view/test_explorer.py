"""The explorer page, opened in a browser from a file with the network off."""

import json
import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from resnets.catalog import CATALOG, find
from resnets.spec import Stem
from resnets.spec_values import from_dict
from resnets.structure import MACS_CONVENTION, structure
from resnets.view.alignment import compare
from resnets.view.explorer import page as page_module
from resnets.view.explorer.page import modules, page
from resnets.view.networks import WINDOWS
from resnets.view.shortcuts import LOOKS
from resnets.view.show import show
from tests.accessibility import assert_accessible

Open = Callable[..., Any]


@cache
def content_of(*networks: str) -> str:
    """The page about some networks, made once for all the tests that open it."""
    return str(show(*networks).as_format("html"))


@pytest.fixture
def opened(opened_file: Open, tmp_path: Path) -> Open:
    """Opens a page about some networks."""

    def open_page(*networks: str, at: str = "", content: str | None = None, **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(content if content is not None else content_of(*networks))
        return opened_file(path, at, **options)

    return open_page


def go(tab: Any, at: str) -> None:
    tab.evaluate("hash => { location.hash = hash; return new Promise(done => setTimeout(done)); }", at)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet34_a", "resnet50_2015", "resnet152", "xresnet50", "resnext50_32x4d", "cifar_resnet1202"],
)
def test_a_page_opens_without_a_request_or_an_error_and_is_small(name: str, opened: Open) -> None:
    tab = opened(name)
    assert tab.evaluate("document.documentElement.dataset.ready") == "true"
    assert tab.locator("#inspector h2").inner_text() == name
    assert len(tab.content().encode()) < 2 * 2**20


def test_every_number_of_resnet26d_equals_the_module_trace(opened: Open, unchecked: None) -> None:
    import torch

    from resnets import resnet
    from tests.trace import trace

    with torch.device("meta"):
        traced = trace(resnet("resnet26d").eval(), torch.zeros(1, 3, 224, 224))
    tab = opened("resnet26d")
    read = """async names => {
      const found = [];
      for (const name of names) {
        location.hash = `network=resnet26d&at=${name}`;
        await new Promise(done => setTimeout(done));
        const value = field => document.querySelector(`#inspector [data-field="${field}"]`)?.textContent ?? "";
        found.push(["input", "output", "kernel", "stride", "padding", "groups", "parameters", "macs"].map(value));
      }
      return found;
    }"""
    shown = tab.evaluate(read, [one["name"] for one in traced])
    assert len(shown) == len(traced)
    for row, one in zip(shown, traced, strict=True):
        numbers = [[int(number.replace(",", "")) for number in re.findall(r"[\d,]+", cell)] for cell in row]
        sizes = [list(one["input"]), list(one["output"])]
        windowed = one["kind"] in WINDOWS
        window = [[one[name]] if windowed else [] for name in ("kernel", "stride", "padding", "groups")]
        assert numbers == [*sizes, *window, [one["parameters"]], [one["macs"]]], one["name"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("resnet34", {"identity": 13, "projection": 3}),
        ("resnet50", {"identity": 12, "projection": 4}),
        ("resnet152", {"identity": 46, "projection": 4}),
        ("resnet34_a", {"identity": 13, "pad": 3}),
        ("resnet34_c", {"projection": 16}),
        ("resnet50d", {"identity": 12, "pooled-projection": 4}),
    ],
)
def test_shortcuts_are_drawn_by_their_kind(name: str, counts: dict[str, int], opened: Open) -> None:
    tab = opened(name, viewport={"width": 1024, "height": 900})  # where the diagram has room, it folds alike blocks
    arcs = tab.evaluate(
        "[...document.querySelectorAll('#canvas .shortcut')].map(g => [g.dataset.kind, "
        "g.querySelector('path').getAttribute('stroke-dasharray'), g.querySelector('text')?.textContent ?? ''])"
    )
    assert {kind: sum(arc[0] == kind for arc in arcs) for kind in counts} == counts
    assert len(arcs) == sum(counts.values())
    assert all((dash or "", sign) == (LOOKS[kind].dash, LOOKS[kind].sign) for kind, dash, sign in arcs)


def test_the_first_convolutions_formula_has_its_numbers_and_its_remainder(opened: Open) -> None:
    tab = opened("resnet34", at="#at=conv1")
    assert "⌊(224 + 6 − 7) / 2⌋ + 1 = 112" in tab.locator("[data-field=formula]").inner_text()
    assert tab.locator("[data-field=remainder]").get_attribute("data-value") == "0.5"


def test_a_pool_that_leaves_a_last_odd_row_out_says_so(opened: Open) -> None:
    tab = opened("cifar_resnet8_wide", at="#at=layer1.0.pool")
    assert "⌊(31 + 0 − 2) / 2⌋ + 1 = 15" in tab.locator("[data-field=formula]").inner_text()
    go(tab, "at=layer1.0.downsample.0")
    assert "⌊(31 + 0 − 2) / 2⌋ + 1 = 15" in tab.locator("[data-field=formula]").inner_text()
    go(tab, "at=layer1.0")
    cells = tab.locator("table.options tbody tr").all_inner_texts()
    impossible = ["impossible", "rounds sizes up, where the max pool rounds down"]
    assert [cell.split("\t")[1:] for cell in cells] == [impossible] * 3 + [["1,664", "345,600"]]


def test_the_second_stage_is_entered_through_a_projection_that_reads_a_quarter(opened: Open) -> None:
    tab = opened("resnet34", at="#at=layer2.0.downsample.0")
    fields = ("input", "output", "kernel", "stride", "share")
    shown = [tab.locator(f"#inspector [data-field={name}]").inner_text() for name in fields]
    assert shown == ["64 × 56 × 56", "128 × 28 × 28", "1", "2", "25.00%"]
    go(tab, "at=layer2.0")
    assert tab.locator("[data-field=why]").inner_text() == "channels 64 → 128, stride 2: projection"
    cells = tab.locator("table.options tbody tr").all_inner_texts()
    assert [cell.split("\t")[1:] for cell in cells] == [
        ["0", "0"], ["8,448", "6,422,528"], ["8,448", "6,422,528"], ["8,448", "6,422,528"],
    ]  # fmt: skip


def test_a_comparison_marks_only_what_differs_and_its_deltas_are_the_structures(opened: Open) -> None:
    first, second, third = (show(name).networks[0][1] for name in ("resnet50_2015", "resnet50", "resnet50d"))
    tab = opened("resnet50_2015", "resnet50", "resnet50d")
    rows = tab.locator("table.pairs tr.pair")
    assert {row.get_attribute("data-status") for row in rows.all()} == {"moved"}
    marked = [row.get_attribute("data-first") for row in rows.all()]
    assert marked == [f"layer{stage}.0.conv{place}" for stage in (2, 3, 4) for place in (1, 2)]
    total = tab.locator("tr[data-stage=total] [data-field=macs]")
    assert int(total.get_attribute("data-value")) == second.macs - first.macs
    go(tab, "against=resnet50d&view=compare")
    expected = [pair.status for pair in compare(first, third).pairs if pair.status != "same"]
    assert [row.get_attribute("data-status") for row in rows.all()] == expected
    assert set(expected) == {"moved", "added", "changed"}
    assert int(total.get_attribute("data-value")) == third.macs - first.macs
    signs = tab.locator("tr.pair td.sign").evaluate_all("cells => cells.map(cell => cell.firstChild.data)")
    assert set(signs) == {"+", "→", "≠"}
    tab.get_by_label("Show what is the same, too").check()
    assert rows.count() == len(compare(first, third).pairs)


def test_compare_offers_every_network_of_the_page_and_knows_each_pair(opened: Open) -> None:
    tab = opened("cifar_resnet20")
    names = tab.locator("#network option").all_inner_texts()
    assert tab.locator("#against option").all_inner_texts() == ["nothing", *names[1:]]
    tab.locator("#view-compare").click()
    assert tab.locator("#canvas h2").inner_text() == f"{names[0]} → {names[1]}"
    built = {name: show(name).networks[0][1] for name in ("cifar_resnet20", "xresnet50")}
    for first, second in permutations(built):
        go(tab, f"network={first}&against={second}&view=compare&all=true")
        expected = compare(built[first], built[second])
        rows = "rows => rows.map(row => [row.dataset.status, row.dataset.first ?? null, row.dataset.second ?? null])"
        assert tab.locator("tr.pair").evaluate_all(rows) == [
            [pair.status, pair.first and pair.first.name, pair.second and pair.second.name] for pair in expected.pairs
        ]
        for stage in expected.stages:
            cell = tab.locator(f"tr[data-stage='{stage.stage}'] [data-field=activation_bytes]")
            assert int(cell.get_attribute("data-value")) == stage.deltas.activation_bytes


def test_both_pickers_offer_every_network_in_groups_and_draw_what_is_chosen(opened: Open) -> None:
    from dataclasses import replace

    (row, built), *_ = show("seresnet18").networks
    tab = opened(content=page([(replace(row, name="of my own"), built)]))
    read = "all => all.map(one => [one.label, [...one.children].map(option => option.value)])"
    groups = dict(tab.locator("#network optgroup").evaluate_all(read))
    assert next(iter(groups.items())) == ("On this page", ["of my own"])
    assert groups["For small images (CIFAR)"][0] == "cifar_resnet20"
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(["of my own", *CATALOG])
    tab.locator("#against").select_option("resnet200_preact")
    assert tab.locator("#canvas h2").inner_text() == "of my own → resnet200_preact"
    tab.locator("#network").select_option("senet154")
    assert tab.locator("#inspector h2").inner_text() == "senet154"
    assert tab.locator("#network").input_value() == "senet154"
    others = dict(tab.locator("#against optgroup").evaluate_all(read))
    assert [name for group in others.values() for name in group] == [name for name in names if name != "senet154"]
    tab.get_by_role("button", name="中文").click()
    assert tab.locator("#against optgroup").first.get_attribute("label") == "本页的网络"
    assert tab.locator("#inspector dt", has_text="注意力").count() == 1


def test_an_operation_without_a_window_has_no_kernel_and_no_stride(opened: Open) -> None:
    tab = opened("resnet18", at="#at=bn1")
    assert tab.locator("#inspector [data-field=kernel], #inspector [data-field=stride]").count() == 0
    cells = tab.locator("#table tr[data-row=bn1] td").all_inner_texts()
    assert cells[2:5] == ["", "", ""]
    assert tab.locator("#table tr[data-row=conv1] td").all_inner_texts()[2:5] == ["7", "2", "1"]


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_select_cuts_its_words(width: int, opened: Open) -> None:
    tab = opened("resnet34", viewport={"width": width, "height": 900})
    cut = """() => [...document.querySelectorAll('select')].flatMap(select => [...select.options].map(option => {
      const free = select.cloneNode(false);
      free.style.cssText = 'width: auto; max-width: none; position: absolute';
      free.append(option.cloneNode(true));
      select.after(free);
      const missing = free.offsetWidth - select.offsetWidth;
      free.remove();
      return [option.textContent, missing];
    })).filter(([, missing]) => missing > 0)"""
    assert tab.evaluate(cut) == []


def test_the_keyboard_alone_reaches_every_operation_of_resnet18(opened: Open) -> None:
    tab = opened("resnet18")
    for key in ("Enter", "Enter"):
        tab.keyboard.press(key)
    reached = [tab.locator("#inspector h2").inner_text()]
    names = [one.name for one in show("resnet18").networks[0][1].operations]
    for _ in names[1:]:
        tab.keyboard.press("ArrowRight")
        reached.append(tab.locator("#inspector h2").inner_text())
    assert reached == names
    for level in ("head", "resnet18"):
        tab.keyboard.press("Escape")
        assert tab.locator("#inspector h2").inner_text() == level


def test_tab_and_enter_open_a_stage_a_block_and_an_operation(opened: Open) -> None:
    tab = opened("resnet18")
    tab.locator("[data-stage=stage2]").focus()
    tab.keyboard.press("Enter")
    tab.locator("#canvas [tabindex='0']").focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#inspector h2").inner_text() == "layer2.0"
    tab.locator("#table button").nth(3).focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#inspector h2").inner_text() == "layer2.0.conv2"


def test_every_view_has_an_address_that_brings_it_back(opened: Open) -> None:
    tab = opened("resnet18")
    tab.locator("#view-walk").click()
    tab.get_by_role("button", name="Next →").click()
    tab.get_by_role("button", name="True proportions").click()
    address = tab.evaluate("location.hash")
    again = opened("resnet18", at=address)
    count = len(show("resnet18").networks[0][1].operations)
    assert f"2 of {count}: bn1" in again.locator("#canvas").text_content()
    assert again.get_by_role("button", name="True proportions").get_attribute("aria-pressed") == "true"


def test_every_step_of_every_tour_tells_numbers_from_the_data(opened: Open) -> None:
    tab = opened("cifar_resnet20", viewport={"width": 1440, "height": 900})
    titles: list[str] = []
    lowest = 0  # where a picture begins, of the 900 pixels that are in sight
    tab.keyboard.press("n")
    for tour, steps in (("basics", 8), ("volumes", 6), ("tweaks", 5), ("cardinality", 3)):
        tab.locator("#view-tours").click()
        tab.locator(f"[data-key='tour {tour}']").click()
        for step in range(steps):
            text = tab.locator(".tour").inner_text()
            titles.append(tab.locator(".tour h2").inner_text())
            assert f"{step + 1} of {steps}" in text
            assert not re.search(r"undefined|NaN|null|Infinity", text)
            lowest = max(lowest, tab.locator("#canvas").bounding_box()["y"])
            assert re.search(r"\d", tab.locator(".tour p").nth(1).inner_text())
            tab.keyboard.press("n") if step < steps - 1 else None
    assert len(set(titles)) == 22
    assert lowest < 350  # under the longest text, so that most of it is in sight
    tab.keyboard.press("p")
    assert tab.locator(".tour h2").inner_text() == titles[-2]


COMPARED = "view=compare&network=resnet50c&against=resnet50d"


@pytest.mark.parametrize(
    "at",
    [
        "", "#at=layer2.0.conv1", "#view=walk&at=conv1&edit=true",
        "#view=compare&network=resnet18&against=resnet18d", "#tour=basics&step=4",
    ],
)  # fmt: skip
def test_axe_finds_nothing_serious(at: str, opened: Open) -> None:
    """In a short network's pages, which have elements of every kind."""
    assert_accessible(opened("resnet18", at=at))


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_page_scrolls_sideways(width: int, opened: Open) -> None:
    tab = opened("resnet50d")
    tab.set_viewport_size({"width": width, "height": 900})
    for at in ("", "at=stage3", "at=layer2.0.conv1", "view=walk&at=conv1.0", COMPARED):
        go(tab, at)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, at


def test_what_is_on_screen_exports_as_svg_that_stands_alone(opened: Open) -> None:
    tab = opened("resnet34", at="#at=layer2.0")
    with tab.expect_download() as download:
        tab.locator("#save").click()
    saved = ET.parse(download.value.path()).getroot()
    assert download.value.suggested_filename == "resnet34-layer2.0.svg"
    words = " ".join(text for text in saved.itertext())
    assert "conv 3×3" in words
    assert "var(" not in download.value.path().read_text()


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("#at=stage2", "layer2.3"),
        ("#at=layer2.0.conv1", "conv 3×3"),
        ("#view=walk&at=conv1", "numbers that leave each operation"),
        (f"#{COMPARED}", "added: 2×2 avg-pool"),
    ],
)
def test_every_view_exports(at: str, words: str, opened: Open) -> None:
    tab = opened("resnet34", at=at)
    with tab.expect_download() as download:
        tab.locator("#save").click()
    saved = ET.parse(download.value.path()).getroot()
    assert words in " ".join(" ".join(saved.itertext()).split())
    assert all(float(saved.get(side, "0")) > 200 for side in ("width", "height"))


def test_a_chosen_row_of_a_comparison_drives_strip_inspector_and_table(opened: Open) -> None:
    tab = opened("resnet50c", at=f"#{COMPARED}")
    tab.locator("tr[data-second='layer2.0.downsample.0']").first.click()
    assert tab.locator("#canvas tr.pair.current").count() == 1
    assert tab.locator("#strip [aria-pressed=true]").get_attribute("data-stage") == "stage2"
    assert tab.locator("#inspector [data-field=status]").inner_text().startswith("+")
    assert tab.locator("#table tr.current").get_attribute("data-row") == "layer2.0.downsample.0"
    assert tab.locator("#view-compare").get_attribute("aria-pressed") == "true"
    again = opened("resnet50c", at=tab.evaluate("location.hash"))
    assert again.locator("#canvas tr.pair.current").get_attribute("data-second") == "layer2.0.downsample.0"
    again.keyboard.press("ArrowRight")
    assert again.locator("#canvas tr.pair.current").get_attribute("data-second") != "layer2.0.downsample.0"
    for _ in ("its block", "its stage"):
        again.keyboard.press("ArrowUp")
    assert again.locator("#canvas tr.stage-row.current").get_attribute("data-stage") == "stage 2"


def test_what_a_comparison_shows_is_in_its_address(opened: Open) -> None:
    tab = opened("resnet50c", at=f"#{COMPARED}")
    marked = tab.locator("tr.pair").count()
    tab.get_by_label("Show what is the same, too").check()
    again = opened("resnet50c", at=tab.evaluate("location.hash"))
    assert again.locator("tr.pair").count() > marked


def test_the_slider_is_dragged_through_the_whole_walk(opened: Open) -> None:
    tab = opened("resnet18", at="#view=walk")
    count = len(show("resnet18").networks[0][1].operations)
    place = tab.locator("#canvas input").bounding_box()
    middle = place["y"] + place["height"] / 2
    tab.mouse.move(place["x"] + 8, middle)
    tab.mouse.down()
    for share in (0.3, 0.6, 1):
        tab.mouse.move(place["x"] + share * place["width"], middle, steps=4)
    tab.mouse.up()
    assert f"{count} of {count}: fc" in tab.locator("#canvas").text_content()


def test_a_button_that_is_pressed_again_and_again_keeps_the_focus(opened: Open) -> None:
    tab = opened("resnet18", at="#view=walk")
    tab.get_by_role("button", name="Next →").focus()
    for _ in range(3):
        tab.keyboard.press("Enter")
    assert "4 of" in tab.locator("#canvas").text_content()
    tab.keyboard.press("n")
    tab.locator(".tour .primary").focus()
    for _ in range(2):
        tab.keyboard.press("Enter")
    assert "3 of 8" in tab.locator(".tour").inner_text()


def test_the_browsers_back_returns_to_the_view_before(opened: Open) -> None:
    tab = opened("resnet18")
    tab.locator("#view-walk").click()
    tab.go_back()
    assert tab.locator("#view-blocks").get_attribute("aria-pressed") == "true"


def test_an_address_that_names_only_a_tours_step_shows_what_that_step_shows(opened: Open) -> None:
    tab = opened("resnet18", at="#tour=tweaks&step=1")
    assert tab.locator("#canvas h2").inner_text() == "resnet50_2015 → resnet50b"


@pytest.mark.parametrize(("at", "size", "clipped"), [("conv1", 7, "false"), ("layer4.2.conv2", 899, "true")])
def test_the_receptive_field_has_its_true_size_and_says_when_the_image_clips_it(
    at: str, size: int, clipped: str, opened: Open
) -> None:
    figure = opened("resnet34", at=f"#at={at}").locator("[data-field=receptive]")
    built = show("resnet34").networks[0][1]
    assert {one.name: one.field.size for one in built.operations}[at] == size
    assert f"{size} × {size} pixels" in figure.inner_text()
    assert figure.get_attribute("data-clipped") == clipped
    assert figure.locator(".extent").count() == (clipped == "true")


@pytest.mark.parametrize("at", ["", "#at=stage2", "#at=layer2.0.conv1", "#view=walk&at=layer2.0.conv1", f"#{COMPARED}"])
def test_on_a_telephone_every_text_is_whole_and_every_target_large_enough(at: str, opened: Open) -> None:
    tab = opened("resnet50d", at=at)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.wait_for_function("document.querySelector('#canvas').getBoundingClientRect().width < 391")
    tab.wait_for_timeout(100)
    outside = """() => {
      const frame = document.querySelector('#canvas').getBoundingClientRect();
      return [...document.querySelectorAll('#canvas text, #canvas rect')].filter(one => {
        const { left, right } = one.getBoundingClientRect();
        return left < frame.left || right > frame.right;
      }).map(one => one.textContent);
    }"""
    assert tab.evaluate(outside) == []
    sizes = "all => all.map(one => getComputedStyle(one).fontSize)"
    assert all(float(size[:-2]) >= 11 for size in tab.locator("#canvas text").evaluate_all(sizes))
    small = """() => [...document.querySelectorAll('button, select, input, .cell rect')].map(one => {
      const { width, height } = (one.closest('label') ?? one).getBoundingClientRect();
      return [one.textContent, width, height];
    }).filter(([, width, height]) => Math.min(width, height) > 0 && Math.min(width, height) < 24)"""
    assert tab.evaluate(small) == []


def test_a_page_whose_data_is_cut_says_so_and_is_not_blank(opened: Open) -> None:
    whole = str(show("resnet18").as_format("html"))
    begin = whole.index('id="data">') + len('id="data">')
    cut = whole[: begin + 5000] + whole[whole.index("</script>", begin) :]
    tab = opened(content=cut)
    assert "This page is damaged" in tab.locator("#message").inner_text()
    assert not tab.locator("#app").is_visible()


def test_a_hostile_name_stays_text(opened: Open) -> None:

    (row, built), *_ = show("resnet18").networks
    name = '</script><img src=x onerror="alert(1)">'
    tab = opened(content=page([(replace(row, name=name), built)]))
    assert tab.locator("#inspector h2").inner_text() == name


def test_every_module_is_in_the_page_behind_those_that_it_reads() -> None:
    here = Path(page_module.__file__).parent
    order = modules()
    assert sorted(order) == sorted(path.relative_to(here).as_posix() for path in here.rglob("*.js"))
    assert order[-1] == "main.js"


def test_the_page_speaks_chinese_from_the_start_or_when_asked(opened: Open) -> None:
    tab = opened(content=str(show("resnet18", language="zh").as_format("html")))
    assert tab.evaluate("document.documentElement.lang") == "zh"
    tab.get_by_role("button", name="导览").click()
    tab.get_by_role("button", name="开始导览").first.click()
    assert "图像是一块数字" in tab.locator(".tour").inner_text()
    tab.get_by_role("button", name="English").click()
    assert "An image is a block of numbers" in tab.locator(".tour").inner_text()
    again = opened("resnet18", at=tab.evaluate("location.hash").replace("language=en", "language=zh"))
    assert "图像是一块数字" in again.locator(".tour").inner_text()


@pytest.mark.parametrize(
    "at", ["", "#view=walk&at=conv1&edit=true", "#at=layer2.0.conv1", "#view=tours", "#view=depth"]
)
def test_in_chinese_no_sentence_of_the_views_stays_english(at: str, opened: Open) -> None:
    tab = opened(content=str(show("resnet18", language="zh").as_format("html")), at=at)
    texts = """() => [...document.querySelectorAll("#app *")].flatMap(one => [
      ...[...one.childNodes].filter(node => node.nodeType === 3).map(node => node.data),
      one.getAttribute("aria-label") ?? ""])"""
    english = [text for text in tab.evaluate(texts) if re.search(r"[a-z]{4,} [a-z]{2,} [a-z]{2,}", text)]
    assert english == []


def test_a_window_walks_over_its_input_and_rests_where_less_motion_is_asked_for(opened: Open) -> None:
    still = opened("resnet18", at="#view=walk&at=conv1")
    still.emulate_media(reduced_motion="reduce")
    still.reload()
    told = still.locator("[data-field=window]")
    first = "output (1, 1) reads rows 1 to 4, columns 1 to 4; what lies outside is padding"
    assert told.inner_text() == first
    still.wait_for_timeout(400)
    assert told.inner_text() == first
    still.get_by_role("button", name="One step").click()
    assert told.inner_text() == "output (1, 2) reads rows 1 to 4, columns 1 to 6; what lies outside is padding"
    assert still.locator(".moving polygon").count() == 6  # the window, and the numbers it makes
    still.emulate_media(reduced_motion="no-preference")
    still.reload()
    still.wait_for_function("!document.querySelector('[data-field=window]').textContent.includes('(1, 1)')")


def test_true_proportions_never_leave_an_empty_canvas(opened: Open) -> None:
    tab = opened("resnet34", at="#view=walk&at=fc&scale=linear")
    boxes = tab.evaluate(
        "[...document.querySelectorAll('#canvas .volume')].map(one => [one.classList[1], one.getBBox().height])"
    )
    assert [kind for kind, _ in boxes] == ["ghost", "ghost", "before", "after"]
    assert min(height for kind, height in boxes if kind == "ghost") > 150


def test_sliders_change_every_number_and_picture_at_once(opened: Open) -> None:
    tab = opened("resnet50", at="#edit=true")

    def slide(name: str, place: int) -> None:
        field = tab.locator(f".change [name={name}]")
        field.evaluate(f"one => {{ one.value = {place}; one.dispatchEvent(new Event('input')); }}")

    slide("blocks-3", 8)  # the ninth of 1, 2, 3 …
    slide("groups", 5)  # of 1, 2, 4 … 64
    slide("group_width", 2)
    tab.locator(".change [name=stem]").select_option("deep")
    tab.locator(".change [name=shortcut]").select_option("pooled-projection")
    slide("image_size", 3)
    spec = replace(
        find("resnet50").spec, depths=(3, 4, 9, 3), groups=32, group_width=4, shortcut="pooled-projection",
        stem=Stem(widths=(32, 32, 64), kernel=3),
    )  # fmt: skip
    built = structure(spec, 128)
    numbers = {"parameters": built.parameters, "macs": built.macs, "depth": spec.depth}
    shown = {name: tab.locator(f"#inspector [data-field={name}]").inner_text() for name in numbers}
    assert shown == {name: f"{value:,}" for name, value in numbers.items()}
    rows = tab.evaluate("document.querySelectorAll('#table [data-row]').length")
    assert rows == min(200, len(built.operations))
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save as .toml").click()
    assert from_dict(tomllib.loads(Path(download.value.path()).read_text())) == spec
    again = opened("resnet50", at=tab.evaluate("location.hash"))
    assert again.locator("#inspector [data-field=parameters]").inner_text() == shown["parameters"]
    again.locator(".change [name=block]").select_option("basic")
    for name in ("width", "groups"):
        again.locator(f".change [name={name}]").press("Home" if name == "width" else "End")
    assert "groups = 64" in again.locator(".change .trouble").inner_text()
    again.get_by_role("button", name="Undo the changes").click()
    assert again.locator("#inspector [data-field=parameters]").inner_text() == "25,557,032"


@pytest.mark.parametrize(
    "change", ["%7B", "%7B%22depths%22%3A%5B%22x%22%5D%7D", "%7B%22depths%22%3A%5B-1%5D%7D", "null"]
)
def test_an_address_with_senseless_changes_shows_the_network_as_published(change: str, opened: Open) -> None:
    tab = opened("resnet18", at=f"#edit=true&change={quote(change)}")
    assert tab.locator("#inspector [data-field=parameters]").inner_text() == "11,689,512"


def test_why_there_are_shortcuts_is_shown_with_the_figures_that_were_measured(opened: Open) -> None:
    tab = opened("resnet18", at="#view=depth")
    measured = json.loads((Path(page_module.__file__).parent / "fading.json").read_text())["networks"]
    label = tab.locator("#canvas svg").first.get_attribute("aria-label")
    for name, words in {"plain-56": "plain, 56 layers", "residual-20": "residual, 20 layers"}.items():
        losses = measured[name]["train_loss"]
        assert f"{words} {losses[0]} → {losses[-1]}" in label
    gradient = measured["plain-56"]["before"]["gradient"]
    assert f"{float(f'{gradient[0] / gradient[-1]:.2g}'):,.0f} times" in tab.locator("figcaption").nth(2).inner_text()


def test_the_page_says_what_accuracy_was_published_and_how_macs_are_counted(opened: Open) -> None:
    published = find("resnet50").published
    assert published is not None
    tab = opened("resnet50")
    assert f"published: {100 * published.top1:.2f}% on {published.data}" in tab.locator("#subtitle").inner_text()
    assert f"MACs: {MACS_CONVENTION}, for one image." in tab.locator("#inspector").inner_text()
