"""A bulk prediction writes each image's row once, in order and the same, whenever it is stopped or killed."""

import csv
import json
import random
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from jaxtyping import Float32, UInt8

import resnets
from resnets.base.errors import InputError, Interrupted, RunFailed
from resnets.base.progress import Progress
from resnets.bulk import run as bulk
from resnets.bulk.run import BulkRequest, Written
from resnets.bulk.work_folder import WorkFolder
from resnets.classifier.answering import Encoded, Picture, Viewed
from resnets.classifier.file import Classifier
from resnets.classifier.prediction import Prediction
from resnets.classifier.predictor import Predictor
from resnets.cli import main
from resnets.data.views import Views
from tests import pictures, processes
from tests.export import samples

SUFFIXES = (".csv", ".jsonl", ".parquet")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    saved = samples.classifier(temperature=2.0, abstain_below=0.4)
    saved.save(tmp_path_factory.mktemp("c") / "c.safetensors")
    return saved


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """21 images, of which one is none."""
    folder = pictures.folder(tmp_path / "photos", count=7, size=(24, 18))
    (folder / "green" / "003.png").write_text("no image")
    return folder


def request(predictor: Predictor, photos: Path, out: Path, **options: object) -> BulkRequest:
    settings = {"batch_size": 2, "workers": 1, "top": 2} | options
    return BulkRequest(
        classifier=Path(str(predictor.path)), images=(str(photos),), out=out, opener=lambda path, device: predictor,  # noqa: ARG005
        **settings,  # pyright: ignore[reportArgumentType] # whatever a test gives
    )  # fmt: skip


def run(predictor: Predictor, photos: Path, out: Path, **options: object) -> Written:
    return bulk.predict(request(predictor, photos, out, **options))


@pytest.fixture
def expected(classifier: Classifier, photos: Path) -> list[Prediction]:
    """What the classifier says of each image in the same batches, on one core."""
    with classifier.on_one_core():
        return list(classifier.predictions(sorted(photos.rglob("*.png")), top=2, batch_size=2))


def test_parquet_holds_a_row_for_each_image_in_order(
    classifier: Classifier, photos: Path, expected: list[Prediction], tmp_path: Path
) -> None:
    assert run(classifier, photos, tmp_path / "a.parquet") == Written(tmp_path / "a.parquet", 21, 1, 0)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["image", "class", "probability", "class_2", "probability_2", "error", "sure"]
    for row, one in zip(table.to_pylist(), expected, strict=True):
        answers = [value for answer in one.answers for value in (answer.label, answer.probability)]
        sure = None if one.error else one.sure
        assert list(row.values()) == [one.image, *(answers or [None] * 4), one.error, sure]
    assert table.column("error").null_count == 20


def test_json_lines_hold_what_predict_prints_as_json(
    classifier: Classifier, photos: Path, expected: list[Prediction], tmp_path: Path
) -> None:
    run(classifier, photos, tmp_path / "a.jsonl", workers=3)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [one.as_dict() for one in expected]


def test_csv_is_what_predict_prints_as_csv(
    classifier: Classifier, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(classifier.path), str(photos), "--top", "2", "--batch-size", "2"]
    printed = ""
    for more in (["--csv"], ["-o", str(tmp_path / "a.csv")], ["--csv", "-o", str(tmp_path / "b.csv")]):
        with pytest.raises(SystemExit) as left:
            main([*words, *more])
        assert left.value.code == 1
        out, err = capsys.readouterr()
        assert "1 of 21 images could not be read; their rows say why" in err
        printed = printed or out
    for name in ("a.csv", "b.csv"):
        rows = list(csv.reader((tmp_path / name).read_text().splitlines()))
        printed_rows = list(csv.reader(printed.splitlines()))
        assert [row[:2] for row in rows] == [row[:2] for row in printed_rows]
        for row, other in zip(rows[1:], printed_rows[1:], strict=True):
            if row[2]:  # another number of threads sums in another order: the last of four digits can differ
                assert float(row[2]) == pytest.approx(float(other[2]), abs=1.01e-4)
    assert not list(tmp_path.glob("*.parts"))


