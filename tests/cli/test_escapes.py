"""Nothing that a file or a server says reaches the terminal as a command to it, and no terminal is too narrow."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import resnets
from resnets.base.progress import Progress
from resnets.classifier.file import Classifier
from resnets.cli import app, main
from resnets.cli.terminal import as_json, watched
from resnets.data.preprocessing import Preprocessing
from tests import pictures, processes

ESCAPE, TITLE, REVERSED = "\x1b[31m", "\x1b]0;owned\x07", "\u202e"
HOSTILE = f"red{ESCAPE}{TITLE}{REVERSED}\x9b2J"
COMMANDS = ("\x1b", "\x07", "\x9b", "\u202e")


def assert_harmless(text: str) -> None:
    assert not [command for command in COMMANDS if command in text], repr(text)


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = resnets.resnet("cifar_resnet20", num_classes=2)
    classes = (f"{HOSTILE} 1", f"{HOSTILE} 2")
    return Classifier(network=network, classes=classes, preprocessing=Preprocessing(size=20, resize=20)).save(
        tmp_path / "c.safetensors"
    )


@pytest.mark.parametrize("options", [[], ["--csv"], ["--json"]])
def test_class_and_file_names_are_printed_without_commands_to_the_terminal(
    options: list[str], classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pictures.save(tmp_path / f"a{HOSTILE}.png", pictures.picture(1, 0))
    main(["predict", str(classifier), str(path), *options])
    out = capsys.readouterr().out
    assert_harmless(out)
    assert "owned" in out
    if options == ["--json"]:
        assert json.loads(out)[0]["answers"][0]["class"].startswith(HOSTILE)


def test_a_file_has_the_names_as_they_are(classifier: Path, tmp_path: Path) -> None:
    path = pictures.save(tmp_path / "a.png", pictures.picture(1, 0))
    main(["predict", str(classifier), str(path), "-o", str(tmp_path / "rows.csv")])
    assert f"{HOSTILE} " in (tmp_path / "rows.csv").read_bytes().decode()


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_errors_are_printed_without_commands_to_the_terminal(
    debug: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["convert", f"gone{HOSTILE}.pth", "resnet18", *debug])
    err = capsys.readouterr().err
    assert_harmless(err)
    assert r"gone{}.pth".format(r"red\x1b[31m\x1b]0;owned\x07\u202e\x9b2J") in err


@pytest.mark.parametrize("terminal", [True, False])
def test_logs_and_progress_are_printed_without_commands_to_the_terminal(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resnets.cli.terminal.LINE_EVERY", 0.0)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "200")
    with watched() as watch:
        logging.getLogger("resnets.data").warning("class %s", HOSTILE)
        for done in range(3):
            watch(Progress(f"reading {HOSTILE}", done, 3, {f"loss{TITLE}": REVERSED}))
    err = capsys.readouterr().err
    assert "owned" in err
    assert not [text for text in (TITLE, REVERSED, "\x07", "\x9b") if text in err]


def test_json_stays_json_of_the_same_values() -> None:
    document = {"name": HOSTILE, "line": "a\nb\tc", "delete": "\x7f"}
    assert_harmless(as_json(document))
    assert json.loads(as_json(document)) == document


@pytest.mark.parametrize("columns", ["0", "1", "2"])
def test_help_fits_the_narrowest_terminal(columns: str) -> None:
    asked = [sys.executable, "-m", "resnets", "convert", "--help"]  # a process: help keeps the width that it first had
    shown = subprocess.run(asked, env={**os.environ, "COLUMNS": columns}, capture_output=True, text=True, check=True)
    assert "Usage" in shown.stdout


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1920000384000192 bytes."),
    ],
)
def test_too_little_memory_is_one_line_and_no_fault_of_ours(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit) as left:
        main(["list"])
    err = capsys.readouterr().err
    assert left.value.code == 1
    assert err.count("\n") == 1
    assert "memory" in err
    assert "bug in resnets" not in err


def test_a_list_without_line_ends_is_refused_before_it_fills_the_memory(classifier: Path, tmp_path: Path) -> None:
    zeros = tmp_path / "zeros"
    with zeros.open("wb") as file:
        file.truncate(1 << 36)
    code, err = processes.Command(["predict", str(classifier), "-"], tmp_path, stdin=zeros).ended()
    assert code == 2
    assert "standard input: a line has 65,536 characters or more" in err
