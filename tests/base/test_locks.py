"""A lock ends with the process that holds it, whatever became of those that it has begun."""

import os
import signal
from pathlib import Path

import pytest

from resnets.base.errors import InputError
from resnets.base.locks import locked


def test_a_kill_releases_a_lock_though_a_fork_of_its_holder_lives(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    ready, say = os.pipe()
    holder = os.fork()
    if not holder:
        with locked(path, busy="busy"):
            fork = os.fork()
            if not fork:
                signal.pause()
            os.write(say, b"%d" % fork)
            signal.pause()
    fork = int(os.read(ready, 20))
    try:
        with pytest.raises(InputError, match="busy"), locked(path, busy="busy"):
            pass
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        with locked(path, busy="busy"):
            os.kill(fork, 0)  # it lives
    finally:
        os.kill(fork, signal.SIGKILL)
        os.close(ready)
        os.close(say)
