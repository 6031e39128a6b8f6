"""The explorer page of a classifier's network, and the hashes by which a browser may run its scripts."""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from resnets import spec_values
from resnets.catalog import Row
from resnets.serve.served import Served
from resnets.spec import ResNetSpec
from resnets.view.show import show

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Explorer:
    """The page, and its scripts' hashes as a content security policy writes them."""

    content: bytes
    script_hashes: tuple[str, ...]


def page_of(served: Served) -> Explorer:
    """The page about a network."""
    return _page(served.name, spec_values.from_dict(served.header["spec"]), served.predictor.preprocessing.size)


@lru_cache(maxsize=8)  # by what the page says: by the classifier, those that a reload replaced would be kept
def _page(name: str, spec: ResNetSpec, size: int) -> Explorer:
    row = Row(name, spec, f"the classifier {name}", size)
    content = str(show(row).as_format("html")).encode()
    hashes = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in _SCRIPT.findall(content))
    return Explorer(content, tuple(f"'sha256-{one}'" for one in hashes))
