"""`resnets check`: text, JSON, a page, exit codes, and the list of what to leave out."""

import json
import shutil
from pathlib import Path

import pytest

import resnets
from resnets.base.errors import InputError
from resnets.base.progress import unwatched
from resnets.cli import main
from resnets.data import leaving_out
from resnets.training.splits import prepare_splits
from tests import colours
from tests.checks import faults
from tests.training.samples import TINY

SETTINGS = {"epochs": 1, "batch_size": 8, "spec": TINY}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "photos"
    faults.clean(root, train=14, val=10)
    return root


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    """Two serious faults, a copy, and a stray file."""
    root: Path = shutil.copytree(clean, tmp_path / "photos")
    faults.put(root, "train/cat/bad.png", b"")
    faults.put(root, "val/dog/leak.png", (root / "train/dog/003.png").read_bytes())
    faults.put(root, "train/owl/copy.png", (root / "train/owl/001.png").read_bytes())
    faults.put(root, "train/owl/readme.txt", b"hello")
    return root


def checked(*arguments: str | Path) -> int:
    """The exit code."""
    try:
        main(["check", *map(str, arguments)])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_text_counts_what_was_found_and_names_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(data) == 1
    said = capsys.readouterr().out
    assert f"{data}: 75 images of 3 classes (train 44, val 31)" in said
    assert "cannot be decoded serious 1" in " ".join(said.split())
    assert "1 of 31 val images are also in train" in said
    assert "  train/cat/bad.png (the file is empty)\n" in said
    assert "  train/dog/003.png and val/dog/leak.png\n" in said
    assert said.index("duplicates across splits") < said.index("duplicates in one split")


