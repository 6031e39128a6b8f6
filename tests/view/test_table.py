"""Tables in every format, and the two commands that print them."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclopts import App
from pylatexenc.latexwalker import LatexWalker

from resnets.base.errors import InputError
from resnets.catalog import CATALOG, find
from resnets.structure import structure
from resnets.view.networks import operation_table, stage_table
from resnets.view.table import Bracket, Table, as_latex, as_markdown, as_text, render

Golden = Callable[[str, str], None]
Command = Callable[[str], str]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("show resnet18")`: what it prints on standard output."""
    app = App(name="resnets", result_action="return_value")
    app.command("resnets.cli.list:list_networks", name="list")
    app.command("resnets.cli.show:show", name="show")

    def run(line: str) -> str:
        app(line)
        return capsys.readouterr().out

    return run


# Golden files.

SHOWN = {
    "resnet34": "resnet34 --no-operations",
    "resnet50_2015-resnet50d": "resnet50_2015 resnet50d --no-operations",
    "resnext50_32x4d": "resnext50_32x4d --no-operations",
    "cifar_resnet20": "cifar_resnet20 --operations",
    "resnet18": "resnet18 --operations",
    "resnet34_a": "resnet34_a --no-operations",
    "resnet152": "resnet152 --no-operations",
    "cifar_resnet1202": "cifar_resnet1202 --no-operations",
    "xresnet50": "xresnet50 --no-operations",
}


@pytest.mark.parametrize("form", ["text", "md", "tex", "json"])
@pytest.mark.parametrize("name", SHOWN)
def test_show_prints_what_its_golden_file_holds(name: str, form: str, command: Command, golden: Golden) -> None:
    suffix = "txt" if form == "text" else form
    golden(f"show-{name}.{suffix}", command(f"show {SHOWN[name]} --format {form}"))


@pytest.mark.parametrize(
    ("options", "suffix"), [("", "txt"), ("--format md", "md"), ("--json", "json")], ids=["text", "md", "json"]
)
def test_list_prints_what_its_golden_file_holds(options: str, suffix: str, command: Command, golden: Golden) -> None:
    golden(f"list.{suffix}", command(f"list {options}"))


# Every format holds the same cells.

TABLE = Table(
    caption="100 % of a & b_c",
    headers=("name", "layers", "count"),
    alignments="llr",
    rows=(("a|b", Bracket(("1×1, 64", "3×3, 64, C=32"), 3), "1,024"), ("~{c}\\^", Bracket(("7×7, 64",)), "7")),
    foot=(("total", "", "1,031"),),
    notes=("50 % #1 – $2",),
)


def test_text_is_aligned_and_never_ends_a_line_in_spaces() -> None:
    assert as_text(TABLE).splitlines() == [
        "100 % of a & b_c",
        "",
        "name    layers                        count",
        "------  ----------------------------  -----",
        "a|b     [1×1, 64; 3×3, 64, C=32] × 3  1,024",
        "~{c}\\^  7×7, 64                           7",
        "------  ----------------------------  -----",
        "total                                 1,031",
        "",
        "50 % #1 – $2",
    ]


def test_markdown_keeps_a_bar_within_its_cell() -> None:
    assert as_markdown(TABLE).splitlines() == [
        "**100 % of a & b_c**",
        "",
        "| name | layers | count |",
        "| :-- | :-- | --: |",
        "| a\\|b | [1×1, 64; 3×3, 64, C=32] × 3 | 1,024 |",
        "| ~{c}\\^ | 7×7, 64 | 7 |",
        "| total |  | 1,031 |",
        "",
        "50 % #1 – $2",
    ]


def test_latex_escapes_what_it_would_read_as_commands() -> None:
    text = as_latex(TABLE)
    assert "\\caption{100 \\% of a \\& b\\_c}" in text
    assert (
        "a$|$b & $\\left[\\begin{tabular}{@{}c@{}}1$\\times$1, 64 \\\\ 3$\\times$3, 64, C=32\\end{tabular}\\right]$ "
        "$\\times$ 3 & 1,024 \\\\"
    ) in text
    assert "\\textasciitilde{}\\{c\\}\\textbackslash{}\\textasciicircum{} & 7$\\times$7, 64 & 7 \\\\" in text
    assert "50 \\% \\#1 -- \\$2" in text


