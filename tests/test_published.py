"""Published weights score, through convert and evaluate as a user runs them, exactly what they must."""

import json
from pathlib import Path

import pytest

from resnets.cli import main

WORDNET = {
    "n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497,
    "n03394916": 566, "n03417042": 569, "n03425413": 571, "n03445777": 574, "n03888257": 701,
}  # fmt: skip
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def scores(arguments: list[str], out: Path) -> dict:
    main(["evaluate", *arguments, "--json", "-o", str(out)])
    return json.loads(out.read_text())


@pytest.mark.parametrize(
    ("checkpoint", "network", "right"),
    [("resnet20-12fca82f.th", "cifar_resnet20", 9173), ("resnet32-d509ac18.th", "cifar_resnet32", 9263)],
)
def test_akamasters_networks_score_what_they_must_on_cifar_10(
    checkpoint: str, network: str, right: int, shared_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(CIFAR))
    classifier = str(tmp_path / "c.safetensors")
    main(
        [
            "convert",
            str(shared_data / checkpoint),
            network,
            "--classes",
            str(tmp_path / "classes.txt"),
            "-o",
            classifier,
        ]
    )
    found = scores([classifier, str(shared_data / "cifar10-test.zip")], tmp_path / "scores.json")
    assert (found["count"], found["top1"]["right"]) == (10_000, right)


def test_imagenet_resnet18_scores_what_it_must(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps(WORDNET))
    classifier = str(tmp_path / "c.safetensors")
    main(["convert", str(shared_data / "imagenet-resnet18.safetensors.xz"), "resnet18", "-o", classifier])
    data = str(shared_data / "imagenette-val-200.zip")
    found = scores([classifier, data, "--class-map", str(tmp_path / "map.json")], tmp_path / "scores.json")
    assert (found["count"], found["top1"]["right"], found["top5"]["right"]) == (200, 143, 177)