def test_the_exit_code_is_0_where_nothing_is_serious(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(clean) == 0
    assert capsys.readouterr().out.endswith("\n\nNothing found.\n")


def test_the_exit_code_is_2_where_nothing_can_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path / "nothing") == 2
    assert "no such file or folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "check.pdf"], "check.pdf: unknown ending; use one of .txt, .json, .html"),
        (["--fix-list", "."], ".: is a folder; name a file in it"),
        (["--with", "nothing.safetensors"], "nothing.safetensors"),
    ],
)
def test_bad_usage_is_said_before_any_image_is_read(
    arguments: list[str], said: str, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(clean, *arguments) == 2
    assert said in capsys.readouterr().err


def test_json_has_every_name(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(data, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["serious"] is True
    assert found["leaks"] == [{"split": "val", "same": 1, "nearly": 0, "count": 31}]
    by_kind = {finding["kind"]: finding for finding in found["findings"]}
    assert by_kind["unreadable"]["items"] == [{"names": ["train/cat/bad.png"], "note": "the file is empty"}]
    assert by_kind["strays"]["severity"] == "worth knowing"
    assert set(by_kind) == {"unreadable", "duplicates-across-splits", "duplicates", "strays"}


def test_a_page_is_written_with_the_command_that_makes_it(data: Path, tmp_path: Path) -> None:
    assert checked(data, "-o", tmp_path / "check.html") == 1
    page = (tmp_path / "check.html").read_text()
    assert "resnets check photos -o check.html" in page
    assert str(tmp_path) not in page


def test_the_fix_list_says_what_to_leave_out_and_why(data: Path, tmp_path: Path) -> None:
    faults.put(data, "train/cat/#1.png", b"no image")
    faults.put(data, "train/owl/dog.png", (data / "train/dog/005.png").read_bytes())
    assert checked(data, "--fix-list", tmp_path / "out.txt") == 1
    heading, *lines = (tmp_path / "out.txt").read_text().splitlines()
    assert heading.startswith("# Images to leave out of ")
    reasons = dict(zip(lines[1::2], lines[::2], strict=True))
    assert reasons["train/cat/bad.png"] == "# cannot be decoded: the file is empty"
    assert reasons["train/dog/005.png"].startswith("# one image in two classes, with train/owl/dog.png")
    assert set(reasons) == {
        "train/cat/#1.png", "train/cat/bad.png", "train/dog/005.png", "train/owl/dog.png", "val/dog/leak.png",
        "train/owl/copy.png",
    }  # fmt: skip


def test_train_and_evaluate_leave_out_what_the_list_names(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "out.txt"
    assert checked(data, "--fix-list", listed) == 1
    run = tmp_path / "run"
    trained = resnets.train(data, out=run, settings=SETTINGS, leave_out=listed, plan="usual", samples=False)
    origin = trained.origin["data"]
    assert (origin["left_out"], origin["train"], origin["val"]) == (3, 42, 30)
    assert str(tmp_path) not in json.dumps(trained.origin)
    assert f"--leave-out {listed.name}" in (run / "report.html").read_text()
    assert "could not be decoded" not in (run / "report.html").read_text()
    resumed = resnets.train(data, out=run, resume=True)
    assert resumed.origin["data"] == origin
    scores = tmp_path / "scores.json"
    main(["evaluate", str(run), str(data), "--leave-out", str(listed), "-o", str(scores)])
    found = json.loads(scores.read_text())
    assert found["count"] == 30
    assert found["on"].endswith(f"split val, without those on {listed}")


def test_leaving_out_does_not_change_which_images_are_held_out(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "out.txt"
    listed.write_text("# why\ncat/001.png\n\ncat/bad.png\ncat/002.png\nowl/copy.png\n")
    parts = [
        prepare_splits(data / "train", val_fraction=0.25, seed=3, skip_bad=True, leave_out=one, watch=unwatched)
        for one in (None, listed)
    ]
    without, before = ({one.val.image_name(index) for index in range(len(one.val))} for one in reversed(parts))
    assert without == before - {f"{data}/train/{name}" for name in ("cat/001.png", "cat/002.png", "owl/copy.png")}
    assert (parts[0].origin["left_out"], parts[1].origin["left_out"]) == (1, 4)
    assert parts[1].origin["held_out"] == parts[0].origin["held_out"]


def test_evaluate_still_knows_what_was_held_out_with_the_list_and_without(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "out.txt"
    listed.write_text("cat/bad.png\ncat/001.png\nowl/copy.png\n")
    trained = resnets.train(
        data / "train", out=tmp_path / "run", settings=SETTINGS, leave_out=listed, plan="usual", samples=False
    )
    found = trained.evaluate(data / "train", leave_out=listed)
    assert "the images held out of training, without those on" in found.on
    assert found.count == trained.metrics["val"]["count"]
    assert "the images held out of training" in trained.evaluate(data / "train", skip_bad=True).on


def test_a_name_that_the_data_does_not_have_is_an_error_that_names_it(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "out.txt"
    listed.write_text("train/cat/001.png\ntrain/cat/lion.png\n")
    said = r"out\.txt: .*/photos has no image train/cat/lion\.png; names are paths"
    with pytest.raises(InputError, match=said):
        resnets.train(data, out=tmp_path / "run", leave_out=listed)
    with pytest.raises(InputError, match=said):
        colours.told_apart().evaluate(data, leave_out=listed)
    with pytest.raises(InputError, match=r"nothing\.txt: cannot be read \(No such file"):
        resnets.train(data, out=tmp_path / "run", leave_out=tmp_path / "nothing.txt")


def test_a_list_is_of_names_as_they_are_whatever_they_begin_with(tmp_path: Path) -> None:
    for number, name in enumerate(("#1.png", " 2.png", "3.png", "ä.png")):
        faults.put(tmp_path, f"photos/#cats/{name}", faults.encoded(faults.picture(number)))
        faults.put(tmp_path, f"photos/dogs/{name}", faults.encoded(faults.picture(9, number)))
    images = resnets.open_source(tmp_path / "photos")
    names = [leaving_out.short_name(images, index) for index in range(len(images))]
    (tmp_path / "out.txt").write_bytes(leaving_out.written("photos", dict.fromkeys(names, "all of them\nare bad")))
    assert leaving_out.places(images, tmp_path / "out.txt") == tuple(range(8))
    (tmp_path / "out.txt").write_text(f"{tmp_path}/photos/dogs/a\u0308.png\n")  # as another system writes it
    assert [names[place] for place in leaving_out.places(images, tmp_path / "out.txt")] == ["dogs/ä.png"]
