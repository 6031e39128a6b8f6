"""How this process was begun: alone, or as one of several by `torchrun`. Reading it needs no torch."""

import os

_NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")


def is_launched() -> bool:
    """Whether `torchrun`, or what sets the same variables, began this process."""
    return all(name in os.environ for name in _NEEDED)


def is_follower() -> bool:
    """Whether this process was begun to help the first one, which alone writes and speaks."""
    return is_launched() and os.environ["RANK"] != "0"
