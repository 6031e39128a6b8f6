"""Pickles that would run code, reach beyond their numbers, or fill the memory: nothing runs, and each is refused."""

import io
import os
import pickle
import struct
import subprocess
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from resnets.base.errors import InputError
from resnets.weights import checkpoint
from resnets.weights.checkpoint_file import NoCheckpoint, read


class Asks:
    """An object whose pickle asks for a function to be called."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.asked = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.asked


def by_name(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls a function by its name, as nobody's `__reduce__` writes it."""
    text = argument.encode()
    return b"\x80\x04" + b"c" + f"{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(text)) + text + b"\x85R."


HARMFUL: dict[str, tuple[Callable[[str], bytes], str]] = {
    "os.system": (lambda canary: pickle.dumps(Asks(os.system, f"touch {canary}")), r"posix\.system"),
    "eval": (lambda canary: pickle.dumps(Asks(eval, f"open({canary!r}, 'w')")), r"builtins\.eval"),
    "exec": (lambda canary: pickle.dumps([Asks(exec, f"open({canary!r}, 'w')")]), r"builtins\.exec"),
    "subprocess": (lambda canary: pickle.dumps({"a": Asks(subprocess.Popen, ["touch", canary])}), r"subprocess\.Popen"),
    "open": (lambda canary: pickle.dumps(Asks(open, canary, "w")), r"io\.open|_io\.open"),
    "Python 2's names": (
        lambda canary: by_name("__builtin__", "eval", f"open({canary!r}, 'w')"), r"__builtin__\.eval",
    ),
    "a name with dots": (lambda canary: by_name("builtins", "open.__call__", canary), "builtins.open.__call__"),
    "getattr chains": (
        lambda canary: pickle.dumps(Asks(getattr, Asks(getattr, Path(canary), "touch"), "__call__")), r"getattr",
    ),
    "a result that is called": (
        lambda canary: pickle.dumps(Asks(getattr, Path(canary), "touch"))[:-1] + b")R.", r"getattr",
    ),
    "torch.hub": (lambda canary: by_name("torch.hub", "load", canary), r"torch\.hub\.load"),
    "torch.load": (lambda canary: by_name("torch", "load", canary), r"torch\.load"),
    "state that runs": (
        lambda canary: pickle.dumps(Asks(OrderedDict, state=Asks(os.system, f"touch {canary}"))), "system",
    ),
    "importing": (lambda _: by_name("importlib", "import_module", "antigravity"), r"importlib\.import_module"),
}  # fmt: skip


@pytest.mark.parametrize("wrapped", ["plain", "torch"])
@pytest.mark.parametrize(("make", "named"), HARMFUL.values(), ids=HARMFUL.keys())
def test_a_pickle_with_code_runs_nothing_and_is_refused_by_what_it_names(
    make: Callable[[str], bytes], named: str, wrapped: str, tmp_path: Path
) -> None:
    canary = tmp_path / "ran"
    data = make(str(canary))
    if wrapped == "torch":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", data)
        data = file.getvalue()
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(InputError, match=rf"w\.pth: .*({named})") as refused:
        checkpoint.load(tmp_path / "w.pth")
    assert "\n" not in str(refused.value)
    assert not canary.exists()


