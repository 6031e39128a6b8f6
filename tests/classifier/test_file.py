"""A classifier's file holds all that is needed to use it; predict and evaluate agree on every image."""

import json
import logging
import os
import shutil
import unicodedata
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from PIL import Image

import resnets
from resnets.base.errors import InputError
from resnets.classifier import file as classifiers
from resnets.classifier import judging
from resnets.classifier.file import Classifier
from resnets.cli.evaluate import read_class_map
from resnets.data.preprocessing import Preprocessing
from tests import pictures


def untrained(classes: tuple[str, ...] = pictures.CLASSES, *, resize: int = 20, **fields: object) -> Classifier:
    torch.manual_seed(0)
    return Classifier(
        network=resnets.resnet("cifar_resnet20", num_classes=len(classes)),
        classes=classes,
        preprocessing=Preprocessing(size=20, resize=resize),
        **fields,  # pyright: ignore[reportArgumentType] # whatever a test gives
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return untrained(temperature=2.0, metrics={"val": {"top1": 0.5}}, origin={"seed": 3}).save(
        tmp_path / "c.safetensors"
    )


def test_a_saved_classifier_is_the_same_when_loaded(saved: Path) -> None:
    first, again = untrained(temperature=2.0), resnets.load(saved)
    assert again.header() == {**first.header(), "metrics": {"val": {"top1": 0.5}}, "origin": {"seed": 3}}
    for name, value in first.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)
    assert again.path == saved


