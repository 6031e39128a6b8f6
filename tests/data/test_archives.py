"""zip and tar archives: the same images as the folder they were made from, whatever their names try."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from resnets.base.errors import RunFailed
from resnets.data import unpacking
from resnets.data.sources import open_source
from tests.data.samples import decoded, fill, png, refusal, rows

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".gz": gzip.compress,
    ".tgz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}
KINDS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
NAMES = ("train/cat/1.png", "train/cat/deep/2.png", "train/dog/3.png", "val/dog/4.png", "val/dog/.DS_Store", "list.txt")


def pack(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive of `members`, of the kind that its suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(COMPRESS[path.suffix](plain.getvalue()))
    return path


def pngs(*names: str) -> dict[str, bytes]:
    return {name: png(name) for name in names}


@pytest.mark.parametrize("root", ["", "pets/", "./", "./pets/v1/"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_read_as_the_folder_it_holds(tmp_path, kind, root):
    folder = open_source(fill(tmp_path / "pets", NAMES))
    images = open_source(pack(tmp_path / f"pets{kind}", {root + name: png(name) for name in NAMES}))
    assert images.classes == folder.classes == ("cat", "dog")
    assert rows(images) == rows(folder)
    assert [images.read(index) for index in range(4)] == [folder.read(index) for index in range(4)]
    np.testing.assert_array_equal(decoded(images, 1), decoded(folder, 1))
    top = f"{tmp_path}/pets{kind}"
    left_out = f"{top}/{root.removeprefix('./')}list.txt"
    assert images.notes == (f"1 file that is not an image was left out, such as {left_out}",)
    assert images.image_name(1) == f"{top}/{root.removeprefix('./')}train/cat/deep/2.png"
    assert images.fingerprint == folder.fingerprint


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_zip_method_of_python_is_read(tmp_path, method):
    images = open_source(pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"), method))
    assert images.read(1) == png("dog/2.png")


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz"])
def test_threads_that_read_at_once_get_the_bytes_of_their_own_image(tmp_path, kind):
    names = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(50)]
    images = open_source(pack(tmp_path / f"a{kind}", pngs(*names)))
    expected = [images.read(index) for index in range(100)]
    assert sorted(expected) == sorted(map(png, names))
    order = np.random.default_rng(0).integers(0, 100, 4000).tolist()
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(images.read, order)) == [expected[index] for index in order]


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.xz"])
def test_hostile_names_are_only_names_and_nothing_is_written(tmp_path, kind):
    members = pngs("/etc/pets/cat/1.png", "/etc/pets/dog/2.png", "etc/pets/dog/../../../../../../evil.png")
    (tmp_path / "in").mkdir()
    before = sorted(tmp_path.parent.rglob("*"))
    images = open_source(pack(tmp_path / "in" / f"a{kind}", members))
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "dog", "")]
    assert images.read(1) == png("/etc/pets/dog/2.png")
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, tmp_path / "in" / f"a{kind}"])


def test_links_and_devices_in_a_tar_are_left_out_with_a_note(tmp_path):
    path = pack(tmp_path / "a.tar", pngs("cat/1.png", "dog/2.png"))
    with tarfile.open(path, "a") as archive:
        for name, kind in (("cat/0.png", tarfile.SYMTYPE), ("dog/9.png", tarfile.LNKTYPE), ("dog/p", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    images = open_source(path)
    assert [name for name, _, _ in rows(images)] == ["1.png", "2.png"]
    assert images.notes == (f"3 links or devices were left out, such as {path}/cat/0.png",)


def add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.LNKTYPE, target
    archive.addfile(info)


@pytest.mark.parametrize("kind", [".tar", ".tar.gz"])
def test_a_hard_link_in_a_tar_is_its_targets_bytes(tmp_path, kind):
    """As GNU tar writes the second name of a file, and the third: by the first one's path."""
    path = pack(tmp_path / "plain.tar", pngs("./pets/cat/1.png", "./pets/dog/2.png"))
    with tarfile.open(path, "a") as archive:
        add_link(archive, "./pets/dog/3.png", "./pets/cat/1.png")
        info = tarfile.TarInfo("./pets/dog/4.png")
        info.size = len(png("4"))
        archive.addfile(info, io.BytesIO(png("4")))
        add_link(archive, "./pets/cat/5.png", "./pets/dog/3.png")
        add_link(archive, "./pets/cat/6.png", "./pets/dog/4.png")
    packed = tmp_path / f"a{kind}"
    packed.write_bytes(COMPRESS[packed.suffix](path.read_bytes()))
    images = open_source(packed)
    assert [name for name, _, _ in rows(images)] == ["1.png", "5.png", "6.png", "2.png", "3.png", "4.png"]
    assert [images.read(place) for place in (1, 2, 4)] == [png("./pets/cat/1.png"), png("4"), png("./pets/cat/1.png")]
    assert images.notes == ()


