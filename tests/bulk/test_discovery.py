"""Whatever the arguments of a prediction mean becomes entries, in an order of names alone, and each is read back."""

import errno
import io
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from resnets.base.errors import InputError, RunFailed
from resnets.bulk.discovery import Discovery
from resnets.bulk.manifest import Entry
from resnets.bulk.reader import Reader
from resnets.data import members, parquet_images, stores, unpacking
from resnets.data.stores import Store
from tests.data.samples import deep
from tests.export import samples

FOUR = samples.pngs(4)


def entries(tmp_path: Path, *arguments: object, listed: Iterable[str] = ()) -> list[Entry]:
    return list(Discovery([str(one) for one in arguments], listed, tmp_path))


def contents(tmp_path: Path, *arguments: object, listed: Iterable[str] = ()) -> list[tuple[str, bytes]]:
    """The name and bytes of each image; every entry goes through its line of text on the way."""
    inputs = Discovery([str(one) for one in arguments], listed, tmp_path)
    found = [Entry.from_line(one.line()) for one in inputs]
    with Reader(inputs.stores, tmp_path) as reader:
        return [(one.name, reader.read(one)) for one in found]


def fill(folder: Path, files: Iterable[str] = FOUR) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FOUR.get(name, b"?"))
    return folder


def test_a_folder_is_searched_to_its_depth_in_the_order_of_its_paths(tmp_path: Path) -> None:
    names = ["b.png", "a/2.JPG", "a/1.png", "a/deep/er/0.png", "a.png", "a-b/1.png", ".hidden/1.png", "a/x.txt"]
    folder = fill(tmp_path / "photos", names)
    found = [entry.name for entry in entries(tmp_path, folder)]
    assert found == [str(path) for path in sorted(folder.rglob("*.*[gG]")) if ".hidden" not in path.parts]
    assert len(found) == 6


