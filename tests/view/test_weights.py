"""The list of published weights: golden files, and whether they are on this machine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resnets.cli import main
from resnets.weights import download
from resnets.weights.published import PRETRAINED
from tests.hub_server import COMMIT


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of this test's own, so that nothing depends on what the machine has."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.mark.parametrize(
    ("suffix", "options"), [("txt", []), ("md", ["resnet50d", "--format", "md"]), ("json", ["resnet18", "--json"])]
)
def test_the_list_of_weights_is_its_golden_file(
    suffix: str, options: list[str], capsys: pytest.CaptureFixture[str], golden: Callable[[str, str], None]
) -> None:
    main(["list", "--weights", *options])
    golden(f"list-weights.{suffix}", capsys.readouterr().out)


def test_weights_that_are_here_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = download.checkpoints() / "resnet18-f37072fd.pth"
    snapshot = tmp_path / "hf" / "hub" / "models--timm--resnet18.a1_in1k" / "snapshots" / COMMIT
    reference = snapshot.parents[1] / "refs" / "main"
    for path, content in ((file, ""), (snapshot / "model.safetensors", ""), (reference, COMMIT)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    main(["list", "--weights", "*/resnet18.*", "--json"])
    records = json.loads(capsys.readouterr().out)
    here = {record["name"]: record["cached"] for record in records if record["cached"]}
    assert here == {
        "torchvision/resnet18.v1": str(file), "timm/resnet18.a1_in1k": str(snapshot / "model.safetensors"),
    }  # fmt: skip
    main(["list", "--weights", "resnet18.a"])
    assert [line.split()[-1] == "yes" for line in capsys.readouterr().out.splitlines() if "timm/" in line] == [
        True, False, False,
    ]  # fmt: skip
    assert len(records) == sum(row.network == "resnet18" for row in PRETRAINED.values())
