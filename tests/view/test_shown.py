"""One value, every format: `resnets show` and `resnets.show`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pylatexenc.latexwalker import LatexWalker

import resnets
from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.data.preprocessing import Preprocessing
from resnets.view.show import show


def test_a_notebook_gets_the_page_and_text_the_tables() -> None:
    shown = resnets.show("resnet18", operations=True)
    assert shown._repr_html_().startswith("<iframe srcdoc=")
    assert "Every operation of resnet18" in str(shown)


def test_show_prints_the_stages_and_totals_and_the_operations_only_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["show", "resnet18"])
    short = capsys.readouterr().out
    assert "11,689,512" in short
    assert "1.814 G" in short
    assert "MiB" in short
    assert "Every operation" not in short
    assert len(short.splitlines()) < 30
    main(["show", "resnet18", "--operations"])
    assert "Every operation of resnet18" in capsys.readouterr().out
    main(["show", "resnet18", "--json"])
    assert json.loads(capsys.readouterr().out)["networks"][0]["operations"]


def test_a_comparison_is_there_in_every_table_format(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "md", "tex"):
        main(["show", "resnet50_2015", "--compare", "resnet50d", "--format", form])
        text = capsys.readouterr().out
        assert "moved" in text
        assert "470" in text
        if form == "tex":
            assert text.isascii()
            LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    main(["show", "resnet50_2015", "--compare", "resnet50d", "--json"])
    (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
    first, second = (show(name).networks[0][1] for name in ("resnet50_2015", "resnet50d"))
    assert comparison["deltas"]["macs"] == second.macs - first.macs


def test_the_page_begins_with_the_networks_named_and_holds_every_other() -> None:
    content = str(show("resnet18", "resnet34", "resnet50").as_format("html"))
    data = json.loads(content.split('id="data">')[1].split("</script>", maxsplit=1)[0])
    assert data["shown"] == ["resnet18", "resnet34", "resnet50"]
    assert {row[0] for row in data["rows"]} == set(CATALOG)


def test_a_diagram_and_a_picture_are_files(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    main(["show", "resnet34", "--format", "svg", "-o", str(tmp_path / "a.svg")])
    main(["show", "resnet34", "--format", "png", "-o", str(tmp_path / "a.png")])
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_classifier_file_and_a_spec_file_are_networks_too(tmp_path: Path) -> None:
    classifier = Classifier(
        network=resnets.resnet("cifar_resnet20", num_classes=2),
        classes=("a", "b"),
        preprocessing=Preprocessing(size=24, resize=24),
    )
    path = classifier.save(tmp_path / "mine.safetensors")
    (row, built) = show(path).networks[0]
    assert (row.name, built.image_size, built.spec.num_classes) == ("mine", (24, 24), 2)
    (tmp_path / "own.toml").write_text('base = "resnet18"\nnum_classes = 7\n')
    assert show(tmp_path / "own.toml").networks[0][1].spec.num_classes == 7


def test_networks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "resnet18.toml").write_text('base = "resnet18"\nnum_classes = 7\n')
    names = [row.name for row, _ in show("resnet18", tmp_path / "resnet18.toml", find("resnet18")).networks]
    assert names == ["resnet18", "resnet18-2"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["show", "resnet18", "resnet34", "--format", "svg"], "a diagram shows one network"),
        (["show", "resnet18", "--format", "png"], "name the file"),
        (["show", "damaged.safetensors"], "damaged"),
        (["show", "--format", "html"], "no network given"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    arguments: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("resvg_py")
    monkeypatch.chdir(tmp_path)
    Path("damaged.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


def test_open_writes_a_page_and_opens_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    main(["show", "resnet18", "--open", "-o", str(tmp_path / "page.html")])
    assert opened == [(tmp_path / "page.html").as_uri()]
    assert "<!doctype html>" in (tmp_path / "page.html").read_text()


def test_showing_a_network_needs_no_torch() -> None:
    script = (
        "import sys; from resnets.cli import main; main(['show', 'resnet50', '--format', 'html'])\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="at least one pixel"):
        show("resnet18", image_size=(0, 5))
