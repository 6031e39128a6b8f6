"""What docs/serving.md and the files in deploy/ say works."""

import configparser
import inspect
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnets.classifier.file import Classifier
from resnets.cli.serve import serve
from resnets.serve import server as servers
from tests.serve.conftest import Running, Start, jpeg

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text()


@pytest.fixture
def digits(start: Start, classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A server of a classifier with the page's name, and the page's files around."""
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "other.png"):
        (tmp_path / name).write_bytes(jpeg(0, kind="png"))
    return start(replace(classifier).save(tmp_path / "digits.safetensors"))  # the shared one keeps its path


def test_every_curl_line_is_answered(digits: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not there")
    (block,) = re.findall(r"^```console\n(curl .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        words = shlex.split(line.replace("http://127.0.0.1:8000", digits.address))
        done = subprocess.run([*words, "--silent", "--fail"], capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, line
        assert done.stdout, line


@pytest.mark.parametrize("place", [0, 1])
def test_every_python_block_runs(place: int, digits: Running, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    block = blocks[place].replace("127.0.0.1:8000", f"127.0.0.1:{digits.port}")
    names: dict[str, Any] = {}
    exec(compile(block, "docs/serving.md", "exec"), names)
    assert capsys.readouterr().out
    getattr(names["client"], "close", lambda: None)()  # Triton's keeps its connections


def test_the_container_file_copies_what_is_there_and_runs_without_rights() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
    assert "--constraint constraints.txt" in text
    assert re.search(r"^USER (?!root|0)", text, re.MULTILINE)
    assert "--read-only" in text


def test_the_units_command_is_one_of_ours() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] # names keep their capitals
    unit.read(ROOT / "deploy" / "resnets-serve.service")
    command = shlex.split(unit["Service"]["ExecStart"])
    assert command[1] == "serve"
    known = {f"--{name.replace('_', '-')}" for name in inspect.signature(serve).parameters}
    assert {word for word in command if word.startswith("--")} <= known
    assert unit["Service"]["ProtectSystem"] == "strict"


def test_the_table_of_limits_has_the_defaults() -> None:
    limits = servers.Settings().limits
    for words in (
        f"{limits.body >> 20} MiB | `--max-body`", f"{limits.bodies >> 20} MiB", f"{limits.pixels // 10**6} million",
        f"{limits.images} | `--max-images`", f"{limits.queue} | `--queue`", f"{limits.seconds:g} s | `--timeout`",
        f"{limits.head_seconds:g} s, {limits.body_seconds:g} s", f"{limits.head >> 10} KiB", f"{limits.connections:,}",
    ):  # fmt: skip
        assert words in PAGE, words
