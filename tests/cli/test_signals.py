"""A signal while a file is read ends the command as a signal does; the file is not called damaged."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import resnets
from resnets.cli import main
from resnets.data import cifar
from resnets.export import runtimes
from resnets.weights import torch_formats
from tests import pictures
from tests.data.test_cifar import python_10
from tests.training.samples import QUICK, train


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    photos = pictures.folder(folder / "photos", count=4)
    train(photos, folder / "run", settings={**QUICK, "epochs": 1})
    torch.save(resnets.resnet("cifar_resnet20").state_dict(), folder / "w.pth")
    (folder / "model.onnx").write_bytes(b"any")
    for name, content in python_10().items():
        cifar_10 = folder / "cifar-10-batches-py"
        cifar_10.mkdir(exist_ok=True)
        (cifar_10 / name).write_bytes(content)
    return folder


READERS: dict[str, tuple[str, Any, str]] = {
    "classifier": ("evaluate run photos", safetensors.torch, "load_file"),
    "state": ("train photos -o run --resume", torch.nn.Module, "load_state_dict"),
    "weights": ("convert w.pth cifar_resnet20 -o c.safetensors", torch_formats, "from_zip"),
    "exported": ("predict model.onnx photos", runtimes, "onnx_runtime"),
    "cifar": ("train cifar-10-batches-py -o new", cifar._PlainUnpickler, "load"),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("reader", list(READERS))
def test_a_signal_while_a_file_loads_is_no_damage(
    reader: str, number: int, world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    command, owner, name = READERS[reader]
    monkeypatch.chdir(world)
    real: Callable[..., Any] = getattr(owner, name)

    def signalled(*arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, signalled)
    with pytest.raises(SystemExit) as left:
        main(command.split())
    signal.signal(signal.SIGINT, before)
    err = capsys.readouterr().err
    assert left.value.code == 128 + number, err
    assert "damaged" not in err
