"""Pipes, devices, kernel files and absurd sizes cost neither time nor memory: regular files only, and bounded."""

import bz2
import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from resnets.base.errors import InputError
from resnets.data import decoding
from resnets.data.checkup import survey
from resnets.data.sources import open_source
from tests.data.samples import deep, fill, refusal


def fifo(path: Path) -> None:
    os.mkfifo(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 2**30)


def to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target) if Path(target).exists() else pytest.skip(f"{target} is not there")


def to_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


SPECIAL = {
    "a link to a pipe": (to_fifo, "a pipe, not a regular file"),
    "a link to an endless device": (to("/dev/zero"), "a device, not a regular file"),
    "a link to a kernel file": (to("/proc/kmsg"), "empty|Operation not permitted|Permission denied"),
    "a link to the kernel's memory": (to("/proc/kcore"), "MiB; an image file may have|not permitted|denied"),
    "a sparse file of 50 GB": (sparse, "51,200 MiB; an image file may have 512 MiB"),
}


@pytest.mark.parametrize("special", SPECIAL)
def test_what_is_no_regular_file_or_too_large_is_a_bad_image(special: str, tmp_path: Path) -> None:
    make, why = SPECIAL[special]
    fill(tmp_path / "set", ["a/1.png", "b/2.png"])
    make(tmp_path / "set" / "b" / "3.png")
    ((_, said),) = survey(open_source(tmp_path / "set")).bad
    assert f"{tmp_path}/set/b/3.png" in said
    with pytest.raises(InputError, match=rf"3\.png: .*({why})"):
        decoding.decode_file(tmp_path / "set" / "b" / "3.png", channels=3)


def test_a_pipe_without_a_suffix_is_not_looked_into(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png", "b/2.png"])
    fifo(tmp_path / "b" / "pipe")
    (tmp_path / "b" / "link").symlink_to(tmp_path / "b" / "pipe")
    assert len(open_source(tmp_path)) == 2


def test_folders_1200_deep_are_read(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png", "b/2.png"])
    with deep(tmp_path / "b", 1200):
        assert len(open_source(tmp_path)) == 3


def lying(path: Path, method: int, *, size: int, declared: int) -> Path:
    """A zip whose member b/2.png declares another size than it has."""
    stream = bz2.BZ2Compressor() if method == zipfile.ZIP_BZIP2 else zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join([*(stream.compress(bytes(2**20)) for _ in range(size >> 20)), stream.flush()])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", b"?")
        archive.writestr("b/2.png", packed)
    data = bytearray(path.read_bytes())
    local, central = data.index(b"b/2.png") - 30, data.rindex(b"b/2.png") - 46
    for at in (local + 8, central + 10):
        data[at : at + 2] = struct.pack("<H", method)
    for at in (local + 22, central + 24):
        data[at : at + 4] = struct.pack("<L", declared)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_member_that_lies_about_its_size_is_unpacked_no_further_than_it_says(method: int, tmp_path: Path) -> None:
    images = open_source(lying(tmp_path / "a.zip", method, size=48 << 20, declared=1000))
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match=r"more than the 1,000 bytes that it declares.*b/2\.png"):
            images.read(1)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_member_that_is_a_bomb_by_its_own_account_is_not_unpacked(tmp_path: Path) -> None:
    images = open_source(lying(tmp_path / "a.zip", zipfile.ZIP_DEFLATED, size=2 << 20, declared=400 << 20))
    with pytest.raises(OSError, match=r"declare to be 400 MiB when unpacked.*b/2\.png"):
        images.read(1)


def tar(path: Path, *infos: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(max(0, info.size))))
    return path