def test_a_header_of_more_blocks_than_its_weights_is_refused_before_a_network_is_built(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with safetensors.safe_open(saved, framework="pt") as file:
        header = json.loads(file.metadata()["resnets"])
    header["spec"]["depths"] = [3, 4000, 3]
    saved.write_bytes(safetensors.torch.save(safetensors.torch.load_file(saved), {"resnets": json.dumps(header)}))
    monkeypatch.setattr(classifiers, "ResNet", lambda _: pytest.fail("a network was built"))
    with pytest.raises(InputError, match=r"depths = \(3, 4000, 3\), 4,006 blocks, but it has weights for 9 blocks"):
        resnets.load(saved)


def test_a_pipe_is_no_classifier_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.safetensors")
    with pytest.raises(InputError, match=r"c\.safetensors: is a pipe, not a file"):
        resnets.load(tmp_path / "c.safetensors")


def test_the_header_is_what_the_design_says(saved: Path) -> None:
    with safetensors.safe_open(saved, framework="pt") as file:
        header = json.loads(file.metadata()["resnets"])
    assert header["format"] == 2
    assert {"spec", "classes", "preprocessing", "temperature", "abstain_below", "metrics", "origin"} < set(header)
    assert set(header["preprocessing"]) == {"size", "resize", "fit", "interpolation", "mean", "std", "channels"}


def test_predict_takes_a_path_a_picture_an_array_and_sequences_of_them(tmp_path: Path) -> None:
    pixels = pictures.picture(1, 0)
    path = pictures.save(tmp_path / "a.png", pixels)
    classifier = untrained()
    one = classifier.predict(path)
    assert classifier.predict(str(path)).answers == one.answers
    assert classifier.predict(pixels).answers == one.answers
    assert classifier.predict(Image.fromarray(pixels)).answers == one.answers
    assert [p.label for p in classifier.predict([path, pixels])] == [one.label, one.label]
    both = classifier.predict([path, pixels])
    stacked = classifier.predict(list(np.stack([pixels, pixels])))
    assert [p.answers for p in stacked] == [p.answers for p in both]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_file_is(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pictures.picture(1, 0, (20, 30))).save(tmp_path / "a.jpg", exif=exif)
    classifier = untrained()
    with Image.open(tmp_path / "a.jpg") as image:
        assert classifier.predict(image).answers == classifier.predict(tmp_path / "a.jpg").answers


def test_a_picture_that_is_cut_short_is_a_row_with_its_error(tmp_path: Path) -> None:
    path = pictures.save(tmp_path / "a.jpg", pictures.picture(1, 0, (200, 300)))
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as image:
        (row,) = untrained().predictions([image])
    assert "damaged or cut short" in str(row.error)


def test_an_image_too_thin_to_be_resized_is_a_row_and_names_itself_in_evaluation(tmp_path: Path) -> None:
    thin = pictures.save(tmp_path / "photos" / "blue" / "thin.png", np.zeros((1, 300_000, 3), np.uint8))
    classifier = untrained()
    said = "300000 x 1 is so long and thin"
    (row,) = classifier.predictions([thin])
    assert str(row.error).startswith(said)
    with pytest.raises(InputError, match=rf"{thin}: {said}"):
        classifier.evaluate(pictures.folder(tmp_path / "photos", count=1), split="all", tta="flip")


def test_probabilities_are_softmax_of_logits_over_temperature() -> None:
    classifier = untrained(temperature=2.0)
    pixels = torch.from_numpy(np.stack([pictures.picture(label, 0) for label in range(3)]))
    expected = torch.softmax(classifier.logits(pixels) / 2.0, dim=1)
    assert torch.equal(classifier.probabilities(pixels), expected)
    answers = classifier.predict(list(pixels.numpy()), top=3)[0].answers
    assert [a.probability for a in answers] == pytest.approx(
        sorted(expected[0].tolist(), reverse=True), rel=1e-6
    )  # float32
    assert sum(a.probability for a in answers) == pytest.approx(1, abs=1e-12)


def test_an_answer_below_the_threshold_is_not_sure() -> None:
    pixels = pictures.picture(0, 0)
    assert untrained(abstain_below=0.0).predict(pixels).sure
    assert not untrained(abstain_below=0.999).predict(pixels).sure


@pytest.mark.parametrize("tta", ["flip", "crops"])
def test_the_outputs_for_an_images_views_are_averaged_as_torchvisions_ten_crop_has_it(
    tta: Literal["flip", "crops"], tmp_path: Path
) -> None:
    folder = pictures.folder(tmp_path / "photos", count=3, size=(30, 26))
    classifier = untrained(resize=24)
    scored = classifier.scored(folder, tta=tta, batch_size=7)
    expected = [
        classifier.logits(torch.from_numpy(classifier.preprocessing.views(np.asarray(Image.open(path)), tta))).mean(0)
        for path in sorted(folder.rglob("*.png"))
    ]
    # Another batch size, another order of the sums of float32.
    assert np.allclose(scored.logits, torch.stack(expected).numpy(), atol=1e-5)
    assert not np.allclose(scored.logits, classifier.scored(folder).logits, atol=1e-3)
    said = classifier.predict(sorted(folder.rglob("*.png")), tta=tta)
    assert [one.label for one in said] == [classifier.classes[place] for place in scored.logits.argmax(1)]


def test_a_temperature_changes_what_evaluate_says_of_probabilities_and_of_nothing_else(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=5)
    cold, hot = (untrained(temperature=value).evaluate(folder) for value in (0.5, 5.0))
    assert cold.top1 == hot.top1
    assert np.array_equal(cold.confusion, hot.confusion)
    assert cold.reliability.confidence[cold.reliability.counts > 0].min() > 0.33
    assert cold.loss != hot.loss
    assert cold.ece != hot.ece


def test_evaluate_gives_intervals_only_when_they_are_asked_for(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=5)
    assert untrained().evaluate(folder).intervals is None
    found = untrained().evaluate(folder, intervals=True)
    assert found.intervals is not None
    low, high = found.intervals["top1"]
    assert low <= found.top1.value <= high


def test_evaluate_counts_those_that_predict_is_sure_of(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=5)
    paths = sorted(folder.rglob("*.png"))
    middle = sorted(one.probability for one in untrained().predict(paths))[7:9]
    classifier = untrained(abstain_below=sum(middle) / 2)
    said = classifier.predict(paths)
    found = classifier.evaluate(folder).abstained
    assert found is not None
    assert found.answered == sum(one.sure for one in said) == 7
    assert found.correct == sum(
        one.sure and one.label == path.parent.name for one, path in zip(said, paths, strict=True)
    )
    assert [one.as_dict()["sure"] for one in said] == [one.sure for one in said]


def test_calibrate_gives_a_classifier_that_answers_the_same_with_other_probabilities(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=20)
    before = untrained(temperature=3.0, abstain_below=0.9)
    after, found = resnets.calibrate(before, folder, fraction=0.5, seed=1)
    assert after.temperature == found.fitted.temperature
    assert (after.abstain_below, before.temperature) == (0.0, 3.0)
    assert found.before.top1 == found.after.top1
    assert found.after.count == 30
    assert found.after.loss <= found.before.loss
    assert after.metrics["calibration"]["temperature"] == after.temperature
    assert resnets.load(after.save(tmp_path / "c.safetensors")).temperature == after.temperature


def test_calibrate_takes_val_and_never_test_unasked(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("test", 2)):
        pictures.folder(tmp_path / "data" / split, count=count)
    with pytest.raises(InputError, match="no val split; name the one to calibrate on: train or test"):
        resnets.calibrate(untrained(), tmp_path / "data")
    pictures.folder(tmp_path / "data" / "val", count=3)
    _, found = resnets.calibrate(untrained(), tmp_path / "data")
    assert found.images == 9
    assert resnets.calibrate(untrained(), tmp_path / "data", split="test")[1].images == 6


def test_classifiers_with_their_classes_in_another_order_are_compared_by_name(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=5)
    first, second = untrained(), untrained(("red", "blue", "green"))
    second.network.load_state_dict(first.network.state_dict())
    second.network.fc.weight.data = first.network.fc.weight.data[[2, 0, 1]]
    second.network.fc.bias.data = first.network.fc.bias.data[[2, 0, 1]]
    found = resnets.compare(first, second, folder)
    assert len(found.differing) == 0
    assert found.a == found.b == first.evaluate(folder).top1
    with pytest.raises(InputError, match="numbers in the class map mean other classes"):
        resnets.compare(first, second, folder, class_map={"blue": 0, "green": 1, "red": 2})
    with pytest.raises(InputError, match="different classes: only one of them has green, violet"):
        resnets.compare(first, untrained(("blue", "red", "violet")), folder)


def test_classifiers_are_compared_on_images_that_trained_neither(tmp_path: Path) -> None:
    images = resnets.open_source(pictures.folder(tmp_path / "photos", count=10))

    def trained(seed: int) -> Classifier:
        held_out = {"fraction": 0.5, "seed": seed, "fingerprint": images.fingerprint}
        return untrained(origin={"data": {"name": "photos", "held_out": held_out}})

    found = resnets.compare(trained(1), trained(2), images)
    rows = [set(images.hold_out("val", fraction=0.5, seed=seed).part("val").rows.tolist()) for seed in (1, 2)]
    assert len(found.labels) == len(rows[0] & rows[1]) < 15
    assert "held out of the training of both" in found.on
    assert len(resnets.compare(trained(1), trained(1), images).labels) == 15
    assert len(resnets.compare(trained(1), untrained(), images).labels) == 15


def test_evaluate_counts_what_predict_says(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=5)
    classifier = untrained()
    paths = sorted(folder.rglob("*.png"))
    said = classifier.predict(paths)
    found = classifier.evaluate(folder)
    assert found.count == 15
    assert found.top1.correct == sum(p.label == path.parent.name for p, path in zip(said, paths, strict=True))
    assert found.on.endswith("all images")


def test_what_an_image_is_said_to_be_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    paths = sorted(pictures.folder(tmp_path / "photos", count=4).rglob("*.png"))
    classifier = untrained()
    alone = [classifier.predict(path) for path in paths]
    together = list(classifier.predictions(paths, batch_size=5))
    assert [p.label for p in alone] == [p.label for p in together]
    # Kernels may sum in another order in another batch size: the last bits of a float32.
    assert [p.probability for p in alone] == pytest.approx([p.probability for p in together], abs=1e-5)


def test_a_bad_image_is_a_row_with_its_error_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = pictures.save(tmp_path / "good.png", pictures.picture(0, 0))
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    rows = list(untrained().predictions([good, bad, tmp_path / "gone.png", good]))
    assert [row.error is None for row in rows] == [True, False, False, True]
    assert str(rows[1].error).startswith("not an image")  # the path stands beside it
    assert str(rows[2].error).startswith("cannot be read")
    assert rows[1].as_dict() == {"image": str(bad), "answers": [], "sure": False, "error": rows[1].error}
    with pytest.raises(InputError, match=r"bad\.jpg"):
        untrained().predict([good, bad])
    with pytest.raises(InputError, match=r"bad\.jpg"):
        _ = rows[1].label


def test_data_with_other_classes_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=1)
    (folder / "red").rename(folder / "violet")
    with pytest.raises(InputError, match="only in the data: violet; only in the classifier: red"):
        untrained().evaluate(folder)


