"""Whatever a user gets wrong ends in one line that helps, the right exit code, and files as they were."""

import csv
import io
import json
import lzma
import os
import pickle
import shlex
import shutil
import signal
import struct
import subprocess
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

import resnets
from resnets.base.errors import InputError
from resnets.base.seal import sealed
from resnets.cli import main
from resnets.data import decoding
from tests import pictures, processes

pytestmark = pytest.mark.usefixtures("unchecked")  # wrong types are what this file is about

TINY = (
    "--epochs 1 --plan usual --set spec.depths=[1,1,1] --set spec.widths=[4,8,16] --set spec.stem.widths=[4] "
    "--set batch_size=4"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every case finds in its folder: photos/ of three classes, run/ trained on them, w.pth of cifar_resnet20."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pictures.folder(Path("photos"), count=4)
        main(shlex.split(f"train photos -o run {TINY}"))
        torch.save(resnets.resnet("cifar_resnet20").state_dict(), "w.pth")
    return folder


@pytest.fixture(autouse=True)
def _in_a_copy_of_the_world(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(world, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


Files = Mapping[str, bytes | None]  # None: a folder


def files() -> Files:
    """Everything in the current folder."""
    whole = (path for path in Path().rglob("*") if path.is_file() and path.stat().st_size < 1 << 30)
    return {str(path): None for path in Path().rglob("*")} | {str(path): path.read_bytes() for path in whole}


@dataclass(frozen=True)
class Case:
    """A command that cannot work, and what must be said of it."""

    name: str
    command: str  # as typed after `resnets`
    says: tuple[str, ...]  # in the line on standard error
    given: Callable[[], object] = field(default=lambda: None)  # makes the files that it needs besides
    code: int = 2
    leaves: tuple[str, ...] = ()  # files that may be new afterwards, each of them whole
    stdin: str = ""


def cases(*those: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", those, ids=[case.name for case in those])


Refuse = Callable[[Case], str]


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Run a case and check its exit code, its one line, and that its files are as they were; gives what it printed."""

    def check(case: Case) -> str:
        case.given()
        before = files()
        monkeypatch.setattr("sys.stdin", io.StringIO(case.stdin))
        with pytest.raises(SystemExit) as left:
            main(shlex.split(case.command))
        out, err = capsys.readouterr()
        check_error(err, case.says)
        assert left.value.code == case.code, err
        check_files(before, case.leaves)
        return out

    return check


def check_error(err: str, says: tuple[str, ...]) -> None:
    *log, last = err.splitlines()
    assert last.startswith("resnets: "), err
    assert not any(line.startswith("resnets: ") for line in log), err
    for bad in ("Traceback", "Warning", "bug in resnets"):
        assert bad not in err, err
    for words in says:
        assert words in last, f"{words!r} is not in: {last}"


def check_files(before: Files, leaves: tuple[str, ...] = ()) -> None:
    after = files()
    new = {path for path in set(after) - set(before) if after[path] is not None}
    assert new <= set(leaves)
    assert leaves or set(after) == set(before), "a new folder"
    assert {path: after.get(path) for path in before} == dict(before)


# What makes the files of a case.


def written(name: str, content: bytes | str = b"") -> Callable[[], Path]:
    def write() -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def folder(name: str) -> Callable[[], object]:
    return lambda: Path(name).mkdir(parents=True)


def npz(**arrays: Any) -> Callable[[], object]:
    return lambda: np.savez("a.npz", **arrays)


def cut(name: str, share: float = 0.5) -> Callable[[], object]:
    def cut_short() -> None:
        data = Path(name).read_bytes()
        Path(name).write_bytes(data[: int(share * len(data))])

    return cut_short


def then(*steps: Callable[[], object]) -> Callable[[], object]:
    return lambda: [step() for step in steps]


def png_header(width: int, height: int) -> bytes:
    """A PNG file that announces width x height pixels and holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def truncated_jpeg() -> None:
    path = pictures.save(Path("photos/red/cut.jpg"), pictures.picture(2, 9, (64, 64)))
    path.write_bytes(path.read_bytes()[:400])


def class_only_in_val() -> None:
    pictures.folder(Path("split/train"), count=2)
    pictures.folder(Path("split/val"), count=2)
    pictures.save(Path("split/val/yellow/1.png"), pictures.picture(0, 1))


def only_a_test_split() -> None:
    pictures.folder(Path("split/test"), count=2)


def hidden_classes_but_one() -> None:
    for name in ("red", "green"):
        Path("photos", name).rename(Path("photos", f".{name}"))
    pictures.save(Path("photos/.ipynb_checkpoints/1-checkpoint.png"), pictures.picture(0, 1))


def truncated_tar() -> None:
    with tarfile.open("a.tar.gz", "w:gz") as archive:
        archive.add("photos")
    cut("a.tar.gz")()


def encrypted_zip() -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write("photos/red/000.png")
        archive.write("photos/blue/000.png")
    data = bytearray(Path("a.zip").read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag bit of each header
        place = data.find(signature)
        while place >= 0:
            data[place + flags] |= 1
            place = data.find(signature, place + 1)
    Path("a.zip").write_bytes(data)


class Harmful:
    """Unpickled by a careless program, it makes a folder."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("harm",)


def malicious_cifar() -> None:
    names = ("batches.meta", "test_batch", *(f"data_batch_{number}" for number in range(1, 6)))
    for name in names:
        written(f"cifar-10-batches-py/{name}", pickle.dumps({"label_names": [Harmful()]}, protocol=2))()


def table(*lines: str) -> Callable[[], object]:
    return written("a.csv", "\n".join(lines))


ZEROS = np.zeros((4, 8, 8), np.uint8)


@cases(
    Case("missing-path", "train nowhere", ("nowhere: no such file or folder", "a folder with a sub-folder for each")),
    Case("no-path", "train ''", ("no data given", "a folder with a sub-folder for each class")),
    Case("empty-folder", "train empty", ("empty: no images", "make a folder for each class"), folder("empty")),
    Case("no-class-folders", "train photos/red", ("photos/red: 4 images directly in it", "make a folder for each")),
    Case(
        "truncated-jpeg", "train photos", ("photos/red/cut.jpg", "damaged or cut short", "--skip-bad"), truncated_jpeg,
    ),
    Case(
        "text-named-jpg", "train photos", ("photos/red/note.jpg: not an image", "JPEG, PNG", "--skip-bad"),
        written("photos/red/note.jpg", "buy milk"),
    ),
    Case(
        "zero-byte-image", "train photos", ("photos/red/zero.png: the file is empty", "--skip-bad"),
        written("photos/red/zero.png"),
    ),
    Case(
        "header-bomb", "train photos", ("photos/red/bomb.png", "more than 80 million pixels", "--skip-bad"),
        written("photos/red/bomb.png", png_header(60_000, 60_000)),
    ),
    Case(  # so large that Pillow only warns
        "slightly-too-large", "train photos", ("photos/red/wide.png", "more than 80 million pixels", "make it smaller"),
        written("photos/red/wide.png", png_header(9_500, 9_500)),
    ),
    Case(
        "class-without-images", "train photos", ("photos: no training images of yellow", "remove the class"),
        folder("photos/yellow"),
    ),
    Case(
        "one-class", "train photos", ("photos: only one class, blue", "at least two"),
        then(lambda: shutil.rmtree("photos/red"), lambda: shutil.rmtree("photos/green")),
    ),
    Case(
        "class-that-train-lacks", "train split",
        ("split/val/yellow", "the training split has no class", "add it there"), class_only_in_val,
    ),
    Case("only-a-test-split", "train split", ("split: no train split; it has test",), only_a_test_split),
    Case("notebook-folder-is-no-class", "train photos", ("only one class, blue",), hidden_classes_but_one),
    Case(
        "class-with-only-a-notebook-folder", "train photos", ("photos: no training images of yellow",),
        written("photos/yellow/.ipynb_checkpoints/1-checkpoint.png", png_header(1, 1)),
    ),
    Case(
        "dangling-symlink", "train photos", ("photos/red/link.jpg: cannot be read (No such file", "--skip-bad"),
        lambda: Path("photos/red/link.jpg").symlink_to("gone.jpg"),
    ),
    Case("text-file-as-data", "train notes.txt", ("notes.txt: a single file", "what works is"), written("notes.txt")),
    Case("corrupt-zip", "train a.zip", ("a.zip: not a zip archive", "make it again"), written("a.zip", b"PK\3\4 no")),
    Case("truncated-tar", "train a.tar.gz", ("a.tar.gz: damaged or cut short", "make it again"), truncated_tar),
    Case("encrypted-zip", "train a.zip", ("a.zip: photos/red/000.png is encrypted", "password"), encrypted_zip),
    Case(
        "csv-of-unknown-columns", "train a.csv", ("which column is the label", "--columns IMAGE"),
        table("photos/red/000.png,red,1", "photos/blue/000.png,blue,2"),
    ),
    Case(
        "csv-with-missing-file", "train a.csv", ("a.csv: 1 of 2 files are not there", "photos/gone.png (line 3)"),
        table("path,label", "photos/red/000.png,red", "photos/gone.png,blue"),
    ),
    Case(
        "csv-with-unknown-split", "train a.csv", ("a.csv: line 3 has split 'practice'", "must be train, training"),
        table("path,label,split", "photos/red/000.png,red,train", "photos/blue/000.png,blue,practice"),
    ),
    Case(
        "csv-in-latin-1", "train a.csv", ("a.csv: is not UTF-8", "save it as UTF-8"),
        written("a.csv", b"path,l\xe4bel"),
    ),
    Case(
        "npz-with-pickled-objects", "train a.npz", ("a.npz: not an .npz file of plain arrays",),
        npz(train_images=ZEROS, train_labels=np.array([Harmful()] * 4)),
    ),
    Case(
        "npz-with-several-labels-an-image", "train a.npz",
        ("a.npz: train_labels gives each image 14 labels", "one label"),
        npz(train_images=ZEROS, train_labels=np.zeros((4, 14), np.int64)),
    ),
    Case(
        "npz-of-floats", "train a.npz", ("a.npz: train_images holds float64", "save it as uint8"),
        npz(train_images=ZEROS / 255, train_labels=np.zeros(4, np.int64)),
    ),
    Case(  # a name for each of ten billion classes filled the memory
        "npz-with-an-absurd-label", "train a.npz", ("a.npz: 4 images are too few",),
        npz(train_images=ZEROS, train_labels=np.array([0, 1, 2, 9_999_999_999])),
    ),
    Case("cifar-that-would-run-code", "train cifar-10-batches-py", ("refused", "mkdir", "run code"), malicious_cifar),
)  # fmt: skip
def test_data_that_cannot_be_trained_on_is_refused_before_anything_is_written(case: Case, refuse: Refuse) -> None:
    refuse(case)


def pipe(name: str) -> Callable[[], object]:
    return lambda: os.mkfifo(name)


def endless(name: str) -> Callable[[], object]:
    """A sparse file that reads as 1 TiB of zeros."""

    def make() -> None:
        with Path(name).open("wb") as file:
            file.truncate(1 << 40)

    return make


@cases(
    Case("weights", "convert node.pth resnet18", ("node.pth: is a pipe, not a file",), pipe("node.pth")),
    Case("starting-weights", "train photos --weights node.pth", ("node.pth: is a pipe",), pipe("node.pth")),
    Case("classifier", "predict node photos", ("node: is a pipe, not a file",), pipe("node")),
    Case("recipe", "train photos --recipe node.toml", ("node.toml: is a pipe",), pipe("node.toml")),
    Case("endless-recipe", "train photos --recipe a.toml", ("a.toml: has more than 64 MiB",), endless("a.toml")),
    Case("spec", "train photos node.toml", ("node.toml: is a pipe",), pipe("node.toml")),
    Case("class-names", "convert w.pth cifar_resnet20 --classes node", ("node: is a pipe",), pipe("node")),
    Case("class-map", "evaluate run photos --class-map node.csv", ("node.csv: is a pipe",), pipe("node.csv")),
    Case("data", "train node.csv", ("node.csv",), pipe("node.csv")),
    Case("endless-data", "train a.csv", ("a.csv: has more than 1 GiB",), endless("a.csv")),
    Case("out", "predict run photos -o node.csv", ("node.csv: is a pipe and is not replaced",), pipe("node.csv")),
    Case("table", "predict run photos --csv -o node", ("node: is a pipe and is not replaced",), pipe("node")),
    Case("shown", "show resnet18 -o node", ("node: is a pipe and is not replaced",), pipe("node")),
    Case("converted", "convert w.pth cifar_resnet20 -o node", ("node: is a pipe and is not replaced",), pipe("node")),
)
def test_what_is_no_regular_file_is_neither_waited_for_nor_replaced(case: Case, refuse: Refuse) -> None:
    refuse(case)


SPEC = 'depths = [1, 1]\nwidths = [64, 32]\nblock = "basic"\nshortcut = "pad"'


@cases(
    Case("misspelt-network", "train photos resnet51", ("resnet51: no such network", "did you mean resnet50")),
    Case("unheard-of-network", "train photos alexnet", ("alexnet: no such network", "`resnets list`")),
    Case("depth-not-6n+2", "train photos cifar_resnet21", ("cifar_resnet21", "6n + 2, such as 20 or 26")),
    Case("spec-missing", "train photos mine.toml", ("mine.toml: no such file", "depths = [3, 4, 6, 3]")),
    Case(
        "spec-broken", "train photos mine.toml", ("mine.toml: cannot be read as TOML",),
        written("mine.toml", "depths = ["),
    ),
    Case(
        "spec-with-unknown-key", "train photos mine.toml", ("mine.toml: unknown field 'depth'", "did you mean depths"),
        written("mine.toml", "depths = [1, 1]\ndepth = 3"),
    ),
    Case(
        "spec-of-wrong-type", "train photos mine.toml", ("mine.toml: stem = 3", "must be a table"),
        written("mine.toml", "depths = [1]\nstem = 3"),
    ),
    Case(
        "spec-that-pads-where-channels-shrink", "train photos mine.toml",
        ("mine.toml", "channels shrink from 64 to 32", 'use shortcut = "projection"'), written("mine.toml", SPEC),
    ),
    Case(
        "spec-with-a-kernel-beyond-any-image", "train photos mine.toml", ("stem.kernel = 10000001", "from 1 to 255"),
        written("mine.toml", "depths = [1]\nstem = {kernel = 10000001}"),
    ),
    Case(
        "spec-with-unknown-base", "train photos mine.toml",
        ("mine.toml: base = resnet5: no such network", "did you mean"), written("mine.toml", "base = 'resnet5'"),
    ),
    Case("recipe-missing", "train photos --recipe r.toml", ("r.toml: no such file", "the recipe.toml of a run")),
    Case(
        "recipe-broken", "train photos --recipe r.toml", ("r.toml: cannot be read as TOML",),
        written("r.toml", "[recipe"),
    ),
    Case(
        "recipe-with-wrong-key", "train photos --recipe r.toml", ("r.toml: unknown setting 'epoch'", "mean epochs"),
        written("r.toml", "epoch = 3"),
    ),
    Case(
        "recipe-with-wrong-type", "train photos --recipe r.toml",
        ("r.toml: epochs = 'many'", "a whole number from 0"), written("r.toml", "epochs = 'many'"),
    ),
    Case(
        "recipe-out-of-range", "train photos --recipe r.toml", ("r.toml: momentum = 1.5", "from 0 to 1"),
        written("r.toml", "[recipe]\nmomentum = 1.5"),
    ),
    Case(
        "recipe-with-unknown-preprocessing", "train photos --recipe r.toml",
        ("r.toml, preprocessing: unknown setting 'sizes'", "did you mean size"),
        written("r.toml", "[preprocessing]\nsizes = 3"),
    ),
    Case(
        "recipe-with-a-number-for-a-network", "train photos --recipe r.toml",
        ("r.toml: network = 18", "`resnets list`"), written("r.toml", "network = 18"),
    ),
    Case("set-without-equals", "train photos --set lr", ("--set lr: must be NAME=VALUE", "--set lr=0.1")),
    Case("set-without-name", "train photos --set =3", ("--set =3: must be NAME=VALUE",)),
    Case(
        "set-unknown-name", "train photos --set momentun=0.9", ("unknown setting 'momentun'", "did you mean momentum"),
    ),
    Case("set-a-table-and-a-value", "train photos --set lr=1 --set lr.x=3", ("--set lr.x=3", "keep one of the two")),
    Case("no-epochs", "train photos --set epochs=0", ("epochs = 0", "at least 1")),
    Case("lr-of-letters", "train photos --set lr=abc", ("lr = 'abc'", "a number from 0 to 1000")),
    Case("lr-nan", "train photos --set lr=nan", ("lr = nan", "from 0 to 1000")),
    Case("lr-infinite", "train photos --set lr=inf", ("lr = inf", "from 0 to 1000")),
    Case("lr-of-400-digits", f"train photos --set lr={'9' * 400}", ("lr = 999", "from 0 to 1000")),
    Case("lr-with-a-second-line", "train photos --set 'lr=0.1\nepochs=3'", ("lr = '0.1", "from 0 to 1000")),
    Case("size-zero", "train photos --set preprocessing.size=0", ("size = 0", "from 1 to 4096")),
    Case("crop-padding-beyond-memory", "train photos --set crop_padding=5000000", ("crop_padding = 5000000", "to 512")),
    Case("fit-unknown", "train photos --set preprocessing.fit=zoom", ("fit = 'zoom'", "crop or squash or pad")),
    Case("negative-save-every", "train photos --save-every -1", ("save_every = -1", "0 or more")),
    Case("letters-for-epochs", "train photos --epochs ten", ('"ten"', "--epochs", "train --help")),
    Case("unknown-device", "train photos --device tpu", ('"tpu"', '"cpu", "cuda", "mps"')),
    Case("out-holds-a-run", "train photos -o run", ("run: already contains a run", "--resume", "another -o")),
    Case("recipe-unknown", "train photos --recipe rsb-a4", ("neither the name of a recipe", "did you mean rsb-a3")),
    Case(
        "schedule-without-milestones", "train photos --set schedule=step",
        ("milestones = ()", "milestones = [0.5, 0.75]"),
    ),
    Case(
        "classes-balanced-twice", "train photos --set class_weights=balanced --set sampler=balanced",
        ("class_weights = \"balanced\" and sampler = \"balanced\"", "keep one"),
    ),
    Case("probe-of-nothing", "train photos --recipe linear-probe", ("head = \"probe\"", "name them with --weights")),
    Case("weights-missing", "train photos resnet18 --weights gone.pth", ("gone.pth", "no such file")),
    Case("weights-unknown", "train photos --weights resnet5O", ("resnet5O: no such file, and no published weights",)),
    Case("weights-of-no-network", "train photos --weights w.pth", ("w.pth: its layers are those", "name the network")),
    Case("body-of-nothing", "train photos --body teacher", ("body = 'teacher': needs trained weights", "--weights")),
    Case("body-unknown", "train photos --weights w.pth --body teacher", ("no body called 'teacher'", "the whole file")),
    Case("teacher-missing", "train photos --set teacher=gone.safetensors", ("gone.safetensors: no such file",)),
    Case("execution-unknown", "train photos --set execution.threats=2", ("unknown setting 'threats'", "mean threads")),
    Case("one-seed", "train photos --seeds 1", ("seeds = 1: must be at least 2",)),
    Case("rates-too-few", "lr-find photos --steps 3", ("steps = 3: must be at least 20",)),
    Case("rates-to-a-folder", "lr-find photos -o photos", ("photos: is a folder; name a file in it",)),
    Case("shown-recipe-unknown", "recipe show fats", ("fats: no such recipe; did you mean fast",)),
    Case("out-is-a-file", "train photos -o w.pth", ("w.pth: is a file", "-o must name the folder")),
    Case("out-is-below-a-file", "train photos -o w.pth/new/run", ("w.pth/new/run", "w.pth is a file", "another place")),
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_before_the_images_are_looked_at(
    case: Case, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object, **__: object) -> None:
        pytest.fail("the images were looked at, which can take minutes")

    monkeypatch.setattr("resnets.training.splits.survey", look)
    refuse(case)


@cases(
    Case("no-depths", "train photos --set spec.depths=[]", ("depths = ()", "a list of whole numbers")),
    Case("nan-mean", "train photos --set preprocessing.mean=[nan,0,0]", ("mean = (nan, 0, 0)", "needs 3 numbers")),
    Case("infinite-std", "train photos --set preprocessing.std=[inf,1,1]", ("std = (inf, 1, 1)", "needs 3 numbers")),
    Case("too-few-means", "train photos --set preprocessing.mean=[0.5]", ("mean = (0.5,)", "needs 3 numbers")),
    Case("resize-below-size", "train photos --set preprocessing.resize=4", ("resize = 4", "at least size = 20")),
    Case("groups-in-basic-blocks", "train photos --set spec.groups=7", ("groups = 7", 'cannot be parted')),
    Case(
        "five-channels", "train photos --set spec.in_channels=5", ("photos/blue/000.png", "1 or 3 channels", "reads 5"),
    ),
)  # fmt: skip
def test_settings_that_cannot_work_with_these_images_leave_nothing(case: Case, refuse: Refuse) -> None:
    refuse(case)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@cases(Case("cuda", "train photos --device cuda", ("'cuda'", "not on this machine, which has cpu")))
def test_a_device_that_is_not_there_is_refused(case: Case, refuse: Refuse) -> None:
    refuse(case)


STATE, EARLIER = "run/last/state.safetensors", "run/last/previous.safetensors"


def edited(path: str, entry: str, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> None:
    """A safetensors file whose header entry and tensors `change` has altered, or replaced by the text it gives."""
    with safetensors.safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[entry])
    tensors = safetensors.torch.load_file(path)
    text = change(header, tensors)
    content = text if isinstance(text, str) else json.dumps(header)
    Path(path).write_bytes(sealed(safetensors.torch.save(tensors, {entry: content})))


def state(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Callable[[], object]:
    return lambda: edited(STATE, "resnets-run", change)


def both(newest: Callable[[], object], earlier: Callable[[], object]) -> Callable[[], object]:
    return lambda: (newest(), earlier())


RESUME = "train photos -o run --resume"
BEGIN = "begin a new one"


@cases(
    Case(
        "nothing-there", "train photos -o nowhere --resume",
        ("nowhere/last/state.safetensors: no such file", "leave out --resume"),
    ),
    Case("no-run-of-this-data", "train photos --resume", ("runs/photos*: there is no run", "-o names the folder")),
    Case("out-is-a-file", "train photos -o w.pth --resume", ("w.pth/last/state.safetensors: no such file",)),
    Case(
        "other-images", "train photos -o run --resume",
        ("photos: these are not the images that run was trained on", "9 and 3 then"),
        lambda: pictures.save(Path("photos/red/new.png"), pictures.picture(2, 77)),
    ),
    Case("other-data", "train digits -o run --resume", ("digits: these are not the images", "begin a new run")),
    Case(
        "other-network", "train photos resnet18 -o run --resume", ("run: this run trains cifar_resnet20, not",),
    ),
    Case("other-settings", "train photos -o run --resume --set lr=1", ("--resume uses the recipe", "begin a new run")),
    Case("states-of-no-bytes", RESUME, (STATE, "damaged", BEGIN), both(written(STATE), written(EARLIER))),
    Case("states-of-text", RESUME, (STATE, "damaged", BEGIN), both(written(STATE, "this is text"), cut(EARLIER))),
    Case("states-cut-short", RESUME, (STATE, "damaged", BEGIN), both(cut(STATE), cut(EARLIER))),
    Case("state-without-weights", RESUME, (STATE, "damaged", BEGIN), state(lambda _, t: t.pop("network.conv1.weight"))),
    Case(
        "state-of-misshapen-weights", RESUME, (STATE, "damaged", "size mismatch", BEGIN),
        state(lambda _, t: t.update({"network.fc.bias": torch.zeros(9)})),
    ),
    Case(
        "state-with-half-a-header", RESUME, (STATE, "damaged", "skip_bad", BEGIN),
        state(lambda h, _: h["data"].clear()),
    ),
    Case("state-with-a-list-for-a-header", RESUME, (STATE, "damaged", BEGIN), state(lambda *_: "[1]")),
    Case(
        "state-of-a-newer-format", RESUME, (STATE, "state format 99", "format 3"),
        state(lambda h, _: h.update(format=99)),
    ),
)  # fmt: skip
def test_a_run_that_cannot_be_resumed_is_left_as_it_is(case: Case, refuse: Refuse) -> None:
    refuse(case)


@cases(
    Case(
        "diverging",
        "train photos -o new --set lr=1000 --set warmup=0 --epochs 5 --set momentum=1 --set weight_decay=1",
        ("new: the loss is no longer a number in epoch 1, step", "(learning rate 1e+03)", "--set lr=250"), code=1,
        leaves=("new/recipe.toml", "new/curves.svg"),
    ),
)  # fmt: skip
def test_a_run_that_fails_says_where_and_what_to_try_and_leaves_no_classifier(case: Case, refuse: Refuse) -> None:
    refuse(case)


CLASSIFIER = "run/classifier.safetensors"
EVALUATE = "evaluate run photos -o scores.json"
WHICH = "a classifier is the classifier.safetensors of a training run"


def classifier(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Callable[[], object]:
    return lambda: edited(CLASSIFIER, "resnets", change)


def with_nan(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors["fc.weight"].fill_(float("nan"))


def class_map(**meanings: object) -> Callable[[], object]:
    return written("map.json", json.dumps(meanings))


MAPPED = "evaluate run photos --class-map map.json"


@cases(
    Case("classifier-missing", "evaluate gone.safetensors photos", ("gone.safetensors: no such file", WHICH)),
    Case("folder-without-classifier", "evaluate photos photos", ("photos/classifier.safetensors: no such file", WHICH)),
    Case("classifier-cut-short", EVALUATE, (CLASSIFIER, "damaged", WHICH), cut(CLASSIFIER)),
    Case("classifier-of-no-bytes", EVALUATE, (CLASSIFIER, "damaged", WHICH), written(CLASSIFIER)),
    Case(
        "an-image-for-a-classifier", "evaluate photos/red/000.png photos",
        ("photos/red/000.png", "damaged, or not", WHICH),
    ),
    Case(
        "weights-without-header", EVALUATE, (CLASSIFIER, "without the header of a classifier", "`resnets convert`"),
        lambda: safetensors.torch.save_file({"fc.bias": torch.zeros(3)}, CLASSIFIER),
    ),
    Case("header-is-no-json", EVALUATE, (CLASSIFIER, "damaged", WHICH), classifier(lambda *_: "{bad")),
    Case("header-is-a-list", EVALUATE, (CLASSIFIER, "damaged", WHICH), classifier(lambda *_: "[]")),
    Case(
        "newer-format", EVALUATE, (CLASSIFIER, "format 99, written by resnets 7.0", "reads formats up to 2"),
        classifier(lambda h, _: h.update(format=99, origin={"versions": {"resnets": "7.0"}})),
    ),
    Case(
        "newer-format-of-unknown-origin", EVALUATE, (CLASSIFIER, "format 99", "reads formats up to 2"),
        classifier(lambda h, _: h.update(format=99, origin=3)),
    ),
    Case(
        "header-without-classes", EVALUATE, (CLASSIFIER, "damaged", "classes"),
        classifier(lambda h, _: h.pop("classes")),
    ),
    Case(
        "classes-that-are-numbers", EVALUATE, (CLASSIFIER, "damaged", "not a list of names"),
        classifier(lambda h, _: h.update(classes=[1, 2, 3])),
    ),
    Case(
        "fewer-classes-than-outputs", EVALUATE, (CLASSIFIER, "damaged", "2 class names, but the network has 3 outputs"),
        classifier(lambda h, _: h.update(classes=["a", "b"])),
    ),
    Case(
        "weights-of-another-network", EVALUATE, (CLASSIFIER, "damaged", "depths = (3, 3, 3), 9 blocks", "for 3 blocks"),
        classifier(lambda h, _: h["spec"].update(depths=[3, 3, 3])),
    ),
    Case(
        "temperature-nan", EVALUATE, (CLASSIFIER, "temperature = nan"),
        classifier(lambda h, _: h.update(temperature=np.nan)),
    ),
    Case(
        "weights-of-nan", EVALUATE, (CLASSIFIER, "not finite numbers", "use another copy"), classifier(with_nan),
        code=1,
    ),
    Case("data-missing", "evaluate run gone", ("gone: no such file or folder", "what works is")),
    Case("data-of-other-classes", "evaluate run digits", ("only in the data: 0, 1", "blue, green, red", "class map")),
    Case("no-such-split", "evaluate run photos --split test", ("photos: no test split",)),
    Case("no-such-split-at-all", "evaluate run photos --split holdout", ('"holdout"', '"train", "val", "test"')),
    Case("empty-batches", "evaluate run photos --batch-size 0", ("--batch-size 0", "at least 1")),
    Case("map-missing", MAPPED, ("map.json: cannot be read (No such file", "a .json object or a .csv")),
    Case(
        "map-is-no-json", MAPPED, ("map.json: not a class map", "a .json object or"), written("map.json", "red = red"),
    ),
    Case("map-is-a-list", MAPPED, ("map.json: not a class map", "each class"), written("map.json", "[1]")),
    Case("map-nested-too-deep", MAPPED, ("map.json: not a class map",), written("map.json", "[" * 100_000)),
    Case(
        "map-to-an-unknown-class", MAPPED, ("'green' maps to 'gren'", "did you mean green?"),
        class_map(red="red", blue="blue", green="gren"),
    ),
    Case("map-to-output-7", MAPPED, ("'green' maps to 7", "output number, 0 to 2"), class_map(red=2, blue=0, green=7)),
    Case(
        "map-to-true", MAPPED, ("map.json: not a class map", "a class or a number"),
        class_map(red=2, blue=0, green=True),
    ),
    Case(
        "map-with-three-columns", "evaluate run photos --class-map m.csv",
        ("m.csv: not a class map", "line 2 has 3 columns"), written("m.csv", "red,red\nblue,blue,1\n"),
    ),
    Case("out-is-a-folder", "evaluate run photos -o photos", ("photos: is a folder", "name a file in it")),
    Case(
        "out-is-below-a-file", "evaluate run photos -o w.pth/s.json",
        ("w.pth/s.json", "w.pth is a file", "another place"),
    ),
    Case("unknown-augmentation", "evaluate run photos --tta flips", ('"flips"', '"none", "flip", "crops"')),
    Case("reliability-is-a-folder", "evaluate run photos --reliability photos", ("photos: is a folder",)),
    Case(
        "threshold-of-2", EVALUATE, (CLASSIFIER, "abstain_below = 2.0", "0 to 1"),
        classifier(lambda h, _: h.update(abstain_below=2)),
    ),
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


CALIBRATE = "calibrate run photos -o new.safetensors"


def splits(*names: str) -> Callable[[], object]:
    return lambda: [pictures.folder(Path("split", name), count=2) for name in names]


def renamed_class() -> None:
    def change(header: dict[str, Any], _: object) -> None:
        header.update(classes=["blue", "green", "violet"])

    shutil.copytree("run", "other")
    edited("other/classifier.safetensors", "resnets", change)


@cases(
    Case("nowhere-to-write", "calibrate run photos", ("--out", "`resnets calibrate --help`")),
    Case("out-is-a-folder", "calibrate run photos -o photos", ("photos: is a folder", "name a file in it")),
    Case("fraction-of-all", f"{CALIBRATE} --fraction 1", ("fraction 1.0", "more than 0 and less than 1")),
    Case("fraction-of-nan", f"{CALIBRATE} --fraction nan", ("fraction nan", "more than 0 and less than 1")),
    Case("fraction-of-nothing", f"{CALIBRATE} --fraction 0.01", ("fraction 0.01", "one side is empty", "more images")),
    Case("errors-in-percent", f"{CALIBRATE} --error 2", ("error rate 2.0", "less than 1, such as 0.02")),
    Case("seed-below-0", f"{CALIBRATE} --seed -1", ("--seed -1", "0 or more")),
    Case("empty-batches", f"{CALIBRATE} --batch-size 0", ("--batch-size 0", "at least 1")),
    Case(
        "no-split-to-calibrate-on", "calibrate run split -o new.safetensors",
        ("split: no val split", "calibrate on: train or test"), splits("train", "test"),
    ),
    Case("weights-of-nan", CALIBRATE, (CLASSIFIER, "not finite numbers"), classifier(with_nan), code=1),
)  # fmt: skip
def test_what_cannot_be_calibrated_is_refused(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


@cases(
    Case("second-classifier-missing", "compare run gone photos", ("gone: no such file", WHICH)),
    Case("no-data", "compare run run", ("DATA requires an argument", "`resnets compare --help`")),
    Case("other-classes", "compare run other photos", ("only one of them has red, violet",), renamed_class),
    Case("no-such-split", "compare run run photos --split test", ("photos: no test split",)),
    Case("show-less-than-none", "compare run run photos --show -1", ("--show -1", "at least 0")),
    Case("empty-batches", "compare run run photos --batch-size 0", ("--batch-size 0", "at least 1")),
    Case("out-is-a-folder", "compare run run photos -o photos", ("photos: is a folder", "name a file in it")),
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


@cases(
    *(
        Case(
            f"weights-of-nan-{to}", f"export run --to {to} --data photos -o new{suffix}",
            (CLASSIFIER, "not finite numbers", "use another copy"), classifier(with_nan), code=1,
        )
        for to, suffix in (("onnx", ".onnx"), ("int8", ".onnx"), ("torch", ".pt2"), ("triton", ""))
    ),
)  # fmt: skip
def test_what_cannot_be_exported_is_refused(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


@cases(
    Case("no-images", "predict run", ("no images given", "files, folders or patterns")),
    Case("no-classifier", "predict gone photos", ("gone: no such file", WHICH)),
    Case("folder-without-images", "predict run empty", ("empty: no images in this folder", ".jpg"), folder("empty")),
    Case("folder-called-jpg", "predict run x.jpg", ("x.jpg: no images in this folder",), folder("x.jpg")),
    Case("empty-name", "predict run ''", ("'': the name of an image is empty",)),
    Case("empty-list", "predict run -", ("the list on standard input is empty",), stdin="\n \n"),
    Case("json-and-csv", "predict run photos --json --csv", ("--json and --csv: choose one",)),
    Case("json-and-csv-file", "predict run photos --json -o a.csv", ("--json and a.csv: choose one", ".json file")),
    Case("json-and-lines", "predict run photos --json -o a.jsonl", ("--json and a.jsonl: choose one",)),
    Case("json-and-parquet", "predict run photos --json -o a.parquet", ("--json and a.parquet: choose one",)),
    Case("unknown-augmentation", "predict run photos --tta ten", ('"ten"', '"none", "flip", "crops"')),
    Case("top-0", "predict run photos --top 0", ("--top 0", "at least 1")),
    Case("batches-of-0", "predict run photos --batch-size 0", ("--batch-size 0", "at least 1")),
    Case("misspelt-option", "predict run photos --tpo 3", ("--tpo: neither an option nor a file", "predict --help")),
    Case("out-is-a-folder", "predict run photos -o run", ("run: is a folder", "name a file in it")),
    Case(
        "weights-of-nan", "predict run photos --json", (CLASSIFIER, "not finite numbers"), classifier(with_nan), code=1,
    ),
)  # fmt: skip
def test_what_cannot_be_predicted_is_refused(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


@cases(
    Case("missing", "predict run gone.jpg photos/red --json", ("1 of 5 images",), code=1),
    Case("text", "predict run t.jpg photos/red --json", ("1 of 5 images",), written("t.jpg", "text"), code=1),
    Case("zero-bytes", "predict run t.png photos/red --json", ("1 of 5 images",), written("t.png"), code=1),
    Case(
        "bomb", "predict run t.png photos/red --json", ("1 of 5",), written("t.png", png_header(60_000, 60_000)),
        code=1,
    ),
    Case("pattern-without-match", "predict run '*.tiff' photos/red --json", ("1 of 5 images",), code=1),
    Case("null-byte", "predict run - photos/red --json", ("1 of 5",), code=1, stdin="photos/a.png\0photos/b.png"),
    Case(
        "dangling-symlink", "predict run l.jpg photos/red --json", ("1 of 5 images",),
        lambda: Path("l.jpg").symlink_to("gone"), code=1,
    ),
)  # fmt: skip
def test_a_bad_image_is_a_row_with_its_error_among_the_others(case: Case, refuse: Refuse) -> None:
    first, *others = json.loads(refuse(case))
    assert first["error"]
    assert not first["answers"]
    assert [row["error"] for row in others] == [None] * 4
    assert all(row["answers"] for row in others)


CONVERT = "convert w.pth cifar_resnet20"
NAMES = "".join(f"class {number}\n" for number in range(10))


def torch_saved(value: Callable[[], object], **options: Any) -> Callable[[], object]:
    return lambda: torch.save(value(), "w.pth", **options)


def cifar_weights(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    changed = {**resnets.resnet("cifar_resnet20").state_dict(), **{k.replace("__", "."): v for k, v in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


@cases(
    Case(
        "checkpoint-missing", "convert gone.pth resnet18", ("gone.pth: no such file", ".pth, .pt, .th or .safetensors"),
    ),
    Case("weights-without-their-publisher", "convert resnet50.a1_in1k", ("no such file", "timm/resnet50.a1_in1k")),
    Case("weights-of-no-network", "convert w.pth", ("w.pth: holds no weights",), torch_saved(dict)),
    Case("checkpoint-is-a-folder", "convert photos resnet18", ("photos: cannot be read (Is a directory)", ".pth, .pt")),
    Case(
        "missing-weights", "convert w.pth cifar_resnet32",
        ("w.pth: the file's tensors look like cifar_resnet20's, not cifar_resnet32's", "60 missing: layer1.3.conv1"),
    ),
    Case(
        "unexpected-weights", CONVERT, ("w.pth", "1 unexpected: layer1.0.se"),
        torch_saved(lambda: cifar_weights(layer1__0__se=torch.zeros(1))),
    ),
    Case(
        "misshapen-weights", CONVERT, ("w.pth", "1 misshapen: conv1.weight (8, 3, 3, 3) for (16, 3, 3, 3)"),
        torch_saved(lambda: cifar_weights(conv1__weight=torch.zeros(8, 3, 3, 3))),
    ),
    Case(
        "pickle-that-would-run-code", CONVERT, ("w.pth: holds no weights", "mkdir", "nothing in it was run"),
        torch_saved(lambda: {"a": Harmful()}),
    ),
    Case(
        "old-pickle-that-would-run-code", CONVERT, ("w.pth: holds no weights", "nothing in it was run"),
        torch_saved(lambda: {"a": Harmful()}, _use_new_zipfile_serialization=False),
    ),
    Case(
        "plain-pickle-that-would-run-code", CONVERT, ("w.pth: holds no weights", "nothing in it was run"),
        written("w.pth", pickle.dumps({"a": Harmful()})),
    ),
    Case("text", CONVERT, ("w.pth: is text, not a checkpoint", ".safetensors"), written("w.pth", "hello")),
    Case("no-bytes", CONVERT, ("w.pth: is an empty file, not a checkpoint", ".safetensors"), written("w.pth")),
    Case("cut-short", CONVERT, ("w.pth: damaged, or not a checkpoint",), cut("w.pth")),
    Case(
        "xz-that-is-none", "convert w.pth.xz cifar_resnet20", ("w.pth.xz: cannot be read",),
        written("w.pth.xz", "hello"),
    ),
    Case(
        "xz-cut-short", "convert w.pth.xz cifar_resnet20", ("w.pth.xz: cannot be read",),
        then(lambda: Path("w.pth.xz").write_bytes(lzma.compress(bytes(9999))), cut("w.pth.xz", 0.9)),
    ),
    Case(
        "safetensors-that-is-none", "convert w.safetensors cifar_resnet20",
        ("w.safetensors: is text, not a checkpoint",), written("w.safetensors", "hello"),
    ),
    Case("list", CONVERT, ("w.pth: holds a list", "save a state_dict"), torch_saved(lambda: [1, 2])),
    Case("no-weights", CONVERT, ("w.pth: holds no weights", "epoch"), torch_saved(lambda: {"epoch": 3})),
    Case(
        "sparse-weights", CONVERT, ("w.pth: fc.weight is sparse", "plain"),
        torch_saved(lambda: cifar_weights(fc__weight=torch.zeros(10, 64).to_sparse())),
    ),
    Case(
        "names-of-no-layout", CONVERT, ("w.pth: names such as a.b", "torchvision, timm"),
        torch_saved(lambda: {"a.b": torch.zeros(1)}),
    ),
    Case(
        "letters-for-a-layouts-numbers", CONVERT, ("0.4.0.a is no convolution's weight",),
        torch_saved(lambda: {"0.4.0.a": torch.zeros(1), "0.x.1": torch.zeros(1)}),
    ),
    Case("unknown-network", "convert w.pth resnet19", ("resnet19: no such network", "did you mean resnet18")),
    Case("classes-missing", f"{CONVERT} --classes c.txt", ("c.txt: cannot be read", "(No such file", "one a line")),
    Case("classes-empty", f"{CONVERT} --classes c.txt", ("c.txt: empty", "one a line"), written("c.txt", "\n \n")),
    Case(
        "classes-of-wrong-count", f"{CONVERT} --classes c.txt",
        ("c.txt: 2 class names", "10 outputs", "a name for each"), written("c.txt", "cat\ndog\n"),
    ),
    Case(
        "classes-twice-and-numbered", f"{CONVERT} --classes c.txt",
        ("c.txt", "'class 3 (3)' stands there twice", "its own"),
        written("c.txt", NAMES.replace("class 7", "class 3").replace("class 0", "class 3 (3)")),
    ),
    Case(
        "classes-in-latin-1", f"{CONVERT} --classes c.txt", ("c.txt: cannot be read", "utf-8"),
        written("c.txt", b"\xe4"),
    ),
    Case("preprocessing-unknown", f"{CONVERT} --preprocessing siz=3", ("unknown field 'siz'", "did you mean size")),
    Case("preprocessing-of-letters", f"{CONVERT} --preprocessing size=big", ("size = 'big'", "a whole number")),
    Case("preprocessing-without-equals", f"{CONVERT} --preprocessing size", ("--preprocessing size=32",)),
    Case("preprocessing-of-zero-std", f"{CONVERT} --preprocessing std=[0,1,1]", ("std = (0, 1, 1)", "at least 1e-06")),
    Case("out-is-a-folder", f"{CONVERT} -o run", ("run: is a folder", "name a file in it")),
    Case("out-is-below-a-file", f"{CONVERT} -o w.pth/c.safetensors", ("w.pth is a file", "another place")),
)  # fmt: skip
def test_what_cannot_be_converted_is_refused_and_runs_nothing(case: Case, refuse: Refuse) -> None:
    refuse(case)


@cases(
    Case("unknown-command", "trian photos", ('"trian"', 'Did you mean "train"?')),
    Case("unknown-option", "train photos --epoch 3", ("--epoch", "Did you mean --epochs?", "`resnets train --help`")),
    Case("missing-argument", "train", ("DATA requires an argument", "`resnets train --help`")),
    Case("missing-second-argument", "evaluate run", ("DATA requires an argument", "`resnets evaluate --help`")),
    Case("missing-value", "train photos -o", ("-o requires an argument",)),
    Case("one-argument-too-many", "evaluate run photos more", ("'more'", "`resnets evaluate --help`")),
    Case("data-like-an-option", "train -photos", ("-photos", "`resnets train --help`")),
    Case("list-without-match", "list alexnet", ("alexnet: no such network", "`resnets list`")),
    Case("list-near-match", "list resnt50", ("resnt50", "did you mean resnet50")),
    Case("list-no-such-weights", "list --weights alexnet", ("alexnet", "`resnets list --weights` prints every name")),
    Case("list-unknown-format", "list --format html", ('"html"', '"text", "md"')),
    Case("show-unknown-network", "show resnet51", ("resnet51: no such network", "did you mean resnet50")),
    Case("show-nothing", "show", ("no network given", "`resnets show resnet50`")),
    Case("show-no-pixels", "show resnet18 --image-size 0x9", ("'0x9'", "such as 224 or 160x224")),
    Case("show-spec-that-is-no-toml", "show --spec mine.json", ("mine.json", ".toml")),
    Case("show-into-a-folder", "show resnet18 -o run", ("run: is a folder", "name a file in it")),
)
def test_bad_usage_is_one_line_with_the_nearest_right_word(case: Case, refuse: Refuse) -> None:
    assert refuse(case) == ""


# A machine that fails.


@cases(
    Case(
        "train", f"train photos -o new {TINY}",
        ("new/last/state.safetensors: could not be written (File too large)", "room"), code=1,
        leaves=("new/recipe.toml", "new/curves.svg"),
    ),
    Case(
        "convert-over-a-classifier", f"{CONVERT} -o {CLASSIFIER}", (f"{CLASSIFIER}: could not be written", "make room"),
        code=1,
    ),
)  # fmt: skip
def test_a_full_disk_leaves_no_half_classifier_and_what_was_there_as_it_was(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = files()
    code, err = processes.Command(shlex.split(case.command), tmp_path_factory.mktemp("said"), limit=40_000).ended()
    assert code == case.code, err
    check_error(err, case.says)
    check_files(before, case.leaves)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 64 KiB, which only the process that mounted it sees; others reach it through that process."""
    Path("small").mkdir()
    mount = "mount -t tmpfs -o size=64k none small && echo mounted && exec cat"
    try:
        holder = subprocess.Popen(["unshare", "-Urm", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except FileNotFoundError:
        pytest.skip("unshare is not there")
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        if not holder.stdout.readline():
            pytest.skip("a file system cannot be mounted here")
        yield Path(f"/proc/{holder.pid}/root{Path('small').absolute()}")
        holder.stdin.close()


def test_a_disk_that_fills_up_is_said_by_name(small_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    words = ["train", "photos", "-o", str(small_disk / "run"), *shlex.split(TINY)]
    code, err = processes.Command(words, tmp_path_factory.mktemp("said")).ended()
    assert code == 1
    check_error(err, ("small/run/", "could not be written (No space left on device)", "make room"))
    names = [path.name for path in small_disk.rglob("*") if path.is_file()]
    assert "recipe.toml" in names
    assert not [name for name in names if name.startswith("classifier") or name.endswith(".part")]


def test_images_too_small_for_a_networks_pools_are_refused_before_training() -> None:
    small = {"preprocessing": {"size": 8, "resize": 8}}
    with pytest.raises(InputError, match=r'antialias = "max": no 2 x 2 pool fits into 1 x 1 positions; use larger'):
        resnets.train("photos", "cifar_resnet8_wide", out="small", settings=small)
    assert not Path("small").exists()


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """`signalled(number)`: the signal arrives while the third image is being decoded, by whatever decodes it."""
    lock, seen = threading.Lock(), [0]

    def arrange(number: int) -> None:
        def interrupted(decode: Callable[..., Any], *data: bytes, **options: Any) -> Any:
            with lock:
                seen[0] += 1
                if seen[0] == 3:
                    os.kill(os.getpid(), number)
            return decode(*data, **options)

        for name in ("decode", "measure"):
            monkeypatch.setattr(decoding, name, partial(interrupted, getattr(decoding, name)))

    def uncaught(*_: object) -> None:
        raise AssertionError("nothing caught the signal")

    terminate = signal.signal(signal.SIGTERM, uncaught)  # not the default, which would end the test run
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield arrange
    after = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, interrupt)
    assert after == handlers


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "command", ["train photos -o new", "predict run photos -o new.txt --csv", "evaluate run photos"]
)
def test_a_signal_before_there_is_anything_to_save_leaves_nothing(
    command: str, number: int, code: int, signalled: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = files()
    signalled(number)
    with pytest.raises(SystemExit) as left:
        main(shlex.split(command))
    assert left.value.code == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if line.startswith("resnets: ")] in (
        [],
        ["resnets: stopped before the end"],
    )
    check_files(before)


def test_a_terminated_run_says_where_it_is_saved_and_resumes_to_the_end(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(f"train photos -o new {TINY.replace('--epochs 1 ', '--epochs 30 ')}")
    command = processes.Command(words, tmp_path_factory.mktemp("said"))
    command.wait_for("epoch 1/30")
    command.send(signal.SIGTERM)
    code, err = command.ended()
    assert code == 143
    check_error(err, ("stopped in epoch", "saved in new/last", "--resume continues"))
    assert not list(Path("new").rglob("*.part"))
    main(["train", "photos", "-o", "new", "--resume"])
    assert "best on validation" in capsys.readouterr().out
    assert [json.loads(line)["epoch"] for line in Path("new/metrics.jsonl").read_text().splitlines()] == [*range(1, 31)]


# What looks wrong and is right.


def test_hidden_folders_are_no_classes_and_folders_called_jpg_are_no_images(capsys: pytest.CaptureFixture[str]) -> None:
    pictures.save(Path("photos/.ipynb_checkpoints/1-checkpoint.png"), pictures.picture(0, 1))
    Path("photos/red/old.jpg").mkdir()
    main(shlex.split(f"train photos -o new {TINY}"))
    assert "photos/.ipynb_checkpoints" in capsys.readouterr().err
    assert resnets.load("new").classes == pictures.CLASSES


ODD = ("$\\frac$", "$5_bill$", 'a "b", c', "new\nline", "\x1b[31mred", "猫", "<i>&amp;")


def test_odd_class_names_survive_training_tables_csv_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    for label, name in enumerate(ODD):
        for seed in range(2):
            pictures.save(Path("odd", name, f"{seed}.png"), pictures.picture(label % 3, seed))
    main(shlex.split(f"train odd -o 'new run/of ü' {TINY}"))
    assert "Warning" not in capsys.readouterr().err
    main(["evaluate", "new run/of ü", "odd"])
    table = capsys.readouterr().out
    assert "\x1b" not in table
    assert "new\\nline" in table
    main(["evaluate", "new run/of ü", "odd", "--json"])
    assert {score["name"] for score in json.loads(capsys.readouterr().out)["classes"]} == set(ODD)
    main(["predict", "new run/of ü", "odd", "--top", "1000000", "--csv", "-o", "answers.csv"])
    with Path("answers.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert len(header) == 3 + 2 * len(ODD)  # as many answers as there are classes
    assert {row[1] for row in rows} <= set(ODD)
    assert {Path(row[0]).parent.name for row in rows} == set(ODD)


def test_a_file_name_that_is_not_utf8_is_predicted_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    Path("photos/red/000.png").rename(name)
    for form in ("--json", "--csv"):
        main(["predict", "run", name, form])
        assert "caf\\udce9.png" in capsys.readouterr().out
    main(["predict", "run", name, "--json", "-o", "answers.json"])
    assert json.loads(Path("answers.json").read_text())[0]["image"] == name


@pytest.mark.parametrize("where", ["../../.cache/photos", ".cache/photos", "-photos/-1.png", "--", "./photos/red"])
def test_images_are_found_below_hidden_folders_and_behind_hyphens(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("photos", ".cache/photos")
    pictures.save(Path("-photos/-1.png"), pictures.picture(0, 0))
    words = ["predict", "--json", "run", *(["--", "-photos"] if where == "--" else [where])]
    if where.startswith(".."):
        Path("a/b").mkdir(parents=True)
        monkeypatch.chdir("a/b")
        words[2] = "../../run"
    main(words)
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) in (1, 4, 12)
    assert all(row["error"] is None for row in rows)


def test_a_run_can_begin_again_where_one_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(shlex.split("train photos -o some/new/folder --set lr=1000 --set warmup=0 --set momentum=1 --epochs 5"))
    main(shlex.split(f"train photos -o some/new/folder {TINY}"))
    assert "some/new/folder/classifier.safetensors" in capsys.readouterr().out


def test_a_batch_larger_than_the_data_is_one_batch() -> None:
    main(shlex.split(f"train photos -o new {TINY} --set batch_size=1000000"))
    assert resnets.load("new").origin["recipe"]["lr"] == pytest.approx(0.1 * 9 / 128)  # 9 images to train on


def test_classes_saved_by_notepad_have_no_byte_order_mark(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.txt").write_text("\ufeff" + NAMES, encoding="utf-8")
    main(shlex.split(f"{CONVERT} --classes c.txt"))
    assert resnets.load("classifier.safetensors").classes[0] == "class 0"


def test_weights_of_half_precision_are_used_as_floats(capsys: pytest.CaptureFixture[str]) -> None:
    main(shlex.split("predict run photos/red/000.png --json"))
    before = json.loads(capsys.readouterr().out)
    edited(CLASSIFIER, "resnets", lambda _, tensors: tensors.update({"fc.bias": tensors["fc.bias"].half()}))
    main(shlex.split("predict run photos/red/000.png --json"))
    after = json.loads(capsys.readouterr().out)
    half = 2e-3  # a bias of half precision has 11 bits
    assert after[0]["answers"][0]["probability"] == pytest.approx(before[0]["answers"][0]["probability"], abs=half)


def test_a_traceback_is_printed_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "nowhere", "--debug"])
    err = capsys.readouterr().err
    assert left.value.code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("resnets: nowhere: no such file or folder")
