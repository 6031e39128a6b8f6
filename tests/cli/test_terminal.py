"""What progress looks like on a terminal."""

import re

import pytest

from resnets.base.progress import Progress
from resnets.cli.terminal import watched

FIGURES = {"epoch": "12/100", "validation": "91.2%", "loss": "0.123", "accuracy": "96.1%", "lr": "0.1", "images/s": "9"}


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The last line that a terminal of this width is given for a moment of training."""
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", str(width)), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    with watched() as watch:
        watch(Progress("training", 12_001, 117_300, FIGURES))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    return [line for line in re.split(r"[\r\n]+", plain) if "training" in line][-1]


def test_80_columns_keep_step_validation_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = shown(80, monkeypatch, capsys)
    assert len(line.rstrip()) <= 80
    for said in ("training ", "12001/117300", "epoch 12/100", "validation 91.2%", "-:--:-- left"):
        assert said in line
    assert "…" not in line


def test_a_wide_terminal_shows_every_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = shown(160, monkeypatch, capsys)
    assert all(f"{name} {value}" in line for name, value in FIGURES.items())
