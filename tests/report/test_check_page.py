"""The page of a check, opened in a browser from a file with the network off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resnets
from tests.accessibility import assert_accessible
from tests.checks import faults

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a data set with 300 planted faults."""
    root = tmp_path_factory.mktemp("faults")
    faults.clean(root / "photos")
    faults.plant(root / "photos")
    faults.put(root / "photos", "train/cat/<img src=x>.png", b"no image")
    resnets.check(root / "photos", out=root / "check.html")
    return root / "check.html"


def test_every_finding_has_its_section_and_duplicates_are_beside_each_other(written: Path, opened_file: Open) -> None:
    tab = opened_file(written)
    sections = tab.locator("main section").evaluate_all("all => all.map(one => one.id)")
    assert set(sections) == {kind.partition(":")[0] for kind in faults.FAULTS}
    assert tab.locator("nav a").count() == len(sections)
    assert tab.locator("#two-classes .twin").first.locator("img").count() == 2
    boxes = [image.bounding_box() for image in tab.locator("#duplicates .twin").first.locator("img").all()]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert "25 of 225 val images are also in train, 25 more nearly so" in tab.locator("header").inner_text()
    assert "And 21 more" in tab.locator("#unreadable").inner_text()
    assert tab.locator("#unreadable img").count() == 0


def test_every_picture_is_drawn_from_the_page_alone(written: Path, opened_file: Open) -> None:
    loaded = opened_file(written).evaluate(
        "Promise.all([...document.images].map(image => { image.loading = 'eager'; return image.decode(); }))"
        ".then(() => [...document.images].map(image => [image.alt, image.currentSrc.slice(0, 5)]))"
    )
    assert len(loaded) > 250
    assert all(alt and scheme == "data:" for alt, scheme in loaded)
    assert written.stat().st_size < 5 * 2**20


def test_hostile_names_are_text_and_folders_of_the_author_are_not_told(written: Path, opened_file: Open) -> None:
    tab = opened_file(written)
    assert tab.locator("img[src=x]").count() == 0
    assert tab.locator("h1").inner_text() == "photos"
    assert str(written.parent) not in written.read_text()


def test_axe_finds_nothing_serious(written: Path, opened_file: Open) -> None:
    assert_accessible(opened_file(written))


@pytest.mark.parametrize("width", [1440, 768, 390])
def test_no_page_scrolls_sideways(written: Path, width: int, opened_file: Open) -> None:
    tab = opened_file(written, viewport={"width": width, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_where_nothing_is_wrong_the_page_says_so(tmp_path: Path, opened_file: Open) -> None:
    resnets.check("digits", out=tmp_path / "check.html")
    tab = opened_file(tmp_path / "check.html")
    assert "Every image was read, and nothing is wrong with them." in tab.locator("main").inner_text()
