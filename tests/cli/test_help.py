"""What `--help` says."""

import shlex

import pytest

from resnets.cli import main
from resnets.cli.app import app

GROUPS = ("recipe", "hub")
VERBS = [name for name in app if not name.startswith("-") and name not in GROUPS] + ["recipe show", "hub push"]


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_examples_that_the_command_line_takes(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    main([*verb.split(), "--help"])
    _, _, examples = capsys.readouterr().out.partition("Examples:")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert any(f"resnets {verb} " in f"{line} " for line in lines)
    for line in lines:
        command = shlex.split(line)
        app.parse_args(command[command.index("resnets") + 1 :], exit_on_error=False, print_error=False)


def test_help_shows_no_default_for_what_is_off_or_unset(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--help"])
    shown = capsys.readouterr().out
    assert "[default: auto]" in shown
    assert "False" not in shown
    assert "None" not in shown
