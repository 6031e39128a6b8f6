"""CIFAR-10 and CIFAR-100, python and binary, and pickles that are none."""

import os
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from resnets.data.sources import open_source
from tests.data.samples import fill, noise, refusal

BATCHES = [noise(number + 2, 3, 32, 32) for number in range(6)]  # five of train, one of test
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FINE = [f"fine_{number:02}" for number in range(100)]


def labels(count: int, classes: int) -> list[int]:
    return [(7 * number + count) % classes for number in range(count)]


Dump = Callable[[Mapping[Any, Any]], bytes]


def python_10(dump: Dump = pickle.dumps) -> dict[str, bytes]:
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files = {
        name: dump({"data": batch.reshape(len(batch), -1), "labels": labels(len(batch), 10), "batch_label": "x"})
        for name, batch in zip(names, BATCHES, strict=True)
    }
    return {**files, "batches.meta": dump({"label_names": NAMES, "num_vis": 3072})}


def python_100(dump: Dump = pickle.dumps) -> dict[str, bytes]:
    files = {
        name: dump(
            {
                "data": batch.reshape(len(batch), -1),
                "fine_labels": labels(len(batch), 100),
                "coarse_labels": labels(len(batch), 20),
            }
        )
        for name, batch in (("train", np.concatenate(BATCHES[:5])), ("test", BATCHES[5]))
    }
    return {**files, "meta": dump({"fine_label_names": FINE, "coarse_label_names": FINE[:20]})}


def binary(batch: NDArray[np.uint8], *columns: list[int]) -> bytes:
    beside = np.array(columns, dtype=np.uint8).T
    return np.concatenate([beside, batch.reshape(len(batch), -1)], axis=1).tobytes()


def binary_10() -> dict[str, bytes]:
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    files = {name: binary(batch, labels(len(batch), 10)) for name, batch in zip(names, BATCHES, strict=True)}
    return {**files, "batches.meta.txt": ("\n".join(NAMES) + "\n\n").encode()}


def binary_100() -> dict[str, bytes]:
    files = {
        f"{name}.bin": binary(batch, labels(len(batch), 20), labels(len(batch), 100))
        for name, batch in (("train", np.concatenate(BATCHES[:5])), ("test", BATCHES[5]))
    }
    return {**files, "fine_label_names.txt": ("\n".join(FINE) + "\n").encode()}


CIFARS: dict[str, Callable[[], dict[str, bytes]]] = {
    "cifar-10-batches-py": python_10,
    "cifar-10-batches-bin": binary_10,
    "cifar-100-python": python_100,
    "cifar-100-binary": binary_100,
}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def python_2(value: object) -> bytes:
    """`value` as Python 2.7's pickle wrote it, protocol 2: text as byte strings, arrays from numpy.core."""
    return b"\x80\x02" + _python_2(value) + b"."


def _python_2(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        dtype = b"cnumpy\ndtype\n" + _python_2("u1") + b"K\x00K\x01\x87R(K\x03" + _python_2("|")
        dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _python_2("b") + b"\x87R"
        shape = b"(" + b"".join(_python_2(size) for size in value.shape) + b"t"
        return empty + b"(K\x01" + shape + dtype + b"\x89" + _python_2(value.tobytes()) + b"tb"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python_2(key) + _python_2(inner) for key, inner in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_python_2, value)) + b"e"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return b"T" + struct.pack("<i", len(data)) + data


def check_cifar(source: Path, names: list[str]) -> None:
    images = open_source(source)
    assert images.classes == tuple(names)
    counts = [len(batch) for batch in BATCHES]
    assert images.splits.tolist() == [0] * sum(counts[:5]) + [2] * counts[5]
    everything = images.pixels()
    assert everything is not None
    assert everything.shape == (sum(counts), 32, 32, 3)
    np.testing.assert_array_equal(everything, np.concatenate(BATCHES).transpose(0, 2, 3, 1))
    if len(names) == 10:
        assert images.labels.tolist() == [label for count in counts for label in labels(count, 10)]
    else:
        assert images.labels.tolist() == labels(sum(counts[:5]), 100) + labels(counts[5], 100)
    assert images.image_name(sum(counts) - 1) == f"{source}, test image {counts[5] - 1}"


@pytest.mark.parametrize("kind", CIFARS)
@pytest.mark.parametrize("form", ["folder", "parent", "renamed", "archive", "flat archive"])
def test_cifar_is_read_from_its_folder_its_parent_and_its_archive(tmp_path, kind, form):
    files = {**CIFARS[kind](), "readme.html": b"<html>"}
    source = put(tmp_path / "data" / kind, files)
    if form == "parent":
        source = source.parent
    elif form == "renamed":
        source = source.rename(tmp_path / "cifar")
    elif form.endswith("archive"):
        with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
            archive.add(source, arcname="." if form == "flat archive" else kind)
        source = tmp_path / "cifar.tar.gz"
    check_cifar(source, NAMES if "10-" in kind else FINE)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_cifar_pickled_again_by_python_3_is_read(tmp_path, protocol):
    files = python_10(lambda value: pickle.dumps(value, protocol))
    check_cifar(put(tmp_path / "cifar-10-batches-py", files), NAMES)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_cifar_pickled_by_python_2_and_by_either_numpy_is_read(tmp_path, module):
    """As the published files are, which have byte-string keys and the flags of numpy.dtype as numbers."""

    def dump(value: Mapping[Any, Any]) -> bytes:
        return python_2(value).replace(b"numpy.core.multiarray", module)

    check_cifar(put(tmp_path / "cifar-10-batches-py", python_10(dump)), NAMES)
    check_cifar(put(tmp_path / "cifar-100-python", python_100(dump)), FINE)


