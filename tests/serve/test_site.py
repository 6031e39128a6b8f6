"""The server's page in Chromium: images in, answers read, by mouse and by keyboard, with no request elsewhere."""

import base64
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.serve.conftest import Running, Start, jpeg

KEY = "a-key-of-enough-characters"
Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens a server's page; fails the test for a request elsewhere, an error, or a word on the console."""
    contexts: list[Any] = []
    heard: list[str] = []

    def open_page(running: Running, path: str = "/", *, wait: bool = True, **options: Any) -> Any:
        given = {"viewport": {"width": 1440, "height": 1000}, "accept_downloads": True} | options
        contexts.append(browser.new_context(**given))
        tab = contexts[-1].new_page()
        own = (running.address + "/", "blob:", "data:")
        tab.on("request", lambda request: request.url.startswith(own) or heard.append(request.url))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        # Chromium itself reports refused requests, which the tests provoke.
        tab.on("console", lambda message: "Failed to load" in message.text or heard.append(message.text))
        tab.goto(running.address + path)
        if wait:
            tab.locator("html[data-ready]").wait_for(state="attached")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


def files(*labels: int) -> list[dict[str, Any]]:
    """Pictures of these classes as a file chooser gives them."""
    return [
        {"name": f"{pictures.CLASSES[label]}.jpg", "mimeType": "image/jpeg", "buffer": jpeg(label)} for label in labels
    ]


