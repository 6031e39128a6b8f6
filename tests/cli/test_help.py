"""What `--help` says."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cyclopts import App

from resnets.cli import main
from resnets.cli.app import app
from resnets.cli.help import examples


def verbs(group: App, path: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every verb with its function, those of groups such as `recipe` too."""
    for name in group:
        if not name.startswith("-"):
            found = group[name].default_command
            yield from verbs(group[name], f"{path}{name} ") if found is None else [(path + name, found)]


@pytest.mark.parametrize(("verb", "function"), list(verbs(app)))
def test_help_ends_with_examples_that_the_command_line_takes(
    verb: str, function: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.strip("`\\") for line in examples(function).splitlines() if "`" in line]
    main([*verb.split(), "--help"])
    shown = capsys.readouterr().out
    assert " ".join(shown.split()).endswith(" ".join(["Examples:", *lines]))  # however wide the terminal is
    assert any(f"resnets {verb} " in f"{line} " for line in lines)
    for line in lines:
        words = shlex.split(line)
        app.parse_args(words[words.index("resnets") + 1 :], exit_on_error=False, print_error=False)


def test_help_shows_no_default_for_what_is_off_or_unset(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--help"])
    shown = capsys.readouterr().out
    assert "[default: auto]" in " ".join(shown.replace("│", " ").split())
    assert "False" not in shown
    assert "None" not in shown
