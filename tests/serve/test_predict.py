"""Images in, answers out: what a server says is what `predict` says."""

import concurrent.futures
import lzma
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resnets
from resnets.classifier.file import Classifier
from resnets.serve import served
from resnets.serve.client import Client
from tests.serve.conftest import Running, Start, form, jpeg


def same(row: dict[str, Any], expected: Any) -> None:
    """A server's row is the prediction, to what float32 sums in another order can differ."""
    assert row["error"] == expected.error
    assert row["sure"] == expected.sure
    assert [one["class"] for one in row["answers"]] == [one.label for one in expected.answers]
    found, wanted = ([one["probability"] for one in row["answers"]], [one.probability for one in expected.answers])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff"])
def test_an_images_bytes_are_answered_as_predict_answers(
    kind: str, running: Running, classifier: Classifier, tmp_path: Path
) -> None:
    data = jpeg(1, kind=kind)
    (tmp_path / f"a.{kind}").write_bytes(data)
    # Whatever the type says, the content decides; curl sends files as forms.
    answer = running.ask("POST", "/v1/predict?top=3", data, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200
    assert answer.json["classifier"] == "colours"
    (row,) = answer.json["predictions"]
    same(row, classifier.predict(tmp_path / f"a.{kind}", top=3))


def test_several_images_come_as_a_form_and_one_that_is_damaged_says_so(
    running: Running, classifier: Classifier, tmp_path: Path
) -> None:
    images = {"a.jpg": jpeg(0), "b.png": jpeg(1, kind="png"), "c.jpg": jpeg(2)[:400], "d.jpg": jpeg(2)}
    answer = running.ask("POST", "/v1/predict?top=1&probabilities=true", *form(images))
    rows = answer.json["predictions"]
    assert [row["image"] for row in rows] == list(images)
    assert [row["error"] is None for row in rows] == [True, True, False, True]
    assert rows[2]["code"] == "damaged"
    for name, row in zip(images, rows, strict=True):
        (tmp_path / name).write_bytes(images[name])
        if row["error"] is None:
            same(row, classifier.predict(tmp_path / name, top=1))
            assert sum(row["probabilities"]) == pytest.approx(1)
            assert row["probabilities"][classifier.classes.index(row["answers"][0]["class"])] == max(
                row["probabilities"]
            )


def test_an_unsure_answer_is_marked(start: Start, classifier: Classifier, tmp_path: Path) -> None:
    wary = resnets.load(classifier.path or "")
    wary.abstain_below = 0.999
    running = start(wary.save(tmp_path / "wary.safetensors"))
    (row,) = running.ask("POST", "/v1/predict", jpeg(0)).json["predictions"]
    assert row["sure"] is False
    assert row["answers"][0]["class"] == "blue"


def test_a_map_is_the_output_position_by_position(running: Running, classifier: Classifier, tmp_path: Path) -> None:
    (row,) = running.ask("POST", "/v1/predict?map_class=red&seen=true", jpeg(1)).json["predictions"]
    assert row["map"]["class"] == "red"
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    pixels = classifier.preprocessing.pixels(classifier.preprocessing.decoded_file(tmp_path / "a.jpg"))
    place = classifier.classes.index("red")
    logit = classifier.outputs(pixels[None])[0, place] - float(classifier.network.fc.bias[place].detach())
    assert np.mean(row["map"]["values"]) == pytest.approx(logit, abs=1e-4)
    assert row["seen"].startswith("data:image/png;base64,")
    assert running.ask("POST", "/v1/predict?map_class=mauve", jpeg(1)).json["code"] == "no_such_class"


def test_an_exported_file_answers_and_gives_no_maps(start: Start, onnx_file: Path, classifier: Classifier) -> None:
    running = start(onnx_file)
    card = running.ask("GET", "/v1/classifiers").json["classifiers"][0]
    assert card["runtime"] == "ONNX Runtime"
    assert card["maps"] is False
    (row,) = running.ask("POST", "/v1/predict?top=3", jpeg(2)).json["predictions"]
    expected = classifier.predict(classifier.preprocessing.decoded(jpeg(2), name="a"), top=3)
    same(row, expected)
    assert running.ask("POST", "/v1/predict?map=true", jpeg(2)).json["code"] == "no_maps"


def test_an_export_beside_its_classifier_computes_and_another_ones_does_not(
    classifier: Classifier, onnx_file: Path, tmp_path: Path
) -> None:
    source = classifier.path
    assert source is not None
    (tmp_path / "a.safetensors").write_bytes(source.read_bytes())
    (tmp_path / "a.onnx").write_bytes(onnx_file.read_bytes())
    assert served.open_served("a", tmp_path / "a.safetensors", threads=1).runtime == "ONNX Runtime"
    other = resnets.load(source)
    other.temperature = 3.0
    other.save(tmp_path / "a.safetensors")
    assert served.open_served("a", tmp_path / "a.safetensors", threads=1).runtime == "torch"


def test_a_graph_is_made_where_none_is_and_computes(
    classifier: Classifier, unchecked: None, made_graph: Any, caplog: Any
) -> None:
    assert classifier.path is not None
    graphs = made_graph(classifier, 2)
    assert graphs is not None, caplog.text
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    for graph in graphs:
        np.testing.assert_allclose(
            graph.outputs(pixels), np.log(classifier_probabilities(classifier, pixels)), atol=1e-4
        )


def classifier_probabilities(classifier: Classifier, pixels: Any) -> Any:
    from resnets.evaluation import calibration

    return calibration.probabilities(classifier.outputs(pixels), classifier.temperature)


def test_two_classifiers_answer_side_by_side(start: Start, served_path: Path, onnx_file: Path) -> None:
    running = start(served_path, Path(f"exported={onnx_file}"))
    names = [card["name"] for card in running.ask("GET", "/v1/classifiers").json["classifiers"]]
    assert names == ["colours", "exported"]
    for name in names:
        assert running.ask("POST", f"/v1/predict?classifier={name}", jpeg(0)).json["classifier"] == name
    assert running.ask("POST", "/v1/predict?classifier=../etc", jpeg(0)).status == 404


def test_two_files_of_one_name_are_refused(served_path: Path) -> None:
    with pytest.raises(resnets.InputError, match="already the name"):
        served.named_paths([str(served_path), str(served_path)])
    with pytest.raises(resnets.InputError, match="letters, digits"):
        served.named_paths([f"a b={served_path}"])


def test_the_python_client_gives_predictions(running: Running, classifier: Classifier, tmp_path: Path) -> None:
    paths = [tmp_path / f"{label}.jpg" for label in range(3)]
    for label, path in enumerate(paths):
        path.write_bytes(jpeg(label))
    client = Client(running.address)
    assert client.ready()
    assert [card["name"] for card in client.classifiers()] == ["colours"]
    one = client.predict(paths[0])
    assert isinstance(one, resnets.Prediction)
    assert (one.image, one.label) == (str(paths[0]), "blue")
    many = client.predict([*paths, b"nothing"])
    assert isinstance(many, list)
    assert [row.error is None for row in many] == [True, True, True, False]
    assert [row.label for row in many[:3]] == [row.label for row in classifier.predict(paths)]
    with pytest.raises(resnets.InputError, match="not an image"):
        client.predict(b"nothing")
    with pytest.raises(resnets.RunFailed, match="can't be reached"):
        Client("http://127.0.0.1:9").predict(paths[0])


def test_many_clients_at_once_get_their_own_answers_and_share_batches(running: Running, classifier: Classifier) -> None:
    images = [jpeg(place % 3, place) for place in range(60)]
    expected = [classifier.predict(classifier.preprocessing.decoded(one, name="a"), top=3) for one in images]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda one: running.ask("POST", "/v1/predict?top=3", one), images))
    for answer, wanted in zip(answers, expected, strict=True):
        same(answer.json["predictions"][0], wanted)


@pytest.mark.slow
def test_200_real_photographs_get_predicts_answers(  # noqa: PLR0917 - fixtures
    shared_data: Path, tmp_path: Path, start: Start, unchecked: None, made_graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "_made", made_graph)
    packed = (shared_data / "imagenet-resnet18.safetensors.xz").read_bytes()
    (tmp_path / "r18.safetensors").write_bytes(lzma.decompress(packed))
    classifier, _ = resnets.convert(tmp_path / "r18.safetensors", "resnet18")
    running = start(classifier.save(tmp_path / "imagenet.safetensors"))
    client = Client(running.address)
    assert client.classifiers()[0]["runtime"] == "ONNX Runtime"
    with zipfile.ZipFile(shared_data / "imagenette-val-200.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        for name in names:
            data = archive.read(name)
            expected = classifier.predict(classifier.preprocessing.decoded(data, name=name))
            found = client.predict(data)
            assert isinstance(found, resnets.Prediction)
            assert [one.label for one in found.answers][:1] == [one.label for one in expected.answers][:1]
            np.testing.assert_allclose(
                [one.probability for one in found.answers], [one.probability for one in expected.answers], atol=1e-5
            )
    assert len(names) == 200
