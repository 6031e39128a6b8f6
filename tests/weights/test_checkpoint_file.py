"""A file is known by its content: every format of weights is read, and anything else is named for what it is."""

import argparse
import collections
import dataclasses
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from resnets.base.errors import InputError
from resnets.weights.checkpoint_file import NoCheckpoint, read


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    base = torch.randn(4, 6)
    return {
        "plain": base,
        "view": base.t()[1:4, ::2],
        "half": torch.randn(3).half(),
        "brain": torch.randn(3).bfloat16(),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 3),
    }


def as_zip(path: Path) -> None:
    torch.save(tensors(), path)


def as_zip_without_checksums(path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(tensors(), path)
    finally:
        torch.serialization.set_crc32_options(True)


def as_before_1_6(path: Path) -> None:
    torch.save(tensors(), path, _use_new_zipfile_serialization=False)


def as_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(tensors()))


def as_safetensors(path: Path) -> None:
    path.write_bytes(safetensors.torch.save({name: one.contiguous().clone() for name, one in tensors().items()}))


def as_xz(path: Path) -> None:
    as_zip(path)
    path.write_bytes(lzma.compress(path.read_bytes()))


def as_gz(path: Path) -> None:
    as_safetensors(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def as_parameters(path: Path) -> None:
    torch.save({name: nn.Parameter(one, requires_grad=False) for name, one in tensors().items()}, path)


def as_tar(path: Path) -> None:
    """As torch 0.1 wrote them, by hand: its writer is gone."""
    base = tensors()["plain"]

    class Reference:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return {"plain": 5, "view": 6}.get(getattr(obj, "name", ""))

    named = {name: Reference() for name in ("plain", "view")}
    for name, one in named.items():
        one.name = name  # pyright: ignore[reportAttributeAccessIssue] # whatever has a name
    written = io.BytesIO()
    Pickler(written, protocol=2).dump(named)
    storage = pickle.dumps(1) + pickle.dumps((3, "cpu", torch.FloatStorage), 2) + struct.pack("<q", base.numel())
    storage += base.numpy().tobytes() + pickle.dumps([])
    both = pickle.dumps(2)
    for key, one in ((5, base), (6, base.t()[1:4, ::2])):
        both += pickle.dumps((key, 3, torch.FloatTensor), 2) + struct.pack("<ii", one.ndim, 0)
        both += struct.pack("<2q", *one.shape) + struct.pack("<2q", *one.stride())
        both += struct.pack("<q", one.storage_offset())
    with tarfile.open(path, "w") as archive:
        for name, data in (("storages", storage), ("tensors", both), ("pickle", written.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


FORMATS = (
    as_zip, as_zip_without_checksums, as_before_1_6, as_pickle, as_safetensors, as_xz, as_gz, as_parameters, as_tar,
)  # fmt: skip


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "weights"])
@pytest.mark.parametrize("write", FORMATS)
def test_every_format_is_read_whatever_the_file_is_called(
    write: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    found = read(tmp_path / name).content
    assert set(found) == (set(tensors()) if write is not as_tar else {"plain", "view"})
    for key, value in found.items():
        assert value.dtype == tensors()[key].dtype
        assert torch.equal(value, tensors()[key]), key


@dataclasses.dataclass
class Settings:
    lr: float = 0.1


def test_what_training_scripts_save_beside_weights_is_read(tmp_path: Path) -> None:
    beside: dict[str, Any] = {
        "args": argparse.Namespace(lr=0.1, out=tmp_path),
        "scalar": np.float64(2.5),
        "array": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "strings": np.array(["a", None], dtype=object),
        "counts": collections.defaultdict(list, a=[1]),
        "ordered": collections.OrderedDict(a=1),
        "space": types.SimpleNamespace(lr=0.1),
        "settings": Settings(),
        "bytes": b"\xff\0",
        "complex": 1j,
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "set": {1, 2},
        "function": sorted,
    }
    for new in (True, False):
        torch.save({"w": torch.ones(2), **beside}, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
        found = read(tmp_path / "w.pth").content
        assert torch.equal(found["w"], torch.ones(2))
        assert (found["scalar"], found["bytes"], found["ordered"]["a"], found["counts"]["a"]) == (
            2.5, b"\xff\0", 1, [1],
        )  # fmt: skip
        assert torch.equal(found["array"], torch.arange(6, dtype=torch.float64).view(2, 3))
        assert found["args"].state["lr"] == found["space"].state["lr"] == found["settings"].state["lr"] == 0.1
        assert found["settings"].home.endswith("Settings")


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def numpy_array(*, archive: bool) -> bytes:
    file = io.BytesIO()
    if archive:
        np.savez(file, a=np.ones(3), b=np.ones(2))
    else:
        np.save(file, np.ones(3))
    return file.getvalue()


NO_CHECKPOINTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is an empty file"),
    "a web page": (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page, not a checkpoint; the download failed"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer.*pull"),
    "a gzip of text": (gzip.compress(b"hello, world"), "is text"),
    "images": (zipped("cats/1.jpg", "cats/2.jpg", "dogs/1.png"), "is a zip archive of images.*resnets.train"),
    "another zip": (zipped("word/document.xml"), r"is a zip archive \(word/document.xml\)"),
    "Keras' HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "refused, since it is damaged, or no HDF5 file of Keras"),
    "Keras' zip": (zipped("config.json", "model.weights.h5"), "refused, since it is damaged, or no HDF5 file of Keras"),
    "ONNX": (b"\x08\x08\x12\x07pytorch\x1a\x062.13.0" + bytes(99), "is an ONNX file"),
    "an array": (numpy_array(archive=False), "is a NumPy array"),
    "arrays": (numpy_array(archive=True), "is a NumPy archive"),
    "JSON": (b'{"model": "resnet50"}', "is JSON text"),
    "text": (b"epoch 1, loss 0.7\n", "is text"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "is a PNG image"),
    "a tar of photos": (b"photos/" + bytes(250) + b"ustar\x0000" + bytes(1000), "damaged|is a tar archive"),
    "noise": (bytes(range(200, 256)) * 9, "damaged, or not a"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(("content", "says"), NO_CHECKPOINTS.values(), ids=NO_CHECKPOINTS.keys())
def test_what_is_no_checkpoint_is_called_what_it_is_in_one_line(
    content: bytes, says: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoCheckpoint, match=f"{name}: .*({says})") as refused:
        read(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize("write", [as_zip, as_before_1_6, as_pickle, as_safetensors, as_gz, as_tar])
def test_a_file_that_is_cut_anywhere_is_damaged_and_nothing_worse(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / "w.pth")
    data = (tmp_path / "w.pth").read_bytes()
    for part in (0.1, 0.2) if write is as_tar else (0.1, 0.5, 0.9, 0.97):  # the end of a tar is padding
        (tmp_path / "w.pth").write_bytes(data[: int(part * len(data))])
        with pytest.raises(InputError, match=r"w\.pth"):
            read(tmp_path / "w.pth")


def test_numbers_that_are_not_what_was_written_are_damage(tmp_path: Path) -> None:
    as_zip(tmp_path / "w.pth")
    data = bytearray((tmp_path / "w.pth").read_bytes())
    where = bytes(data).find(tensors()["plain"].numpy().tobytes())
    data[where + 5] ^= 1
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(NoCheckpoint, match=r"damaged: .*data/0 is not what was written"):
        read(tmp_path / "w.pth")
