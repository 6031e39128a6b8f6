"""An epoch's loss and right answers so far, kept where they are computed."""

import time

import torch
from torch import Tensor

from resnets.training.checkpoint import RunState

REPORT_EVERY = 0.1  # seconds between looks at the loss, each of which waits for the device


class Tally:
    """An epoch's sums, kept on the device, so that a step need not wait for the one before."""

    def __init__(self, at: RunState, device: torch.device) -> None:
        exact = torch.float32 if device.type == "mps" else torch.float64
        self.loss_sum = torch.tensor(at.loss_sum, dtype=exact, device=device)
        self.correct = torch.tensor(at.correct, device=device)
        self.seen = at.seen
        self.started = self.counted = time.monotonic()
        self.seconds, self.training_seconds = at.seconds, at.training_seconds  # of earlier sittings

    def add(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Take in a step's mean loss, and how many of its images were right."""
        self.loss_sum += loss * images
        self.correct += correct
        self.seen += images

    def is_due(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() - self.counted >= REPORT_EVERY

    def count_into(self, at: RunState) -> None:
        """Bring a run's state up to date, which waits for the device."""
        at.loss_sum, at.correct, at.seen = float(self.loss_sum), int(self.correct), self.seen
        self.counted = time.monotonic()
        at.seconds = self.seconds + self.counted - self.started
        at.training_seconds = self.training_seconds + self.counted - self.started
