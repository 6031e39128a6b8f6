"""Memory that stays with the process while it trains, and goes back afterwards."""

import ctypes
import subprocess
import sys

import pytest

# glibc gives a block of more than 32 MiB back as soon as it is freed, and the next one is made of new pages.
LOOK = """
import resource
import torch
from resnets.base import memory

def pages_of_a_tensor():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64 * 2**20 // 4)  # freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return int(open("/proc/self/statm").read().split()[1])

print(pages_of_a_tensor())
before = held()
with memory.kept():
    with memory.kept():
        pass
    print(sum(pages_of_a_tensor() for _ in range(40)), held() - before)
print(held() - before, pages_of_a_tensor())
"""


def has_glibc() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


@pytest.mark.skipif(not has_glibc(), reason="only glibc can be asked to keep memory")
def test_within_tensors_take_the_place_of_others_and_afterwards_all_goes_back() -> None:
    run = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True)
    usual, within, kept, left, again = map(int, run.stdout.split())
    assert within < 20 * usual  # of 40: glibc rounds up what is aligned, so the first don't fit where others were
    assert kept > 10_000  # pages, of the 16,384 of a tensor
    assert left < 1_000
    assert again > usual / 2