def test_a_class_map_says_which_class_means_which(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=2)
    classifier = untrained()
    plain = classifier.evaluate(folder)
    for name in pictures.CLASSES:
        (folder / name).rename(folder / f"n-{name}")
    mapped = classifier.evaluate(folder, class_map={"n-blue": "blue", "n-green": 1, "n-red": "red"})
    assert mapped.as_dict() | {"on": ""} == plain.as_dict() | {"on": ""}
    (tmp_path / "map.csv").write_text("n-blue,blue\n n-green ,1\nn-red,red\n")
    assert classifier.evaluate(folder, class_map=read_class_map(tmp_path / "map.csv")).top1 == plain.top1
    with pytest.raises(InputError, match="'n-red' of the data is not in the map"):
        classifier.evaluate(folder, class_map={"n-blue": "blue", "n-green": 1})
    with pytest.raises(InputError, match="maps to 9, which is neither"):
        classifier.evaluate(folder, class_map={"n-blue": 9, "n-green": 1, "n-red": "red"})


def test_a_class_that_is_called_a_number_is_meant_before_the_output_of_that_number(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=2)
    classifier = untrained(("1", "2", "0"))
    by_name = classifier.evaluate(folder, class_map={"blue": "1", "green": "2", "red": "0"})
    by_place = classifier.evaluate(folder, class_map={"blue": 0, "green": 1, "red": 2})
    assert by_name.confusion.tolist() == by_place.confusion.tolist()


