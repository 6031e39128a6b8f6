"""What the benchmarks make of what they measure. The measuring itself is for `make bench`."""

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.measuring import Measured, Wanted, in_turns

ON = {
    "date": "2026-01-31", "cpu": "some CPU", "cpus": 2, "python": "3.11.7", "versions": {"torch": "2.13.0"},
    "product_gflops": 100.0, "copy_gb_s": 10.0,
}  # fmt: skip


def test_peer_and_us_take_turns_and_the_ratio_is_the_median_of_the_rounds() -> None:
    asked: list[str] = []
    ours, theirs = iter([2.0, 9.0, 4.0]), iter([1.0, 3.0, 4.0])

    def own() -> float:
        asked.append("ours")
        return next(ours)

    def peer() -> float:
        asked.append("peer")
        return next(theirs)

    line = in_turns("work", own, peer, unit="images/s", peer_name="timm", rounds=3, wanted=Wanted(2.0))
    assert asked == ["peer", "ours"] * 3
    assert (line.ours, line.peer, line.ratios, line.ratio) == (4.0, 3.0, (2.0, 3.0, 1.0), 2.0)
    assert line.is_met


@pytest.mark.parametrize(
    ("wanted", "ratio", "met"),
    [(Wanted(1.3), 1.3, True), (Wanted(1.3), 1.29, False), (Wanted(0.2, most=True), 0.21, False), (None, 0.1, True)],
)
def test_a_line_says_whether_it_is_what_was_wanted(wanted: Wanted | None, ratio: float, met: bool) -> None:
    line = Measured(work="work", unit="s", ours=1.0, peer_name="peer", peer=2.0, ratios=(ratio,), wanted=wanted)
    assert line.is_met == met
    assert ("NOT met" in str(line)) == (not met)
    assert ("**not met**" in bench.page_of([line], ON)) == (not met)


def test_the_page_on_speed_has_a_place_for_the_table() -> None:
    page = (Path(__file__).parents[1] / "docs" / "performance.md").read_text()
    assert page.count(bench.BEGIN) == page.count(bench.END) == 1
    assert page.index(bench.BEGIN) < page.index(bench.END)


def test_a_figure_without_a_peer_is_judged_by_itself() -> None:
    line = Measured(work="memory", unit="GiB", ours=1.3, wanted=Wanted(1.2, most=True), note="flat")
    (row,) = [row for row in bench.page_of([line], ON).splitlines() if row.startswith("| memory")]
    assert row == "| memory (flat) | 1.3 GiB |  |  |  | at most 1.2: **not met** |"