DROP = """async given => {
  const data = new DataTransfer();
  for (const [name, text] of given) {
    const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  const drop = document.getElementById("drop");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    drop.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""

PASTE = """async text => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(text), one => one.charCodeAt(0))], "", { type: "image/jpeg" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""

PIXELS = """() => {
  const canvas = document.getElementById("picture");
  return Array.from(canvas.getContext("2d").getImageData(0, 0, 448, 448).data).reduce((a, b) => a + b, 0);
}"""


def encoded(label: int) -> str:
    return base64.b64encode(jpeg(label)).decode()


def done(tab: Any, count: int) -> None:
    """Wait until all images are answered."""
    tab.get_by_text(f"All {count} images are done.").wait_for()


def test_an_image_is_dropped_its_answer_read_and_its_map_seen(running: Running, opened: Open) -> None:
    tab = opened(running)
    assert tab.locator("#lede").inner_text() == "colours tells apart blue, green and red."
    tab.evaluate(DROP, [["a leaf.jpg", encoded(1)]])
    tab.locator("#answers button[aria-pressed=true]").wait_for()
    expected = running.ask("POST", "/v1/predict", jpeg(1)).json["predictions"][0]["answers"]
    shown = tab.locator("#answers button").all_inner_texts()
    assert [one.split()[0] for one in shown] == [one["class"] for one in expected]
    assert [one.split("\n")[-1] for one in shown] == [f"{100 * one['probability']:.1f}%" for one in expected]
    assert tab.locator("#verdict").inner_text() == f"green {100 * expected[0]['probability']:.1f}%"
    assert tab.locator("#shown-title").inner_text() == "a leaf.jpg"
    covered = tab.evaluate(PIXELS)
    tab.locator("#strength").fill("0")
    bare = tab.evaluate(PIXELS)
    tab.locator("#strength").fill("100")
    assert len({covered, bare, tab.evaluate(PIXELS)}) == 3
    tab.get_by_role("button", name=re.compile("^red")).click()
    tab.locator("#map-class", has_text="red").wait_for()
    assert "spoke for red" in tab.locator("#picture").get_attribute("aria-label")


def test_images_are_pasted_and_picked_and_downloaded_as_csv(running: Running, opened: Open, tmp_path: Path) -> None:
    tab = opened(running)
    tab.evaluate(PASTE, encoded(2))
    tab.locator("#verdict", has_text="red").wait_for()
    broken = {"name": "=1+1.jpg", "mimeType": "image/jpeg", "buffer": b"nothing"}
    tab.set_input_files("#files", [*files(0, 1, 2), broken])
    done(tab, 5)
    assert tab.locator("#grid li").count() == 5
    assert "not an image" in tab.locator("#grid .failed").inner_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "colours.csv"
    download.value.save_as(tmp_path / "a.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [row["class_1"] for row in rows] == ["red", "blue", "green", "red", ""]
    assert rows[4]["image"] == "'=1+1.jpg"  # no spreadsheet takes it for a formula
    assert "not an image" in rows[4]["error"]
    expected = running.ask("POST", "/v1/predict", jpeg(0)).json["predictions"][0]["answers"][0]["probability"]
    assert float(rows[1]["probability_1"]) == pytest.approx(expected, abs=1e-6)
    tab.get_by_role("button", name="Remove all").click()
    assert tab.locator("#grid li").count() == 0
    assert tab.locator("#shown").is_hidden()


def test_all_of_it_works_by_keyboard(running: Running, opened: Open) -> None:
    tab = opened(running)
    tab.locator("body").press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "pick"
    with tab.expect_file_chooser() as chooser:
        tab.locator("#pick").press("Enter")
    chooser.value.set_files(files(0, 2))
    done(tab, 2)
    seen: list[str] = []
    for _ in range(20):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"strength", "csv", "clear"} <= set(seen)
    tab.locator("#grid button").nth(1).focus()
    tab.keyboard.press("Enter")
    tab.locator("#shown-title", has_text="red.jpg").wait_for()
    tab.locator("#verdict", has_text="red").wait_for()
    tab.locator("#strength").focus()
    before = tab.locator("#strength").input_value()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#strength").input_value() != before


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(
    scheme: str, width: int, running: Running, opened: Open
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = opened(running, color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True)
    tab.set_input_files("#files", [*files(0, 1), {"name": "b", "mimeType": "image/png", "buffer": b"x"}])
    done(tab, 3)
    found = axe.Axe().run(tab).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_description_for_programs_names_every_address(running: Running, opened: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = opened(running, "/docs", bypass_csp=True)
    shown = tab.locator("h2 code").all_inner_texts()
    assert sorted(set(shown)) == sorted(running.ask("GET", "/openapi.json").json["paths"])
    found = axe.Axe().run(tab).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_card_says_what_the_file_says_and_the_explorer_opens(running: Running, opened: Open) -> None:
    tab = opened(running)
    assert "50.0%" in tab.locator("#figures").inner_text()
    assert tab.locator("#classes li").all_inner_texts() == list(pictures.CLASSES)
    tab.set_input_files("#files", files(1))
    link = tab.get_by_role("link", name="Explore this network")
    assert link.get_attribute("href") == "/explorer/colours"
    explorer = opened(running, "/explorer/colours")
    assert explorer.locator("#inspector h2").inner_text() == "colours"


def test_a_button_opens_the_explorer_with_the_image_inside_also_by_keyboard(running: Running, opened: Open) -> None:
    tab = opened(running)
    tab.evaluate(DROP, [["a leaf.jpg", encoded(1)]])
    button = tab.get_by_role("button", name="Look inside the network with this image")
    button.focus()
    heard: list[str] = []
    tab.context.on("console", lambda message: message.page == tab or heard.append(message.text))
    tab.context.on("weberror", lambda error: heard.append(str(error.error)))
    with tab.context.expect_page() as fresh:
        tab.keyboard.press("Enter")
    explorer = fresh.value
    explorer.locator("html[data-live=true]").wait_for(state="attached")
    assert explorer.url == f"{running.address}/explorer/colours#view=image"
    assert "a leaf.jpg" in explorer.locator("#canvas").inner_text()
    assert heard == []


def test_no_button_is_offered_without_the_network_or_where_a_key_is_needed(
    start: Start, onnx_file: Path, served_path: Path, opened: Open
) -> None:
    exported, locked = opened(start(onnx_file)), opened(start(served_path, key=KEY), wait=False)
    locked.get_by_label("This server needs a key.").fill(KEY)
    locked.get_by_role("button", name="Use the key").click()
    locked.locator("html[data-ready]").wait_for(state="attached")
    for tab in (exported, locked):
        tab.set_input_files("#files", files(1))
        tab.locator("#verdict", has_text="green").wait_for()
        assert tab.locator("#links button").count() == 0


def test_a_classifier_is_chosen_where_there_are_several(
    start: Start, served_path: Path, onnx_file: Path, opened: Open
) -> None:
    tab = opened(start(served_path, Path(f"exported={onnx_file}")))
    tab.set_input_files("#files", files(2))
    tab.locator("#slide").wait_for()
    tab.get_by_role("combobox", name="Classifier").select_option("exported")
    tab.locator("#no-map").wait_for()
    assert tab.locator("#answers button").count() == 0
    assert "red" in tab.locator("#verdict").inner_text()


def test_a_server_with_a_key_asks_for_it(start: Start, served_path: Path, opened: Open) -> None:
    tab = opened(start(served_path, key=KEY), wait=False)
    tab.get_by_label("This server needs a key.").fill("wrong-key-of-enough-length")
    tab.get_by_role("button", name="Use the key").click()
    tab.get_by_label("This server needs a key.").fill(KEY)
    tab.get_by_role("button", name="Use the key").click()
    tab.locator("html[data-ready]").wait_for(state="attached")
    assert tab.locator("#key-form").is_hidden()
    tab.set_input_files("#files", files(1))
    tab.locator("#verdict", has_text="green").wait_for()


def test_the_camera_takes_a_picture_and_says_when_it_cannot(running: Running, opened: Open) -> None:
    tab = opened(running)
    tab.get_by_role("button", name="Use the camera").click()
    tab.get_by_text("The camera can't be used.").wait_for()
    tab.keyboard.press("Escape")
    assert tab.locator("#camera").is_hidden()
    tab.evaluate("""() => {
      const canvas = document.createElement("canvas");
      setInterval(() => canvas.getContext("2d").fillRect(0, 0, 300, 150), 50);
      navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(10);
    }""")
    tab.get_by_role("button", name="Use the camera").click()
    tab.locator("#video[data-ready]").wait_for()
    tab.get_by_role("button", name="Take a picture").click()
    tab.locator("#shown-title", has_text="camera-1.png").wait_for()
    tab.locator("#answers button").first.wait_for()
