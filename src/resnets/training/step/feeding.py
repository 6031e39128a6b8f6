"""Batches on their way to the device: copied from pinned memory while the step before is computed."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from resnets.data.training_batches import Batch


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches on the device. To a GPU they are copied on a stream of its own, beside the step that it computes.

    Steps are asked for without waiting for the one before, so the next batch is fetched and copied meanwhile.
    """
    if device.type != "cuda":
        yield from batches
        return
    copying = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copying):
            boxes = None if batch.boxes is None else _copied(batch.boxes, device)
            moved = Batch(_copied(batch.images, device), _copied(batch.labels, device), boxes)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(copying)
        for part in (moved.images, moved.labels, moved.boxes):
            if part is not None:
                part.record_stream(computing)  # its memory is used again only after the step
        yield moved


def _copied(part: Tensor, device: torch.device) -> Tensor:
    return part if part.device.type == "cuda" else part.pin_memory().to(device, non_blocking=True)
