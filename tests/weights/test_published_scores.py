"""Published weights score, through convert and evaluate as a user runs them, exactly what they must."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.evaluation import metrics
from resnets.evaluation.metrics import Evaluation
from resnets.evaluation.recalibration import recalibrate
from tests import peers

WORDNET = {
    "n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497,
    "n03394916": 566, "n03417042": 569, "n03425413": 571, "n03445777": 574, "n03888257": 701,
}  # fmt: skip
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def scores(arguments: list[str], out: Path) -> dict:
    main(["evaluate", *arguments, "--json", "-o", str(out)])
    return json.loads(out.read_text())


def every_fifth(archive: Path, copy: Path) -> Path:
    """A zip with every fifth image of another one."""
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(copy, "w") as few:
        for name in sorted(name for name in whole.namelist() if not name.endswith("/"))[::5]:
            few.writestr(name, whole.read(name))
    return copy


def on_cifar_10(checkpoint: Path, network: str, folder: Path, *, whole: bool = True) -> tuple[dict, Evaluation]:
    """What `resnets evaluate` writes for the test images of CIFAR-10, and what it was written of."""
    images = checkpoint.with_name("cifar10-test.zip")
    images = images if whole else every_fifth(images, folder / "few.zip")
    (folder / "classes.txt").write_text("\n".join(CIFAR))
    classifier, found = str(folder / "c.safetensors"), []
    main(["convert", str(checkpoint), network, "--classes", str(folder / "classes.txt"), "-o", classifier])
    evaluate = Classifier.evaluate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classifier, "evaluate", lambda *args, **more: found.append(evaluate(*args, **more)) or found[0])
        written = scores([classifier, str(images)], folder / "scores.json")
    return written, found[0]


@pytest.fixture(
    scope="module", params=[pytest.param(True, id="all", marks=pytest.mark.slow), pytest.param(False, id="fifth")]
)
def resnet20(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict, Evaluation]:
    """What akamaster's ResNet-20 says of them; every day of every fifth."""
    folder = tmp_path_factory.mktemp("resnet20")
    return on_cifar_10(shared_data / "resnet20-12fca82f.th", "cifar_resnet20", folder, whole=request.param)


RIGHT = {10_000: 9173, 2000: 1846}  # published; and of every fifth of the same answers


def torchmetrics_errors(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Its calibration error of all classes, which it computes in float32, and of the answers alone, in double."""
    values, right = torch.from_numpy(probabilities), torch.from_numpy(probabilities.argmax(1) == labels)
    return (
        float(peers.torchmetrics().multiclass_calibration_error(values, torch.from_numpy(labels), 10, n_bins=15)),
        float(peers.torchmetrics().binary_calibration_error(values.amax(1), right.long(), n_bins=15)),
    )


def test_akamasters_resnet20_scores_what_it_must_on_cifar_10(resnet20: tuple[dict, Evaluation]) -> None:
    count, right = resnet20[0]["count"], resnet20[0]["top1"]["right"]
    assert right == RIGHT[count]


def test_a_temperature_fitted_on_half_of_cifar_10_mends_resnet20_on_the_other(
    resnet20: tuple[dict, Evaluation],
) -> None:
    logits, labels, classes = resnet20[1].logits, resnet20[1].labels, tuple(CIFAR)
    found = recalibrate(logits, labels, classes, temperature=1.0, fraction=0.5, error_rate=0.02)
    half = len(labels) // 2
    assert (found.images, found.after.count) == (half, half)
    for evaluation in (found.before, found.after):
        single, double = torchmetrics_errors(evaluation.probabilities, evaluation.labels)
        assert evaluation.ece == pytest.approx(double, abs=1e-12)  # the same sums of doubles, in another order
        assert evaluation.ece == pytest.approx(single, abs=1e-5)  # running sums of 5,000 numbers in float32
    assert found.after.top1 == found.before.top1
    measured = {5000: (0.0514, 0.0085), 1000: (0.0522, 0.0152)}[half]  # here
    assert (found.before.ece, found.after.ece) == pytest.approx(measured, abs=5e-4)
    assert found.after.loss < found.before.loss
    tempered = logits.astype(np.float64) / found.fitted.temperature
    assert metrics.evaluate(tempered, labels, classes).top1.correct == RIGHT[len(labels)]
    assert np.array_equal(tempered.argmax(1), logits.argmax(1))


@pytest.mark.slow
def test_akamasters_resnet32_scores_what_it_must_on_cifar_10(shared_data: Path, tmp_path: Path) -> None:
    found, _ = on_cifar_10(shared_data / "resnet32-d509ac18.th", "cifar_resnet32", tmp_path)
    assert (found["count"], found["top1"]["right"]) == (10_000, 9263)


@pytest.mark.parametrize(
    ("whole", "right"),
    [
        pytest.param(True, (200, 143, 177), id="all", marks=pytest.mark.slow),
        pytest.param(False, (40, 23, 35), id="fifth"),
    ],
)
def test_imagenet_resnet18_scores_what_it_must(
    whole: bool, right: tuple[int, int, int], shared_data: Path, tmp_path: Path
) -> None:
    """Images, top-1 and top-5: published; and of every fifth of the same answers."""
    (tmp_path / "map.json").write_text(json.dumps(WORDNET))
    classifier = str(tmp_path / "c.safetensors")
    main(["convert", str(shared_data / "imagenet-resnet18.safetensors.xz"), "resnet18", "-o", classifier])
    data = shared_data / "imagenette-val-200.zip"
    data = data if whole else every_fifth(data, tmp_path / "few.zip")
    found = scores([classifier, str(data), "--class-map", str(tmp_path / "map.json")], tmp_path / "scores.json")
    assert (found["count"], found["top1"]["right"], found["top5"]["right"]) == right