def test_the_order_of_the_datas_classes_does_not_matter(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=3)
    shuffled = untrained(("red", "blue", "green"))
    found = shuffled.evaluate(folder)
    said = shuffled.predict(sorted(folder.rglob("*.png")))
    assert found.top1.correct == sum(Path(p.image).parent.name == p.label for p in said)


def test_the_test_split_is_scored_before_val_and_any_by_name(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 3), ("test", 2)):
        pictures.folder(tmp_path / "data" / split, count=count)
    classifier = untrained()
    assert classifier.evaluate(tmp_path / "data").count == 6
    assert classifier.evaluate(tmp_path / "data", split="val").count == 9
    assert classifier.evaluate(tmp_path / "data", split="train").count == 12
    assert classifier.evaluate(tmp_path / "data", split="all").count == 27


def test_a_gray_classifier_reads_colour_as_luma(tmp_path: Path) -> None:
    classifier = Classifier(
        network=resnets.resnet("cifar_resnet20", num_classes=3, in_channels=1),
        classes=pictures.CLASSES,
        preprocessing=Preprocessing(size=20, resize=20, channels=1, mean=(0.5,), std=(0.5,)),
    )
    path = pictures.save(tmp_path / "colour.png", pictures.picture(0, 0))
    assert classifier.predict(path).answers == classifier.predict(Image.open(path).convert("L")).answers


