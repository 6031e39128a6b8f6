"""A hub on the loopback, for the tests that fetch and push weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hub_server
from tests.hub_server import Hub


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that every address names, and caches of this test's own."""
    for name in ("RESNETS_OFFLINE", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with hub_server.running() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("RESNETS_TORCHVISION_MIRROR", f"{running.address}/models/")
        yield running
