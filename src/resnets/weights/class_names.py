"""Class names from files as they go round: one a line, behind numbers or WordNet ids, or as JSON.

| file | what it looks like |
|---|---|
| plain | `tench` a line, in the order of the outputs |
| numbered | `0, tench`, `0: tench` or `0 tench`, in any order |
| synsets, `LOC_synset_mapping.txt` | `n01440764 tench, Tinca tinca`: the first name is taken |
| `imagenet_class_index.json` | `{"0": ["n01440764", "tench"], ...}` |
| other JSON, or the same as Python writes it | a list, names by number, or numbers by name |
"""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.reading import read_text

_NUMBERED = re.compile(r"(\d{1,7})(?:\s*[,:;\t]\s*|\s+)(\S.*)")
_SYNSET = re.compile(r"n\d{8}[\s,:]+(\S.*)")
LONGEST_PYTHON = 1 << 20  # letters that are read as Python writes a dictionary

Names = tuple[str, ...]


def read_class_names(path: Path) -> tuple[Names, Names]:
    """The class names in a file, in the order of the outputs, and what the user should know of them.

    Names that stand there twice, such as ImageNet's two cranes, get the numbers of their outputs. Raises InputError
    when the file cannot be read or holds no names.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read as a list of class names, one a line ({why})") from error
    names, note = _structured(path, text) if text.lstrip()[:1] in ("{", "[") else _lines(text)
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise InputError(f"{path}: empty; it must hold the class names, one a line in the order of the outputs")
    return _told_apart(path, names, note)


def _told_apart(path: Path, names: list[str], note: str) -> tuple[Names, Names]:
    counts = Counter(names)
    twice = [name for name, count in counts.items() if count > 1]
    notes = [f"class names: {note}"] if note else []
    if twice:
        names = [f"{name} ({number})" if counts[name] > 1 else name for number, name in enumerate(names)]
        listed = ", ".join(repr(name) for name in twice[:3]) + (f" and {len(twice) - 3} more" if len(twice) > 3 else "")
        notes.append(f"class names: {listed} stood there more than once, and got the numbers of their outputs")
    if len(set(names)) != len(names):
        again = next(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"{path}: the class name {again!r} stands there twice; each output needs its own")
    return tuple(names), tuple(notes)


def _lines(text: str) -> tuple[list[str], str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    synsets = [_SYNSET.fullmatch(line) for line in lines]
    if lines and all(synsets):
        return [match[1].partition(",")[0] for match in synsets if match], "of each WordNet synset the first"
    numbered = [match for line in lines if (match := _NUMBERED.fullmatch(line))]
    if lines and len(numbered) == len(lines):
        by_number = {int(match[1]): match[2] for match in numbered}
        for first in (0, 1):
            if sorted(by_number) == list(range(first, first + len(lines))):
                return [by_number[number] for number in sorted(by_number)], f"by their numbers, from {first}"
    return lines, ""


def _structured(path: Path, text: str) -> tuple[list[str], str]:
    """Names out of JSON, or out of a dictionary as Python writes it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _python(text)
    if found is None:
        return _lines(text)  # names may begin with a bracket, too
    if isinstance(found, dict) and found and all(_is_number(value) for value in found.values()):
        found = {value: name for name, value in found.items()}
    if isinstance(found, list):
        found = dict(enumerate(found))
    try:
        by_number = {int(number): _name(value) for number, value in found.items()}
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: no class names by number ({error!s:.80}); give a list, or names one a line"
        ) from error
    if sorted(by_number) != list(range(len(by_number))):
        raise InputError(f"{path}: its numbers are not 0 to {len(by_number) - 1}, one for each output")
    return [by_number[number] for number in range(len(by_number))], ""


def _python(text: str) -> Any:
    try:
        found = ast.literal_eval(text.strip()) if len(text) <= LONGEST_PYTHON else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, (dict, list)) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name(value: Any) -> str:
    """A name, alone or as the last of [WordNet id, name]."""
    if isinstance(value, (list, tuple)) and value:
        value = value[-1]
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no name")
    return value
