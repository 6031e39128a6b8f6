"""How long commands and imports take that need no network, against importing torch: seconds, each in a new process.

All are compiled to bytecode beforehand, as pip does when it installs a package.

.venv/bin/python -m benchmarks.startup
"""

import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measuring import Measured, Wanted, in_turns, timed

CASES = (
    ("resnets --help", ("-m", "resnets", "--help"), 0.12),
    ("resnets list", ("-m", "resnets", "list"), 0.2),
    ("import resnets", ("-c", "import resnets"), 0.2),
)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(*arguments: str) -> float:
    command = [sys.executable, *arguments]
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT))


def lines() -> Iterator[Measured]:
    for arguments in (*(arguments for _, arguments, _ in CASES), ("-c", "import torch")):
        seconds(*arguments)  # so that the files are compiled and in memory
    for work, arguments, limit in CASES:
        yield in_turns(
            work, lambda arguments=arguments: seconds(*arguments), lambda: seconds("-c", "import torch"), unit="s",
            peer_name="import torch", wanted=Wanted(limit, most=True),
        )  # fmt: skip


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