def edited(path: Path, **changes: object) -> Path:
    with safetensors.safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["resnets"]) | changes
    path.write_bytes(safetensors.torch.save(safetensors.torch.load_file(path), {"resnets": json.dumps(header)}))
    return path


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 99, "origin": {"versions": {"resnets": "7.0"}}}, "format 99, written by resnets 7.0"),
        ({"classes": ["a"]}, "1 class names, but the network has 3 outputs"),
        ({"classes": ["a", "b", "a"]}, "two classes are called 'a'"),
        ({"spec": {"depths": [3, 3]}}, "damaged"),
        ({"spec": {"colour": 3}}, "depths is missing"),
        ({"preprocessing": {"size": -1}}, "size = -1"),
        ({"temperature": 0}, "temperature = 0"),
        ({"temperature": None}, "damaged"),
        ({"abstain_below": 1.5}, "abstain_below = 1.5: must be a probability, from 0 to 1"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_with_the_file_named(
    changes: dict[str, object], why: str, saved: Path
) -> None:
    with pytest.raises(InputError, match=why) as refused:
        classifiers.load(edited(saved, **changes))
    assert "\n" not in str(refused.value)


def test_a_damaged_file_is_refused_with_its_name(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    for cut in (0, 4, 100, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:cut])
        with pytest.raises(InputError, match=r"c\.safetensors: damaged"):
            resnets.load(saved)
    safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"only weights, without the header of a classifier; `resnets\.convert`"):
        resnets.load(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="no such file"):
        resnets.load(tmp_path / "gone.safetensors")


def test_convert_takes_a_new_head_only_where_it_is_asked_to(tmp_path: Path) -> None:
    torch.save(resnets.resnet("cifar_resnet20").state_dict(), tmp_path / "w.pth")
    (tmp_path / "names.txt").write_text("blue\ngreen\nred\n")
    names = tmp_path / "names.txt"
    with pytest.raises(InputError, match=r"3 class names, but the classifier in .* has 10 outputs; .*new_head=True"):
        resnets.convert(tmp_path / "w.pth", "cifar_resnet20", classes=names)
    classifier, notes = resnets.convert(tmp_path / "w.pth", "cifar_resnet20", classes=names, new_head=True)
    assert classifier.classes == pictures.CLASSES
    assert "classifier is for 10 classes: replaced by a new one for 3" in notes[1]


def test_convert_makes_a_classifier_of_published_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = resnets.resnet("cifar_resnet20", num_classes=3)
    theirs = {f"module.{name.replace('fc.', 'linear.')}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": theirs}, tmp_path / "w.th")
    (tmp_path / "names.txt").write_text("blue\ngreen\nred\n")
    classifier, notes = resnets.convert(
        tmp_path / "w.th", "cifar_resnet20", classes=tmp_path / "names.txt", preprocessing={"size": 20, "resize": 20}
    )
    assert "akamaster" in notes[0]
    pixels = torch.from_numpy(pictures.picture(0, 0))[None]
    with torch.inference_mode():
        expected = network.eval()(classifier.preprocessing.normalize(pixels))
    assert torch.allclose(classifier.logits(pixels), expected, atol=1e-5)  # another memory format, other last bits
    assert classifier.classes == pictures.CLASSES