def test_weights_with_code_beside_them_load_without_it_and_that_is_said(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    torch.save({"w": torch.ones(3), "hook": Asks(os.system, f"touch {canary}")}, tmp_path / "w.pth")
    found = read(tmp_path / "w.pth")
    assert torch.equal(found.content["w"], torch.ones(3))
    assert found.notes == ("the file names posix.system, which is no part of weights; nothing in it was run",)
    assert not canary.exists()


def tensor(*arguments: Any, numbers: int = 4) -> bytes:
    """A torch archive with one tensor of four numbers, rebuilt as asked."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", numbers) if obj == "numbers" else None

    written = io.BytesIO()
    asked = Asks(torch._utils._rebuild_tensor_v2, "numbers", *arguments, False, OrderedDict())  # pyright: ignore[reportAttributeAccessIssue] # as files name it
    Pickler(written, protocol=2).dump({"layer1.0.conv1.weight": asked})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", written.getvalue())
        archive.writestr("archive/data/0", bytes(16))
    return file.getvalue()


BEYOND: dict[str, tuple[bytes, str]] = {
    "offset": (tensor(4, (1,), (1,)), "more than there are"),
    "offset below": (tensor(-1, (1,), (1,)), "the offset of a tensor as -1"),
    "shape": (tensor(0, (5,), (1,)), "more than there are"),
    "strides": (tensor(0, (2, 2), (3, 1)), "more than there are"),
    "stride below": (tensor(3, (4,), (-1,)), "a stride of a tensor as -1"),
    "axes": (tensor(0, (2, 2), (1,)), "2 axes with 1 strides"),
    "many axes": (tensor(0, (1,) * 99, (1,) * 99), "99 axes"),
    "a length of text": (tensor(0, ("4",), (1,)), "a length of a tensor as '4'"),
    "storage": (tensor(0, (5,), (1,), numbers=5), "names 20 bytes of numbers, and has 16"),
    "endless": (tensor(0, (1 << 20,) * 3, (0, 0, 0)), "more than any memory holds"),
    "a huge number": (tensor(0, (1 << 80,), (0,)), "a length of a tensor as"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), BEYOND.values(), ids=BEYOND.keys())
def test_a_tensor_beyond_its_numbers_is_refused(data: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(NoCheckpoint, match=says):
        read(tmp_path / "w.pth")


def doubled(item: bytes, combine: bytes, times: int) -> bytes:
    """An object that holds the one before it twice, over and over."""
    steps = b"".join(
        b"r" + struct.pack("<I", number) + b"j" + struct.pack("<I", number) + combine for number in range(times)
    )
    return item + steps


SHARED_LIST = b"](" + b"K\x01" * 200_000 + b"eq\x00"
BOMBS: dict[str, tuple[bytes, str]] = {
    "a memo far away": (b"\x80\x02]r" + struct.pack("<I", 2**31 - 1) + b".", "more memory than its own objects"),
    "a memo in letters": (b"\x80\x02]p9999999999\n.", "more memory than its own objects"),
    "bytes that are not there": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.", "damaged, or no checkpoint"),
    "an array that is not there": (b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x.", "damaged, or no checkpoint"),
    "a frame that is not there": (b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N.", "damaged, or no checkpoint"),
    "tuples deep in a key": (b"\x80\x02}" + b")" + b"\x85" * 300_000 + b"Ns.", "keys of more than"),
    "tuples twice in a key": (b"\x80\x02}" + doubled(b")", b"\x86", 64) + b"Ns.", "keys of more than"),
    "lists deep": (b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "nests more than"),
    "tuples deep": (b"\x80\x02)" + b"\x85" * 300_000 + b".", "nests more than"),
    "one list in many dictionaries": (
        b"\x80\x02" + SHARED_LIST + b"0](" + b"ccollections\nOrderedDict\nh\x00\x85R" * 2000 + b"e.",
        "far more than its own size",
    ),
    "one list in many calls": (
        b"\x80\x02(" + b"K\x01" * 200_000 + b"tq\x000](" + b"ca\nb\nh\x00R" * 200 + b"e.", "far more than its own size",
    ),
    "more names than any": (
        b"\x80\x02(" + b"".join(f"ca\nb{number}\n".encode() for number in range(5000)) + b"l.", "names more than 4,096",
    ),
    "arguments by name": (b"\x80\x04ca\nb\n)}\x92.", "by name and value"),
    "an end too early": (b"\x80\x02}", "damaged, or no checkpoint"),
    "an unknown instruction": (b"\x80\x02\xff.", "damaged, or no checkpoint"),
    "buffers that are elsewhere": (b"\x80\x05\x97.", "damaged, or no checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), BOMBS.values(), ids=BOMBS.keys())
def test_a_pickle_that_would_fill_the_memory_or_the_stack_is_refused(data: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(NoCheckpoint, match=says):
        read(tmp_path / "w.pth")


def test_an_object_that_holds_itself_is_read(tmp_path: Path) -> None:
    found: dict[str, Any] = {"w": torch.ones(2)}
    found["self"] = [found]
    torch.save(found, tmp_path / "w.pth")
    assert read(tmp_path / "w.pth").content["self"][0]["w"].tolist() == [1, 1]
