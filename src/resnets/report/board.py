"""A run's figures for TensorBoard, behind the `tensorboard` extra."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.training.listener import EpochDone, Listener

# Columns of metrics.jsonl -> what TensorBoard groups and names them by; a column without a name here keeps its own.
TAGS: Mapping[str, str] = {
    "lr": "rate/learning_rate",
    "images_per_second": "rate/images_per_second",
    "train_loss": "loss/training",
    "val_loss": "loss/validation",
    "val_top1": "accuracy/validation_top1",
    "val_top5": "accuracy/validation_top5",
}
PLACES = ("epoch", "step", "seconds")  # columns that say where a row is and are no curve


class Board(Listener):
    """An open event file. Curves are by epoch."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def on_epoch(self, done: EpochDone) -> None:
        """Add the epoch's row."""
        self.row(done.row)

    def row(self, row: Mapping[str, Any]) -> None:
        """Add one row of metrics.jsonl; what is no number is left out."""
        for name, value in row.items():
            if name not in PLACES and isinstance(value, int | float):
                self.writer.add_scalar(TAGS.get(name, name), value, row["epoch"])
        self.writer.flush()


@contextmanager
def board(folder: str | Path, *, epoch: int = 0) -> Generator[Board]:
    """Open an event file in `folder` for the epochs after `epoch`; of these, earlier files' points are dropped.

    Raises InputError, with the command that installs it, when TensorBoard is not there.
    """
    writer = _writer(Path(folder), epoch)
    try:
        yield Board(writer)
    finally:
        writer.close()


def require_tensorboard() -> type[Any]:
    """TensorBoard's writer. Raises InputError, with the command that installs it, when it is not there."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            f'TensorBoard is not installed ({error}); install it with pip install "resnets[tensorboard]"'
        ) from error
    return SummaryWriter


def _writer(folder: Path, epoch: int) -> Any:
    return require_tensorboard()(str(folder), purge_step=epoch + 1 if epoch else None)
