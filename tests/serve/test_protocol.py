"""The open inference protocol, asked by Triton's own client."""

import json
from typing import Any

import numpy as np
import pytest

from resnets.classifier.file import Classifier
from resnets.evaluation import calibration
from tests import pictures
from tests.serve.conftest import Running

tritonclient = pytest.importorskip("tritonclient.http")

Numbers = Any


@pytest.fixture
def client(running: Running) -> Any:
    found = tritonclient.InferenceServerClient(f"127.0.0.1:{running.port}")
    yield found
    found.close()


@pytest.fixture(scope="module")
def pixels(classifier: Classifier) -> Numbers:
    """Three images as the network sees them."""
    return np.stack([classifier.preprocessing.pixels(pictures.picture(label, 5, (30, 26))) for label in range(3)])


@pytest.fixture(scope="module")
def expected(classifier: Classifier, pixels: Numbers) -> Numbers:
    return calibration.probabilities(classifier.outputs(pixels), classifier.temperature)


def test_the_client_reads_metadata_and_readiness(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("colours")
    assert client.is_model_ready("colours", "1")
    assert not client.is_model_ready("mauve")
    assert client.get_server_metadata()["name"] == "resnets"
    found = client.get_model_metadata("colours")
    assert found["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 20, 20, 3]}]
    assert found["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}]
    assert client.get_model_repository_index() == [{"name": "colours", "version": "1", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("sent_binary", [True, False])
@pytest.mark.parametrize("back_binary", [True, False])
def test_the_client_infers_by_json_and_by_binary_tensors(
    sent_binary: bool, back_binary: bool, client: Any, pixels: Numbers, expected: Numbers
) -> None:
    given = tritonclient.InferInput("images", list(pixels.shape), "UINT8")
    given.set_data_from_numpy(pixels, binary_data=sent_binary)
    wanted = tritonclient.InferRequestedOutput("probabilities", binary_data=back_binary)
    answer = client.infer("colours", [given], outputs=[wanted], request_id="seven")
    np.testing.assert_allclose(answer.as_numpy("probabilities"), expected, atol=1e-5)
    assert answer.get_response()["id"] == "seven"
    assert answer.get_response()["model_name"] == "colours"


def test_the_client_infers_without_naming_outputs(client: Any, pixels: Numbers, expected: Numbers) -> None:
    given = tritonclient.InferInput("images", list(pixels.shape), "UINT8")
    given.set_data_from_numpy(pixels)
    np.testing.assert_allclose(client.infer("colours", [given]).as_numpy("probabilities"), expected, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_the_client_gets_a_classification(binary: bool, client: Any, pixels: Numbers, expected: Numbers) -> None:
    given = tritonclient.InferInput("images", list(pixels.shape), "UINT8")
    given.set_data_from_numpy(pixels)
    wanted = tritonclient.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)
    rows = client.infer("colours", [given], outputs=[wanted]).as_numpy("probabilities")
    assert rows.shape == (3, 2)
    for row, probabilities in zip(rows, expected, strict=True):
        said = row[0].decode() if isinstance(row[0], bytes) else row[0]
        probability, place, name = said.split(":")
        assert int(place) == probabilities.argmax()
        assert name == pictures.CLASSES[int(place)]
        assert float(probability) == pytest.approx(probabilities.max(), abs=1e-5)


def test_the_client_is_told_what_is_wrong(client: Any) -> None:
    given = tritonclient.InferInput("images", [1, 4, 4, 3], "UINT8")
    given.set_data_from_numpy(np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(tritonclient.InferenceServerException, match=r"shape must be \[N, 20, 20, 3\]"):
        client.infer("colours", [given])
    with pytest.raises(tritonclient.InferenceServerException, match="no such classifier"):
        client.get_model_metadata("mauve")


def tensor(**changes: Any) -> dict[str, Any]:
    """A good request of one black image, with changes."""
    return {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 20, 20, 3], "data": [0] * 1200} | changes]}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"[" * 100_000, b'{"inputs": 1}', b'{"inputs": []}', b'{"inputs": [1]}', b"\xff\xfe",
        tensor(name="x"), tensor(datatype="FP32"), tensor(shape=[1, 20, 20]), tensor(shape=[0, 20, 20, 3]),
        tensor(shape=[True, 20, 20, 3]), tensor(shape="x"), tensor(data=[0] * 1199), tensor(data=[256] * 1200),
        tensor(data=[-1] * 1200), tensor(data=[0.5] * 1200), tensor(data="x"), tensor(data=None), tensor(data=[[0], 1]),
        tensor(data=[10**30] * 1200), tensor(parameters={"binary_data_size": 5}), tensor(shape=[2**62, 20, 20, 3]),
        tensor() | {"outputs": [{"name": "other"}]}, tensor() | {"outputs": 3}, tensor() | {"id": 5},
        tensor() | {"outputs": [{"name": "probabilities", "parameters": {"classification": -1}}]},
    ],
    ids=range(28),
)  # fmt: skip
def test_a_malformed_request_is_refused(body: Any, running: Running) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = running.ask("POST", "/v2/models/colours/infer", data)
    assert answer.status in (400, 413)
    assert answer.json["code"] in ("bad_tensor", "too_many_images")


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "1e3", "9" * 40, ""])
def test_a_wrong_header_length_is_refused(length: str, running: Running) -> None:
    data = json.dumps(tensor()).encode()
    answer = running.ask("POST", "/v2/models/colours/infer", data, {"Inference-Header-Content-Length": length})
    assert answer.status == 400


def test_a_version_that_is_not_there_is_not_found(running: Running) -> None:
    assert running.ask("GET", "/v2/models/colours/versions/1").status == 200
    assert running.ask("GET", "/v2/models/colours/versions/2").status == 404
