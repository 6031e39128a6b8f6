"""Batches are a function of (seed, epoch, step): the same by any path, from any start."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from resnets.base.errors import InputError
from resnets.base.progress import Progress
from resnets.data import loading
from resnets.data.augmentation import COLUMNS
from resnets.data.augmentation_settings import Augment, Augmentation, CropFill
from resnets.data.checkup import survey
from resnets.data.imageset import ImageSet
from resnets.data.pixel_sources import Decoded, InMemory
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import TrainingBatches
from tests import pictures

SMALL = Preprocessing(size=20, resize=20)
PLAIN = Augmentation(augment="none", flip=False)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    return open_source(pictures.folder(tmp_path / "photos"))


def everything(batches: TrainingBatches, epoch: int, start: int = 0) -> torch.Tensor:
    return torch.cat([batch.images for batch in batches.epoch(epoch, start=start)])


@pytest.mark.parametrize("augment", ["none", "crop", "resized-crop"])
def test_an_epoch_from_the_middle_is_the_rest_of_the_epoch(images: ImageSet, augment: Augment) -> None:
    batches = TrainingBatches(images, SMALL, Augmentation(augment=augment), batch_size=4, seed=1)
    assert batches.steps == 7
    assert torch.equal(everything(batches, 2, start=3), everything(batches, 2)[12:])
    assert not torch.equal(everything(batches, 3), everything(batches, 2))


@pytest.mark.parametrize("fill", ["black", "mirror"])
def test_memory_and_files_give_the_same_batches(fill: CropFill, images: ImageSet) -> None:
    numbers = np.random.default_rng(0).random((30, COLUMNS), dtype=np.float32)
    rows = [np.array([3, 0, 29, 3]), np.array([7, 8, 9, 1])]
    augmentation = Augmentation(augment="crop", crop_padding=3, crop_fill=fill)
    memory = list(InMemory(images, SMALL, augmentation).batches(rows, numbers))
    files = list(Decoded(images, SMALL, augmentation).batches(rows, numbers))
    assert all(torch.equal(one, other) for one, other in zip(memory, files, strict=True))


def test_what_is_around_a_shifted_image_is_black_or_its_mirror(images: ImageSet) -> None:
    corner = np.zeros((1, COLUMNS), dtype=np.float32)  # the upper left window

    def shown(settings: Augmentation) -> torch.Tensor:
        return next(InMemory(images, SMALL, settings).batches([np.array([0])], corner))[0]

    whole = shown(PLAIN)
    black, mirrored = (
        shown(Augmentation(augment="crop", crop_padding=3, crop_fill=fill, flip=False)) for fill in ("black", "mirror")
    )
    assert torch.equal(black[3:, 3:], whole[:-3, :-3])
    assert not black[:3].any()
    assert not black[:, :3].any()
    inwards = [3, 2, 1, *range(len(whole) - 3)]
    assert torch.equal(mirrored, whole[inwards][:, inwards])


def test_an_epoch_shows_every_image_once_with_its_own_label(images: ImageSet) -> None:
    batches = TrainingBatches(images, SMALL, PLAIN, batch_size=5, seed=0)
    shown = [
        (image.numpy().tobytes(), int(label))
        for b in batches.epoch(0)
        for image, label in zip(b.images, b.labels, strict=True)
    ]
    expected = {(pictures.picture(label, seed).tobytes(), label) for label in range(3) for seed in range(10)}
    assert set(shown) == expected
    assert len(shown) == 30


def test_what_an_image_looks_like_does_not_depend_on_the_batch_size(images: ImageSet) -> None:
    augmentation = Augmentation(augment="resized-crop")
    by_five = TrainingBatches(images, SMALL, augmentation, batch_size=5, seed=0)
    by_ten = TrainingBatches(images, SMALL, augmentation, batch_size=10, seed=0)
    assert torch.equal(everything(by_five, 4), everything(by_ten, 4))


def test_reading_into_memory_tells_how_far_it_is(images: ImageSet) -> None:
    heard: list[Progress] = []
    TrainingBatches(images, SMALL, PLAIN, batch_size=4, seed=0, watch=heard.append)
    assert [one.done for one in heard] == list(range(1, 31))
    assert {(one.task, one.total) for one in heard} == {("reading images", 30)}


def test_a_batch_is_no_larger_than_the_set(images: ImageSet) -> None:
    batches = TrainingBatches(images.subset([0, 10, 20]), SMALL, PLAIN, batch_size=128, seed=0)
    assert batches.steps == 1
    assert everything(batches, 0).shape == (3, 20, 20, 3)


def test_items_come_in_order_and_not_too_early() -> None:
    running, most, lock = 0, 0, threading.Lock()
    taken: list[int] = []

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)  # long enough for any thread that may run to be running
        with lock:
            running -= 1
        return item * item

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    results = loading.in_order(work, items(), ahead=5, workers=3)
    assert next(results) == 0
    assert len(taken) <= 7
    assert list(results) == [item * item for item in range(1, 50)]
    assert most == 3


def test_an_error_in_a_thread_reaches_the_reader(images: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "photos" / "red" / "004.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"red/004\.png: not an image"):
        list(loading.evaluation_pixels(images, SMALL))


@pytest.mark.parametrize("augment", ["none", "crop"])
def test_an_image_too_thin_to_be_resized_is_named_in_evaluation_and_in_training(
    augment: Augment, tmp_path: Path
) -> None:
    pictures.save(tmp_path / "photos" / "red" / "thin.png", np.zeros((200_001, 1, 3), np.uint8))
    images = open_source(pictures.folder(tmp_path / "photos", count=2))
    with pytest.raises(InputError, match=r"red/thin\.png: 1 x 200001 is so long and thin"):
        list(loading.evaluation_pixels(images, SMALL))
    decoded = Decoded(images, SMALL, Augmentation(augment=augment))
    with pytest.raises(InputError, match=r"red/thin\.png: 1 x 200001 is so long and thin"):
        list(decoded.batches([np.arange(len(images))], np.zeros((len(images), COLUMNS), np.float32)))


def test_a_survey_finds_sizes_colour_and_every_bad_file(tmp_path: Path) -> None:
    root = pictures.folder(tmp_path / "photos", count=4, size=(30, 20))
    pictures.save(root / "red" / "wide.png", pictures.picture(0, 0, (90, 10)))
    (root / "blue" / "001.png").write_bytes((root / "blue" / "002.png").read_bytes()[:100])
    (root / "green" / "empty.jpg").touch()
    found = survey(open_source(root))
    assert found.channels == 3
    assert found.shorter_side == 20
    assert found.one_size is None
    assert [why.split(":")[0].rsplit("/", 2)[1:] for _, why in found.bad] == [
        ["blue", "001.png"],
        ["green", "empty.jpg"],
    ]


def test_a_survey_of_grey_images_says_one_channel(tmp_path: Path) -> None:
    for label, name in enumerate(pictures.CLASSES):
        pictures.save(tmp_path / name / "0.png", pictures.picture(label, 0)[:, :, 0])
    found = survey(open_source(tmp_path))
    assert found.channels == 1
    assert found.one_size == (20, 20)


def test_a_set_without_one_good_image_is_refused(tmp_path: Path) -> None:
    for name in pictures.CLASSES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"no")
    with pytest.raises(InputError, match="none of the 3 images can be decoded"):
        survey(open_source(tmp_path))
