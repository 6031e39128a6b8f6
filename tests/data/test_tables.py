"""Tables of images and labels, in the dialects that people write them in."""

import unicodedata
from pathlib import Path

import pytest

from resnets.base.errors import InputError
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
        ("", "is empty; each line must have an image and its label"),
        ("a,b,c\n1.png,x,y\n", "its first line 'a,b,c' does not show which column is the label; columns="),
        ("path,label,label\n1.png,a,b\n", "two columns in its header 'path,label,label' have the same name; columns="),
        ("path,label\n", "no rows after the header"),
        ("path,label\n1.png,a\n2.png,\n", "line 3 has no label; every image needs both"),
        ("path,label\n1.png,a\n,b\n", "line 3 has no path; every image needs both"),
        ("path,label\n1.png,a\n2.png\n", "line 3 has 1 cells, its header 2;"),
        ("path,label\n1.png,a\n2,1.png,b\n", "line 3 has 3 cells, its header 2; put a path with commas into"),
        ("path,label,split\n1.png,a,train\n2.png,b,now\n", "line 3 has split 'now'; must be train, training, val,"),
        ("path,label,split\n1.png,a,train\n2.png,b,\n", "line 3 has split ''; must be train, training, val,"),
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
    assert refusal(path) == (
        f"{path}: line 4 lists {tmp_path}/x/../1.png again, after line 2 as b, not a; keep one of them"
    )


def test_a_class_that_no_train_row_has_is_refused_with_the_line(tmp_path):
    path = table(tmp_path, "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,c,val\n")
    assert refusal(path) == (
        f"{path}: line 4 has class c in val, but no train row has it; add it to train or remove the row"
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


DIALECTS = {
    "id,class": "id,class\n1.png,cat\n2.png,dog\n",
    "image,label": "image,label\n1.png,cat\n2.png,dog\n",
    "filename,category": "filename,category\n1.png,cat\n2.png,dog\n",
    "columns the other way round": "Species,Image Path,year\ncat,1.png,1999\ndog,2.png,2001\n",
    "no header": "1.png,cat\n2.png,dog\n",
    "no header, label first": "cat,1.png\ndog,2.png\n",
    "no header, ids": "1,cat\n2,dog\n",
    "unknown names": "picture of,animal\n1.png,cat\n2.png,dog\n",
    "semicolons": "path;label\n1.png;cat\n2.png;dog\n",
    "tabs": "path\tlabel\n1.png\tcat\n2.png\tdog\n",
    "commas within semicolons": "path;label;note\n1.png;cat;a, b, c\n2.png;dog;d, e, f\n",
    "ids without suffix": "id,label\n1,cat\n2,dog\n",
    "another column is the file": "id,file,label\n77,1.png,cat\n78,2.png,dog\n",
}


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
def test_a_table_is_read_in_each_of_these_dialects(tmp_path, text):
    images = open_source(table(tmp_path, text))
    assert rows(images) == [("1.png", "cat", ""), ("2.png", "dog", "")]
    assert images.read(1) == png("2.png")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("path,label\n1.png,a\n2.png,b\n", None),
        ("id;class\n1;a\n2;b\n", "cells are parted by ';'; id is the image, class the label; suffixes were added"),
        ("1.png\ta\n2.png\tb\n", "cells are parted by tabs; no header; column 1 is the image, column 2 the label"),
        ("file,class,subset\n1.png,a,dev\n2.png,b,dev\n", "file is the image, class the label, subset the split"),
    ],
)
def test_what_was_guessed_of_a_table_is_said(tmp_path, text, note):
    path = table(tmp_path, text)
    found = open_source(path).notes
    assert found == () if note is None else found[0].startswith(f"{path}: {note}")


def test_backslashes_part_folders_as_windows_writes_them(tmp_path):
    images = open_source(table(tmp_path, "path,label\na\\1.png,cat\nb\\2.png,dog\n", "a/1.png", "b/2.png"))
    assert [images.read(0), images.read(1)] == [png("a/1.png"), png("b/2.png")]


def test_images_in_a_folder_below_the_table_are_found_and_the_folder_is_said(tmp_path):
    path = table(tmp_path, "id,breed\n1,cat\n2,dog\n", "train/1.png", "train/2.png", "test/3.png")
    images = open_source(path)
    assert images.image_name(0) == f"{tmp_path}/train/1.png"
    assert f"images are in {tmp_path}/train" in images.notes[0]


def test_two_folders_that_hold_the_same_names_must_be_told_apart(tmp_path):
    path = table(tmp_path, "id,label\n1,cat\n2,dog\n", *(f"{size}/{name}.png" for size in "ab" for name in "12"))
    assert refusal(path) == (
        f"{path}: its images are both in {tmp_path}/a and in {tmp_path}/b; choose one with images=FOLDER"
    )
    assert open_source(path, images=tmp_path / "b").image_name(1) == f"{tmp_path}/b/2.png"


@pytest.mark.parametrize("columns", ["what,kind", "3,2", ["what", "kind"], [3, "kind"]])
def test_columns_that_cannot_be_guessed_are_named(tmp_path, columns):
    path = table(tmp_path, "weight,kind,what,colour\n5,cat,1.png,red\n7,dog,2.png,blue\n")
    assert "does not show which column is the label" in refusal(path)
    assert rows(open_source(path, columns=columns)) == [("1.png", "cat", ""), ("2.png", "dog", "")]


def test_a_third_column_named_is_the_split(tmp_path):
    path = table(tmp_path, "1.png,cat,test\n2.png,dog,train\n3.png,cat,train\n")
    found = rows(open_source(path, columns="1,2,3"))
    assert [split for _, _, split in found] == ["test", "train", "train"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("path", "must be two, IMAGE,LABEL"),
        ("path,kind", "no column 'kind'; the columns are path, label"),
        ("1,1", "one col"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path, columns, message):
    path = table(tmp_path, "path,label\n1.png,a\n2.png,b\n")
    with pytest.raises(InputError, match=message):
        open_source(path, columns=columns)


def test_columns_are_of_tables_alone(tmp_path):
    with pytest.raises(InputError, match=r"columns= and images= only work with a table, \.csv or \.tsv"):
        open_source(fill(tmp_path, ["a/1.png", "b/2.png"]), columns="1,2")


def test_an_id_that_could_be_two_files_is_refused_with_both(tmp_path):
    path = table(tmp_path, "id,label\n1,a\n2,b\n", "1.png", "2.png", "1.jpg")
    assert "(line 2): it may be 1.jpg or 1.png" in refusal(path)


def test_a_table_finds_a_file_whose_name_is_written_in_another_of_unicodes_forms(tmp_path):
    taken_apart, put_together = (unicodedata.normalize(form, "größe/ü.png") for form in ("NFD", "NFC"))
    images = open_source(table(tmp_path, f"path,label\n{taken_apart},a\n2.png,b\n", put_together, "2.png"))
    assert images.read(0) == png(put_together)


def test_a_label_in_two_of_unicodes_forms_is_one_class(tmp_path):
    labels = [unicodedata.normalize(form, "größe") for form in ("NFD", "NFC")]
    images = open_source(table(tmp_path, f"path,label\n1.png,{labels[0]}\n2.png,{labels[1]}\n3.png,b\n"))
    assert images.class_counts().tolist() == [1, 2]