def test_data_with_some_of_the_classes_is_scored_on_those(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = pictures.folder(tmp_path / "photos", count=3)
    whole = untrained().evaluate(folder)
    for name in ("blue", "green"):
        shutil.rmtree(folder / name)
    with caplog.at_level(logging.INFO, logger="resnets"):
        one = untrained().evaluate(folder, intervals=True)
    assert one.count == 3
    assert one.confusion[2].tolist() == whole.confusion[2].tolist()
    assert [score.recall for score in one.classes] == [None, None, whole.classes[2].recall]
    assert one.auc is None
    assert "2 of the classifier's 3 classes have no images here: blue, green" in caplog.text


def test_a_class_without_images_to_judge_need_not_be_the_classifiers(tmp_path: Path) -> None:
    for split, names in (("train", ("blue", "red", "violet")), ("test", ("blue", "red"))):
        for label, name in enumerate(names):
            pictures.save(tmp_path / split / name / "1.png", pictures.picture(label, 0))
    assert untrained().evaluate(tmp_path).count == 2
    with pytest.raises(InputError, match="only in the data: violet"):
        untrained().evaluate(tmp_path, split="train")


def test_classes_are_compared_whichever_of_unicodes_forms_they_are_written_in(tmp_path: Path) -> None:
    names = ("Äpfel", "Öl", "Übermut")
    for label, name in enumerate(names):
        pictures.save(tmp_path / unicodedata.normalize("NFD", name) / "1.png", pictures.picture(label, 0))
    for form in ("NFC", "NFD"):
        classifier = untrained(tuple(unicodedata.normalize(form, name) for name in names))
        assert classifier.evaluate(tmp_path).labels.tolist() == [0, 1, 2]


def test_images_that_cannot_be_read_stop_the_judging_or_are_left_out_and_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = pictures.folder(tmp_path / "photos", count=3)
    plain = untrained().evaluate(folder)
    (folder / "blue" / "0.png").write_bytes(b"no image")
    (folder / "red" / "9.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"blue/0\.png: not an image.*skip_bad=True"):
        untrained().evaluate(folder)
    with caplog.at_level(logging.WARNING, logger="resnets"):
        found = untrained().evaluate(folder, skip_bad=True, batch_size=4)
    assert found.confusion.tolist() == plain.confusion.tolist()
    assert found.on.endswith("all images, 2 left out that cannot be read")
    assert [Path(record.message.split(": ")[1]).name for record in caplog.records] == ["0.png", "9.png"]


def test_compare_and_calibrate_leave_out_what_either_cannot_read(tmp_path: Path) -> None:
    folder = pictures.folder(tmp_path / "photos", count=4)
    (folder / "blue" / "bad.png").write_bytes(b"no image")
    pictures.save(folder / "red" / "0.png", pictures.picture(2, 0, size=(4000, 1)))  # too thin for a wish of 500
    a, b = untrained(), untrained(resize=500)
    found = judging.compare(a, b, folder, skip_bad=True)
    assert len(found.labels) == 12
    with pytest.raises(InputError, match="skip_bad=True"):
        judging.compare(a, b, folder)
    _, fitted = judging.calibrate(a, folder, split="all", skip_bad=True)
    assert fitted.images == 13


def test_a_set_none_of_which_can_be_read_is_refused_though_bad_images_are_left_out(tmp_path: Path) -> None:
    for name in ("blue", "red"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="none of the 2 images can be read"):
        untrained().evaluate(tmp_path, skip_bad=True)


@pytest.mark.parametrize("batch_size", [4, 25, 40])
def test_no_step_of_the_network_sees_more_views_than_the_batch_size(
    batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = resnets.resnet("cifar_resnet20", num_classes=3, widths=(4, 8, 16), stem={"widths": [4]})
    made = Classifier(network=network, classes=pictures.CLASSES, preprocessing=Preprocessing(size=12, resize=16))
    folder = pictures.folder(tmp_path / "photos", count=3)
    shown: list[int] = []
    monkeypatch.setattr(
        Classifier, "outputs", lambda _, pixels: shown.append(len(pixels)) or np.zeros((len(pixels), 3), "f4")
    )
    made.scored(folder, split="all", tta="crops", batch_size=batch_size)
    list(made.predictions(sorted(folder.rglob("*.png")), tta="crops", batch_size=batch_size))
    assert sum(shown) == 2 * 9 * 10
    assert max(shown) == max(10, batch_size // 10 * 10)  # an image's ten views are averaged together
