"""Policies, erasing, repeats, balance and other sizes in the batches: the same by any path, from any start."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnets.data import augmentation, loading, pixel_sources, policies
from resnets.data.arrays import Pixels
from resnets.data.augmentation_settings import Augment, Augmentation, PolicyName
from resnets.data.folders import Files
from resnets.data.imageset import ImageSet
from resnets.data.pixel_sources import InMemory
from resnets.data.preprocessing import Preprocessing
from resnets.data.sources import open_source
from resnets.data.training_batches import Batch, TrainingBatches
from tests import pictures

SMALL = Preprocessing(size=20, resize=20)
POLICIES: tuple[PolicyName, ...] = ("rand-augment", "trivial-augment")
AUGMENTS: tuple[Augment, ...] = ("none", "crop", "resized-crop")
EVERYTHING = Augmentation(policy="rand-augment", policy_ops=3, policy_spread=1.0, erase=0.5, repeats=3)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    return open_source(pictures.folder(tmp_path / "photos"))


def arrays(channels: int, count: int = 12) -> ImageSet:
    pixels = np.random.default_rng(channels).integers(0, 256, (count, 20, 20, channels), dtype=np.uint8)
    return ImageSet(
        name="noise",
        classes=("a", "b"),
        images=Pixels(pixels, "noise", (("image", count),)),
        labels=np.arange(count) % 2,
        splits=np.zeros(count, np.int8),
        rows=np.arange(count),
    )


def same(one: list[Batch], other: list[Batch]) -> bool:
    """Whether two runs of batches show the same images, labels and boxes, however they are cut into batches."""

    def joined(batches: list[Batch]) -> list[torch.Tensor]:
        boxes = [batch.boxes for batch in batches if batch.boxes is not None]
        parts = [[batch.images for batch in batches], [batch.labels for batch in batches], boxes]
        return [torch.cat(part) for part in parts if part]

    return all(torch.equal(a, b) for a, b in zip(joined(one), joined(other), strict=True))


@pytest.mark.parametrize(
    ("augment", "digest"),
    [("none", "6a1f1248bc4ea224"), ("crop", "014f762d1a321a4a"), ("resized-crop", "253a31667652d19f")],
)
def test_batches_without_a_policy_are_those_of_version_0_1(images: ImageSet, augment: Augment, digest: str) -> None:
    """Runs that began before there were policies go on to the same weights."""
    batches = TrainingBatches(images, SMALL, Augmentation(augment=augment), batch_size=4, seed=1)
    shown = hashlib.sha256()
    for batch in batches.epoch(2, start=1):
        shown.update(batch.images.numpy().tobytes())
        shown.update(batch.labels.numpy().tobytes())
    assert shown.hexdigest()[:16] == digest


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("policy", POLICIES)
def test_an_epoch_with_everything_on_is_the_same_from_the_middle_and_in_other_batches(
    images: ImageSet, augment: Augment, policy: PolicyName
) -> None:
    settings = replace(EVERYTHING, augment=augment, policy=policy, sampler="balanced")

    def epoch(batch_size: int, start: int = 0, seed: int = 1) -> list[Batch]:
        batches = TrainingBatches(images, SMALL, settings, batch_size=batch_size, seed=seed)
        return list(batches.epoch(2, start=start))

    assert same(epoch(5, start=2), epoch(5)[2:])
    assert same(epoch(30), epoch(5))
    assert not same(epoch(5, seed=2), epoch(5))


@pytest.mark.parametrize("augment", ["none", "crop"])
@pytest.mark.parametrize("size", [None, 13, 26])
def test_memory_and_files_give_the_same_batches_with_everything_on(
    images: ImageSet, augment: Augment, size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(EVERYTHING, augment=augment)
    memory = TrainingBatches(images, SMALL, settings, batch_size=6, seed=0)
    monkeypatch.setattr(loading, "MEMORY_LIMIT", 0)
    files = TrainingBatches(images, SMALL, settings, batch_size=6, seed=0)
    assert isinstance(memory.source, InMemory)
    assert not isinstance(files.source, InMemory)
    assert same(list(memory.epoch(1, size=size)), list(files.epoch(1, size=size)))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_is_applied_last_with_the_images_own_numbers(images: ImageSet, policy: PolicyName) -> None:
    settings = Augmentation(augment="resized-crop", policy=policy, policy_magnitude=6.5, policy_spread=0.5)
    plain = TrainingBatches(images, SMALL, replace(settings, policy="none"), batch_size=10, seed=0).epoch(4)
    changed = TrainingBatches(images, SMALL, settings, batch_size=10, seed=0).epoch(4)
    order = augmentation.generator(0, 4, augmentation.ORDER).permutation(30)
    columns = policies.columns(policy, 2)
    numbers = augmentation.generator(0, 4, augmentation.POLICY).random((30, columns), dtype=np.float32)
    before, after = (torch.cat([batch.images for batch in batches]) for batches in (plain, changed))
    expected: list[Image.Image] = []
    for pixels, row in zip(before.numpy(), order, strict=True):
        image = Image.fromarray(pixels)
        expected.append(
            policies.trivial_augment(image, numbers[row])
            if policy == "trivial-augment"
            else policies.rand_augment(
                image,
                numbers[row],
                ops=2,
                magnitude=6.5,
                spread=0.5,
                fill=(124, 116, 104),
                resample=Image.Resampling.BILINEAR,
            )
        )
    assert torch.equal(after, torch.from_numpy(np.stack([np.asarray(image) for image in expected])))
    assert 0.3 < (after != before).any(dim=3).any(dim=2).any(dim=1).float().mean() <= 1


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_grey_images_and_arrays_of_many_channels_take_every_augmentation(channels: int, policy: PolicyName) -> None:
    ones = (0.5,) * channels
    preprocessing = Preprocessing(size=20, resize=20, channels=channels, mean=ones, std=ones)
    for augment in AUGMENTS:
        settings = replace(EVERYTHING, augment=augment, policy=policy, sampler="balanced")
        for batch in TrainingBatches(arrays(channels), preprocessing, settings, batch_size=4, seed=0).epoch(0, size=16):
            assert batch.images.shape == (4, 16, 16, channels)
            assert batch.images.dtype == torch.uint8


def test_the_views_of_a_repeated_image_differ_and_share_its_label(images: ImageSet) -> None:
    settings = Augmentation(augment="resized-crop", repeats=3)
    batches = list(TrainingBatches(images, SMALL, settings, batch_size=30, seed=0).epoch(0))
    (batch,) = batches
    views, labels = batch.images.view(10, 3, 20, 20, 3), batch.labels.view(10, 3)
    assert (labels == labels[:, :1]).all()
    assert all(len({view.numpy().tobytes() for view in image}) == 3 for image in views)


def test_a_balanced_run_shows_each_class_as_often(images: ImageSet) -> None:
    few = images.subset([*range(10), *range(10, 13), *range(20, 22)])
    batches = TrainingBatches(few, SMALL, Augmentation(sampler="balanced"), batch_size=15, seed=0)
    for epoch in range(3):
        (batch,) = batches.epoch(epoch)
        assert torch.bincount(batch.labels).tolist() == [5, 5, 5]
        colours = batch.images.float().mean((1, 2)).argmax(1)
        assert torch.equal(colours, 2 - batch.labels)  # the images are those of their labels


def test_boxes_are_erased_with_the_probability_asked_for_and_lie_in_the_image(images: ImageSet) -> None:
    batches = TrainingBatches(images, SMALL, Augmentation(erase=0.3), batch_size=10, seed=0)
    boxes = torch.cat(
        [batch.boxes for epoch in range(40) for batch in batches.epoch(epoch, size=16) if batch.boxes is not None]
    )
    assert len(boxes) == 1200
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert abs((area > 0).float().mean() - 0.3) < 0.053  # four deviations of a share of 1,200
    assert (boxes >= 0).all()
    assert (boxes <= 16).all()
    assert all(
        batch.boxes is None for batch in TrainingBatches(images, SMALL, Augmentation(), batch_size=10, seed=0).epoch(0)
    )


@pytest.mark.parametrize("augment", AUGMENTS)
def test_an_epoch_at_another_size_shows_the_same_images_smaller(tmp_path: Path, augment: Augment) -> None:
    photographs = smooth(tmp_path)
    preprocessing = Preprocessing(size=64, resize=64)
    settings = Augmentation(augment=augment, erase=0.5)
    batches = TrainingBatches(photographs, preprocessing, settings, batch_size=6, seed=0)
    large, small = (torch.cat([batch.images for batch in batches.epoch(1, size=size)]) for size in (None, 32))
    assert large.shape == (6, 64, 64, 3)
    assert small.shape == (6, 32, 32, 3)
    difference = (augmentation.resized(large, 32).float() - small.float()).abs()
    # A mirror image rounds its halves the same way but adds in another order; cut out of the file at once, or resized
    # twice, smooth pictures differ by a few levels.
    assert difference.max() <= (10 if augment == "resized-crop" else 1), difference.max()
    assert difference.mean() < (2 if augment == "resized-crop" else 1e-2), difference.mean()


def test_pictures_are_decoded_once_where_all_fit_in_memory(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = Files.read

    def counted(folder: Files, index: int, /) -> bytes:
        read.append(index)
        return original(folder, index)

    settings = Augmentation(augment="resized-crop")
    batches = TrainingBatches(images, SMALL, settings, batch_size=10, seed=0)
    monkeypatch.setattr(Files, "read", counted)
    first, second = list(batches.epoch(0)), list(batches.epoch(1))
    assert sorted(read) == list(range(30))
    monkeypatch.setattr(pixel_sources, "MEMORY_LIMIT", 30 * 20 * 20 * 3 - 1)
    batches = TrainingBatches(images, SMALL, settings, batch_size=10, seed=0)
    read.clear()
    assert same(first, list(batches.epoch(0)))
    assert same(second, list(batches.epoch(1)))
    assert len(read) == 60


def smooth(root: Path) -> ImageSet:
    """Six pictures of colour gradients, 90 x 70."""
    for label, name in enumerate(("a", "b")):
        for seed in range(3):
            coarse = np.random.default_rng([label, seed]).integers(0, 256, (4, 5, 3), dtype=np.uint8)
            fine = Image.fromarray(coarse).resize((90, 70), Image.Resampling.BICUBIC)
            pictures.save(root / name / f"{seed}.png", np.asarray(fine))
    return open_source(root)


def test_alternating_an_image_is_mirrored_in_every_second_epoch(images: ImageSet) -> None:
    """By chance half of them begin mirrored, and two epochs in a row show each image both ways."""
    settings = Augmentation(augment="none", alternate_flip=True)
    batches = TrainingBatches(images, SMALL, settings, batch_size=1, seed=1)
    plain = [torch.from_numpy(one) for one in loading.evaluation_pixels(images, SMALL)]

    def mirrored(epoch: int, start: int = 0) -> dict[int, bool]:
        """Whether each image was, by its place in the set."""
        found: dict[int, bool] = {}
        for batch in batches.epoch(epoch, start=start):
            both = [(row, flip) for row, one in enumerate(plain) for flip in (False, True)
                    if torch.equal(batch.images[0], one.flip(1) if flip else one)]  # fmt: skip
            assert len(both) == 1
            found |= dict(both)
        return found

    first = mirrored(0)
    assert len(first) == len(plain)
    assert 0.2 < np.mean(list(first.values())) < 0.8
    assert mirrored(1) == {row: not flip for row, flip in first.items()}
    assert mirrored(2) == first
    assert mirrored(7, start=5).items() <= mirrored(1).items()