def test_linked_folders_are_followed_but_never_back_into_themselves(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos")
    (folder / "0" / "up").symlink_to(folder)
    (tmp_path / "other").symlink_to(folder / "1")
    assert len(entries(tmp_path, folder)) == 4
    assert [entry.name for entry in entries(tmp_path, tmp_path / "other")] == [str(tmp_path / "other" / "001.png")]


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"])
def test_an_archive_gives_the_images_in_it(kind: str, tmp_path: Path) -> None:
    others = {"x.txt": b"?", "__MACOSX/0.png": b"?", ".hidden/0.png": b"?", "0001.cls": b"3", "0001.json": b"{}"}
    pack = samples.zipped if kind == ".zip" else samples.tarred
    path = pack(tmp_path / f"shard{kind}", FOUR | others)
    expected = [(f"{path}/{name}", data) for name, data in FOUR.items()]
    assert contents(tmp_path, path) == expected
    assert contents(tmp_path, path, path) == 2 * expected


def test_a_name_given_in_another_of_unicodes_forms_finds_the_file(tmp_path: Path) -> None:
    apart, together = (unicodedata.normalize(form, "größe/ü.png") for form in ("NFD", "NFC"))
    (data,) = [*FOUR.values()][:1]
    (tmp_path / together).parent.mkdir()
    (tmp_path / together).write_bytes(data)
    assert contents(tmp_path, tmp_path / apart) == [(str(tmp_path / together), data)]
    assert contents(tmp_path, "-", listed=[f"{tmp_path / apart}\n"]) == [(str(tmp_path / together), data)]


def table(path: Path, column: pyarrow.Array, name: str = "image", *, group: int = 3) -> Path:
    numbers = pyarrow.array(range(len(column)))
    pyarrow.parquet.write_table(pyarrow.table({"n": numbers, name: column}), path, row_group_size=group)
    return path


@pytest.mark.parametrize("name", ["image", "bytes", "jpg"])
def test_a_parquet_file_gives_its_column_of_bytes(name: str, tmp_path: Path) -> None:
    images = list(samples.pngs(100).values())
    path = table(tmp_path / "t.parquet", pyarrow.array(images, pyarrow.binary()), name, group=40)
    assert contents(tmp_path, path) == [(f"{path}/{row}", image) for row, image in enumerate(images)]


def test_a_parquet_file_of_hugging_faces_gives_the_bytes_of_its_struct(tmp_path: Path) -> None:
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    images = [*FOUR.values(), None]
    path = table(tmp_path / "t.parquet", pyarrow.array([{"bytes": one, "path": "p.png"} for one in images], kind))
    found = entries(tmp_path, path)
    with Reader((), tmp_path) as reader:
        assert [reader.read(one) for one in found[:4]] == list(FOUR.values())
        assert reader.read(found[1]) == images[1]  # backwards
        with pytest.raises(InputError, match="this row has no image bytes"):
            reader.read(found[4])


def test_a_table_without_images_is_refused_with_its_columns(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", pyarrow.array(["a.png"]), "file")
    with pytest.raises(InputError, match=r"t.parquet: no column of image bytes among n, file; it must be called image"):
        entries(tmp_path, path)


def test_a_folder_of_shards_gives_what_they_hold_and_a_folder_of_images_its_images_alone(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    samples.tarred(folder / "b.tar", FOUR)
    table(folder / "a.parquet", pyarrow.array(list(FOUR.values()), pyarrow.binary()))
    assert [one.kind for one in entries(tmp_path, folder)] == ["parquet"] * 4 + ["tar"] * 4
    fill(folder, ["photo.png"])
    assert [one.name for one in entries(tmp_path, folder)] == [f"{folder}/photo.png"]


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/*"])
def test_what_bulk_predictions_left_among_shards_is_no_shard(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    samples.tarred(folder / "a.tar", FOUR)
    table(folder / "answers.parquet", pyarrow.array(["red"]), "class")
    for left, file in (("answers.parquet.parts", "job.json"), ("other.csv.parts", "entries.jsonl")):
        fill(folder / left, [file])
        samples.tarred(folder / left / "unpacked-0.tar", FOUR)
    inputs = Discovery([form.format(folder)], (), tmp_path, folder / "answers.parquet")
    assert [one.name.removeprefix("file://") for one in inputs] == [f"{folder}/a.tar/{name}" for name in FOUR]
    fill(folder / "mine.parts", ["0/000.png"])
    assert len(list(Discovery([str(folder)], (), tmp_path, folder / "answers.parquet"))) == 1  # somebody else's folder


def test_file_uris_of_files_folders_archives_and_tables_are_read_through_arrow(tmp_path: Path) -> None:
    folder = fill(tmp_path / "ph otos")
    shards = tmp_path / "shards"
    shards.mkdir()
    tar = samples.tarred(shards / "t.tar", FOUR)
    samples.tarred(shards / "u.tar.gz", FOUR)
    table(shards / "v.parquet", pyarrow.array(list(FOUR.values()), pyarrow.binary()))
    images = list(FOUR.values())
    for uri in (f"file://{folder}".replace(" ", "%20"), f"file://{folder}/", f"file://{tar}"):
        assert sorted(data for _, data in contents(tmp_path, uri)) == sorted(images)
    assert [data for _, data in contents(tmp_path, f"file://{shards}")] == 3 * images
    one = folder / "0" / "000.png"
    assert contents(tmp_path, "-", listed=[f"file://{one}\n", f"{one}\n"]) == [
        (f"file://{one}", images[0]),
        (str(one), images[0]),
    ]


def test_patterns_in_uris_match_what_they_do_in_paths(tmp_path: Path) -> None:
    names = ["photos/a.png", "photos/b/1.png", "photos/b/deep/2.png", "photos/c d.png", "photos/[x].png"]
    folder = fill(tmp_path, names) / "photos"
    for number in range(3):
        samples.tarred(folder / f"shard-{number}.tar", FOUR)
    for pattern in (
        "photos/*.png",
        "photos/shard-[01].tar",
        "*/b/*",
        "photos/**/*.png",
        "photos/[b]",
        "photos/[x].png",
    ):
        there = sorted(one.name for one in entries(tmp_path, f"file://{tmp_path}/{pattern}"))
        assert there == sorted(f"file://{one.name}" for one in entries(tmp_path, tmp_path / pattern))
        assert there
    assert [one.name for one in entries(tmp_path, f"file://{folder}/c%20*")] == [f"file://{folder}/c d.png"]
    for gone in ("photos/*.gif", "gone/*.png"):
        (entry,) = entries(tmp_path, f"file://{tmp_path}/{gone}")
        assert (entry.name, entry.kind) == (f"file://{tmp_path}/{gone}", "file")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://key:secret@bucket/photos", r"s3://\.\.\.@bucket: contains credentials"),
        ("nowhere://bucket/photos", "use s3://, gs:// or file://"),
        ("file:///nowhere/at/all/", None),
    ],
)
def test_a_uri_that_cannot_work_is_refused_or_a_row(uri: str, said: str | None, tmp_path: Path) -> None:
    if said is None:
        (entry,) = entries(tmp_path, uri)
        with (
            Reader(Discovery([uri], (), tmp_path).stores or [], tmp_path) as reader,
            pytest.raises((OSError, IndexError)),
        ):
            reader.read(entry)
        return
    with pytest.raises(InputError, match=said) as caught:
        entries(tmp_path, uri)
    assert "secret" not in str(caught.value)


