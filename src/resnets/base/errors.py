"""What can go wrong, by whose hand: the input, or the run."""

from collections.abc import Iterable

from resnets.base.wording import worded


class InputError(ValueError):
    """Something the user gave cannot work. The message is one line: the file, the value, and what would work."""

    def __str__(self) -> str:
        return worded(super().__str__())


class RunFailed(RuntimeError):  # noqa: N818 - a run that failed is the state, not a kind of error
    """The input was fine and the run still could not finish (no disk space, a loss that is not a number)."""

    def __str__(self) -> str:
        return worded(super().__str__())


class Interrupted(BaseException):
    """A signal asked the run to stop; what it had done is saved.

    It is no Exception, so that whoever reads a file does not take a signal for damage.
    `signal` is the signal's number, so that a command line can exit with 128 + `signal`.
    """

    def __init__(self, message: str, *, signal: int) -> None:
        super().__init__(message)
        self.signal = signal

    def __str__(self) -> str:
        return worded(super().__str__())


def nearest(word: str, known: Iterable[str]) -> str:
    """A half-sentence that helps with a misspelt `word`: the nearest known ones, or all of them."""
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(word, names, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names)}"
