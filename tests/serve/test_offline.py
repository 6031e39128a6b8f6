"""The page that computes by itself, in Chromium from a file with the network off."""

import io
import json
import re
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

import resnets
from resnets.classifier.file import Classifier
from resnets.data import preprocessing
from resnets.data.preprocessing import Fit, Preprocessing
from resnets.explain.cam import class_activation_map
from resnets.export import parity_images
from resnets.export.gate import Gate, Parity
from resnets.serve import offline, page_gate, web_runtime
from tests import pictures
from tests.conftest import CHROMIUM
from tests.serve.conftest import jpeg

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "node_modules" / "onnxruntime-web"

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def runtime() -> web_runtime.WebRuntime:
    """ONNX Runtime Web as `make javascript` installs it; the test is skipped where it is absent."""
    if not PACKAGE.is_dir():
        pytest.skip(f"{PACKAGE} is not there; `make javascript` installs it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(web_runtime.VARIABLE, str(PACKAGE))
        return web_runtime.web_runtime()


@pytest.fixture(scope="session")
def written(
    classifier: Classifier, onnx_file: Path, runtime: web_runtime.WebRuntime, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small classifier's page."""
    header = classifier.header() | {"export": {"kind": "onnx"}}
    model = offline.with_maps(onnx_file.read_bytes(), classifier)
    assert model.maps
    path = tmp_path_factory.mktemp("page") / "colours.html"
    path.write_text(offline.page(classifier, model, header, runtime), encoding="utf-8")
    return path


def ready(tab: Any) -> Any:
    tab.locator("html[data-ready]").wait_for(state="attached", timeout=60_000)
    return tab


def test_the_page_answers_without_a_network_as_predict_does(
    written: Path, classifier: Classifier, opened_file: Open, tmp_path: Path
) -> None:
    tab = ready(opened_file(written))
    files = [{"name": f"{label}.jpg", "mimeType": "", "buffer": jpeg(label)} for label in range(3)]
    tab.set_input_files("#files", [*files, {"name": "x.jpg", "mimeType": "", "buffer": b"nothing"}])
    tab.get_by_text("All 4 images are done.").wait_for()
    assert tab.locator("#grid .said").all_inner_texts()[3].startswith("This browser can't read")
    for label in range(3):
        (tmp_path / "a.jpg").write_bytes(jpeg(label))
        expected = classifier.predict(tmp_path / "a.jpg", top=3)
        found = tab.evaluate("text => resnets.probabilities(text)", b64encode(jpeg(label)).decode())
        wanted = {answer.label: answer.probability for answer in expected.answers}
        np.testing.assert_allclose(found, [wanted[name] for name in classifier.classes], atol=1e-5)
    tab.locator("#answers button").nth(1).click()
    tab.locator("#answers button[aria-pressed=true]").wait_for()
    assert tab.locator("#slide").is_visible()
    assert tab.locator("#links").inner_html() == ""  # no explorer, with the image or without


def test_its_map_is_the_servers(written: Path, classifier: Classifier, opened_file: Open) -> None:
    tab = ready(opened_file(written))
    pixels = classifier.preprocessing.pixels(classifier.preprocessing.decoded(jpeg(1), name="a"))
    expected = class_activation_map(classifier, torch.from_numpy(pixels[None]), torch.tensor([1]))[0].numpy()
    found = tab.evaluate(
        """async text => {
          const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0));
          return (await resnets.predict(new Blob([bytes]), { map: "green" })).map.values;
        }""",
        b64encode(jpeg(1)).decode(),
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)


SIZES = ((301, 200), (24, 24), (20, 9), (640, 480), (7, 5))
TALL = (31, 77)  # which newer Pillows resize vertically first: the sums are then rounded in another order


def test_its_pixels_are_pillows_to_the_bit(written: Path, opened_file: Open) -> None:
    tab = ready(opened_file(written))
    for fit, interpolation, channels in product(get_args(Fit), ("bilinear", "bicubic"), (1, 3)):
        how = Preprocessing(
            size=20, resize=24 if fit != "pad" else 17, fit=fit, interpolation=interpolation, channels=channels,
            mean=(0.4,) * channels, std=(0.2,) * channels,
        )  # fmt: skip
        for size in (*SIZES, TALL):
            file = io.BytesIO()
            Image.fromarray(pictures.picture(1, sum(size), size)).save(file, "png")
            found = tab.evaluate(
                "([text, how, frame]) => resnets.pixels(text, how, frame)",
                [b64encode(file.getvalue()).decode(), preprocessing.to_dict(how), list(how.mean_colour)],
            )
            expected = how.pixels(how.decoded(file.getvalue(), name="a"))
            difference = np.abs(np.array(found, np.int64).reshape(expected.shape) - expected).max()
            assert difference <= (1 if size == TALL else 0), (fit, interpolation, channels, size)


def test_axe_finds_nothing_serious(written: Path, opened_file: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = ready(opened_file(written, color_scheme="dark", viewport={"width": 390, "height": 844}))
    tab.set_input_files("#files", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": jpeg(0)}])
    tab.locator("#answers button").first.wait_for()
    found = axe.Axe().run(tab).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow  # the page's answers, pixels and maps are tested above, and the gate's judgment in tests/export
def test_the_exporters_gate_passes_the_page_and_no_page_that_resizes_otherwise(
    written: Path, classifier: Classifier, photos: Path, browser: Any
) -> None:
    del browser  # only whether there is one: the gate opens its own
    text = written.read_text()
    wrong = text.replace('"resize":24', '"resize":40')
    assert wrong != text
    gate = Gate(classifier, parity_images.find(classifier, photos))

    def judged(page: str) -> Parity:
        return page_gate.require(page, gate, "onnx", max_drop=0.5, chromium=str(CHROMIUM))

    with ThreadPoolExecutor(1) as thread:  # this one belongs to the fixture's browser
        found = thread.submit(judged, text).result()
        assert (found.equal, found.count) == (24, 24)
        assert found.difference < 1e-5
        with pytest.raises(resnets.RunFailed, match="the page is refused because"):
            thread.submit(judged, wrong).result()
        with pytest.raises(resnets.RunFailed, match="does not work in Chromium"):
            thread.submit(judged, text.replace('id="packed-model"', 'id="nothing"')).result()


def test_the_page_asks_for_nothing_and_may_not(written: Path) -> None:
    text = written.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="(?!data:)', text)


def test_what_a_page_cannot_show_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    deep = resnets.load(classifier.path or "")
    deep.preprocessing = Preprocessing(size=20, resize=24, range=(0, 4095))
    with pytest.raises(resnets.InputError, match="more than 8 bits"):
        offline.export(deep, tmp_path / "a.html")
    with pytest.raises(resnets.InputError, match=r"must end in \.html"):
        offline.export(classifier, tmp_path / "a.onnx")
    with pytest.raises(resnets.InputError, match="no embeddings"):
        resnets.export(classifier, "page", tmp_path / "a.html", embeddings=True)


def test_without_chromium_nothing_is_written(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(page_gate.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(resnets.InputError, match="not found"):
        resnets.export(classifier, "page", tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_is_the_one_that_the_hash_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(web_runtime.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("RESNETS_OFFLINE", "1")
    with pytest.raises(resnets.InputError, match="stay offline"):
        web_runtime.web_runtime()
    monkeypatch.delenv("RESNETS_OFFLINE")
    other = tmp_path / "other" / web_runtime.SCRIPT
    other.parent.mkdir(parents=True)
    other.write_bytes(b"another")
    for name, said in ((str(tmp_path / "other"), "is not that of version"), (str(tmp_path), "isn't the npm package")):
        monkeypatch.setenv(web_runtime.VARIABLE, name)
        with pytest.raises(resnets.InputError, match=said):
            web_runtime.web_runtime()
    monkeypatch.setenv(web_runtime.VARIABLE, (tmp_path / "other").as_uri())
    with pytest.raises(resnets.InputError, match="is not the file of version"):
        web_runtime.web_runtime()
    monkeypatch.setenv(web_runtime.VARIABLE, (tmp_path / "nowhere").as_uri())
    with pytest.raises(resnets.InputError, match="can't be downloaded"):
        web_runtime.web_runtime()


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="`make javascript` installs ONNX Runtime Web")
def test_a_runtime_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(web_runtime.VARIABLE, PACKAGE.as_uri())
    first = web_runtime.web_runtime()
    monkeypatch.setenv("RESNETS_OFFLINE", "1")
    assert web_runtime.web_runtime() == first


def test_the_version_that_tests_install_is_the_one_that_is_downloaded() -> None:
    said = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/onnxruntime-web"]
    assert said["version"] == web_runtime.VERSION
