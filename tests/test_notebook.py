"""In a notebook: progress and reasons unasked, short values, and Python's words in messages."""

import ast
import itertools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import resnets
from resnets.base.errors import InputError
from resnets.base.notebook import watching
from resnets.base.progress import Progress, unwatched
from resnets.base.wording import on_the_command_line
from resnets.classifier.prediction import Answer, Prediction
from resnets.training.recipes.plan import nested

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first-classifier.ipynb"


class Display:
    """What IPython shows: the content of one place, again and again."""

    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def __call__(self, content: str, *, display_id: bool) -> "Display":
        assert display_id
        self.update(content)
        return self

    def update(self, content: str) -> None:
        self.shown.append(content)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for IPython with a kernel; what it was asked to show."""
    shown: list[str] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    vars(ipython).update(version_info=(9, 0, 0), get_ipython=lambda: SimpleNamespace(kernel=object()), display=display)
    vars(display).update(HTML=str, display=Display(shown))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last line, where that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


def test_the_notebook_of_the_docs_runs_and_shows_progress_and_reasons_unasked(
    notebook: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    values = [run_cell("".join(cell["source"]), names) for cell in cells]
    assert any("<progress" in one and "epoch" in one for one in notebook)
    assert "cifar_resnet20" in capsys.readouterr().out
    classifier = names["classifier"]
    assert (classifier.metrics["val"]["epoch"], classifier.preprocessing.size) <= (2, 8)
    assert values[0][0]["name"] == "cifar_resnet20"
    assert all(len(repr(value)) < 300 for value in values if hasattr(value, "_repr_html_") and value is not values[-1])
    html = [value._repr_html_() for value in values if hasattr(value, "_repr_html_")]
    assert len(html) == 4
    assert (tmp_path / "digits.html").read_text().startswith("<!doctype html>")
    assert values[-2] == 0.0


def test_a_bar_is_drawn_a_few_times_a_second_and_at_its_end(
    notebook: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", itertools.count(step=0.001).__next__)
    with watching(None) as watch:
        for done in range(1001):
            watch(Progress("training", done, 1000))
    assert 5 < len(notebook) < 15
    assert "1,000 of 1,000" in notebook[-1]


def test_an_export_and_a_bulk_prediction_show_a_bar_unasked(notebook: list[str], tmp_path: Path) -> None:
    from tests import pictures
    from tests.export import samples

    samples.classifier().save(tmp_path / "c.safetensors")
    photos = pictures.folder(tmp_path / "photos", count=2)
    resnets.predict_bulk(tmp_path / "c.safetensors", photos, tmp_path / "a.csv", workers=1)
    assert "<progress" in notebook[-1]
    notebook.clear()
    resnets.export(tmp_path / "c.safetensors", "torch", data=photos, split="all")
    assert any("<progress" in one for one in notebook)


def test_what_show_gives_prints_short() -> None:
    assert repr(resnets.show("resnet18", "resnet34")) == "Shown(resnet18, resnet34)"


def test_without_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(None) as watch:
        assert watch is unwatched
    assert capsys.readouterr() == ("", "")


def test_a_prediction_is_short_and_its_html_is_text() -> None:
    found = Prediction("a.png", (Answer("<b>cat</b>", 0.75),), sure=False)
    assert repr(found) == "Prediction('a.png': <b>cat</b> 75.0%, not sure)"
    assert "<b>cat</b>" not in found._repr_html_()
    assert "75.0%" in found._repr_html_()


def test_dotted_settings_and_tables_mean_the_same() -> None:
    assert nested({"lr": 0.1, "preprocessing.size": 64, "preprocessing": {"fit": "squash"}}, where="settings") == {
        "lr": 0.1, "preprocessing": {"size": 64, "fit": "squash"},
    }  # fmt: skip
    with pytest.raises(InputError, match=r"settings: lr is set to 0\.1, and lr\.size is set too"):
        nested({"lr": 0.1, "lr.size": 64}, where="settings")


@pytest.mark.parametrize(
    ("message", "python"),
    [
        ("a.png: leave such files out with --skip-bad", "a.png: leave such files out with skip_bad=True"),
        ("runs/a: already contains a run; continue it with --resume, or begin a new one with another -o",
         "runs/a: already contains a run; continue it with resume=True, or begin a new one with another out="),
        ("try --set lr=0.02 or --set clip_norm=1", 'try settings={"lr": 0.02} or settings={"clip_norm": 1}'),
        ("name the --class-map", "name the class_map="),
        ("as in `resnets show resnet50`, or give --spec FILE.toml",
         'as in `resnets.show("resnet50")`, give a ResNetSpec, or the path of a .toml file'),
        ("the same command goes on, or run the same command again",
         "the same call goes on, or make the same call again"),
        ("neither a recipe's name nor a file (`resnets recipe list`)", "neither a recipe's name nor a file"),
        ("`resnets check --fix-list FILE` writes it", "`resnets.check(..., fix_list=FILE)` writes it"),
        ("are also in train; `resnets check` lists them", "are also in train; `resnets.check` lists them"),
        ("--engine ray needs Ray", 'engine="ray" needs Ray'),
        ("a-file.png, pre-trained -odd --", "a-file.png, pre-trained -odd --"),
    ],
)  # fmt: skip
def test_a_message_speaks_python_in_python_and_options_on_the_command_line(message: str, python: str) -> None:
    assert str(InputError(message)) == python
    with on_the_command_line():
        assert str(InputError(message)) == message


@pytest.mark.parametrize(
    "call",
    [
        resnets.show,
        lambda: resnets.train("digits", out="a-file"),
        lambda: resnets.train("digits", resume=True),
        lambda: resnets.convert("a-file", "resnet18"),
        lambda: resnets.train("digits", recipe="a-recipe"),
        lambda: resnets.train("digits", "resnt18"),
        lambda: resnets.train("digits", settings={"head": "probe"}),
        lambda: resnets.train("no-folder"),
        lambda: resnets.list_networks("nothing-like-it"),
        lambda: resnets.list_networks("nothing-like-it", weights=True),
        lambda: resnets.load("a-file"),
        lambda: resnets.export("a-file"),
        lambda: resnets.compare("a-file", "a-file", "digits"),
        lambda: resnets.report("a-file", "digits"),
    ],
)
def test_no_option_of_the_command_line_reaches_python(
    call: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_bytes(b"")
    with pytest.raises(InputError) as refused:
        call()
    assert not re.search(r"(?<!\S)[(`]?--?[a-z]|`resnets [a-z]|command", str(refused.value))
