"""What every test shares. Shapes and types that `resnets` annotates are checked throughout the run."""

import gc
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import hypothesis
import jaxtyping
import pytest

from tests import typecheck

# The hook only reaches modules imported after it, and pytest imports this file before any test.
EARLY = sorted(name for name in sys.modules if name.partition(".")[0] == "resnets")
if EARLY:
    raise RuntimeError(f"{', '.join(EARLY)} imported before tests/conftest.py: annotated shapes would go unchecked")
typecheck.install()

pytest_plugins = ["tests.colours"]  # fixtures of a small classifier and its exports

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("untimed")

GOLDEN = Path(__file__).parent / "golden"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
CHROMIUM = Path("/usr/bin/chromium")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write tests/golden anew; review it as a diff")


def pytest_runtest_setup() -> None:
    typecheck.begin()


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays, so the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def one_torchlib() -> Iterator[None]:
    """torch parses the sources of 500 operators anew for each ONNX file, which takes longer than all the rest of it."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: the text is what tests/golden/<name> holds, or becomes it under --rewrite-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path} is not there: run pytest --rewrite-golden and review what it wrote"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; if rightly so: pytest --rewrite-golden"

    return check


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No annotation is checked in this test: it gives wrong types on purpose, or has torch trace the code itself."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images and weights; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{SHARED_DATA} is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; the test is skipped where it is absent."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there; Debian's package chromium has it")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


class Tabs:
    """Tabs of one browser, lent to a test and used again by the next: a new one costs more than most pages."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.free: dict[bool, list[Any]] = {True: [], False: []}  # with JavaScript, and without
        self.lent: list[tuple[bool, Any]] = []
        self.heard: list[str] = []

    def open(
        self,
        address: str,
        *,
        viewport: Any = None,
        color_scheme: Literal["light", "dark"] = "light",
        java_script_enabled: bool = True,
    ) -> Any:
        """A tab that shows the page at `address`, which was loaded anew."""
        free = self.free[java_script_enabled]
        tab = free.pop() if free else self._new(java_script_enabled)
        self.lent.append((java_script_enabled, tab))
        tab.set_viewport_size(viewport or {"width": 1440, "height": 1000})
        tab.emulate_media(color_scheme=color_scheme, media="screen")
        tab.goto(address)
        return tab

    def _new(self, java_script_enabled: bool) -> Any:
        tab = self.browser.new_context(offline=True, java_script_enabled=java_script_enabled).new_page()
        tab.on("console", lambda message: self.heard.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        own = ("file:", "data:", "blob:")
        tab.on("request", lambda request: request.url.startswith(own) or self.heard.append(request.url))
        return tab

    def take_back(self) -> list[str]:
        """What the tabs that were lent asked for, and their errors; they are blank and free again."""
        for kind, tab in self.lent:
            tab.goto("about:blank")  # else the next page, at the same address but for its #, would not be loaded
            self.free[kind].append(tab)
        self.lent.clear()
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture(scope="session")
def tabs(browser: Any) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def opened_file(tabs: Tabs) -> Iterator[Callable[..., Any]]:
    """Opens a page from a file with the network off; fails the test if it asks for anything or reports an error."""

    def open_page(path: Path, at: str = "", **options: Any) -> Any:
        return tabs.open(f"{path.as_uri()}{at}", **options)

    yield open_page
    assert tabs.take_back() == []