class Malicious:
    """A pickle of this runs a shell command when Python's own unpickler reads it."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.touched}",)


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_3"])
@pytest.mark.parametrize("where", ["alone", "inside"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, name, where):
    touched = tmp_path / "touched"
    attack = Malicious(touched)
    data = pickle.dumps(attack if where == "alone" else {"data": [attack], "labels": [0], "label_names": NAMES}, 2)
    pickle.loads(data)
    assert touched.exists()  # it is a real attack
    touched.unlink()
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), name: data})
    message = refusal(folder)
    assert message.startswith(f"{folder}/{name}: refused because it uses {os.system.__module__}.system, which could")
    assert not touched.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "numpy.load", "numpy.core.multiarray.scalar"])
def test_every_other_global_is_refused_by_name(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    data = b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + b"."
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "test_batch": data})
    assert f"{folder}/test_batch: refused because it uses {name}," in refusal(folder)


def test_attributes_of_what_is_allowed_cannot_be_reached(tmp_path):
    data = pickle.dumps({}, 4)[:-2] + b"\x8c\x05numpy\x8c\x0fndarray.__new__\x93."
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "test_batch": data})
    assert "refused because it uses numpy.ndarray.__new__" in refusal(folder)


@pytest.mark.parametrize("missing", ["data_batch_4", "test_batch", "batches.meta"])
def test_a_missing_cifar_file_is_named(tmp_path, missing):
    folder = put(tmp_path / "cifar-10-batches-py", python_10())
    (folder / missing).unlink()
    assert refusal(folder) == f"{folder}/{missing}: missing; unpack CIFAR's archive again"


def test_a_missing_file_of_a_cifar_archive_is_named(tmp_path):
    folder = put(tmp_path / "cifar-10-batches-py", python_10())
    (folder / "data_batch_2").unlink()
    path = tmp_path / "cifar.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=folder.name)
    assert refusal(path) == f"{path}/cifar-10-batches-py/data_batch_2: missing; unpack CIFAR's archive again"


def batch(**changes: Any) -> bytes:
    return pickle.dumps({"data": BATCHES[0].reshape(2, -1), "labels": [0, 1], **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged (Ran out of input)"),
        (batch()[:-30], "damaged ("),
        (b"\x80\x02}(K\x01u.", "damaged ("),
        (pickle.dumps([1]), "contains a list instead of a dictionary"),
        (batch(data=[1]), "no images x 3072 bytes under 'data'"),
        (batch(data=BATCHES[0].reshape(2, -1).astype(float)), "no images x 3072 bytes under 'data'"),
        (batch(data=noise(2, 100)), "no images x 3072 bytes under 'data'"),
        (batch(labels=None), "no list of labels under 'labels'"),
        (batch(labels=[0, "1"]), "no list of labels under 'labels'"),
        (batch(labels=[0]), "2 images and 1 labels"),
        (batch(labels=[0, 10]), "labels from 0 to 10; must be 0 to 9"),
    ],
)
def test_a_damaged_cifar_pickle_is_refused_by_name(tmp_path, content, message):
    folder = put(tmp_path / "cifar-10-batches-py", {**python_10(), "data_batch_1": content})
    assert refusal(folder).startswith(f"{folder}/data_batch_1: {message}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("test_batch.bin", bytes(3074), "3,074 bytes, not a multiple of 3073"),
        ("test_batch.bin", b"", "0 images and 0 labels"),
        ("test_batch.bin", b"\x0a" + bytes(3072), "labels from 10 to 10; must be 0 to 9"),
        ("batches.meta.txt", b"\n", "it has no class names"),
    ],
)
def test_a_damaged_binary_cifar_file_is_refused_by_name(tmp_path, name, content, message):
    folder = put(tmp_path / "cifar-10-batches-bin", {**binary_10(), name: content})
    assert refusal(folder).startswith(f"{folder}/{name}: {message}")


def test_a_folder_of_several_cifars_asks_which(tmp_path):
    for kind in ("cifar-10-batches-bin", "cifar-100-binary"):
        put(tmp_path / kind, CIFARS[kind]())
    assert refusal(tmp_path).startswith(f"{tmp_path}: contains {tmp_path}/cifar-10-batches-bin and ")


def test_class_folders_named_train_and_test_are_not_taken_for_cifar_100(tmp_path):
    images = open_source(fill(tmp_path, ["train/a/1.png", "train/b/2.png", "test/a/3.png", "meta/x.png"]))
    assert images.classes == ("a", "b")
