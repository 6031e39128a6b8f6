"""What the explorer page opens with: the diagram of the whole network, in which everything can be chosen."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resnets.view.diagram import diagram
from resnets.view.show import show
from tests.view.test_diagram import contrast

Open = Callable[..., Any]


@cache
def content_of(network: str) -> str:
    return str(show(network).as_format("html"))


@pytest.fixture
def opened(opened_file: Open, tmp_path: Path) -> Open:
    """Opens the page about a network."""

    def open_page(name: str, **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(content_of(name))
        return opened_file(path, **options)

    return open_page


def selected(tab: Any) -> str:
    return tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('at') ?? ''")


def test_a_click_selects_what_it_meets(opened: Open) -> None:
    tab = opened("resnet34")
    beside = """arc => {
      const { x, y } = arc.getPointAtLength(0.3 * arc.getTotalLength()).matrixTransform(arc.getScreenCTM());
      return [x, y - 5];
    }"""
    for what, at in (
        ("[data-at='stage2'] text", "stage2"),
        ("[data-at='layer2.0'] path.shortcut", "layer2.0"),
        ("[data-at='layer2.1'] path.shortcut", "stage2"),  # of a run of alike blocks
        ("[data-at='maxpool'] [data-volume]", "maxpool"),
        ("[data-at='layer3.0.conv2'] rect", "layer3.0.conv2"),
        ("[data-at='layer3.0.downsample.0'] text", "layer3.0.downsample.0"),
        ("[data-at='layer4.0.add'] circle", "layer4.0.add"),
    ):
        found = tab.locator(f"#canvas .opening {what}").first
        if what.endswith("shortcut"):
            tab.mouse.click(*found.evaluate(beside))
        else:
            found.click()
        assert selected(tab) == at
        tab.locator("[data-key=network]").click()


def test_the_keyboard_alone_reaches_and_opens_everything(opened: Open) -> None:
    tab = opened("resnet50d")
    buttons = tab.locator("#canvas [role=button]").evaluate_all("all => all.map(one => one.dataset.at)")
    assert len(buttons) == len(set(buttons))
    assert set(buttons) >= {"stem", "conv1.6", "stage3", "layer3.0", "layer3.1", "layer3.0.downsample.1", "fc", "head"}
    focused = "document.activeElement.dataset.at"
    tab.locator("#canvas [tabindex='0']").focus()
    reached = [tab.evaluate(focused)]
    for _ in buttons[1:]:
        tab.keyboard.press("ArrowDown")
        reached.append(tab.evaluate(focused))
    assert sorted(reached) == sorted(buttons)
    tab.keyboard.press("Home")
    for key, at in (("ArrowRight", "stage1"), ("ArrowRight", "stage2"), ("ArrowDown", "layer2.3.act3")):
        tab.keyboard.press(key)
        assert tab.evaluate(focused) == at
    tab.keyboard.press("Enter")
    assert selected(tab) == "layer2.3.act3"


def test_every_button_says_what_it_is_and_every_tooltip_is_there(opened: Open) -> None:
    tab = opened("resnet34")
    labels = tab.locator("#canvas [role=button]").evaluate_all("all => all.map(one => [one.dataset.at, one.ariaLabel])")
    told = dict(labels)
    assert told["stage2"] == "stage 2: 4 blocks, 1.116 M parameters"
    assert told["layer2.0"] == "layer2.0: shortcut 1×1 projection"
    assert told["layer2.1"] == "layer2.1 to layer2.3, 3 alike blocks: shortcut identity"
    assert told["layer2.0.conv1"] == "layer2.0.conv1: conv 3×3, 128, stride 2, 64 × 56 × 56 to 128 × 28 × 28"
    assert tab.locator("#canvas [data-at]:not(:has(> title))").count() == 0
    assert (
        tab.locator("#canvas path.shortcut > title").first.text_content().startswith("layer1.0…2, × 3: same shape (64")
    )


def test_the_diagram_opens_the_page_where_its_letters_can_be_read(opened: Open) -> None:
    for width, drawn in ((1720, 1), (1440, 1), (1200, 1), (1024, 0), (390, 0)):
        tab = opened("resnet50d", viewport={"width": width, "height": 900})
        assert tab.locator("#canvas svg.opening").count() == drawn, width
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        heights = "all => Math.min(...all.map(one => one.getBoundingClientRect().height / 1.17))"
        assert not drawn or tab.locator("#canvas text").evaluate_all(heights) > 7


def test_saved_the_opening_view_is_the_file_that_show_writes(opened: Open) -> None:
    tab = opened("resnet50d")
    with tab.expect_download() as download:
        tab.locator("#save").click()
    assert download.value.suggested_filename == "resnet50d.svg"
    assert Path(download.value.path()).read_text(encoding="utf-8") == diagram(
        "resnet50d", show("resnet50d").networks[0][1]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_the_pages_ground(scheme: str, opened: Open) -> None:
    tab = opened("seresnext50_32x4d", color_scheme=scheme)
    grounds, boxes = ("paper", "card", "band"), ("conv", "norm", "relu", "pool", "linear")
    painted = """names => Object.fromEntries(names.map(name => [
      name, getComputedStyle(document.querySelector(`#canvas .fill-${name}`)).fill.match(/\\d+/g).map(Number)]))"""
    found = tab.evaluate(painted, ["ink", "muted", "shortcut", *grounds, *boxes])
    colours = {name: "#{:02x}{:02x}{:02x}".format(*channels) for name, channels in found.items()}
    for ground in grounds:
        for letters in ("ink", "muted", "shortcut"):
            assert contrast(colours[letters], colours[ground]) >= 4.5, (letters, ground)
    for box in boxes:
        assert contrast(colours["ink"], colours[box]) >= 4.5, box
