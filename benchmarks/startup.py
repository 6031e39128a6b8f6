"""How long commands and imports take that need no network, against importing torch: seconds, each in a new process.

.venv/bin/python -m benchmarks.startup
"""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measuring import Measured, Wanted, in_turns, timed

CASES = (
    ("resnets --help", ("-m", "resnets", "--help"), 0.12),
    ("resnets list", ("-m", "resnets", "list"), 0.2),
    ("import resnets", ("-c", "import resnets"), 0.2),
)


def seconds(*arguments: str) -> float:
    return timed(lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL))


def lines() -> Iterator[Measured]:
    seconds("-c", "import torch, resnets")  # so that the files are in memory
    for work, arguments, limit in CASES:
        yield in_turns(
            work, lambda arguments=arguments: seconds(*arguments), lambda: seconds("-c", "import torch"), unit="s",
            peer_name="import torch", wanted=Wanted(limit, most=True),
        )  # fmt: skip


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