def test_embeddings_are_the_networks_features_beside_the_same_answers(
    classifier: Classifier, photos: Path, expected: list[Prediction], tmp_path: Path
) -> None:
    run(classifier, photos, tmp_path / "a.parquet", embeddings=True)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    kind = table.schema.field("embedding").type
    assert (kind.value_type, kind.list_size) == (pyarrow.float32(), 64)
    run(classifier, photos, tmp_path / "a.jsonl", embeddings=True)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    for row, line, one in zip(table.to_pylist(), lines, expected, strict=True):
        assert line["embedding"] == row["embedding"]
        if one.error:
            assert row["embedding"] is None
            continue
        assert row["class"] == one.label
        pixels = classifier.viewed(one.image, one.image)[1]
        assert isinstance(pixels, np.ndarray)
        # Batches of another size may sum float32 in another order.
        assert np.allclose(row["embedding"], classifier.features(pixels)[0], atol=1e-5)
    with pytest.raises(InputError, match=r"embeddings need a \.parquet or \.jsonl file"):
        run(classifier, photos, tmp_path / "a.csv", embeddings=True)


def test_views_of_test_time_augmentation_are_averaged(classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    run(classifier, photos, tmp_path / "a.jsonl", tta="crops", batch_size=20, embeddings=True)
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    for row in rows:
        if row["error"] is None:
            (said,) = classifier.predictions([row["image"]], top=2, tta="crops")
            assert row["answers"][0]["probability"] == pytest.approx(said.probability, abs=1e-5)


@dataclass(kw_only=True)
class Counting(Predictor):
    """Answers by brightness, and keeps count of what is in memory at once."""

    concurrent_: bool = True
    seen: int = 0
    waiting: int = 0  # images viewed and not yet answered
    most_waiting: int = 0
    answering: int = 0
    most_answering: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def concurrent(self) -> bool:
        return self.concurrent_

    def outputs(self, pixels: UInt8[np.ndarray, "batch height width channels"]) -> Float32[np.ndarray, "batch classes"]:
        with self.lock:
            self.answering += 1
            self.most_answering = max(self.most_answering, self.answering)
        time.sleep(0.002)
        with self.lock:
            self.answering -= 1
        return pixels.mean(axis=(1, 2), dtype=np.float32)

    def viewed(self, name: str, image: Picture | Encoded, tta: Views = "none") -> Viewed:
        with self.lock:
            self.seen += 1
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
        return super().viewed(name, image, tta)

    def answers(self, images: Sequence[Viewed], *, top: int) -> list[Prediction]:
        found = super().answers(images, top=top)
        with self.lock:
            self.waiting -= len(images)
        return found


def counting(classifier: Classifier, **fields: object) -> Counting:
    return Counting(
        classes=classifier.classes, preprocessing=classifier.preprocessing, path=classifier.path,
        **fields,  # pyright: ignore[reportArgumentType] # whatever a test gives
    )  # fmt: skip


def test_each_thread_has_one_batch_in_memory_however_many_images_there_are(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    names = [str(path) for path in photos.rglob("*.png")] * 20
    predictor = counting(classifier)
    run(predictor, Path("-"), tmp_path / "a.csv", listed=names, workers=3, batch_size=4)
    assert predictor.seen == 420
    assert predictor.most_waiting <= 3 * 4
    assert 2 <= predictor.most_answering <= 3


def test_an_accelerator_computes_one_batch_at_a_time(classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    predictor = counting(classifier, concurrent_=False)
    run(predictor, photos, tmp_path / "a.csv", workers=4)
    assert predictor.most_answering == 1


def test_what_gives_no_features_says_so_before_anything_is_written(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="gives no features"):
        run(counting(classifier), photos, tmp_path / "a.parquet", embeddings=True)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_torchs_threads_are_as_before(classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(classifier, photos, tmp_path / "a.csv")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def stop_after(images: int, how: Callable[[], None]) -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        if progress.done >= images:
            how()

    return watch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_the_same_order_goes_on(
    number: signal.Signals, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    run(counting(classifier), photos, tmp_path / "whole.csv")
    out = tmp_path / "a.csv"
    handlers = signal.getsignal(number)
    sent: list[int] = []

    def send() -> None:
        if not sent:
            sent.append(number)
            signal.raise_signal(number)

    with pytest.raises(Interrupted, match=rf"images done, kept in {out}\.parts; the same call continues") as caught:
        run(counting(classifier), photos, out, watch=stop_after(4, send))
    assert caught.value.signal == number
    assert signal.getsignal(number) == handlers
    assert not out.exists()
    again = counting(classifier)
    written = run(again, photos, out)
    assert written.found >= 2
    assert again.seen == 21 - written.found
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not WorkFolder(out).folder.exists()


def begin(predictor: Predictor, photos: Path, out: Path, **options: object) -> None:
    """Leave a run where a failure of the watch has stopped it, after its first images."""

    class Left(Exception):  # noqa: N818
        pass

    def leave() -> None:
        raise Left

    with pytest.raises(Left):
        run(predictor, photos, out, watch=stop_after(2, leave), **options)
    assert (WorkFolder(out).folder / "job.json").is_file()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"top": 1}, "was begun with top=2, but now it is 1; run the same call to continue, remove the folder"),
        ({"tta": "flip"}, "was begun with tta= none, but now it is flip"),
        ({"batch_size": 3}, r"images a step \(batch_size=\) 2, but now it is 3"),
        ({"images": ("elsewhere",)}, "but now it is elsewhere"),
        ({"embeddings": True}, r"features an image \(embeddings=True\) 0, but now it is 64"),
    ],
)
def test_another_order_for_the_same_output_is_refused_with_the_difference(
    changed: dict[str, object], said: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    begin(classifier, photos, tmp_path / "a.jsonl")
    asked = request(classifier, photos, tmp_path / "a.jsonl", **{k: v for k, v in changed.items() if k != "images"})
    if "images" in changed:
        object.__setattr__(asked, "images", changed["images"])
    with pytest.raises(InputError, match=said):
        bulk.predict(asked)
    run(classifier, photos, tmp_path / "a.jsonl")


def test_another_classifier_or_list_for_the_same_output_is_refused(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    names = sorted(map(str, photos.rglob("*.png")))
    mine = samples.classifier()
    mine.save(tmp_path / "mine.safetensors")
    begin(mine, Path("-"), tmp_path / "a.csv", listed=names)
    with pytest.raises(InputError, match="a list on standard input with digest"):
        run(mine, Path("-"), tmp_path / "a.csv", listed=names[1:])
    mine.temperature = 3.0
    mine.save(tmp_path / "mine.safetensors")
    with pytest.raises(InputError, match=r"mine.safetensors, but now it is .*mine.safetensors, whose content differs"):
        run(mine, Path("-"), tmp_path / "a.csv", listed=names)


@pytest.mark.parametrize("listed", [False, True])
def test_names_that_mean_other_images_in_another_folder_are_not_gone_on_with(
    listed: bool, classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(str(path.relative_to(tmp_path)) for path in photos.rglob("*.png"))
    images, options = (Path("-"), {"listed": names}) if listed else (Path("photos"), {})
    (tmp_path / "other").mkdir()
    shutil.copytree(photos, tmp_path / "other" / "photos")
    monkeypatch.chdir(tmp_path)
    begin(classifier, images, tmp_path / "a.csv", **options)
    monkeypatch.chdir("other")
    with pytest.raises(InputError, match=rf"the working directory {tmp_path}, but now it is {tmp_path}/other; run"):
        run(classifier, images, tmp_path / "a.csv", **options)
    monkeypatch.chdir(tmp_path)
    assert run(classifier, images, tmp_path / "a.csv", **options).count == 21


def test_a_run_of_absolute_names_goes_on_from_any_folder(
    classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(classifier, photos, tmp_path / "a.csv")
    monkeypatch.chdir(photos)
    assert run(classifier, photos, tmp_path / "a.csv").count == 21


def stopped(classifier: Classifier, photos: Path, out: Path) -> Path:
    """The work folder of a run that was stopped with some of its parts finished."""
    begin(classifier, photos, out)
    assert _parts(out) >= 1
    return WorkFolder(out).folder


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_finished_part_that_was_damaged_is_computed_again(
    damage: str, suffix: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    run(classifier, photos, tmp_path / f"whole{suffix}")
    out = tmp_path / f"a{suffix}"
    part = min(stopped(classifier, photos, out).glob("[0-9]*-*"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes({"cut": content[:-20], "flipped": content, "emptied": b""}[damage])
    assert run(classifier, photos, out).count == 21
    assert out.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


def test_what_a_killed_writer_left_goes_as_soon_as_the_run_goes_on(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    left = stopped(classifier, photos, tmp_path / "a.csv") / ".000001-0-x.csv.x1.part"
    left.write_bytes(b"half")
    seen: list[bool] = []
    run(classifier, photos, tmp_path / "a.csv", watch=lambda _: seen.append(left.exists()))
    assert seen
    assert not any(seen)


@pytest.mark.parametrize("name", ["entries.jsonl", "entries.index", "unpacked-0.tar"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_list_that_was_damaged_is_refused_in_one_line(
    damage: str, name: str, classifier: Classifier, tmp_path: Path
) -> None:
    shards = samples.tarred(tmp_path / "t.tar.gz", samples.pngs(21))
    path = stopped(classifier, shards, tmp_path / "a.csv") / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[:-1] if damage == "cut" else content)
    if damage == "gone":
        path.unlink()
    with pytest.raises(InputError, match=rf"{name}: damaged or cut short.*; remove .*a\.csv\.parts to start over"):
        run(classifier, shards, tmp_path / "a.csv")


def test_a_job_with_another_number_of_images_is_refused_as_damaged(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    path = stopped(classifier, photos, tmp_path / "a.csv") / "job.json"
    path.write_text(path.read_text().replace('"count": 21', '"count": 20'))
    with pytest.raises(InputError, match=r"job\.json: damaged, or not a list of a bulk run \(its digest differs\)"):
        run(classifier, photos, tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["plan.json", "job.json"])
def test_the_folder_of_an_earlier_version_is_refused_with_what_to_do(
    name: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a.csv.parts"
    folder.mkdir()
    (folder / name).write_text('{"format": 1, "classifier": "1f0c", "entries": "22ab"}')
    with pytest.raises(InputError, match=rf"{name}: .*version of resnets; remove .*a\.csv\.parts to start over"):
        run(classifier, photos, tmp_path / "a.csv")
    assert (folder / name).exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_there_is_only_replaced_when_asked(
    suffix: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"a{suffix}"
    out.write_text("my thesis")
    with pytest.raises(InputError, match=rf"a\{suffix}: already exists; replace it with overwrite=True, or name"):
        run(classifier, photos, out)
    assert out.read_text() == "my thesis"
    assert run(classifier, photos, out, overwrite=True).count == 21
    assert out.read_bytes() != b"my thesis"


def test_a_file_that_came_while_a_run_was_stopped_is_only_replaced_when_asked(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    stopped(classifier, photos, out)
    out.write_text("my thesis")
    with pytest.raises(InputError, match="already exists"):
        run(classifier, photos, out)
    assert out.read_text() == "my thesis"
    assert run(classifier, photos, out, overwrite=True).found >= 2


def test_one_process_at_a_time_writes_an_output(classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    with WorkFolder(tmp_path / "a.csv").locked(), pytest.raises(InputError, match="another process is writing it"):
        run(classifier, photos, tmp_path / "a.csv")


@pytest.mark.parametrize("content", ["", "{}", '{"format": 99}', '{"format": 2}', "[]", "\udc80"])
def test_a_damaged_job_is_refused_with_the_way_out(
    content: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a.csv.parts"
    folder.mkdir()
    (folder / "job.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"job\.json: .*remove .*a\.csv\.parts to start over"):
        run(classifier, photos, tmp_path / "a.csv")


def test_files_of_others_in_the_folder_stay(classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a.csv.parts"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    (folder / "000000-0-000000000000.csv").write_text("a part of another job's")
    run(classifier, photos, tmp_path / "a.csv")
    assert "another job's" not in (tmp_path / "a.csv").read_text()
    assert (folder / "letter.txt").read_text() == "mine"


class Death(BaseException):
    """A process ends here: nothing that it would have done to a file is done any more."""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_death_before_any_change_of_a_file_loses_and_doubles_nothing(
    suffix: str, classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(photos / "red")
    shutil.rmtree(photos / "blue")
    predictor = counting(classifier)
    run(predictor, photos, tmp_path / f"whole{suffix}", batch_size=3)
    out = tmp_path / f"a{suffix}"
    left = 0

    def dying(original: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Death
            return original(*arguments, **options)

        return act

    deaths = 0
    for moment in range(100):
        left = moment
        with monkeypatch.context() as patch:
            for name in ("replace", "unlink", "rmdir", "mkdir"):
                patch.setattr(Path, name, dying(getattr(Path, name)))
            try:
                run(predictor, photos, out, batch_size=3)
            except Death:
                deaths += 1
        if left >= 0:  # it came to its end
            break
        complete = out.is_file() and not (WorkFolder(out).folder / "job.json").exists()
        with pytest.raises(InputError, match="already exists") if complete else nullcontext():
            assert run(predictor, photos, out, batch_size=3).count == 7
        assert out.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
        assert not WorkFolder(out).folder.exists()
        out.unlink()
    assert deaths > 10


def test_a_run_that_died_while_its_folder_was_removed_is_complete(
    classifier: Classifier, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.csv"

    def die(_: WorkFolder) -> None:
        if (WorkFolder(out).folder / "job.json").exists():
            raise Death

    with monkeypatch.context() as patch:
        patch.setattr(WorkFolder, "clear", die)
        with pytest.raises(Death):
            run(classifier, photos, out)
    before = out.read_bytes()
    again = counting(classifier)
    assert run(again, photos, out) == Written(out, 21, 1, 21)
    assert again.seen == 0
    assert out.read_bytes() == before
    assert not WorkFolder(out).folder.exists()


@pytest.mark.slow  # the test before has all kinds, and all moments that matter
@pytest.mark.parametrize("suffix", [".parquet"])
def test_a_process_killed_five_times_writes_the_same_bytes(suffix: str, classifier: Classifier, tmp_path: Path) -> None:
    photos = pictures.folder(tmp_path / "photos", count=30)
    (photos / "red" / "bad.png").write_text("no image")
    whole = tmp_path / f"whole{suffix}"
    resnets.predict_bulk(str(classifier.path), photos, whole, batch_size=2, workers=2, top=2)
    out = tmp_path / f"a{suffix}"
    draw = random.Random(suffix)
    kills = 0
    for _ in range(20):
        process = processes.begun(samples.bulk_in_a_process, str(classifier.path), str(photos), str(out))
        if kills < 5:
            there = _parts(out)
            goal = there + draw.randrange(1, 5)
            while process.is_alive() and there <= _parts(out) < goal:
                time.sleep(0.002)
            time.sleep(draw.random() * 0.01)
            process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            break
    assert kills == 5
    assert out.read_bytes() == whole.read_bytes()
    assert not WorkFolder(out).folder.exists()


def _parts(out: Path) -> int:
    return len(list(WorkFolder(out).folder.glob("[0-9]*-*")))


def test_a_full_disk_is_a_failed_run_that_goes_on_when_there_is_room(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    predictor, out = counting(classifier), tmp_path / "a.jsonl"
    run(predictor, photos, tmp_path / "whole.jsonl")
    whole = (tmp_path / "whole.jsonl").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (100, len(whole) // 15, len(whole) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            with pytest.raises(RunFailed, match=r"could not be written \(File too large\)"):
                run(predictor, photos, out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not out.exists()
    run(predictor, photos, out)
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top": 0}, "top = 0: must be at least 1"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"workers": 0}, "workers = 0"),
        ({"tta": "ten"}, "tta = 'ten': must be one of none, flip, crops"),
        ({"engine": "Ray"}, "engine = 'Ray': must be one of local, ray"),
        ({"ray_address": "auto"}, "ray_address = 'auto': only works with the engine ray, not local"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_settings_that_cannot_work_are_refused(
    options: dict[str, object], said: str, classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        run(classifier, photos, tmp_path / "a.csv", **options)
    with pytest.raises(InputError, match=r"a\.xlsx: bulk predictions are written as \.parquet, \.csv, \.jsonl"):
        run(classifier, photos, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="no images given: the list on standard input is empty"):
        run(classifier, Path("-"), tmp_path / "a.csv", listed=["\n"])
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_answers_may_lie_among_the_shards_they_are_of(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.tarred(tmp_path / "a.tar", samples.pngs(3))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run(classifier, Path(), Path("answers.parquet"), overwrite=True).count == 3


def test_archives_tables_and_uris_of_the_same_images_get_the_same_answers(
    classifier: Classifier, tmp_path: Path
) -> None:
    members = samples.pngs(9)
    kind = pyarrow.array(list(members.values()), pyarrow.binary())
    pyarrow.parquet.write_table(pyarrow.table({"image": kind}), tmp_path / "t.parquet", row_group_size=4)
    for name, data in members.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    samples.zipped(tmp_path / "z.zip", dict(sorted(members.items())))
    samples.tarred(tmp_path / "t.tar.gz", dict(sorted(members.items())))
    answers: list[list[object]] = []
    for source in (tmp_path / "photos", tmp_path / "z.zip", tmp_path / "t.tar.gz"):
        for argument in (str(source), f"file://{source}"):
            out = tmp_path / "out.jsonl"
            resnets.predict_bulk(str(classifier.path), argument, out, batch_size=4, workers=2, overwrite=True)
            answers.append([json.loads(line)["answers"] for line in out.read_text().splitlines()])
    assert len(answers[0]) == 9
    assert all(one == answers[0] for one in answers)
    resnets.predict_bulk(str(classifier.path), tmp_path / "t.parquet", tmp_path / "out.csv", batch_size=4)
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["image"] for row in rows] == [f"{tmp_path}/t.parquet/{row}" for row in range(9)]
    assert not any(row["error"] for row in rows)


FORMULAS = ("=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "＝1")


def test_what_a_spreadsheet_would_run_is_text_in_every_csv(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{formula}.png" for formula in FORMULAS if "/" not in formula]
    for name in names:
        shutil.copy(photos / "red" / "000.png", name)
    for label in FORMULAS:
        odd = samples.classifier()
        odd.classes = (label, "-1", "+2.5")
        odd.save("odd.safetensors")
        Path("a.csv").unlink(missing_ok=True)
        resnets.predict_bulk("odd.safetensors", names, "a.csv", top=3)
        main(["predict", "odd.safetensors", *names, "--csv", "--top", "3"])
        for text in (Path("a.csv").read_text(), capsys.readouterr().out):
            rows = list(csv.reader(text.splitlines()))[1:]
            assert [row[0] for row in rows] == [f"'{name}" for name in names]
            assert {cell for row in rows for cell in (row[1], row[3], row[5])} == {f"'{label}", "-1", "+2.5"}
