"""Only regular files are read and replaced, within bounds, whatever else a name leads to."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from resnets.base import files, reading
from resnets.base.errors import InputError

Node = Callable[[Path], object]


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes device nodes")


def link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe behind"))
    path.symlink_to("pipe behind")


NODES = pytest.mark.parametrize("node", [os.mkfifo, bound_socket, device, link_to_a_pipe])


@NODES
def test_what_is_no_regular_file_is_refused_and_not_waited_for(node: Node, tmp_path: Path) -> None:
    node(tmp_path / "node")
    with pytest.raises(InputError, match=r"node: is a (pipe|socket|device), not a file"):
        reading.read_whole(tmp_path / "node")


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="sparse: has more than 64 MiB"):
        reading.read_whole(tmp_path / "sparse")
    (tmp_path / "small").write_bytes(b"12345")
    assert reading.read_whole(tmp_path / "small", limit=5) == b"12345"
    with pytest.raises(InputError, match="more than 4 bytes"):
        reading.read_whole(tmp_path / "small", limit=4)


@NODES
def test_no_node_is_replaced_by_a_file(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "node"
    node(path)
    before = path.lstat()
    for write in (
        lambda: files.check_place(path),
        lambda: files.write_whole(path, b"new"),
        lambda: files.written_whole(path).__enter__(),
    ):
        with pytest.raises(InputError, match=r"node: is a (pipe|socket|device) and is not replaced"):
            write()
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert len(list(tmp_path.iterdir())) == 1 + path.is_symlink()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(there: bool, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    target = tmp_path / "else" / "target"
    if there:
        target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    assert files.write_whole(tmp_path / "link", "new") == tmp_path / "link"
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    with files.written_whole(tmp_path / "link", within=tmp_path) as file:
        file.write(b"newer")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "newer"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_the_file_that_standard_output_goes_to_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out.txt").open("w") as stream:
        monkeypatch.setattr("sys.__stdout__", stream)
        with pytest.raises(InputError, match="where standard output or standard error goes"):
            files.write_whole(f"/dev/fd/{stream.fileno()}", "new")


def test_what_a_killed_writer_of_a_file_left_goes_when_the_file_is_written_again(tmp_path: Path) -> None:
    (tmp_path / ".a.csv.x1.part").write_bytes(b"half")
    (tmp_path / ".model.x2.part" / "1").mkdir(parents=True)
    others = [tmp_path / name for name in (".a.csv.txt.x3.part.txt", ".b.csv.x4.part", "a.csv.part")]
    for path in others:
        path.write_bytes(b"another's")
    files.write_whole(tmp_path / "a.csv", "new")
    files.write_folder_whole(tmp_path / "model", {"1/model.onnx": b"new"})
    assert set(tmp_path.iterdir()) == {*others, tmp_path / "a.csv", tmp_path / "model"}


def test_what_a_living_writer_is_writing_is_no_leftover(tmp_path: Path) -> None:
    with files.written_whole(tmp_path / "a.csv") as file:
        file.write(b"first")
        files.write_whole(tmp_path / "a.csv", "second")
        files.remove_leftovers(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "first"}


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")

    def interrupted() -> None:
        with files.written_whole(tmp_path / "a.csv") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old"}
