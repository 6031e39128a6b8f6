"""`resnets check`: what is wrong with a data set, before anybody trains on it."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from resnets.base.files import check_place
from resnets.cli.terminal import as_json, as_text, check_table, watched, write_note, write_result
from resnets.view.table import Table

if TYPE_CHECKING:
    from resnets.checks.finding import Checkup, Finding, Item

SHOWN = 5  # things of each kind that are named


def check(
    data: str,
    /,
    *,
    classifier: Annotated[Path | None, Parameter(name="--with")] = None,
    columns: str | None = None,
    images: Path | None = None,
    fix_list: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Say what is wrong with labeled images, before you train on them.

    It finds files that cannot be decoded, copies within and across splits, images in two classes, images unlike the
    others, classes without enough images, and stray files. The exit code is 0 if nothing serious was found, 1 if
    something was, and 2 if the data cannot be opened.

    Parameters
    ----------
    data
        Labeled images, in any form that `resnets train` takes.
    classifier
        Also list suspicious labels, by what this classifier says: a classifier.safetensors, or the folder of a run. It
        should not have been trained on these images.
    columns
        Columns of a .csv or .tsv file, by name or number: IMAGE,LABEL or IMAGE,LABEL,SPLIT. By default they are
        guessed.
    images
        Folder that the paths in a .csv or .tsv file are relative to. By default it is found.
    fix_list
        Write the names of images to leave out to this file, and why. `resnets train --leave-out` reads it.
    json
        Print one JSON document, with all names.
    out
        Write to this file instead: .html for a page with pictures, else .json or .txt.

    Examples
    --------
    resnets check photos/
    resnets check photos/ -o check.html --fix-list leave-out.txt
    resnets check photos/ --with runs/other-photos --json
    """
    from resnets import checking
    from resnets.data.table_columns import table_options
    from resnets.report import check_page

    page = out is not None and out.suffix.lower() == ".html"
    if out is not None and not page:
        json = check_table(out, json=json, more=(".html",))
    elif out is not None:
        check_place(out)
    if fix_list is not None:
        check_place(fix_list)
    with watched() as watch:
        found = checking.check(
            data, classifier=classifier, columns=columns, images=images, fix_list=fix_list, watch=watch
        )
    if page and out is not None:
        chosen = [*table_options(columns, images), *(["--with", str(classifier)] if classifier else [])]
        check_page.write(out, found, shlex.join(["resnets", "check", data, *chosen, "-o", str(out)]))
    if fix_list is not None:
        write_note(f"{fix_list}: {len(found.left_out):,} images to leave out")
    write_result(as_json(found.as_dict()) if json else as_lines(found), None if page else out)
    if found.serious:
        sys.exit(1)


def as_lines(found: "Checkup") -> str:
    """The findings as text: a table of how many there are of each kind, then the first of each."""
    splits = ", ".join(f"{word} {count:,}" for word, count in found.splits.items() if word != "all")
    caption = f"{found.data}: {found.count:,} images of {len(found.classes):,} classes{splits and f' ({splits})'}"
    if not found.findings:
        return f"{caption}\n\nNothing found.\n"
    rows = tuple((one.title, one.severity, f"{len(one.items):,}") for one in found.findings)
    table = Table(
        caption=caption, headers=("found", "severity", "how many"), alignments="llr", rows=rows,
        notes=tuple(map(str, found.leaks)),
    )  # fmt: skip
    return as_text(table) + "".join(f"\n{one}" for one in map(_detail, found.findings))


def _detail(finding: "Finding") -> str:
    lines = [f"{finding.title}: {finding.means}", *(f"  {_said(item)}" for item in finding.items[:SHOWN])]
    if len(finding.items) > SHOWN:
        lines.append(f"  and {len(finding.items) - SHOWN:,} more")
    return "".join(f"{line}\n" for line in lines)


def _said(item: "Item") -> str:
    return " and ".join(item.names) + (f" ({item.note})" if item.note else "")