@pytest.mark.parametrize("name", ["cifar_resnet20", "resnet18", "resnext50_32x4d", "resnet50c"])
def test_an_operation_is_one_line_of_text_within_the_rule(name: str) -> None:
    table = operation_table(name, structure(find(name).spec, 64))
    caption, _, header, rule, *rows = as_text(table).splitlines()
    assert name in caption
    for line, operation in zip([header, *rows], [table.headers, *table.rows], strict=False):
        assert line.split() == " ".join(map(str, operation)).split()
        assert len(line) <= len(rule)


# LaTeX.


def rows_of_latex(text: str) -> list[str]:
    """The rows of each table, brackets within a cell taken for one word."""
    flat = re.sub(r"\$\\left\[.*?\\right\]\$", "bracket", text)
    return [line for line in flat.splitlines() if line.endswith("\\\\") and not line.startswith("\\caption")]


@pytest.mark.parametrize("line", SHOWN.values())
def test_latex_is_balanced_and_every_row_has_every_column(line: str, command: Command) -> None:
    text = command(f"show {line} --format tex")
    LatexWalker(text, tolerant_parsing=False).get_latex_nodes()  # raises where the syntax is wrong
    bare = re.sub(r"\\[{}%&$#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert text.isascii()
    open_environments: list[str] = []
    for verb, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if verb == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments
    for table in re.split(r"(?=\\begin\{(?:table|longtable)\})", text)[1:]:
        columns = re.search(r"\\begin\{(?:tabular|longtable)\}\{([lr]+)\}", table)
        assert columns
        assert {row.replace("\\&", "").count("&") for row in rows_of_latex(table)} == {len(columns[1]) - 1}


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_latex_compiles(command: Command, tmp_path: Path) -> None:
    tables = command("show resnext50_32x4d cifar_resnet20 --format tex") + as_latex(TABLE)
    (tmp_path / "tables.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,longtable}\\begin{document}\n" + tables + "\\end{document}\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "tables.tex"],
        cwd=tmp_path, check=False, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:]


# The stage table.


def cells(table: Table, label: str) -> tuple[str, ...]:
    (row,) = [row for row in (*table.rows, *table.foot) if row[0] == label]
    return tuple(map(str, row[1:]))


def test_the_stage_table_has_the_papers_brackets() -> None:
    networks = [(name, structure(find(name).spec, 224)) for name in ("resnet34", "resnet50_2015", "resnext50_32x4d")]
    table = stage_table(networks)
    assert cells(table, "stem") == ("112×112", *["7×7, 64, stride 2"] * 3)
    assert cells(table, "stage 3") == (
        "14×14",
        "[3×3, 256; 3×3, 256] × 6",
        "[1×1, 256; 3×3, 256; 1×1, 1024] × 6",
        "[1×1, 512; 3×3, 512, C=32; 1×1, 1024] × 6",
    )
    assert cells(table, "a stage's stride") == ("", "first 3×3", "first 1×1", "3×3")
    assert cells(table, "MACs") == ("", "3.664 G", "3.858 G", "4.230 G")


def test_networks_of_other_stages_and_image_sizes_stand_side_by_side() -> None:
    table = stage_table(
        [
            ("cifar_resnet20", structure(find("cifar_resnet20").spec, 32)),
            ("resnet50d", structure(find("resnet50d").spec, 224)),
        ]
    )
    assert [row[0] for row in table.rows] == ["stem", "pool", "stage 1", "stage 2", "stage 3", "stage 4", "head"]
    assert cells(table, "stem") == ("32×32 or 112×112", "3×3, 16", "[3×3, 32, stride 2; 3×3, 32; 3×3, 64]")
    assert cells(table, "pool") == ("56×56", "–", "3×3 max pool, stride 2")
    assert table.caption == "cifar_resnet20 at 32×32 pixels; resnet50d at 224×224 pixels"


@pytest.mark.parametrize("name", CATALOG)
def test_the_operation_tables_totals_are_the_sums_of_its_columns(name: str) -> None:
    table = operation_table(name, structure(find(name).spec, 64))
    (totals,) = table.foot
    for title in ("parameters", "MACs", "bytes"):
        column = table.headers.index(title)
        assert sum(int(str(row[column]).replace(",", "")) for row in table.rows) == int(
            str(totals[column]).replace(",", "")
        )


def test_tables_in_one_page_are_apart() -> None:
    assert render([TABLE, TABLE], "text").count("\n\n100 %") == 1


# The commands.


def test_list_finds_names_by_part_or_pattern_whatever_their_case(command: Command) -> None:
    def names(pattern: str) -> list[str]:
        return [record["name"] for record in json.loads(command(f"list {pattern} --json"))]

    assert names("") == list(CATALOG)
    assert names("XResNet") == ["xresnet18", "xresnet34", "xresnet50", "xresnet101", "xresnet152"]
    assert names("'resnet?0d'") == ["resnet50d"]
    assert names("resnet[35]4*") == ["resnet34", "resnet34_a", "resnet34_b", "resnet34_c", "resnet34d"]
    assert names("cifar_resnet38") == ["cifar_resnet38"]


def test_list_and_show_answer_a_wrong_name_with_near_ones(command: Command) -> None:
    for line in ("list resnext5o", "show resnext5o"):
        with pytest.raises(InputError, match="resnext5o: no such network; did you mean resnext50"):
            command(line)


def test_show_takes_a_file_in_either_place(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "resnet18"\nnum_classes = 3\n')
    for line in (f"show {path} --json", f"show --spec {path} --json"):
        (network,) = json.loads(command(line))["networks"]
        assert (network["name"], network["spec"]["num_classes"]) == ("mine", 3)
        assert sum(row["parameters"] for row in network["operations"]) == network["parameters"] == 11_178_051
    both = json.loads(command(f"show resnet18 --spec {path} --json --no-operations"))["networks"]
    assert [network["name"] for network in both] == ["resnet18", "mine"]
    assert "operations" not in both[0]


@pytest.mark.parametrize(
    ("option", "size"), [("", [32, 32]), ("--image-size 48", [48, 48]), ("--image-size 40x64", [40, 64])]
)
def test_show_uses_a_networks_own_image_size_unless_told(option: str, size: list[int], command: Command) -> None:
    (network,) = json.loads(command(f"show cifar_resnet20 {option} --json"))["networks"]
    assert network["image_size"] == size
    assert network["stages"][0] == {"stage": "stem", "output": size, "layers": ["3×3, 16"], "repeats": None}


def test_show_writes_a_file_and_then_prints_nothing(command: Command, tmp_path: Path) -> None:
    for option in ("-o", "--out"):
        path = tmp_path / option.strip("-") / "table.md"
        assert command(f"show resnet18 --format md {option} {path}") == ""
        assert path.read_text(encoding="utf-8") == command("show resnet18 --format md")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show", "no network given: name one"),
        ("show resnet18 --image-size large", "image size 'large': must be pixels, such as 224 or 160x224"),
        ("show --spec spec.yaml", r"spec= spec\.yaml: must be the path of a \.toml file"),
        ("show --spec nowhere.toml", r"nowhere\.toml: no such file"),
        ("list nothing", r"nothing: no such network; `resnets\.list_networks` prints every name"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(line: str, message: str, command: Command) -> None:
    with pytest.raises(InputError, match=message):
        command(line)


@pytest.mark.parametrize(
    "code",
    [
        "import resnets.view.networks",
        "from resnets.cli.list import list_networks; list_networks()",
        "from resnets.cli.show import show; show('resnet18'); show('resnet18', json=True)",
    ],
)
def test_tables_need_no_heavy_library(code: str) -> None:
    check = "import sys; assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", f"{code}; {check}"], check=True, capture_output=True)