def test_members_in_two_of_unicodes_forms_are_one_class_and_one_file(tmp_path):
    composed, decomposed = (unicodedata.normalize("NFC", "größe/ü"), unicodedata.normalize("NFD", "größe/ü"))
    names = [f"{composed}1.png", f"{decomposed}1.png", f"{decomposed}2.png"]
    images = open_source(pack(tmp_path / "a.zip", pngs(*names, "dog/2.png")))
    assert images.classes == ("dog", unicodedata.normalize("NFC", "größe"))
    assert images.class_counts().tolist() == [1, 2]


def test_links_in_a_zip_are_left_out_with_a_note(tmp_path):
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("dog/3.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    images = open_source(path)
    assert [name for name, _, _ in rows(images)] == ["1.png", "2.png"]
    assert images.notes == (f"1 link or device was left out, such as {path}/dog/3.png",)


def test_images_in_an_archives_hidden_folders_are_told_of_as_a_folders_are(tmp_path):
    names = ["cat/1.png", "dog/2.png", "cat/.ipynb_checkpoints/1.png", ".cache/deep/1.png", "__MACOSX/cat/._1.png"]
    path = pack(tmp_path / "a.zip", pngs(*names))
    assert open_source(path).notes == (
        f"1 image in hidden folders was left out, such as {path}/cat/.ipynb_checkpoints",
    )
    folder = fill(tmp_path / "a", names)
    assert open_source(folder).notes == (
        f"1 image in hidden folders was left out, such as {folder}/cat/.ipynb_checkpoints",
    )


@pytest.mark.parametrize("kind", [".zip", ".tar"])
def test_an_empty_class_folder_of_an_archive_is_a_class_without_images(tmp_path, kind):
    path = pack(tmp_path / f"a{kind}", pngs("cat/1.png", "dog/2.png"))
    if kind == ".zip":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("eel/", b"")
    else:
        with tarfile.open(path, "a") as archive:
            folder = tarfile.TarInfo("./eel")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
    images = open_source(path)
    assert dict(zip(images.classes, images.class_counts().tolist(), strict=True)) == {"cat": 1, "dog": 1, "eel": 0}


def test_the_later_of_two_members_of_one_name_counts_as_when_unpacking(tmp_path):
    path = pack(tmp_path / "a.tar", pngs("cat/1.png", "dog/2.png"))
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("cat/1.png")
        info.size = len(png("new"))
        archive.addfile(info, io.BytesIO(png("new")))
    images = open_source(path)
    assert len(images) == 2
    assert images.read(0) == png("new")


def test_names_written_with_backslashes_are_paths(tmp_path):
    images = open_source(pack(tmp_path / "a.zip", {"cat\\1.png": png("1"), "dog\\2.png": png("2")}))
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "dog", "")]


def test_long_and_foreign_names_are_read_from_a_tar(tmp_path):
    long = f"dog/{'é' * 90}/{'x' * 150}.png"
    images = open_source(pack(tmp_path / "a.tar", pngs("cat/1.png", long)))
    assert images.image_name(1) == f"{tmp_path}/a.tar/{long}"
    assert images.read(1) == png(long)


def test_a_zip_that_follows_other_bytes_is_read(tmp_path):
    """As self-extracting archives are: the offsets in it count from its own beginning."""
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"))
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert open_source(path).read(1) == png("dog/2.png")


def test_an_encrypted_zip_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the first member's flags in the central directory
    path.write_bytes(data)
    assert refusal(path) == (
        f"{path}: cat/1.png is encrypted; unpack the archive with its password and give the folder"
    )


def test_a_zip_method_that_python_lacks_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 9)
    path.write_bytes(data)
    assert refusal(path).startswith(f"{path}: cat/1.png is packed with method 9; stored, deflate")


def test_a_zip_bomb_is_refused_by_the_size_it_declares(tmp_path):
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 600 * 2**20)
    path.write_bytes(data)
    assert refusal(path) == f"{path}/cat/1.png: 600 MiB when unpacked; a file of an archive may have 512 MiB"


def test_a_tar_bomb_is_refused_by_the_size_it_declares(tmp_path):
    info = tarfile.TarInfo("cat/1.png")
    info.size = 600 * 2**20
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(info.tobuf())
        file.truncate(info.size + 2048)  # a hole: it takes no room
    assert refusal(path) == f"{path}/cat/1.png: 600 MiB when unpacked; a file of an archive may have 512 MiB"


