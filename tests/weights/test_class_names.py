"""Class names are read from the files that go round, and equal ones are told apart by their outputs' numbers."""

import json
from pathlib import Path

import pytest

from resnets.base.errors import InputError
from resnets.weights.class_names import read_class_names

NAMES = ("tench", "crane (1)", "great white shark", "crane (3)")
PLAIN = ["tench", "crane", "great white shark", "crane"]
IDS = ["n01440764", "n02012849", "n01484850", "n03126707"]

FILES: dict[str, str] = {
    "a name a line": "\n".join(PLAIN),
    "number, name": "\n".join(f"{number}, {name}" for number, name in enumerate(PLAIN)),
    "number: name, in another order": "\n".join(f"{number}: {PLAIN[number]}" for number in (2, 0, 3, 1)),
    "number name, from 1": "\n".join(f"{number} {name}" for number, name in enumerate(PLAIN, 1)),
    "WordNet ids": "\n".join(f"{wnid} {name}, Some other name" for wnid, name in zip(IDS, PLAIN, strict=True)),
    "JSON list": json.dumps(PLAIN),
    "JSON names by number": json.dumps(dict(enumerate(PLAIN))),
    "imagenet_class_index.json": json.dumps(
        {str(n): [wnid, name] for n, (wnid, name) in enumerate(zip(IDS, PLAIN, strict=True))}
    ),
    "as Python writes it": str(dict(enumerate(PLAIN))).replace(", ", ",\n "),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_every_kind_of_label_file_gives_the_same_names(text: str, tmp_path: Path) -> None:
    (tmp_path / "names").write_text(text)
    names, notes = read_class_names(tmp_path / "names")
    assert names == NAMES
    assert notes[-1] == "class names: 'crane' stood there more than once, and got the numbers of their outputs"


def test_names_that_only_look_numbered_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("3 doors\n5 doors\ntench, Tinca tinca\n")
    assert read_class_names(tmp_path / "names") == (("3 doors", "5 doors", "tench, Tinca tinca"), ())


def test_numbers_by_name_are_turned_round(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('{"dog": 1, "cat": 0}')
    assert read_class_names(tmp_path / "names.json")[0] == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty; it must hold"),
        ("[]", "empty; it must hold"),
        ('["cat", ""]', "empty; it must hold"),
        ('{"0": "cat", "2": "dog"}', "its numbers are not 0 to 1"),
        ('{"a": "cat"}', "no class names by number"),
        ('["cat", 3]', "3 is no name"),
        ("crane\ncrane\ncrane (0)\n", r"'crane \(0\)' stands there twice"),
    ],
)
def test_what_gives_no_name_for_each_output_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "names").write_text(text)
    with pytest.raises(InputError, match=f"names: .*{says}"):
        read_class_names(tmp_path / "names")
