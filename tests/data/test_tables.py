"""CSV files of path,label[,split]."""

from pathlib import Path

import pytest

from resnets.data.sources import open_source
from tests.data.samples import fill, png, refusal, rows


def table(folder: Path, text: str, *names: str) -> Path:
    """A CSV file of `text` in `folder`, beside images of these names."""
    fill(folder, names or ["1.png", "2.png", "3.png"])
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_gives_paths_their_labels_in_its_order(tmp_path):
    path = table(tmp_path, "path,label\nb/2.png,dog\na/1.png,cat\n", "a/1.png", "b/2.png")
    images = open_source(path)
    assert images.classes == ("cat", "dog")
    assert rows(images) == [("2.png", "dog", ""), ("1.png", "cat", "")]
    assert [images.read(0), images.read(1)] == [png("b/2.png"), png("a/1.png")]
    assert images.image_name(0) == f"{tmp_path}/b/2.png"


def test_absolute_paths_quotes_spaces_further_columns_and_a_byte_order_mark_are_read(tmp_path):
    fill(tmp_path / "far", ["a, b.png"])
    text = f'\ufefflabel, id, Path\ncat, 7, "{tmp_path}/far/a, b.png"\n\ndog, 8, 2.png\n'
    images = open_source(table(tmp_path, text))
    assert rows(images) == [("a, b.png", "cat", ""), ("2.png", "dog", "")]
    assert images.read(0) == png("a, b.png")


def test_a_table_can_assign_splits(tmp_path):
    names = [f"{number}.png" for number in range(6)]
    words = ["train", "val", "valid", "Validation", "test", "train"]
    labels = ["a", "b", "b", "a", "a", "b"]
    lines = [f"{name},{label},{word}" for name, label, word in zip(names, labels, words, strict=True)]
    images = open_source(table(tmp_path, "path,label,split\n" + "\n".join(lines), *names))
    splits = ["train", "val", "val", "val", "test", "train"]
    assert rows(images) == list(zip(names, labels, splits, strict=True))


def test_labels_that_are_numbers_sort_as_numbers_and_others_as_text(tmp_path):
    assert open_source(table(tmp_path, "path,label\n1.png,10\n2.png,9\n3.png,-1\n")).classes == ("-1", "9", "10")
    assert open_source(table(tmp_path, "path,label\n1.png,10\n2.png,9\n3.png,x\n")).classes == ("10", "9", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column path in its header ''; needs a first line of path,label or path,label,split"),
        ("file,label\n1.png,a\n", "no column path in its header 'file,label'; needs a first line of path,label"),
        ("path;label\n1.png;a\n", "no column path in its header 'path;label'; needs"),
        ("path,class\n1.png,a\n", "no column label in its header 'path,class'; needs"),
        ("path,label,label\n1.png,a,b\n", "a column is there twice in its header 'path,label,label'; needs"),
        ("path,label\n", "no rows after the header"),
        ("path,label\n1.png,a\n2.png,\n", "line 3 has no label; every image needs both"),
        ("path,label\n1.png,a\n,b\n", "line 3 has no path; every image needs both"),
        ("path,label\n1.png,a\n2.png\n", "line 3 has 1 cells, its header 2;"),
        ("path,label\n1.png,a\n2,1.png,b\n", "line 3 has 3 cells, its header 2; put a path with commas into"),
        ("path,label,split\n1.png,a,train\n2.png,b,dev\n", "line 3 has split 'dev'; must be train, training, val,"),
        ("path,label,split\n1.png,a,train\n2.png,b,\n", "line 3 has split ''; must be train, training, val,"),
        ("path,label\n1.png,a\n2.png,a\n", "only one class, a; a classifier needs at least two classes"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_with_the_line(tmp_path, text, message):
    path = table(tmp_path, text)
    assert refusal(path).startswith(f"{path}: {message}")


def test_files_that_are_not_there_are_counted_and_the_first_named(tmp_path):
    path = table(tmp_path, "path,label\n1.png,a\ngone.png,b\n2.png,b\nlost.png,a\n")
    assert refusal(path).startswith(f"{path}: 2 of 4 files are not there, the first {tmp_path}/gone.png (line 3);")


def test_a_path_that_is_there_twice_is_refused_with_both_lines(tmp_path):
    path = table(tmp_path, "path,label\n1.png,a\n2.png,b\n./x/../1.png,b\n")
    assert refusal(path) == (f"{path}: line 4 lists {tmp_path}/x/../1.png again, after line 2; keep one of them")


def test_a_class_that_no_train_row_has_is_refused_with_the_line(tmp_path):
    path = table(tmp_path, "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,c,val\n")
    assert refusal(path) == (
        f"{path}: line 4 has class c in val, which no train row has; add it to train or remove the row"
    )


def test_a_table_of_test_rows_alone_has_its_own_classes(tmp_path):
    images = open_source(table(tmp_path, "path,label,split\n1.png,a,test\n2.png,b,test\n"))
    assert rows(images) == [("1.png", "a", "test"), ("2.png", "b", "test")]


def test_a_table_that_is_not_utf8_is_refused(tmp_path):
    path = table(tmp_path, "")
    path.write_bytes("path,label\n1.png,größe\n".encode("latin-1"))
    assert refusal(path).startswith(f"{path}: is not UTF-8 text")


def test_a_quote_that_never_closes_is_refused(tmp_path):
    path = table(tmp_path, 'path,label\n1.png,a\n2.png,"' + "b" * 200_000)
    assert refusal(path).startswith(f"{path}: after line 2: field larger than field limit")


def test_a_path_with_a_null_byte_is_a_file_that_is_not_there(tmp_path):
    path = table(tmp_path, "path,label\n1.png,a\nx\0.png,b\n")
    assert "1 of 2 files are not there" in refusal(path)