def test_a_compressed_tar_that_expands_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "UNPACKED_FREELY", 2**20)
    path = pack(tmp_path / "a.tar.gz", {"cat/1.png": bytes(2**23), "dog/2.png": png("2")})
    assert f"{path}: expands to more than" in refusal(path)


def test_a_member_that_unpacks_to_more_than_it_declares_is_cut_off_and_cannot_be_read(tmp_path):
    path = pack(tmp_path / "a.zip", {"cat/1.png": bytes(2**20), "dog/2.png": png("2")})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(data)
    with pytest.raises(OSError, match="damaged in the archive"):
        open_source(path).read(0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_archive_is_refused_by_name(tmp_path, kind):
    for content in (b"", b"<html>not found</html>" * 100):
        path = tmp_path / f"a{kind}"
        path.write_bytes(content)
        assert refusal(path).startswith(f"{path}: not a {'zip' if kind == '.zip' else 'tar'} archive, or damaged (")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.8])
def test_an_archive_that_is_cut_short_is_refused_by_name(tmp_path, kind, kept):
    names = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(40)]
    path = pack(tmp_path / f"a{kind}", pngs(*names))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(round(size * kept) // 512 * 512 + 100)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert "damaged" in message


def test_a_tar_with_a_damaged_header_is_refused_not_read_in_part(tmp_path):
    path = pack(tmp_path / "a.tar", pngs("cat/1.png", "dog/2.png", "dog/3.png"))
    data = bytearray(path.read_bytes())
    data[data.index(b"dog/3.png")] ^= 1
    path.write_bytes(data)
    assert "is damaged" in refusal(path)


def test_a_tar_whose_sizes_lead_back_is_refused_and_not_read_for_ever(tmp_path):
    first, second = tarfile.TarInfo("cat/1.txt"), tarfile.TarInfo("cat/2.txt")
    second.size = -2 * tarfile.BLOCKSIZE
    path = tmp_path / "a.tar"
    path.write_bytes(first.tobuf() + second.tobuf(tarfile.GNU_FORMAT) + bytes(2 * tarfile.BLOCKSIZE))
    assert "a member ends before it begins" in refusal(path)


def test_a_damaged_member_of_a_zip_cannot_be_read_and_the_others_can(tmp_path):
    path = pack(tmp_path / "a.zip", pngs("cat/1.png", "dog/2.png"), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(png("cat/1.png")) + 50] ^= 1
    path.write_bytes(data)
    images = open_source(path)
    with pytest.raises(OSError, match="damaged in the archive") as caught:
        images.read(0)
    assert caught.value.filename == f"{path}/cat/1.png"
    assert images.read(1) == png("dog/2.png")


@pytest.mark.parametrize("kind", [".zip", ".tar"])
def test_an_archive_that_is_gone_or_shrunk_when_it_is_read_raises_an_os_error(tmp_path, kind):
    path = pack(tmp_path / f"a{kind}", pngs("cat/1.png", "dog/2.png"))
    images = open_source(path)
    with path.open("r+b") as file:
        file.truncate(40)
    with pytest.raises(OSError, match="damaged in the archive"):
        images.read(0)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        images.read(0)


def test_a_compressed_tar_keeps_no_file_that_others_see(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    images = open_source(pack(tmp_path / "a.tar.gz", pngs("cat/1.png", "dog/2.png")))
    assert list((tmp_path / "temporary").iterdir()) == []
    (tmp_path / "a.tar.gz").unlink()
    assert images.read(0) == png("cat/1.png")


def test_no_room_to_unpack_a_compressed_tar_is_a_failed_run_that_names_the_place(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.tar.gz", pngs("cat/1.png", "dog/2.png"))
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full is not there")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: full.open("r+b", buffering=0))
    with pytest.raises(RunFailed, match="No space left on device"):
        open_source(path)


def test_a_compressed_tar_is_known_by_its_bytes_not_by_its_name(tmp_path):
    path = pack(tmp_path / "a.tar.xz", pngs("cat/1.png", "dog/2.png"))
    assert open_source(path.rename(tmp_path / "a.tar")).read(0) == png("cat/1.png")


def test_the_flower_photographs_are_600_and_200_of_five_classes(shared_data):
    images = open_source(shared_data / "flower-photos.zip")
    assert images.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert [len(images.part(split)) for split in ("train", "val")] == [600, 200]
    assert min(decoded(images.part("val"), 7).shape[:2]) == 160


def test_the_cifar_10_test_images_are_1000_a_class(shared_data):
    images = open_source(shared_data / "cifar10-test.zip")
    assert images.class_counts().tolist() == [1000] * 10
    assert decoded(images, 9_999).shape == (32, 32, 3)
    assert images.image_name(0).endswith("cifar10-test.zip/airplane/aeroplane_s_000002.png")
