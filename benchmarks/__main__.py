"""Every benchmark that a machine without a GPU can run, peer and us in turns: `make bench`.

    .venv/bin/python -m benchmarks [NAME ...] [--to FILE.json]

Prints a line for each figure as it comes, and writes them with the machine, the versions and the date to a JSON file
(benchmarks.json) and, if all were run, to the table in docs/performance.md.
"""

import datetime
import importlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measured, copy_rate, product_rate
from resnets.base.cpus import text, usable_cpus

NAMES = ("photographs", "end_to_end", "network", "loading", "startup", "evaluation", "memory")
PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- begin: written by make bench -->\n", "<!-- end: written by make bench -->"
VERSIONS = ("torch", "torchvision", "timm", "pillow", "simplejpeg", "numpy")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    described = text(Path("/proc/cpuinfo")).splitlines()
    models = [line.partition(":")[2].strip() for line in described if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cpus": usable_cpus(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
        "product_gflops": round(product_rate() / 1e9, 1),
        "copy_gb_s": round(copy_rate() / 1e9, 1),
    }


def page_of(found: Sequence[Measured], on: Mapping[str, Any]) -> str:
    """The table of docs/performance.md, and what it was measured on."""
    versions = ", ".join(f"{name} {number}" for name, number in on["versions"].items())
    lines = [
        f"Measured on {on['date']}: {on['cpus']} CPUs ({on['cpu']}), Python {on['python']}, {versions}. A large matrix "
        f"product runs at {on['product_gflops']:,.0f} GFLOP/s, a large copy at {on['copy_gb_s']:,.0f} GB/s.",
        "",
        "| work | ours | peer | ratio (lowest to highest) | of the matrix product's rate | wanted |",
        "|---|---|---|---|---|---|",
        *map(_row, found),
    ]
    return "\n".join(lines) + "\n"


def _row(one: Measured) -> str:
    peer = "" if one.peer is None else f"{one.peer:,.4g} ({one.peer_name})"
    ratio = "" if one.ratio is None else f"{one.ratio:.2f} ({min(one.ratios):.2f} to {max(one.ratios):.2f})"
    floor = "" if one.floor is None else f"{one.floor:.0%}"
    wanted = "" if one.wanted is None else f"{one.wanted}: {'met' if one.is_met else '**not met**'}"
    work = f"{one.work} ({one.note})" if one.note else one.work
    return f"| {work} | {one.ours:,.4g} {one.unit} | {peer} | {ratio} | {floor} | {wanted} |"


def main(arguments: Sequence[str]) -> None:
    names = [name for name in arguments if name in NAMES] or list(NAMES)
    to = Path(arguments[arguments.index("--to") + 1]) if "--to" in arguments else Path("benchmarks.json")
    on, found = machine(), list[Measured]()
    for name in names:
        for line in importlib.import_module(f"benchmarks.{name}").lines():
            print(line, flush=True)
            found.append(line)
            to.write_text(json.dumps({**on, "lines": [one.as_dict() for one in found]}, indent=1) + "\n")
    if names == list(NAMES):
        page = PAGE.read_text(encoding="utf-8")
        before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
        PAGE.write_text(before + page_of(found, on) + after, encoding="utf-8")
        print(f"{to} and {PAGE} are written")


if __name__ == "__main__":
    main(sys.argv[1:])
