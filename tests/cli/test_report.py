"""`resnets report` writes a page about any classifier and data, and says where."""

from pathlib import Path

import pytest

import resnets
from resnets.cli import main
from tests import pictures
from tests.training.samples import TINY

SETTINGS = {"epochs": 2, "batch_size": 4, "spec": TINY}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "photos-tiny"
    resnets.train(photos, out=folder, settings=SETTINGS, plan="usual")
    return folder


def test_the_page_is_written_and_named_with_its_score(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pages" / "photos.html"
    main(["report", str(run), str(photos), "-o", str(out)])
    top1 = resnets.load(run).evaluate(photos).top1
    said = capsys.readouterr().out
    assert f"top-1  {top1.value:.2%} of 6 images" in said
    assert str(out) in said
    page = out.read_text()
    assert "<h1><bdi>photos-tiny</bdi></h1>" in page
    assert "the images held out of training" in page
    assert f"{top1.correct} of 6 correct" in page
    assert f"resnets report {run.name} {photos.name} -o {out.name}" in page
    assert str(tmp_path) not in page


def test_a_split_and_a_class_map_are_followed(run: Path, tmp_path: Path) -> None:
    other = pictures.folder(tmp_path / "other", count=2)
    for name in pictures.CLASSES:
        (other / name).rename(other / name.upper())
    class_map = tmp_path / "map.csv"
    class_map.write_text("".join(f"{name.upper()},{name}\n" for name in pictures.CLASSES))
    out = tmp_path / "other.html"
    main(["report", str(run), str(other), "--split", "all", "--class-map", str(class_map), "-o", str(out)])
    assert "other, all images" in out.read_text()
    assert f"--split all --class-map {class_map.name}" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch-size", "0"], "--batch-size 0: must be at least 1"),
        (["-o", "."], ".: is a folder; name a file in it"),
        (["--split", "test"], "no test split"),
    ],
)
def test_what_cannot_work_is_one_line(
    arguments: list[str], said: str, run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", str(run), str(photos), *arguments])
    assert left.value.code == 2
    assert said in capsys.readouterr().err