def test_patterns_lists_and_files_come_in_the_order_they_are_given(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos")
    first, last = str(folder / "0" / "000.png"), str(folder / "2" / "002.png")
    listed = [f"{last}\n", "\n", f"{first}\r\n"]
    found = [entry.name for entry in entries(tmp_path, folder / "0" / "*.png", "-", first, listed=listed)]
    assert found == [first, str(folder / "0" / "003.png"), last, first, first]
    everywhere = [entry.name for entry in entries(tmp_path, folder / "**" / "*.png")]
    assert everywhere == [f"{folder}/{name}" for name in sorted(FOUR)]
    in_folders = [entry.name for entry in entries(tmp_path, folder / "[12]")]
    assert in_folders == [f"{folder}/1/001.png", f"{folder}/2/002.png"]


def test_a_pattern_means_what_the_shells_would(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos", ["a.png", "b/1.png", "b/deep/2.png", "c.png"])
    unquoted = [entry.name for entry in entries(tmp_path, *sorted(folder.iterdir()))]
    assert [entry.name for entry in entries(tmp_path, folder / "*")] == unquoted
    assert len(unquoted) == 4
    assert len(entries(tmp_path, folder / "**" / "*")) == 4  # each once


def test_a_store_that_fails_while_it_is_listed_is_said_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "photos")

    def fails(store: Store, path: str) -> Iterator[str]:
        yield f"{path}/0.png"
        raise OSError("AWS Error SLOW_DOWN")

    monkeypatch.setattr(Store, "below", fails)
    with pytest.raises(InputError, match=rf"file://{folder}: cannot be read \(AWS Error SLOW_DOWN\)"):
        entries(tmp_path, f"file://{folder}")


def test_listing_a_tar_in_a_store_asks_once_for_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Remote(io.FileIO):
        def readinto(self, buffer: Any, /) -> int:
            asked.append(len(buffer))
            return super().readinto(buffer) or 0

    path = samples.tarred(tmp_path / "t.tar", {f"{number:03}.png": bytes(9_000) for number in range(300)})
    monkeypatch.setattr(Store, "_system", SimpleNamespace(open_input_file=Remote))
    with Store("file:///").open(f"file://{path}") as file:
        assert len(list(members.tar_members("t.tar", file))) == 300
    assert len(asked) <= 2 * path.stat().st_size / stores.BUFFER + 4


def test_names_that_match_nothing_are_passed_on_and_what_is_meant_otherwise_is_refused(tmp_path: Path) -> None:
    assert [one.name for one in entries(tmp_path, "gone.png", "gone/*.png")] == ["gone.png", "gone/*.png"]
    (tmp_path / "empty").mkdir()
    for argument, said in (("", "is empty"), ("--tpo", "neither an option"), (tmp_path / "empty", "no images in")):
        with pytest.raises(InputError, match=said):
            entries(tmp_path, argument)


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz", ".parquet"])
def test_a_damaged_container_gives_what_can_be_read_and_a_row_that_says_so(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"shard{kind}"
    for content in (b"", b"<html>not found</html>" * 100):
        path.write_bytes(content)
        (bad,) = entries(tmp_path, path)
        assert (bad.name, bad.kind) == (str(path), "bad")
        assert "damaged" in bad.why
    (gone,) = entries(tmp_path, tmp_path / f"gone{kind}")
    assert os.strerror(errno.ENOENT) in gone.why


def test_a_tar_that_is_cut_short_gives_the_images_before_the_cut(tmp_path: Path) -> None:
    path = samples.tarred(tmp_path / "shard.tar", FOUR)
    with path.open("r+b") as file:
        file.truncate(2 * 2048 + 600)  # a header and a picture of up to 1,536 bytes, twice, and half a header
    found = entries(tmp_path, path)
    assert found[0].name == f"{path}/0/000.png"
    assert found[-1].kind == "bad"
    with Reader((), tmp_path) as reader:
        assert reader.read(found[0]) == FOUR["0/000.png"]
        with pytest.raises(InputError, match="damaged"):
            reader.read(found[-1])


def test_a_member_or_file_too_large_to_read_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MEMBER", 200)
    path = samples.tarred(tmp_path / "shard.tar", {"small.png": b"?", "large.png": bytes(300)})
    (tmp_path / "large.png").write_bytes(bytes(300))
    small, large = entries(tmp_path, path)
    assert (small.kind, large.kind) == ("tar", "bad")
    with Reader((), tmp_path) as reader, pytest.raises(OSError, match=r"0 MiB.*large\.png"):
        reader.read(Entry(str(tmp_path / "large.png")))


def test_a_compressed_archive_that_expands_like_a_bomb_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "UNPACKED_FREELY", 2**20)
    path = samples.tarred(tmp_path / "bomb.tar.gz", {"a.png": bytes(2**23)})
    (bad,) = entries(tmp_path, path)
    assert "expands to more than" in bad.why


def test_no_room_to_unpack_an_archive_ends_the_run(tmp_path: Path) -> None:
    path = samples.tarred(tmp_path / "a.tar.gz", FOUR)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "unpacked-0.tar").symlink_to("/dev/full")
    with pytest.raises(RunFailed, match="No space left on device"):
        entries(tmp_path / "scratch", path)


