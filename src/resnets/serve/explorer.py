"""The explorer page of a classifier's network, and the hashes by which a browser may run its scripts."""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from resnets import spec_values
from resnets.catalog import Row
from resnets.serve.served import Served
from resnets.view.show import show

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Explorer:
    """The page, and its scripts' hashes as a content security policy writes them."""

    content: bytes
    script_hashes: tuple[str, ...]


@lru_cache(maxsize=8)
def page_of(served: Served) -> Explorer:
    """The page about a network."""
    spec = spec_values.from_dict(served.header["spec"])
    row = Row(served.name, spec, f"the classifier {served.name}", served.predictor.preprocessing.size)
    content = str(show(row).as_format("html")).encode()
    hashes = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in _SCRIPT.findall(content))
    return Explorer(content, tuple(f"'sha256-{one}'" for one in hashes))
