"""The report, opened in a browser from a file with the network off, and its numbers held against their inputs."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from resnets.evaluation import calibration
from resnets.report import sections
from resnets.report.evaluated import RunReport
from resnets.report.page import page, write
from tests.accessibility import assert_accessible
from tests.report import samples

LIMIT = 5 * 2**20

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def run() -> RunReport:
    return samples.run()


@pytest.fixture(scope="module")
def written(run: RunReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `run`, made once for all the tests that open it."""
    return write(tmp_path_factory.mktemp("run") / "report.html", run)


@pytest.fixture
def opened(opened_file: Open, run: RunReport, written: Path, tmp_path: Path) -> Open:
    """Opens a run's page, which must not be too large."""

    def open_page(of: RunReport, **options: Any) -> Any:
        path = written if of is run else write(tmp_path / "report.html", of)
        assert path.stat().st_size < LIMIT
        return opened_file(path, **options)

    return open_page


def cells(tab: Any, table: str) -> list[list[str]]:
    read = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    return tab.locator(f"{table} tbody tr").evaluate_all(read)


def test_every_picture_is_drawn_from_the_page_alone(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    loaded = tab.evaluate(
        "Promise.all([...document.images].map(image => { image.loading = 'eager'; return image.decode(); }))"
        ".then(() => [...document.images].map(image => [image.naturalWidth, image.currentSrc.slice(0, 5)]))"
    )
    assert len(loaded) > 40
    assert all(width >= 96 and scheme == "data:" for width, scheme in loaded)
    assert tab.locator("svg.plot").count() == 5


def test_no_two_drawings_share_an_id_and_every_reference_is_met(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(set(ids)) == len(ids)
    html = tab.content()
    references = re.findall(r"url\(#([^)]+)\)", html) + re.findall(r'href="#([^"]+)"', html)
    assert len(references) > 4
    assert set(references) <= set(ids)


def test_on_paper_there_is_no_navigation_and_nothing_is_cut_off(run: RunReport, opened: Open) -> None:
    tab = opened(run, viewport={"width": 794, "height": 1123})  # A4
    tab.emulate_media(media="print")
    assert tab.locator("nav").is_hidden()
    assert tab.get_by_role("button", name="Copy").is_hidden()
    wide = (
        "[...document.querySelectorAll('.scroll')].filter(one => getComputedStyle(one).overflowY !== 'visible').length"
    )
    assert tab.evaluate(wide) == 0
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_scores_are_scikit_learns(run: RunReport, opened: Open) -> None:
    shown = {row[0].partition("\n")[0]: row[1] for row in cells(opened(run), "#scores table")}
    answers = run.logits.argmax(axis=1)
    probabilities = calibration.probabilities(run.logits, 1.5)
    f1 = sklearn_metrics.f1_score(run.labels, answers, average="macro")
    assert shown == {
        "accuracy (top-1)": f"{(answers == run.labels).mean():.1%}",
        "top-5": f"{sklearn_metrics.top_k_accuracy_score(run.labels, run.logits, k=5):.1%}",
        "balanced accuracy": f"{sklearn_metrics.balanced_accuracy_score(run.labels, answers):.1%}",
        "macro F1": f"{f1:.1%}",
        "area under the ROC curve":
            f"{sklearn_metrics.roc_auc_score(run.labels, probabilities, multi_class='ovr'):.3f}",
        "loss": f"{sklearn_metrics.log_loss(run.labels, probabilities):.3f}",
        "Brier score": f"{((probabilities - np.eye(6)[run.labels]) ** 2).sum(axis=1).mean():.3f}",
        "calibration error": f"{calibration.reliability(probabilities, run.labels).ece:.1%}",
    }  # fmt: skip


def test_every_interval_holds_its_score(run: RunReport, opened: Open) -> None:
    for name, value, interval in cells(opened(run), "#scores table"):
        if name.startswith("calibration"):  # resampling pushes it upwards, perhaps past its own value
            continue
        low, high = (float(end.rstrip("%")) for end in interval.split(" to "))
        assert low < float(value.rstrip("%")) < high, name


def test_the_confusion_matrix_is_scikit_learns(run: RunReport, opened: Open) -> None:
    shown = [[int(cell) for cell in row[1:]] for row in cells(opened(run), "table.matrix")]
    expected = sklearn_metrics.confusion_matrix(run.labels, run.logits.argmax(axis=1))
    np.testing.assert_array_equal(shown, expected)


def test_each_classs_row_is_scikit_learns(run: RunReport, opened: Open) -> None:
    answers = run.logits.argmax(axis=1)
    figures: Any = sklearn_metrics.precision_recall_fscore_support(run.labels, answers)
    expected = zip(*figures, strict=True)
    for row, (precision, recall, f1, count) in zip(cells(opened(run), "table.sortable"), expected, strict=True):
        assert row[1:3] == ["40", f"{count}"]
        assert row[4:7] == [f"{precision:.1%}", f"{recall:.1%}", f"{f1:.1%}"]


def test_calibration_is_told_before_and_after_the_temperature(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    rows = {row[0]: row[1:] for row in cells(tab, "#calibration")}
    found = [calibration.reliability(calibration.probabilities(run.logits, t), run.labels) for t in (1.0, 1.5)]
    assert rows["expected calibration error"] == [f"{one.ece:.2%}" for one in found]
    current = tab.locator("#trust tr.current td").all_inner_texts()
    sure = calibration.probabilities(run.logits, 1.5).max(axis=1) >= 0.6
    right = (run.logits.argmax(axis=1) == run.labels)[sure]
    assert current[0] == str(sure.sum())
    assert current[2] == f"{right.mean():.2%}"


def test_the_mistakes_are_the_most_confident_in_order(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    probabilities = calibration.probabilities(run.logits, 1.5)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != run.labels)
    expected = wrong[np.argsort(-probabilities.max(axis=1)[wrong])][:24]
    files = tab.locator("#mistakes .file").all_inner_texts()
    assert files == ["/".join(run.images.image_name(int(index)).split("/")[-2:]) for index in expected]
    shown = tab.locator("#mistakes li .said:first-of-type b").all_inner_texts()
    assert shown == [f"{value:.1%}" for value in probabilities.max(axis=1)[expected]]


def test_the_pairs_are_the_largest_cells_off_the_diagonal(run: RunReport, opened: Open) -> None:
    matrix = run.evaluation.confusion.copy()
    np.fill_diagonal(matrix, 0)
    counts = [int(text.split()[0]) for text in opened(run).locator("#pairs h3 .plain").all_inner_texts()]
    assert counts == sorted(matrix.ravel().tolist(), reverse=True)[: len(counts)]
    assert len(counts) == 8


def test_what_a_run_was_is_on_its_page(run: RunReport, opened: Open) -> None:
    text = opened(run).locator("main").inner_text()
    for said in (
        "24 × 24, 3 channels", "20% of each class held out for validation, seed 7", "finetune",
        "4 epochs in 2 minutes; best was epoch 4", "960 images for training", "torch 2.13.0", "2026-11-24 10:00:00 UTC",
        "photos/owl/0007.png: truncated", "3 images could not be decoded",
        "resnets train photos/ --recipe 'my recipe.toml'",
    ):  # fmt: skip
        assert said in text


def test_the_epoch_that_was_kept_is_named_and_marked_whichever_was_the_most_accurate() -> None:
    run = samples.run()
    run.classifier.metrics = {"val": {"epoch": 2}}  # of four, each more accurate than the one before
    curve = str(sections.curves(run)[1])
    assert "best was epoch 2, with a validation accuracy of 75.00%" in curve
    assert "validation top-1 %, kept 75.00" in curve


def test_images_of_confused_pairs_come_with_what_the_network_looked_at(run: RunReport) -> None:
    pairs = sections.pictures(run)["pairs"]
    assert pairs
    assert all(one["why"].startswith("data:image/jpeg;base64,") for pair in pairs for one in pair["images"])


def test_a_table_is_sorted_by_its_numbers_and_back(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    before = cells(tab, "table.sortable")
    tab.get_by_role("button", name="recall").click()
    recalls = [float(row[5].rstrip("%")) for row in cells(tab, "table.sortable")]
    assert recalls == sorted(recalls)
    assert tab.locator("table.sortable th[aria-sort]").get_attribute("aria-sort") == "ascending"
    tab.get_by_role("button", name="recall").click()
    recalls = [float(row[5].rstrip("%")) for row in cells(tab, "table.sortable")]
    assert recalls == sorted(recalls, reverse=True)
    tab.get_by_role("button", name="class", exact=False).first.click()
    assert cells(tab, "table.sortable") == sorted(before)


def test_the_command_is_copied_or_selected(run: RunReport, opened: Open) -> None:
    tab = opened(run)
    tab.get_by_role("button", name="Copy").click()
    tab.get_by_role("button", name=re.compile("Copied|Selected")).wait_for()


def test_without_javascript_nothing_is_missing(run: RunReport, opened: Open) -> None:
    tab = opened(run, java_script_enabled=False)
    assert "resnets train photos/" in tab.locator("#again").inner_text()
    assert tab.locator("table.sortable tbody tr").count() == 6
    assert tab.get_by_role("button").count() == 0


def test_axe_finds_nothing_serious(run: RunReport, opened: Open) -> None:
    assert_accessible(opened(run))


@pytest.mark.parametrize("width", [1440, 1024, 768, 390])
def test_no_page_scrolls_sideways(run: RunReport, width: int, opened: Open) -> None:
    tab = opened(run, viewport={"width": width, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("classes", [6, 20])
def test_on_a_telephone_nothing_scrolls_within_the_page_and_nothing_is_cut(classes: int, opened: Open) -> None:
    names = tuple(f"class {number}" for number in range(classes))
    tab = opened(samples.run(names, count=20 * classes), viewport={"width": 390, "height": 844})
    cut = """() => [...document.querySelectorAll('main *')].filter(one => {
      const style = getComputedStyle(one);
      const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible';
      return hides && style.position !== 'absolute' && one.clientWidth > 0 &&
        (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
    }).map(one => one.outerHTML.slice(0, 80))"""
    assert tab.evaluate(cut) == []
    outside = (
        "[...document.querySelectorAll('main td, main th, main img, main svg')].filter(one => one.offsetParent && "
    )
    assert tab.evaluate(f"{outside} one.getBoundingClientRect().right > 391).length") == 0
    assert tab.locator("table.matrix").is_visible() == (classes == 6)
    assert tab.locator("#confusion svg").count() == (classes == 20)


def test_scores_and_pictures_come_before_what_was_made(run: RunReport, opened: Open) -> None:
    sections_ = opened(run).locator("main section").evaluate_all("all => all.map(one => one.id)")
    assert sections_[:2] == ["scores", "mistakes"]
    assert sections_.index("made") > max(map(sections_.index, ("confusion", "pairs", "border", "classes")))


def test_hostile_names_are_text(opened: Open) -> None:
    run = samples.run(samples.HOSTILE, notes=samples.HOSTILE, command=samples.HOSTILE[0], recipe=samples.HOSTILE[1])
    tab = opened(run, viewport={"width": 390, "height": 900})
    assert tab.title() != "stolen"
    assert tab.locator("script").count() == 1
    assert tab.locator("img[src=x], b:text-is('bold')").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    shown = tab.locator("table.sortable tbody th").all_inner_texts()
    assert shown[:3] == list(samples.HOSTILE[:3])
    assert shown[4] == "a�b�c�"
    assert shown[5] == samples.HOSTILE[5]
    assert len(shown[6]) == 73
    assert tab.locator("table.sortable tbody th bdi").nth(6).get_attribute("title") == samples.HOSTILE[6]


def test_a_thousand_classes_fold_and_stay_small(opened: Open) -> None:
    names = tuple(f"class {number:04}" for number in range(1000))
    tab = opened(samples.run(names, count=3000))
    assert tab.locator("table.sortable").is_hidden()
    tab.get_by_text("All 1,000 classes").click()
    assert tab.locator("table.sortable tbody tr").count() == 1000
    assert tab.locator("table.matrix").count() == 0
    assert tab.locator("#confusion svg").count() == 1


@pytest.mark.parametrize(
    ("classes", "fields", "said"),
    [
        (("no", "yes"), {"channels": 1, "size": 8}, "8 × 8, 1 channel;"),
        (("no", "yes"), {"channels": 5, "size": 200, "count": 40}, "200 × 200, 5 channels"),
        (("no", "yes"), {"wrong": 0.0}, "There are none: the answers to all 240 images were correct."),
        (("no", "yes"), {"epochs": 1}, "1 epoch in 31.5 seconds"),
        (("no", "yes"), {"rows": samples.rows(3, val_loss=float("nan"), val_top1=float("nan"))}, "3 epochs"),
        (("no", "yes"), {"wrong": 1.0}, "24 of 240, as the network saw them"),
        (("one",), {"wrong": 0.0}, "the first answer is always much more probable"),
        (("no", "yes"), {"rows": (), "train": None, "command": "", "notes": (), "count": 2}, "3 images could not"),
    ],
    ids=["grey", "five channels", "no mistakes", "one epoch", "NaN", "all wrong", "one class", "no run"],
)
def test_odd_runs_have_whole_pages(classes: tuple[str, ...], fields: dict[str, Any], said: str, opened: Open) -> None:
    tab = opened(samples.run(classes, **fields))
    text = tab.locator("main").inner_text()
    assert said in text
    assert "None" not in text
    assert tab.evaluate("[...document.images].every(image => image.alt)")


def test_the_same_run_has_the_same_page(run: RunReport) -> None:
    assert page(run) == page(run)
