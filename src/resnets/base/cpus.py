"""How many CPUs this process may use, which in a container or under taskset are fewer than the machine has."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_OWN, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_cpus(*, own: Path = _OWN, groups: Path = _GROUPS) -> int:
    """CPUs that this process may run on, at most as many as its control groups give it time for; at least 1.

    own: lists the control groups of this process. groups: the folder at which they are mounted, version 1 or 2.
    """
    quotas = (quota for folder in control_groups("cpu", own=own, groups=groups) for quota in _quota(folder))
    return max(1, min([_allowed(), *quotas]))


def _allowed() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def control_groups(controller: str, *, own: Path = _OWN, groups: Path = _GROUPS) -> Iterator[Path]:
    """The folders of the process's control groups, and of all that these are in, with the limits of `controller`."""
    for line in text(own).splitlines():
        _, kinds, path = line.split(":", 2) if line.count(":") >= 2 else ("", "none", "")
        named = [groups / kinds, groups / controller] if controller in kinds.split(",") else []
        roots = named if kinds else [groups]
        for root in roots:
            inner = root / path.strip("/")
            for folder in (inner, *inner.parents):
                yield folder
                if folder == root:  # a container sees its own group there
                    break


def _quota(folder: Path) -> Iterator[int]:
    """The limit of a control group in whole CPUs, rounded up."""
    quota, period = (text(folder / "cpu.max").split() or ["", ""])[:2]
    if not quota:
        quota, period = (text(folder / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    if quota.isdecimal() and period.isdecimal() and int(period):  # "max" and -1: no limit
        yield math.ceil(int(quota) / int(period))


def text(path: Path) -> str:
    """What a file of the kernel's says; nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