def test_any_name_survives_the_listing(tmp_path: Path) -> None:
    for name in ("a\nb.png", os.fsdecode(b"caf\xe9.png"), '"\\.png', "猫.png", "\x85.png"):
        for entry in (Entry(name), Entry(name, "zip", 2, 3, (1, 2, 3, 4, 5)), Entry(name, "bad", why=f"{name}: no")):
            line = entry.line()
            assert line.isascii()
            assert "\n" not in line
            assert Entry.from_line(line) == entry


def test_a_listing_holds_no_more_than_one_folder_or_table_in_memory(tmp_path: Path) -> None:
    """The names of a large list come out before all have gone in."""
    taken: list[int] = []

    def lines() -> Iterable[str]:
        for number in range(10_000):
            taken.append(number)
            yield f"{number}.png\n"

    found = iter(Discovery(["-"], lines(), tmp_path))
    assert next(found).name == "0.png"
    assert len(taken) == 1


def four_in_a_table(path: Path) -> Path:
    """FOUR's images in one row group."""
    return table(path, pyarrow.array(list(FOUR.values()), pyarrow.binary()), group=4)


def test_a_table_that_could_not_be_read_for_a_moment_gives_its_other_rows(tmp_path: Path) -> None:
    class Flaky(io.FileIO):
        broken = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.broken:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with Flaky(four_in_a_table(tmp_path / "t.parquet")) as file:
        cursor = parquet_images.Cursor("t.parquet", file)  # pyright: ignore[reportArgumentType] # a file of bytes all the same
        file.broken = True
        with pytest.raises(OSError, match="Input/output error"):
            cursor.read(0, 0)
        file.broken = False
        assert [cursor.read(0, row) for row in (1, 2)] == list(FOUR.values())[1:3]


def test_rows_behind_a_damaged_page_all_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(self: parquet_images.Cursor, group: int) -> Iterator[bytes]:
        yield FOUR["0/000.png"]
        raise ValueError("a bad page")

    monkeypatch.setattr(parquet_images.Cursor, "_group_rows", damaged)
    with four_in_a_table(tmp_path / "t.parquet").open("rb") as file:
        cursor = parquet_images.Cursor("t.parquet", file)
        assert cursor.read(0, 0) == FOUR["0/000.png"]
        for row in (1, 2, 3):
            with pytest.raises(OSError, match="damaged: a bad page"):
                cursor.read(0, row)
        assert cursor.read(0, 0) == FOUR["0/000.png"]


