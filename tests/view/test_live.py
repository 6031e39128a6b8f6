"""The page's view "Your image", opened in a browser from a file with the network off: its numbers are torch's."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.explain.record import ImageRecord
from resnets.explain.recording import image_record
from tests import kinds, pictures
from tests.accessibility import assert_accessible

Open = Callable[..., Any]

# What the page's modules know, for a test to ask.
EXPOSED = """Object.assign(globalThis, { inside: { ...$live_record, ...$live_convolve } });
globalThis.shownPage = new Page(readModel"""
VALUES = """([place, block, kind]) => {
  const record = shownPage.live.live.records[place];
  const of = inside.volume(record, block, kind);
  const cells = of.rows * of.columns;
  const value = (_, at) => inside.cellValue(of, Math.floor(at / cells), at % cells);
  const values = Array.from({ length: of.channels * cells }, value);
  return { shape: [of.channels, of.rows, of.columns], values, steps: [...of.steps] };
}"""
ARRAY = "([place, name]) => [...inside.arrayOf(shownPage.live.live.records[place].arrays, name).values]"
OUTPUT = """([place, filter]) => {
  const record = shownPage.live.live.records[place];
  return [...inside.firstOutput(record, shownPage.network.byName.get(record.classifier.first), filter)];
}"""


def exposed(content: str) -> str:
    assert content.count("new Page(readModel") == 1
    return content.replace("new Page(readModel", EXPOSED)


def go(tab: Any, at: str) -> None:
    tab.evaluate("hash => { location.hash = hash; return new Promise(done => setTimeout(done)); }", at)


@dataclass(frozen=True)
class Made:
    """A classifier, two images, and the page about them."""

    classifier: Classifier
    images: list[Path]
    content: str
    records: list[ImageRecord]  # what the page should hold


@pytest.fixture(scope="module")
def made(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("live")
    images = [
        pictures.save(folder / f"<b>{place}.png", pictures.picture(place, 50 + place, (40, 28))) for place in (0, 2)
    ]
    assert classifier.path is not None
    content = str(resnets.show(classifier.path, images=images).as_format("html"))
    seen = [classifier.preprocessing.pixels(classifier.preprocessing.decoded_file(one)) for one in images]
    return Made(classifier, images, content, [image_record(classifier, one) for one in seen])


@pytest.fixture
def opened(opened_file: Open, tmp_path: Path) -> Open:
    def open_page(content: str, at: str = "#view=image", **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(exposed(content))
        tab = opened_file(path, at, **options)
        tab.wait_for_selector("html[data-live=true]")
        return tab

    return open_page


def within(tab: Any, place: int, block: str, kind: str, expected: NDArray[np.float32]) -> None:
    """Hold a stored volume against torch's: each value within half of its channel's step."""
    found = tab.evaluate(VALUES, [place, block, kind])
    assert found["shape"] == list(expected.shape)
    half = np.array(found["steps"])[:, None, None] / 2
    assert (half <= np.abs(expected).max() / 254 * 1.000001).all()  # what the page and the docs state
    values = np.array(found["values"]).reshape(expected.shape)
    assert (np.abs(values - expected) <= half * 1.000001).all(), (block, kind)  # a step is rounded to float32


def test_every_stored_activation_is_torchs_within_the_stated_error(made: Made, opened: Open) -> None:
    tab = opened(made.content)
    for place, record in enumerate(made.records):
        within(tab, place, "stem", "output", record.stem.values)
        for sum_ in record.sums:
            name = sum_.output.name
            within(tab, place, name, "shortcut", sum_.shortcut)
            within(tab, place, name, "residual", sum_.residual)
            within(tab, place, name, "sum", sum_.total)
            found = np.array(tab.evaluate(VALUES, [place, name, "output"])["values"])
            steps = np.abs(sum_.total).max(axis=(1, 2), keepdims=True) / 127
            error = np.abs(found.reshape(sum_.total.shape) - sum_.output.values)
            assert (error <= steps / 2 * 1.000001).all()  # a ReLU brings no two numbers farther apart
            assert tab.evaluate(ARRAY, [place, f"{name}/peak"]) == pytest.approx(sum_.output.peak.tolist(), rel=1e-5)
        assert record.class_maps is not None
        for name, exact in (("logits", record.logits), ("without", record.without), ("classMaps", record.class_maps)):
            # recorded a second time: torch may sum in another order
            np.testing.assert_allclose(tab.evaluate(ARRAY, [place, name]), exact.ravel(), rtol=1e-5, atol=1e-6)


def test_another_activation_is_stored_as_it_is(opened: Open, tmp_path: Path) -> None:
    silu = kinds.classifier("silu")
    pixels = np.random.default_rng(0).integers(0, 256, (kinds.SIZE, kinds.SIZE, 3), dtype=np.uint8)
    content = resnets.show(silu.save(tmp_path / "silu.safetensors"), images=pixels).as_format("html")
    tab = opened(str(content))
    for sum_ in image_record(silu, pixels).sums:
        within(tab, 0, sum_.output.name, "output", sum_.output.values)


def test_the_answers_are_predicts_and_the_map_sums_to_the_logit(made: Made, opened: Open) -> None:
    tab = opened(made.content)
    cards = tab.locator(".shot")
    for place, prediction in enumerate(made.classifier.predict(made.images)):
        card = cards.nth(place)
        assert card.locator("h3 button").inner_text() == made.images[place].name
        names = card.locator(".answers .name").all_inner_texts()
        assert names == [answer.label for answer in prediction.answers]
        shown = card.locator(".answers button").evaluate_all("all => all.map(one => Number(one.dataset.probability))")
        # both in double precision, from float32 logits of one image here and of two at once there
        assert shown == pytest.approx([answer.probability for answer in prediction.answers], rel=1e-5)
        line = card.locator("[data-field=logit]").evaluate("one => ({ ...one.dataset })")
        assert float(line["sum"]) + float(line["bias"]) == pytest.approx(float(line["logit"]), abs=1e-5)
        assert card.get_by_text("Not sure").count() == int(not prediction.sure)


def test_another_class_draws_its_own_map_and_order_and_computes_nothing(made: Made, opened: Open) -> None:
    tab = opened(made.content, "#view=image&at=layer2.0")
    picture = "document.querySelector('.shot .picture').toDataURL()"
    grid = "document.querySelector('.grids canvas').toDataURL()"
    before = tab.evaluate(f"[{picture}, {grid}]")
    tab.evaluate("Object.freeze(shownPage.live.live.records); shownPage.live.live.records.forEach(Object.freeze)")
    record = made.records[0]
    other = record.answers[1]
    tab.locator(f".shot .answers button[data-class='{other}']").first.click()
    after = tab.evaluate(f"[{picture}, {grid}]")
    assert before[0] != after[0]
    assert before[1] != after[1]
    maps = record.class_maps
    assert maps is not None
    line = tab.locator(".shot [data-field=logit]").first.evaluate("one => Number(one.dataset.sum)")
    assert line == pytest.approx(float(maps[other].sum()), abs=1e-5)
    assert f"label={made.classifier.classes[other]}" in tab.evaluate("location.hash")
    tab.locator("summary").filter(has_text="in numbers").click()
    output = record.sums[1].output
    order = np.argsort(-output.strength[1], kind="stable")
    tab.locator(".numbers tbody th").first.wait_for()
    rows = tab.locator(".numbers tbody th").all_inner_texts()
    assert [int(one) for one in rows] == output.channels[order].tolist()


def test_the_switch_at_a_block_shows_the_answer_without_it(made: Made, opened: Open) -> None:
    tab = opened(made.content)
    for place, name in enumerate(("layer1.0", "layer2.0", "layer3.0")):
        tab.locator(f"[data-key='without {name}']").click()
        card = tab.locator(".shot").first
        logits = torch.from_numpy(made.records[0].without[place]).double()
        expected = torch.softmax(logits / made.classifier.temperature, 0).sort(descending=True)
        found = card.locator(".answers button").evaluate_all("all => all.map(one => Number(one.dataset.probability))")
        assert found == pytest.approx(expected.values.tolist(), rel=1e-5)
        assert card.get_by_text(f"Without {name} ").count() == 1
    tab.locator("[data-key='without layer3.0']").click()
    assert tab.get_by_text("Without layer").count() == 0
    ratios = tab.locator("[data-field=ratio]").evaluate_all("all => all.map(one => Number(one.dataset.value))")
    assert ratios == pytest.approx([one.residual_norm / one.shortcut_norm for one in made.records[0].sums])


def test_the_first_convolution_is_computed_in_the_page_as_torch_computes_it(made: Made, opened: Open) -> None:
    tab = opened(made.content)
    pixels = torch.from_numpy(made.records[1].pixels[None])
    with torch.no_grad():
        expected = made.classifier.network.conv1(made.classifier.preprocessing.normalize(pixels))[0].numpy()
    for filter_, plane in enumerate(expected):
        found = np.array(tab.evaluate(OUTPUT, [1, filter_]))
        np.testing.assert_allclose(found, plane.ravel(), atol=1e-5)  # 27 products of float32, in another order
    go(tab, "view=image&image=1")
    tab.locator("[data-key='next filter']").click()
    for name, place in (("row", 7), ("column", 12)):
        tab.locator(f".bench input[data-key={name}]").fill(str(place))
    total = tab.locator("[data-field=total]")
    assert float(total.get_attribute("data-value")) == pytest.approx(float(expected[1, 6, 11]), abs=1e-5)
    tab.locator("[data-key=step]").click()
    assert float(total.get_attribute("data-value")) == pytest.approx(float(expected[1, 6, 12]), abs=1e-5)
    tab.locator("[data-key=strongest]").click()
    assert float(total.get_attribute("data-value")) == pytest.approx(float(expected[1].max()), abs=1e-5)
    stored = tab.locator("[data-field=stored]").get_attribute("data-value")
    assert float(stored) == pytest.approx(float(expected[1].max()))
    tab.locator(".bench summary").click()
    tab.locator(".bench .matrix td").first.wait_for()
    assert tab.locator(".bench .matrix td").count() == 27


def test_the_products_of_every_other_convolution_sum_to_what_torch_gave(made: Made, opened: Open) -> None:
    tab = opened(made.content)
    responses = made.records[0].responses
    for name in [one for one in responses if one != "conv1"]:
        go(tab, f"view=image&at={name}")
        total, stored = (
            float(tab.locator(f".bench [data-field={field}]").get_attribute("data-value"))
            for field in ("total", "stored")
        )
        assert stored == pytest.approx(responses[name].value, rel=1e-5)
        assert total == pytest.approx(stored, abs=1e-5)
        assert tab.locator("#inspector .on-image").count() == 1


def test_a_view_of_an_image_has_an_address_and_keys(made: Made, opened: Open) -> None:
    tab = opened(made.content, "#at=layer1.0")
    tab.keyboard.press("i")
    tab.locator("[data-key=smooth]").click()
    tab.locator(".shot h3 button").nth(1).click()
    tab.locator("[data-key=class]").fill("gre")
    tab.locator("[data-key=class]").press("Enter")
    tab.locator("[data-key=weaker]").click()
    shown = tab.evaluate("location.hash")
    assert "smooth=true" in shown
    assert "label=green" in shown
    text = tab.locator("#canvas").inner_text()
    go(tab, "view=blocks")
    go(tab, shown.removeprefix("#"))
    assert tab.locator("#canvas").inner_text() == text
    tab.locator(".enlarged canvas").first.focus()
    cell = tab.locator("[data-field=cell]").inner_text()
    tab.keyboard.press("ArrowDown")
    assert tab.locator("[data-field=cell]").inner_text() != cell
    assert tab.evaluate("location.hash") == shown


def test_two_classifiers_stand_side_by_side(made: Made, opened: Open, tmp_path: Path) -> None:
    other = kinds.classifier("max").save(tmp_path / "other.safetensors")
    assert made.classifier.path is not None
    shown = resnets.show(made.classifier.path, compare=other, images=made.images)
    tab = opened(str(shown.as_format("html")), "#view=image&label=red")
    cards = tab.locator(".shot").evaluate_all("all => all.map(one => [one.dataset.classifier, one.dataset.image])")
    assert cards == [[name, image] for image in "01" for name in ("colours", "other")]
    assert tab.get_by_text("This classifier has no class red").count() == 2
    assert tab.get_by_text("No class activation map").count() == 2
    tab.locator(".shot h3 button").nth(3).click()
    assert tab.locator("#network").input_value() == "other"
    assert tab.locator(".shot[aria-current]").get_attribute("data-image") == "1"


@pytest.mark.parametrize("at", ["#view=image", "#view=image&at=layer2.0.conv1&smooth=true&without=layer2.0"])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(at: str, made: Made, opened: Open) -> None:
    tab = opened(made.content, at)
    assert_accessible(tab)
    for width in (390, 1024):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(50)  # the drawing follows the canvas's width
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_the_command_writes_the_page_and_says_what_cannot_be(made: Made, tmp_path: Path, capsys: Any) -> None:
    path, image = str(made.classifier.path), str(made.images[0])
    main(["show", path, "--image", image, str(made.images[1]), "-o", str(tmp_path / "page.html")])
    text = (tmp_path / "page.html").read_text().split('id="data">')[1].split("</script>", maxsplit=1)[0]
    assert len(json.loads(text)["live"]["records"]) == 2
    for arguments, words in (
        ([path, "--image", image], "use --open or -o FILE.html"),
        (["resnet18", "--image", image, "-o", str(tmp_path / "no.html")], "--image: needs a classifier"),
        ([path, "--image", image, "--image-size", "32"], "--image and --image-size: choose one"),
        ([path, "--image", str(tmp_path / "none.png"), "-o", str(tmp_path / "no.html")], "none.png"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["show", *arguments])
        assert stopped.value.code == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "no.html").exists()
    with pytest.raises(InputError, match="needs a classifier"):
        resnets.show("resnet18", images=image)


def test_two_classifiers_of_one_name_are_refused_and_no_whole_path_is_in_the_page(made: Made, tmp_path: Path) -> None:
    both = [tmp_path / side / "runs" / "same.safetensors" for side in ("left", "right")]
    for path in both:
        path.parent.mkdir(parents=True)
        shutil.copy(str(made.classifier.path), path)  # to save it there would move the classifier of all tests
    with pytest.raises(InputError, match="same name"):
        resnets.show(*both, images=made.images[:1])
    assert str(tmp_path) not in str(resnets.show(both[0], images=made.images[:1]).as_format("html"))
