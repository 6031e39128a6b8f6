"""Shards are the images that they were written from, wherever they lie and whatever breaks on the way."""

import errno
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

import resnets
from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.bulk.discovery import Discovery
from resnets.cli import main
from resnets.data import fetching, sampling, shard_writing
from resnets.data import shards as shard_sets
from resnets.data.augmentation_settings import Augmentation
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.preprocessing import Preprocessing
from resnets.data.shard_cache import KEPT, WINDOW, ShardCache
from resnets.data.shard_names import expanded
from resnets.data.sources import open_source
from resnets.data.training_batches import TrainingBatches
from resnets.training.run_folder import RunFolder
from tests import hub_server, pictures
from tests.hub_server import Hub
from tests.training.samples import QUICK, StopAfter, assert_same_run, train

TINY = 0.01  # megabytes a shard: two or three pictures


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos", count=26)


@pytest.fixture(scope="module")
def shards(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """78 pictures in more shards than are ever at hand."""
    return resnets.shard(photos, tmp_path_factory.mktemp("data") / "shards", shard_mb=TINY).path


@pytest.fixture
def web(shards: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server of the shards, below /models/."""
    monkeypatch.setattr(fetching, "WAIT", 0.001)
    monkeypatch.setattr(shard_sets, "AHEAD", 1)
    with hub_server.running() as hub:
        hub.models = {path.name: path.read_bytes() for path in shards.iterdir()}
        yield hub


def contents(images: ImageSet) -> list[tuple[bytes, str, str]]:
    """Each image's bytes, class and split, in an order of their own."""
    found: list[tuple[bytes, str, str]] = []
    for index in range(len(images)):
        data = images.read(index)
        split = int(images.splits[index])
        found.append(
            (data if isinstance(data, bytes) else data.tobytes(), images.classes[images.labels[index]],
             SPLITS[split] if split >= 0 else "")
        )  # fmt: skip
    return sorted(found)


def written(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def picture(seed: int, label: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pictures.picture(label, seed)).save(file, "png")
    return file.getvalue()


def samples(*numbers: int) -> dict[str, bytes]:
    """An image of each of these classes."""
    return {
        f"{number}.{kind}": picture(number) if kind == "png" else b"%d" % number
        for number in numbers
        for kind in ("png", "cls")
    }


def test_braces_mean_names_in_order() -> None:
    assert expanded("a/{008..011}.tar") == ["a/008.tar", "a/009.tar", "a/010.tar", "a/011.tar"]
    assert expanded("{train,val}-{1..2}.tar") == ["train-1.tar", "train-2.tar", "val-1.tar", "val-2.tar"]
    assert expanded("plain.tar") == ["plain.tar"]
    with pytest.raises(InputError, match="means more than 100,000 shards"):
        expanded("{0..999}-{0..999}.tar")


def test_shards_hold_what_they_were_written_from(photos: Path, shards: Path) -> None:
    images = open_source(shards)
    assert contents(images) == contents(open_source(photos))
    assert images.shards is None  # local tars are read at any place
    manifest = json.loads((shards / "manifest.json").read_text())
    assert sum(one["images"] for one in manifest["shards"]) == 78
    assert np.sum([one["counts"] for one in manifest["shards"]], axis=0).tolist() == [26, 26, 26]
    assert len((shards / "names.tsv").read_text().splitlines()) == 78
    assert len(manifest["shards"]) > KEPT
    with pytest.raises(InputError, match="already contains shards"):
        resnets.shard(photos, shards)


def test_splits_and_arrays_come_through(tmp_path: Path) -> None:
    digits = open_source("digits").subset(range(0, 1797, 20))
    again = open_source(resnets.shard(digits, tmp_path / "shards", shard_mb=0.05).path)
    assert again.class_counts().tolist() == digits.class_counts().tolist()
    assert [again.part(split).class_counts().tolist() for split in ("train", "test")] == [
        digits.part(split).class_counts().tolist() for split in ("train", "test")
    ]


def test_writing_that_was_stopped_goes_on_to_the_same_bytes(
    photos: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, out = shard_writing._write, tmp_path / "shards"

    def stops(images: ImageSet, part: Any, folder: Path) -> None:
        if part.name.endswith("5.tar"):
            raise RunFailed("full")
        real(images, part, folder)

    with monkeypatch.context() as patch:
        patch.setattr(shard_writing, "_write", stops)
        with pytest.raises(RunFailed):
            resnets.shard(photos, out, shard_mb=TINY)
    with pytest.raises(InputError, match="other images, or another seed or size, were begun here"):
        resnets.shard(photos, out, shard_mb=TINY, seed=1)
    assert resnets.shard(photos, out, shard_mb=TINY).kept == 5
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in shards.iterdir()
    }


def test_shards_of_others_say_class_and_split(tmp_path: Path) -> None:
    written(
        tmp_path / "train-000.tar",
        {"a.png": picture(1), "a.cls": b"cat", "b.json": b"{}", "b.cls": b"dog\n", "b.png": picture(2)},
    )
    written(tmp_path / "train-001.tar", {"dog/1.png": picture(3), "cat/1.png": picture(4)})
    written(tmp_path / "val-000.tar", {"x/c.jpeg": picture(5), "x/c.cls": b"dog"})
    images = open_source(str(tmp_path / "{train-000,train-001,val-000}.tar"))
    assert contents(images) == sorted([
        (picture(1), "cat", "train"), (picture(2), "dog", "train"), (picture(3), "dog", "train"),
        (picture(4), "cat", "train"), (picture(5), "dog", "val"),
    ])  # fmt: skip
    assert contents(open_source(tmp_path)) == contents(images)


def test_numbers_are_classes_in_the_order_of_numbers(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.tar",
        {f"{n}.{kind}": picture(n) if kind == "png" else b"%d" % n for n in (2, 10, 9) for kind in ("png", "cls")},
    )
    assert open_source(path).classes == ("2", "9", "10")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 4)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (cut, r"train-000\.tar: (cut short|not a tar archive, or damaged)"),
        (lambda path: path.write_bytes(b""), r"train-000\.tar: "),
        (Path.unlink, r"train-000\.tar: cannot be read \(No such file"),
        (lambda path: written(path, {"a.png": picture(1)}), r"train-000\.tar/a\.png: no label; a \.cls member"),
        (lambda path: written(path, {"a.txt": b""}), r"train-000\.tar: no images in it"),
    ],
    ids=["cut", "empty", "gone", "no-label", "no-image"],
)
def test_a_shard_that_cannot_be_used_is_named(harm: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    for number in range(2):
        files = {
            f"{n}.{kind}": picture(n) if kind == "png" else b"%d" % (n % 2) for n in range(4) for kind in ("png", "cls")
        }
        written(tmp_path / f"train-{number:03}.tar", files)
    harm(tmp_path / "train-000.tar")
    with pytest.raises(InputError, match=says):
        open_source(str(tmp_path / "train-{000..001}.tar"))


def test_a_shard_that_is_not_the_manifests_is_named(photos: Path, tmp_path: Path) -> None:
    out = resnets.shard(photos, tmp_path / "shards", shard_mb=0.2).path
    first = next(out.glob("*.tar"))
    cut(first)
    with pytest.raises(
        InputError, match=rf"{first.name}: has [\d,]+ bytes, and its manifest says [\d,]+; copy it again"
    ):
        open_source(out)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(web: Hub, shards: Path) -> None:
    web.breaks = {name: [700, 5000] for name in web.models if name.endswith("3.tar")}
    images = open_source(f"{web.address}/models/")
    assert contents(images) == contents(open_source(shards))
    assert images.shards is not None
    resumed = [line for line in web.asked if "bytes=700-" in line]
    assert resumed


def test_what_does_not_come_is_named_in_one_line(web: Hub) -> None:
    web.breaks = {"shard-000001.tar": [0] * 100}
    with pytest.raises(InputError, match=r"shard-000001\.tar: cannot be read \(.*after 6 tries\)"):
        open_source(f"{web.address}/models/shard-{{000000..000002}}.tar")
    with pytest.raises(InputError, match=r"nothing-7\.tar: cannot be read \(the server answered HTTP Error 404"):
        open_source(f"{web.address}/models/nothing-{{7..8}}.tar")


def test_bytes_that_are_not_the_manifests_are_refused(web: Hub) -> None:
    name = "shard-000002.tar"
    data = bytearray(web.models[name])
    data[700] ^= 1
    web.models[name] = bytes(data)
    with pytest.raises(
        InputError, match=r"shard-000002\.tar: cannot be read \(its bytes are not those that the manifest"
    ):
        open_source(f"{web.address}/models/")


def test_an_order_of_shards_shows_each_image_once_and_few_shards_at_a_time() -> None:
    shards = np.repeat(np.arange(100), 50)
    order = sampling.near(shards, np.random.Generator(np.random.Philox(key=3)))
    assert sorted(order.tolist()) == list(range(5000))
    seen = shards[order]
    first = {shard: int(np.argmax(seen == shard)) for shard in range(100)}
    last = {shard: 4999 - int(np.argmax(seen[::-1] == shard)) for shard in range(100)}
    at_once = [sum(first[shard] <= place <= last[shard] for shard in range(100)) for place in range(0, 5000, 50)]
    assert max(at_once) <= WINDOW + 1
    assert np.mean([len(set(seen[place : place + 64].tolist())) for place in range(1000, 4000, 64)]) > WINDOW / 2


@pytest.mark.parametrize("sampler", ["all", "balanced"])
def test_an_epoch_of_far_shards_is_cut_anywhere_and_goes_on_with_the_same_batches(web: Hub, sampler: Any) -> None:
    images = open_source(f"{web.address}/models/")
    batches = TrainingBatches(
        images,
        Preprocessing(size=8, resize=8),
        Augmentation(augment="resized-crop", sampler=sampler),
        batch_size=6,
        seed=1,
    )
    whole = [batch.images.numpy().tobytes() for batch in batches.epoch(2)]
    assert len(whole) == 13
    assert whole[5:] == [batch.images.numpy().tobytes() for batch in batches.epoch(2, start=5)]
    views, rows = sampling.views(images.labels, seed=1, epoch=2, sampler=sampler, shards=images.shards)
    assert sorted(rows.tolist()) == list(range(78))
    assert sampler == "balanced" or sorted(views.tolist()) == list(range(78))


def test_a_run_on_far_shards_is_the_same_with_and_without_a_stop(web: Hub, tmp_path: Path) -> None:
    address, settings = f"{web.address}/models/", {**QUICK, "epochs": 2, "augment": "resized-crop", "batch_size": 8}
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    train(address, whole.path, settings=settings)  # pyright: ignore[reportArgumentType]
    with pytest.raises(Interrupted):
        train(address, stopped.path, settings=settings, watch=StopAfter(3))  # pyright: ignore[reportArgumentType]
    web.breaks = {name: [1000] for name in web.models if name.endswith("1.tar")}
    train(address, stopped.path, settings={}, resume=True)  # pyright: ignore[reportArgumentType]
    assert_same_run(stopped, whole)
    assert resnets.load(whole.path).evaluate(address).count == 15


def test_a_disk_without_room_for_copies_is_named(web: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(uri: str, file: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shard_sets, "fetch", full)
    with pytest.raises(InputError, match=r"shard-000000\.tar: cannot be read \(no room in .* let TMPDIR name"):
        open_source(f"{web.address}/models/")


def test_no_more_shards_are_kept_than_are_needed_and_none_afterwards(web: Hub) -> None:
    images = open_source(f"{web.address}/models/")
    cache: ShardCache = images.images.cache  # pyright: ignore[reportAttributeAccessIssue]
    for index in range(len(images)):
        images.read(index)
    assert len([path for path in cache.folder.iterdir() if not path.suffix]) == KEPT
    folder = cache.folder
    del images, cache
    assert not folder.exists()


def parquet(path: Path, images: ImageSet, *, names: bool) -> Path:
    """Rows of an image set as Hugging Face's datasets writes them."""
    rows = [{"bytes": images.read(index), "path": None} for index in range(len(images))]
    labels = images.labels.tolist()
    table = pyarrow.table({"image": rows, "label": labels if names else [images.classes[one] for one in labels]})
    features = {"label": {"names": list(images.classes), "_type": "ClassLabel"}}
    if names:
        described = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": described})
    pyarrow.parquet.write_table(table, path, row_group_size=10)
    return path


@pytest.mark.parametrize("names", [True, False])
def test_parquet_files_are_read_for_training(names: bool, photos: Path, tmp_path: Path) -> None:
    images = open_source(photos)
    (tmp_path / "data").mkdir()
    parquet(tmp_path / "data" / "train-00000-of-00002.parquet", images.subset(range(50)), names=names)
    parquet(tmp_path / "data" / "validation-00000-of-00001.parquet", images.subset(range(50, 78)), names=names)
    again = open_source(f"hf:{tmp_path}")
    assert (len(again.part("train")), len(again.part("val"))) == (50, 28)
    assert [row[:2] for row in contents(again)] == [row[:2] for row in contents(images)]
    assert contents(open_source(tmp_path / "data")) == contents(again)
    assert contents(open_source(f"file://{tmp_path}/data/train-00000-of-00002.parquet")) == contents(
        again.part("train")
    )


def test_a_dataset_of_the_hub_is_its_parquet_files(photos: Path, web: Hub, tmp_path: Path) -> None:
    images = open_source(photos)
    for name, rows in (("train-0.parquet", range(50)), ("test-0.parquet", range(50, 78))):
        web.models[name] = parquet(tmp_path / name, images.subset(rows), names=True).read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.hf_hub_url", lambda _, file, **__: f"{web.address}/models/{file[5:]}")
        listed = ["README.md", "data/test-0.parquet", "data/train-0.parquet"]
        patch.setattr("huggingface_hub.HfApi.list_repo_files", lambda *_, **__: listed)
        again = open_source("hf:owner/photos")
        assert (len(again.part("train")), len(again.part("test"))) == (50, 28)
        assert [row[:2] for row in contents(again)] == [row[:2] for row in contents(images)]
        entries = list(Discovery(["hf:owner/photos"], [], tmp_path))
        assert len(entries) == 78
        listed.append("other/train-0.parquet")
        with pytest.raises(InputError, match="holds several datasets: data, other; name one, as hf:owner/photos/data"):
            open_source("hf:owner/photos")
        assert len(open_source("hf:owner/photos/data")) == 78


def test_a_parquet_file_that_cannot_be_used_is_named(photos: Path, tmp_path: Path) -> None:
    images = open_source(photos)
    path = parquet(tmp_path / "a.parquet", images, names=True)
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.drop_columns("label"), path)
    with pytest.raises(InputError, match=r"a\.parquet: no column of labels among image; it must be called label"):
        open_source(path)
    unknown = table.set_column(1, "label", pyarrow.array([0] * 77 + [-1]))
    pyarrow.parquet.write_table(unknown, path)
    with pytest.raises(InputError, match=r"a\.parquet: row 77 has no label"):
        open_source(path)
    cut(path)
    with pytest.raises(InputError, match=r"a\.parquet: not a Parquet file, or damaged"):
        open_source(path)


def test_the_command_says_what_was_written(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["shard", str(photos), str(tmp_path / "shards"), "--shard-mb", "0.05", "--json"]
    main(command)
    said = json.loads(capsys.readouterr().out)
    assert (said["images"], said["kept"]) == (78, 0)
    assert said["shards"] == len(list((tmp_path / "shards").glob("*.tar")))
    with pytest.raises(SystemExit) as left:
        main(command)
    assert left.value.code == 2
    assert "already contains shards; name another folder" in capsys.readouterr().err


def test_class_folders_and_shards_behind_a_uri_are_read(photos: Path, shards: Path) -> None:
    images = open_source(f"file://{photos}")
    assert contents(images) == contents(open_source(photos))
    assert images.image_name(0).startswith("file://")
    assert contents(open_source(f"file://{shards}")) == contents(open_source(photos))
    with pytest.raises(InputError, match="no such folder"):
        open_source(f"file://{photos}/nowhere")


def test_predictions_in_bulk_read_shards_on_the_web(web: Hub, tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos")
    run = train(photos, tmp_path / "run", settings={**QUICK, "epochs": 1}).path
    assert run is not None
    name = f"{web.address}/models/shard-{{000000..000004}}.tar"
    found = resnets.predict_bulk(run, [name], tmp_path / "answers.csv")
    local = open_source(f"{web.address}/models/shard-{{000000..000004}}.tar")
    assert found.bad == 0
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == len(local) + 1