def named(name: str, size: int = 4) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def test_a_tar_name_200000_folders_deep_is_refused_by_its_length(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", named("a/1.png"), named("b/" * 200_000 + "2.png"))
    assert refusal(path).startswith(f"{path}: a member's name has 400,005 characters, 'b/b/b/")


def test_a_tar_that_declares_a_header_of_gigabytes_is_damaged(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", named("a/1.png"))
    long_name = named("././@LongLink", 2**34)
    long_name.type = tarfile.GNUTYPE_LONGNAME
    data = path.read_bytes()[:1024] + long_name.tobuf(tarfile.GNU_FORMAT) + bytes(10240)
    path.write_bytes(data)
    assert "a header of 17,179,869,184 bytes" in refusal(path)


def test_a_negative_size_in_a_tar_is_damage(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar", named("a/1.png"), named("b/2.png")).read_bytes()
    header = named("b/2.png", -100).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "a.tar").write_bytes(whole[:1024] + header + whole[1536:])
    assert "damaged" in refusal(tmp_path / "a.tar")


def test_an_npz_bomb_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, train_images=np.zeros((4, 8, 8), np.uint8), train_labels=np.arange(4))
    data = bytearray(path.read_bytes())
    central = data.rindex(b"train_images.npy") - 46
    data[central + 24 : central + 28] = struct.pack("<L", 2**32 - 2)
    path.write_bytes(data)
    assert f"{path}: its arrays expand to 4 GiB, over 100 times its own size" in refusal(path)


def test_an_npz_array_larger_than_the_memory_names_its_file(tmp_path: Path) -> None:
    path, buffer = tmp_path / "huge.npz", io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (2**46, 8, 8)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train_images.npy", buffer.getvalue())
    assert str(path) in refusal(path)


def cifar(folder: Path) -> Path:
    """CIFAR-10 in its binary version, whose second batch is for the caller to make."""
    folder = folder / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))
    for name in ("data_batch_1.bin", *(f"data_batch_{number}.bin" for number in (3, 4, 5)), "test_batch.bin"):
        (folder / name).write_bytes(bytes(3073))
    return folder


@pytest.mark.parametrize("special", [fifo, to_fifo, to("/dev/zero"), to("/proc/kcore"), sparse])
def test_a_batch_of_cifar_that_is_no_regular_file_or_absurd_is_refused(
    special: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = cifar(tmp_path)
    special(folder / "data_batch_2.bin")
    assert f"{folder}/data_batch_2.bin" in refusal(folder)


@pytest.mark.parametrize("special", [fifo, to_fifo, to("/dev/zero"), to("/proc/kcore"), sparse])
@pytest.mark.parametrize("name", ["list.csv", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "a.npz"])
def test_a_list_or_array_file_that_is_no_regular_file_or_absurd_is_refused(
    name: str, special: Callable[[Path], None], tmp_path: Path
) -> None:
    idx(tmp_path / "train-images-idx3-ubyte", 1, b"").unlink()  # its labels stay
    special(tmp_path / name)
    assert str(tmp_path / name) in refusal(tmp_path / name)


def test_a_table_of_one_endless_line_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "list.csv").open("wb") as file:
        file.truncate(300 << 20)
    tracemalloc.start()
    try:
        assert "list.csv: a line has more than 1,048,576 characters" in refusal(tmp_path / "list.csv")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def idx(path: Path, count: int, content: bytes) -> Path:
    header = struct.pack(">4B3I", 0, 0, 8, 3, count, 1024, 1024)
    path.write_bytes(gzip.compress(header + content) if path.suffix == ".gz" else header + content)
    (path.parent / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(count))
    return path


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_an_idx_file_that_announces_far_more_than_it_holds_is_not_unpacked(name: str, tmp_path: Path) -> None:
    path = idx(tmp_path / name, 4096, bytes(1 << 20))
    assert f"{path}: its header announces 4,294,967,296 bytes in a file of" in refusal(path)


def test_arrays_larger_than_the_memory_there_is_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resnets.base.memory.usable_memory", lambda: 1 << 20)
    np.savez(tmp_path / "a.npz", train_images=np.zeros((2, 1024, 1024), np.uint8), train_labels=np.arange(2))
    for path in (tmp_path / "a.npz", idx(tmp_path / "train-images-idx3-ubyte", 2, bytes(2 << 20))):
        assert f"{path}: its arrays need 2 MiB of memory, and there are 1 MiB" in refusal(path)


def test_predict_says_of_a_special_file_what_it_is(tmp_path: Path) -> None:
    from tests.classifier.test_file import untrained

    fifo(tmp_path / "x.png")
    (prediction,) = untrained().predictions([tmp_path / "x.png"])
    assert prediction.error is not None
    assert "a pipe, not a regular file" in prediction.error
