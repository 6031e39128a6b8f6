"""The documentation's commands and code run as they stand."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sklearn.datasets import load_digits

from resnets.catalog import CATALOG, find
from resnets.cli import main
from resnets.named_network import Row

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def every_fifth_digit(**options: Any) -> Any:
    pixels, labels = load_digits(**options)
    return pixels[::5], labels[::5]


def steps(page: Path) -> list[tuple[str, str]]:
    """A page's blocks of Python and its commands, each with its language, in order."""
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    return [(kind, code) for kind, block in blocks for code in ([block] if kind == "python" else block.splitlines())]


@pytest.fixture(scope="session")
def first_commands() -> dict[str, Path]:
    """What was written by a command that a page begins with. In an empty folder it writes the same for each page."""
    return {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(
    page: Path, first_commands: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = find("cifar_resnet20")
    short = replace(usual, spec=replace(usual.spec, depths=(1, 1, 1)))
    monkeypatch.chdir(tmp_path)
    # What the pages claim holds of fewer digits and of a short network, too, but for a search among learning rates.
    monkeypatch.setattr("sklearn.datasets.load_digits", every_fifth_digit)
    if "lr-find" not in page.read_text():
        monkeypatch.setitem(cast(dict[str, Row], CATALOG), usual.name, short)
    for place, (language, code) in enumerate(steps(page)):
        if language == "python":
            exec(compile(code, str(page), "exec"), {})
        elif place == 0 and code in first_commands:
            shutil.copytree(first_commands[code], tmp_path, dirs_exist_ok=True)
        else:
            program, *arguments = shlex.split(code, comments=True)
            assert program == "resnets"
            main(arguments)
            if place == 0:
                first_commands[code] = shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-first"))


def test_the_readmes_python_names_exist() -> None:
    import resnets

    for name in re.findall(r"resnets\.(\w+)\(", (ROOT / "README.md").read_text()):
        assert callable(getattr(resnets, name))


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    path = ROOT / page
    named = re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", path.read_text())
    assert [name for name in named if not (path.parent / name).exists()] == []


def test_contributing_names_every_folder_of_the_package() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text()
    package = ROOT / "src" / "resnets"
    folders = [path.parent.name for path in package.glob("*/__init__.py")]
    assert [name for name in folders if f"`{name}/`" not in table] == []
    named = re.findall(r"^\| `([\w./]+)`", table, re.MULTILINE)
    assert [name for name in named if not (package / name).exists()] == []
