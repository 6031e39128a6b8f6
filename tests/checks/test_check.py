"""What a check finds, and that it finds nothing else."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resnets
from resnets.base.errors import InputError
from resnets.checks.finding import Checkup
from resnets.data import leaving_out
from tests import colours, pictures
from tests.checks import faults


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "photos"
    faults.clean(root, train=14, val=10)
    return root


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "photos")


def found(checkup: Checkup) -> faults.Planted:
    return {finding.kind: {item.names for item in finding.items} for finding in checkup.findings}


def test_of_300_planted_faults_of_12_kinds_every_one_is_found_and_nothing_else(tmp_path: Path) -> None:
    faults.clean(tmp_path / "photos")
    planted = faults.plant(tmp_path / "photos")
    assert sum(map(len, planted.values())) == 300
    checkup = resnets.check(tmp_path / "photos")
    assert found(checkup) == planted
    assert checkup.serious
    (leak,) = checkup.leaks
    assert (leak.split, leak.same, leak.nearly) == ("val", 25, 25)


def test_nothing_is_found_where_nothing_is_wrong(clean: Path) -> None:
    checkup = resnets.check(clean)
    assert (checkup.findings, checkup.leaks, checkup.serious) == ((), (), False)
    assert (checkup.count, checkup.classes, checkup.splits) == (72, faults.CLASSES, {"train": 42, "val": 30})


def test_real_greyscale_photographs_among_colour_are_found(shared_data: Path) -> None:
    checkup = resnets.check(shared_data / "imagenette-val-200.zip")
    images = resnets.open_source(shared_data / "imagenette-val-200.zip")
    grey = {index for index in range(len(images)) if _mode(images.read(index)) == "L"}
    (finding,) = checkup.findings
    assert finding.kind == "gray-among-color"
    assert {place for item in finding.items for place in item.images} == grey
    assert len(grey) == 3
    assert not checkup.serious


def _mode(data: object) -> str:
    assert isinstance(data, bytes)
    return Image.open(io.BytesIO(data)).mode


def test_real_photographs_taken_twice_are_found_and_no_others(shared_data: Path) -> None:
    kinds = found(resnets.check(shared_data / "flower-photos.zip"))
    assert kinds["near-duplicates"] == {
        ("train/roses/13279526615_a3b0059bec.jpg", "train/roses/13342823005_16d3df58df_n.jpg")
    }
    assert set(kinds) == {"near-duplicates", "thin"}


def test_arrays_are_checked_too(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = np.arange(60)[:, None] % 2
    pixels[33] = pixels[1]
    test = np.concatenate([pixels[4:5], random.integers(0, 256, (19, 28, 28), dtype=np.uint8)])
    np.savez(
        tmp_path / "mnist.npz", train_images=pixels, train_labels=labels, val_images=test[1:], val_labels=labels[1:20],
        test_images=test, test_labels=labels[:20],
    )  # fmt: skip
    kinds = found(resnets.check(tmp_path / "mnist.npz"))
    assert ("train image 1", "train image 33") in kinds["duplicates"]
    assert ("train image 4", "test image 0") in kinds["duplicates-across-splits"]


def test_digits_are_alike_but_not_the_same() -> None:
    assert resnets.check("digits").findings == ()


def test_an_archive_has_the_findings_of_its_folder(data: Path) -> None:
    faults.put(data, "train/cat/Thumbs.db", b"\0")
    faults.put(data, "train/cat/.ipynb_checkpoints/000.png", (data / "train/cat/000.png").read_bytes())
    faults.put(data, "__MACOSX/train/cat/._000.png", b"\0")
    faults.put(data, "train/owl/dog.png", (data / "train/dog/000.png").read_bytes())
    faults.put(data, "train/owl/drawing.psd", b"8BPS")
    archive = Path(shutil.make_archive(str(data.with_name("photos")), "zip", data))
    kinds = found(resnets.check(data))
    assert found(resnets.check(archive)) == kinds
    assert kinds == {
        "two-classes": {("train/dog/000.png", "train/owl/dog.png")},
        "strays": {("train/cat/Thumbs.db",)},
        "hidden-folders": {("__MACOSX",), ("train/cat/.ipynb_checkpoints",)},
        "unused-images": {("train/owl/drawing.psd",)},
    }


def test_what_is_wrong_with_classes_is_said(data: Path) -> None:
    for number in range(10):
        (data / f"val/owl/{number:03}.png").unlink()
    for number in range(10, 14):
        (data / f"train/dog/{number:03}.png").unlink()
    (data / "train/dog/009.png").unlink()
    for number in range(100):
        faults.put(data, f"train/cat/more{number}.png", faults.encoded(faults.picture(7, number)))
    (data / "train/newt").mkdir()
    checkup = resnets.check(data)
    assert found(checkup) == {
        "empty-classes": {("newt",)},
        "unjudged-classes": {("owl",)},
        "small-classes": {("dog",)},
        "imbalance": {("cat", "dog")},
    }
    notes = {finding.kind: finding.items[0].note for finding in checkup.findings}
    assert notes["imbalance"] == "114 images and 9 images, 13 to 1"
    assert notes["unjudged-classes"] == "not in val"


def test_files_cut_after_the_picture_are_found(data: Path) -> None:
    whole = faults.encoded(faults.picture(8, 1), "JPEG")
    faults.put(data, "train/cat/whole.jpg", whole + b"what a camera adds")
    faults.put(data, "train/cat/cut.jpg", whole[:-2])
    kinds = found(resnets.check(data))
    cut = kinds.get("cut-short", set()) | kinds.get("unreadable", set())
    assert cut == {("train/cat/cut.jpg",)}


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "gray-among-color"), ("RGBA", "transparency"), ("I;16", "more-than-8-bits"), ("LA", "transparency")],
)
def test_modes_unlike_the_others_are_found(mode: str, kind: str, data: Path) -> None:
    image = faults.picture(8, 2).convert("L" if mode == "I;16" else mode)
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 200)
    faults.put(data, "train/owl/odd.png", faults.encoded(image))
    assert found(resnets.check(data)) == {kind: {("train/owl/odd.png",)}}


def test_opacity_that_hides_nothing_is_no_fault(data: Path) -> None:
    faults.put(data, "train/owl/opaque.png", faults.encoded(faults.picture(8, 2).convert("RGBA")))
    assert resnets.check(data).findings == ()


def test_sizes_unlike_the_others_are_found(data: Path) -> None:
    for name, size in {"tiny": (9, 9), "enormous": (900, 700), "thin": (30, 200)}.items():
        faults.put(data, f"train/owl/{name}.png", faults.encoded(faults.picture(8, size[0]).resize(size)))
    assert found(resnets.check(data)) == {name: {(f"train/owl/{name}.png",)} for name in ("tiny", "enormous", "thin")}


def test_one_image_of_another_size_is_found(tmp_path: Path) -> None:
    for number in range(24):
        size = (64, 64) if number else (70, 64)
        image = faults.picture(1, number).resize(size)
        faults.put(tmp_path, f"{'ab'[number % 2]}/{number}.png", faults.encoded(image))
    assert found(resnets.check(tmp_path)) == {"other-size": {("a/0.png",)}}


def test_a_mixture_that_somebody_meant_is_not_reported(data: Path) -> None:
    for path in sorted(data.rglob("*.png"))[::2]:
        Image.open(path).convert("L").save(path)
    assert resnets.check(data).findings == ()


def test_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        resnets.check(tmp_path / "nothing")


def test_where_no_image_can_be_read_all_are_named(tmp_path: Path) -> None:
    names = {(faults.put(tmp_path, f"{name}/1.png", b"no"),) for name in "ab"}
    assert found(resnets.check(tmp_path)) == {"unreadable": names}


def test_a_classifier_ranks_wrong_labels_first(tmp_path: Path) -> None:
    classifier = colours.told_apart()
    data = pictures.folder(tmp_path / "photos", count=20, size=(28, 26))
    reds = classifier.predict([str(path) for path in sorted(data.glob("red/*.png"))])
    sure = sorted((one for one in reds if one.label == "red"), key=lambda one: one.probability)[-2:]
    wrong = {f"blue/red-{number}.png" for number in range(len(sure))}
    for number, one in enumerate(sure):
        Path(one.image).rename(data / f"blue/red-{number}.png")
    (data / "blue/bad.png").write_bytes(b"no image")
    checkup = resnets.check(data, classifier=classifier)
    (finding,) = (one for one in checkup.findings if one.kind == "suspicious-labels")
    assert {item.names[0] for item in finding.items[:2]} == wrong
    assert finding.items[0].note.startswith("labeled blue (")
    assert "looks like red (" in finding.items[0].note
    assert "trained on most of them" not in finding.means
    images = resnets.open_source(data)
    classifier.origin = {"data": {"held_out": {"fingerprint": images.fingerprint}}}
    again = resnets.check(images, classifier=classifier).findings
    assert "trained on most of them" in next(one for one in again if one.kind == "suspicious-labels").means


def test_a_classifier_of_other_classes_is_an_error(data: Path) -> None:
    with pytest.raises(InputError, match="cat"):
        resnets.check(data, classifier=colours.told_apart())


def test_a_table_is_checked_and_its_images_are_named_from_its_folder(data: Path, tmp_path: Path) -> None:
    faults.put(data, "train/owl/copy.png", (data / "train/owl/001.png").read_bytes())
    names = sorted(str(path.relative_to(tmp_path)) for path in (data / "train").rglob("*.png"))
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n" + "".join(f"{name},{name.split('/')[2]}\n" for name in names))
    checkup = resnets.check(table, fix_list=tmp_path / "out.txt")
    assert found(checkup) == {"duplicates": {("photos/train/owl/001.png", "photos/train/owl/copy.png")}}
    (tmp_path / "moved").mkdir()
    for name in ("photos", "labels.csv"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    images = resnets.open_source(tmp_path / "moved/labels.csv")
    (place,) = leaving_out.places(images, tmp_path / "out.txt")
    assert images.image_name(place).endswith("owl/copy.png")


def test_pixels_that_are_no_numbers_do_not_end_a_check(data: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 70, 70)).astype(np.float32)
    values[0], values[1, 3], values[2, 4] = np.nan, np.nan, np.inf
    for number, one in enumerate(values):
        Image.fromarray(one).save(data / f"train/cat/float{number}.tiff")
    (data / "train/cat/gone.png").symlink_to("nowhere")
    kinds = found(resnets.check(data))
    assert kinds == {
        "unreadable": {("train/cat/float0.tiff",), ("train/cat/gone.png",)},
        "more-than-8-bits": {("train/cat/float1.tiff",), ("train/cat/float2.tiff",)},
    }
