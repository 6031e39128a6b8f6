"""The verb that writes images as shards, as a function."""

from pathlib import Path

from resnets.base.notebook import watching
from resnets.base.progress import Watch
from resnets.data import leaving_out, shard_writing, sources
from resnets.data.imageset import ImageSet
from resnets.data.shard_writing import SHARD_MB, Written
from resnets.data.table_columns import Asked


def shard(
    data: str | Path | ImageSet,
    out: str | Path,
    *,
    columns: Asked | None = None,
    images: str | Path | None = None,
    leave_out: str | Path | None = None,
    shard_mb: float = SHARD_MB,
    seed: int = 0,
    watch: Watch | None = None,
) -> Written:
    """Write labelled images as WebDataset shards into a folder, with a manifest that `train` reads.

    data, columns, images, leave_out: as `train` has them. shard_mb: size of a shard in millions of bytes, about. seed:
    by which the images are shuffled over the shards of their split. The same call goes on where one was killed.
    Raises InputError for what the user can mend, RunFailed when a file cannot be written.
    """
    opened = sources.opened(data, columns=columns, images=images)
    chosen = leaving_out.without(opened, leave_out)
    with watching(watch) as seen:
        return shard_writing.write(chosen, out, shard_mb=shard_mb, seed=seed, watch=seen)
