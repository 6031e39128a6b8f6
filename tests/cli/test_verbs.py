"""The command line as a user meets it: what it prints, where, and with which exit code."""

import csv
import io
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import resnets
from resnets.cli import main
from tests import pictures, processes

TINY = shlex.split("--set spec.depths=[1,1,1] --set spec.widths=[4,8,16] --set spec.stem.widths=[4] --set batch_size=4")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "photos"
    main(["train", str(photos), "-o", str(folder), "--epochs", "20", *TINY])
    return folder


def exit_code(arguments: list[str]) -> int | str | None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


def test_train_says_what_it_chose_and_where_its_files_are(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", str(photos), "-o", str(tmp_path / "run"), "--epochs", "2", *TINY])
    out, err = capsys.readouterr()
    assert "best on validation:" in out
    assert str(tmp_path / "run" / "classifier.safetensors") in out
    for said in (
        "network cifar_resnet20: made for",
        "size 20: that of the images",
        "epochs 2: as set",
        "epoch 2/2: loss",
    ):
        assert said in err


def test_what_to_do_next_can_be_pasted(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", str(photos), "-o", str(tmp_path / "my run"), "--epochs", "1", *TINY])
    _, _, after = capsys.readouterr().out.partition("\nNext:\n")
    evaluating, predicting, exporting = (shlex.split(line) for line in after.splitlines())
    classifier = str(tmp_path / "my run" / "classifier.safetensors")
    assert evaluating == ["resnets", "evaluate", classifier, str(photos)]
    assert predicting == ["resnets", "predict", classifier, str(photos)]
    assert exporting == ["resnets", "export", classifier]
    main(evaluating[1:])
    main(predicting[1:])
    assert "top-1" in capsys.readouterr().out


def test_a_run_that_learns_nothing_says_so_in_the_terminal_the_report_and_of_each_rare_class(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few"
    shutil.copytree(photos, few)
    rare = sorted(next(path for path in sorted(few.iterdir()) if path.is_dir()).iterdir())
    for path in rare[5:]:
        path.unlink()
    main(["train", str(few), "-o", str(tmp_path / "run"), "--epochs", "1", "--set", "lr=0", *TINY])
    guessing = "no better than guessing: a balanced accuracy of"
    err = capsys.readouterr().err
    assert guessing in err
    assert f"fewer than 10 training images of {rare[0].parent.name} (4)" in err
    report = (tmp_path / "run" / "report.html").read_text()
    assert guessing in report.partition("</header>")[0]
    assert "fewer than 10 training images of" in report
    main(["evaluate", str(tmp_path / "run"), str(few)])
    assert "no better than guessing" in " ".join(capsys.readouterr().out.split())


def test_train_with_json_prints_one_document_and_nothing_else(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", str(photos), "-o", str(tmp_path / "run"), "--epochs", "1", "--json", *TINY])
    document = json.loads(capsys.readouterr().out)
    assert document["classifier"] == str(tmp_path / "run" / "classifier.safetensors")
    assert document["metrics"]["val"]["count"] == 6


def test_evaluate_prints_scores_with_their_counts(run: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", str(run), str(photos)])
    out = capsys.readouterr().out
    assert "the images held out of training" in out
    assert re.search(r"top-1 +100.00% +6 +6 +100.00% to 100.00%", out)
    assert re.search(r"calibration error +\d+\.\d\d% +6\n", out)
    assert "blue        2         2    100.00%" in out


def test_evaluate_takes_some_of_the_classes_and_absent_ones_are_dashes(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(photos / "red", tmp_path / "some" / "red")
    (tmp_path / "some" / "red" / "bad.png").write_bytes(b"no image")
    assert exit_code(["evaluate", str(run), str(tmp_path / "some")]) == 2
    assert "bad.png: not an image" in capsys.readouterr().err
    main(["evaluate", str(run), str(tmp_path / "some"), "--skip-bad"])
    out, err = capsys.readouterr()
    assert re.search(r"blue +0 +\d+ +– +– +–\n", out)
    assert re.search(r"blue +– +– +–\n", out)
    assert re.search(r"ROC AUC +– ", out)
    assert "2 of the classifier's 3 classes have no images here: blue, green" in err
    assert "left out: " in err


def test_every_verb_takes_a_tables_columns_and_its_images_folder(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{name}/{number:03}\t7\t{name}" for name in pictures.CLASSES for number in range(10)]
    table = tmp_path / "lists" / "photos.tsv"
    table.parent.mkdir()
    table.write_text("\n".join(rows) + "\n")
    options = [str(table), "--columns", "1,3", "--images", str(photos)]
    main(["train", *options, "-o", str(tmp_path / "run"), "--epochs", "1", *TINY])
    assert "cells are parted by tabs; no header; suffixes were added to the names" in capsys.readouterr().err
    assert f"{table} --columns 1,3 --images {photos} --recipe" in (tmp_path / "run" / "recipe.toml").read_text()
    for verb in (["evaluate", str(run)], ["compare", str(run), str(run)], ["report", str(run), "-o", "r.html"],
                 ["calibrate", str(run), "-o", "c.safetensors"], ["export", str(run), "--data"]):  # fmt: skip
        out = [str(tmp_path / word) if word.startswith(("r.", "c.")) else word for word in verb]
        main([*out, *options, *(["--split", "all"] if verb[0] != "export" else ["-o", str(tmp_path / "c.onnx")])])
    assert "of 30 images" in capsys.readouterr().out


def test_evaluate_writes_the_reliability_diagram_and_leaves_out_intervals_when_told(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diagram = tmp_path / "reliability.svg"
    main(["evaluate", str(run), str(photos), "--tta", "flip", "--no-intervals", "--reliability", str(diagram)])
    out, err = capsys.readouterr()
    assert "each with its mirror image" in out
    assert "mirror images: averaging" not in err
    assert "95% interval" not in out
    svg = diagram.read_text()
    for said in ("<svg", ">calibrated</text>", ">accuracy</text>", "probability of the answer", "of 6 images"):
        assert said in svg


def test_mirror_images_are_warned_of_where_training_had_none(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = resnets.load(run)
    classifier.origin["recipe"]["flip"] = False
    classifier.save(tmp_path / "c.safetensors")
    main(["evaluate", str(tmp_path / "c.safetensors"), str(photos), "--tta", "crops"])
    assert "trained without mirror images" in capsys.readouterr().err


def test_calibrate_changes_no_answer_and_predict_says_where_it_is_not_sure(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibrated = tmp_path / "calibrated.safetensors"
    arguments = ["calibrate", str(run), str(photos), "--split", "all", "--error", "0.2", "-o", str(calibrated)]
    main(arguments)
    out = capsys.readouterr().out
    assert re.search(r"before +1\.0000 ", out)
    assert "Every answer is sure" in out
    assert f"classifier  {calibrated}" in out
    main([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["temperature"] == resnets.load(calibrated).temperature
    assert document["before"]["top1"] == document["after"]["top1"]

    unsure = resnets.load(calibrated)
    unsure.abstain_below = 1.0
    unsure.save(tmp_path / "unsure.safetensors")
    predict = ["predict", str(tmp_path / "unsure.safetensors"), str(photos / "red"), str(tmp_path / "gone.jpg")]
    assert exit_code([*predict, "--json"]) == 1
    *rows, gone = json.loads(capsys.readouterr().out)
    assert {row["sure"] for row in rows} == {gone["sure"]} == {False}
    assert all(row["answers"] for row in rows)
    assert exit_code(predict) == 1
    assert capsys.readouterr().out.count("not sure") == 10
    assert exit_code([*predict, "--csv"]) == 1
    cells = [row["sure"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert cells == ["no"] * 10 + [""]


def test_compare_lists_the_images_on_which_the_two_differ(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = resnets.load(run)
    other.network.fc.bias.data[0] += 100  # always the first class
    other.save(tmp_path / "blue.safetensors")
    command = ["compare", str(run), str(tmp_path / "blue.safetensors"), str(photos), "--split", "all"]
    main([*command, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["count"] == 30
    assert document["b"]["top1"]["right"] == 10
    assert document["right"]["only_b"] == 0
    differing = document["differing"]
    assert {row["b"] for row in differing} == {"blue"}
    assert all(Path(row["image"]).parent.name == row["right"] for row in differing)
    main([*command, "--show", "2"])
    out = capsys.readouterr().out
    assert f"Images on which they differ: {len(differing)}" in out
    assert f"{len(differing) - 2} more; --show lists more" in out
    assert "chance alone is unlikely" in out
    main([*command, "-o", str(tmp_path / "comparison.txt")])
    assert "McNemar's exact test" in (tmp_path / "comparison.txt").read_text()


def test_predict_and_evaluate_agree_on_every_image(run: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["predict", str(run), str(photos), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 30
    right = sum(row["answers"][0]["class"] == Path(row["image"]).parent.name for row in rows)
    halves = resnets.open_source(photos).hold_out("test", fraction=0.5, seed=9)
    classifier = resnets.load(run)
    assert right == sum(classifier.evaluate(halves, split=split).top1.correct for split in ("train", "test"))


def test_predict_takes_files_folders_patterns_and_a_list(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    red = photos / "red"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{red / '000.png'}\n\n{red / '001.png'}\n"))
    for arguments, count in (
        ([str(red / "000.png")], 1),
        ([str(red)], 10),
        ([str(red / "00[0-3].png")], 4),
        ([str(photos / "**" / "005.png")], 3),
        (["-"], 2),
        ([str(red / "000.png"), str(photos / "blue")], 11),
    ):
        main(["predict", str(run), *arguments, "--json"])
        assert len(json.loads(capsys.readouterr().out)) == count, arguments


def test_predict_writes_csv_that_a_reader_reads_back(run: Path, tmp_path: Path) -> None:
    odd = pictures.save(tmp_path / 'a, "b".png', pictures.picture(0, 0))
    main(["predict", str(run), str(odd), "--csv", "--top", "2", "-o", str(tmp_path / "answers.csv")])
    header, row = csv.reader((tmp_path / "answers.csv").read_text().splitlines())
    assert header == ["image", "class", "probability", "class_2", "probability_2", "error", "sure"]
    assert row[-1] == "yes"
    assert row[0] == str(odd)
    assert row[1] == "blue"
    assert 0 < float(row[4]) < float(row[2]) <= 1


def test_a_bad_image_is_a_row_and_the_exit_code_says_so(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_text("no image")
    assert exit_code(["predict", str(run), str(tmp_path / "bad.jpg"), str(photos / "red"), "--json"]) == 1
    out, err = capsys.readouterr()
    rows = json.loads(out)
    assert "not an image" in rows[0]["error"]
    assert [row["error"] for row in rows[1:]] == [None] * 10
    assert "1 of 11 images could not be read" in err


def test_convert_says_which_layout_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.save(resnets.resnet("cifar_resnet20").state_dict(), tmp_path / "w.pth")
    main(["convert", str(tmp_path / "w.pth"), "cifar_resnet20", "-o", str(tmp_path / "c.safetensors"),
          "--preprocessing", "fit=squash", "--preprocessing", "mean=[0.5, 0.5, 0.5]"])  # fmt: skip
    assert "torchvision's and timm's names" in capsys.readouterr().out
    classifier = resnets.load(tmp_path / "c.safetensors")
    assert (classifier.preprocessing.fit, classifier.preprocessing.mean) == ("squash", (0.5, 0.5, 0.5))
    assert (classifier.preprocessing.size, classifier.preprocessing.resize) == (32, 32)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_says_where_and_exits_with_its_number(
    number: int, code: int, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["train", str(photos), "-o", str(out), "--epochs", "5000", "--plan", "usual", *TINY]
    command = processes.Command(words, tmp_path)
    command.wait_for("epoch 2/5000")  # when the file of the first is written
    command.send(number)
    ended, err = command.ended()
    assert ended == code
    assert f"saved in {out / 'last'}" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert resnets.load(out).classes == pictures.CLASSES


def test_help_and_version_need_no_torch() -> None:
    script = (
        "import sys; from resnets.cli import main\n"
        "for words in (['--help'], ['train', '--help'], ['--version'], ['list', 'cifar']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Train a classifier" in done.stdout


def test_recipes_are_listed_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["recipe", "list"])
    shown = capsys.readouterr().out
    assert "ResNet strikes back" in shown
    assert "xse_resnext50" in shown  # the one network that a recipe is for
    main(["recipe", "list", "--json"])
    assert {"fast", "finetune"} <= {row["name"] for row in json.loads(capsys.readouterr().out)}
    main(["recipe", "show", "he2015-cifar", "-o", str(tmp_path / "my.toml")])
    assert "milestones = [0.5, 0.75]" in (tmp_path / "my.toml").read_text()


def test_lr_find_draws_a_curve_and_suggests_a_rate(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lr.svg"
    main(["lr-find", str(photos), "--steps", "40", "-o", str(out), "--json", *TINY])
    found = json.loads(capsys.readouterr().out)
    assert found["suggestion"] in found["rates"]
    assert "suggested" in out.read_text()


def test_train_with_seeds_prints_mean_and_deviation(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", str(photos), "-o", str(tmp_path / "runs"), "--epochs", "1", "--seeds", "2", *TINY])
    out = capsys.readouterr().out
    assert "2 seeds on validation" in out
    assert re.search(r"top1 +\d+\.\d\d% +\d+\.\d\d% ", out)


def test_a_run_from_trained_weights_needs_no_network_named(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(
        ["train", str(photos), "--weights", str(run), "--recipe", "linear-probe", "-o", str(tmp_path / "probe"), *TINY]
    )
    captured = capsys.readouterr()
    assert " images, by the linear probe\n" in captured.out
    for said in ("the linear probe: loss", "epochs 0: from recipe linear-probe", "weights "):
        assert said in captured.err
    assert "epoch 0" not in captured.err + captured.out
    assert "the linear probe, in" in (tmp_path / "probe" / "report.html").read_text()
    assert "network cifar_resnet20: that of the weights" in captured.err


def test_predict_of_a_folder_of_heic_alone_gives_rows_that_say_what_would_help(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("1.heic", "2.HEIC"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    assert exit_code(["predict", str(run), str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert [row["image"] for row in json.loads(out)] == [f"{tmp_path}/1.heic", f"{tmp_path}/2.HEIC"]
    assert all("a HEIC file, which cannot be read" in row["error"] for row in json.loads(out))
    assert all("pip install 'resnets[heic]'" in row["error"] for row in json.loads(out))
    assert "2 of 2 images could not be read" in err
