"""What a table is written as follows from the ending of -o; another ending is refused, and the known are named."""

import json
import shlex
from pathlib import Path

import pytest

from resnets.cli import main
from tests import pictures
from tests.export import samples


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    samples.classifier().save("c.safetensors")
    pictures.folder(tmp_path / "photos", count=2)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    ["predict c.safetensors photos", "evaluate c.safetensors photos", "compare c.safetensors c.safetensors photos",
     "show resnet18"],
)  # fmt: skip
def test_an_unknown_ending_is_refused_and_the_known_are_named(
    command: str, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(shlex.split(f"{command} -o x.xlsx"))
    said = capsys.readouterr().err
    assert "x.xlsx: " in said
    assert ".txt" in said
    assert ".json" in said
    assert not (there / "x.xlsx").exists()
    main(shlex.split(f"{command} -o x.json"))
    assert json.loads((there / "x.json").read_text())
    main(shlex.split(f"{command} -o x.txt"))
    assert not (there / "x.txt").read_text().startswith(("{", "["))


def test_an_images_error_does_not_repeat_its_path(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (there / "bad.png").write_text("no image")
    for form in ("", "--csv", "--json"):
        with pytest.raises(SystemExit, match="1"):
            main(shlex.split(f"predict c.safetensors bad.png gone.png {form}"))
        out = capsys.readouterr().out
        assert (out.count("bad.png"), out.count("gone.png")) == (1, 1)


def test_a_class_map_needs_no_line_for_a_name_that_both_have(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(shlex.split("evaluate c.safetensors photos --json --no-intervals"))
    expected = json.loads(capsys.readouterr().out)["top1"]
    (there / "photos" / "red").rename(there / "photos" / "rot")
    Path("map.csv").write_text("rot,red\n")
    main(shlex.split("evaluate c.safetensors photos --class-map map.csv --json --no-intervals"))
    assert json.loads(capsys.readouterr().out)["top1"] == expected