def test_a_large_row_group_is_read_a_few_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = list(samples.pngs(60).values())
    path = table(tmp_path / "t.parquet", pyarrow.array(images, pyarrow.binary()), group=60)
    made: list[parquet_images.Cursor] = []
    original = parquet_images.Cursor.__post_init__

    def counting(cursor: parquet_images.Cursor) -> None:
        made.append(cursor)
        original(cursor)

    monkeypatch.setattr(parquet_images.Cursor, "__post_init__", counting)
    found = entries(tmp_path, path)
    with Reader((), tmp_path) as reader:
        assert [reader.read(one) for one in found[10::7]] == images[10::7]
    assert len(made) == 1  # one pass


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
PICTURES = {"1.heic": HEIC, "2.NEF": b"II*\0", "3.jxl": b"\xff\x0a", "noted": FOUR["0/000.png"], "5.png": b"?"}


@pytest.mark.parametrize("kind", ["folder", ".zip", ".tar", ".tar.gz", "uri"])
def test_no_picture_is_dropped_unsaid(kind: str, tmp_path: Path) -> None:
    others = {"README": b"how they were made", "list.txt": b"1.heic", ".hidden": FOUR["0/000.png"]}
    source: object = tmp_path / "in"
    (tmp_path / "in").mkdir()
    for name, data in {**PICTURES, **others}.items():
        (tmp_path / "in" / name).write_bytes(data)
    if kind == "uri":
        source = f"file://{tmp_path}/in"
    elif kind == ".zip":
        source = samples.zipped(tmp_path / "a.zip", {**PICTURES, **others})
    elif kind != "folder":
        source = samples.tarred(tmp_path / f"a{kind}", {**PICTURES, **others})
    assert {Path(one.name).name for one in entries(tmp_path, source)} == set(PICTURES)


def test_special_files_among_images_are_rows_that_say_so(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in")
    os.mkfifo(folder / "pipe.png")
    (folder / "link.png").symlink_to(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "nameless")
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(50 * 2**30)
    found = entries(tmp_path, folder)
    said: dict[str, str] = {}
    with Reader((), tmp_path) as reader:
        for entry in found:
            try:
                reader.read(entry)
            except OSError as error:
                said[Path(entry.name).name] = str(error.strerror)
    assert len(found) == 4 + 4
    assert said == {
        "link.png": "a pipe, not a regular file",
        "pipe.png": "a pipe, not a regular file",
        "sparse.png": "51,200 MiB; an image file may have 512 MiB",
        "zero.png": "a device, not a regular file",
    }


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_an_archive_that_is_a_pipe_is_a_row(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    (entry,) = entries(tmp_path, tmp_path / name)
    assert entry.kind == "bad"
    assert "a pipe, not a regular file" in entry.why


def test_a_folder_1200_deep_is_searched(tmp_path: Path) -> None:
    with deep(tmp_path, 1200) as image:
        (entry,) = entries(tmp_path, tmp_path)
        assert entry.name == image


def test_a_row_name_of_a_uri_means_the_same_image_when_it_is_given_back(tmp_path: Path) -> None:
    odd = ["a b.png", "a%20b.png", "a#1.png", "a?.png", "a[1].png", "a\tb.png", "ü.png", "+.png"]
    folder = tmp_path / "odd"
    folder.mkdir()
    for place, name in enumerate(odd):
        (folder / name).write_bytes(b"%d" % place)
    found = contents(tmp_path, f"file://{folder}")
    assert sorted(data for _, data in found) == [b"%d" % place for place in range(len(odd))]
    assert contents(tmp_path, *(name for name, _ in found)) == found
    assert contents(tmp_path, "-", listed=[f"{name}\n" for name, _ in found]) == found


def test_a_byte_order_mark_in_a_list_is_no_part_of_a_name(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos")
    paths = sorted(str(path) for path in folder.rglob("*.png"))[:2]
    listed = [f"\ufeff{path}\r\n" for path in paths]  # two lists, one after the other
    assert [entry.name for entry in entries(tmp_path, "-", listed=listed)] == paths


def test_a_parquet_column_that_is_a_bomb_by_its_own_account_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resnets.data.members.LARGE", 1 << 20)
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"image": [bytes(8 << 20)]}), path, compression="zstd")
    with path.open("rb") as file, pytest.raises(OSError, match="declare to be 8 MiB when unpacked"):
        parquet_images.Cursor(str(path), file).read(0, 0)
