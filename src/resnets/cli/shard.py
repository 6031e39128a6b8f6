"""`resnets shard`: labeled images as WebDataset shards."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from resnets.cli.terminal import as_json, watched, write_result


def shard(
    data: str,
    out: Path,
    /,
    *,
    columns: str | None = None,
    images: Path | None = None,
    leave_out: Path | None = None,
    shard_mb: float = 100.0,
    seed: int = 0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write labeled images as WebDataset shards: tar files of about the same size, and a manifest.

    Shards are read from a disk, a web server or an object store, in the order of their bytes. If the command is stopped
    or killed, the same command continues and keeps the shards that are there.

    Parameters
    ----------
    data
        Labeled images, in any form that `resnets train` takes.
    out
        Folder for the shards. `resnets train OUT` reads them.
    columns
        Columns of a .csv or .tsv file, by name or number: IMAGE,LABEL or IMAGE,LABEL,SPLIT. By default they are
        guessed.
    images
        Folder that the paths in a .csv or .tsv file are relative to. By default it is found.
    leave_out
        Leave out the images that this file lists, as `resnets check --fix-list` writes it.
    shard_mb
        Size of a shard in megabytes, about.
    seed
        The images of a split are shuffled over its shards by this number.
    json
        Print the result as one JSON document.

    Examples
    --------
    resnets shard photos/ shards/
    resnets shard digits shards/ --shard-mb 1
    resnets train shards/
    """
    from resnets import sharding

    with watched() as watch:
        found = sharding.shard(
            data, out, columns=columns, images=images, leave_out=leave_out, shard_mb=shard_mb, seed=seed, watch=watch
        )
    if json:
        write_result(
            as_json({
                "out": str(found.path), "shards": found.shards, "images": found.images, "bytes": found.bytes,
                "kept": found.kept,
            })
        )  # fmt: skip
        return
    kept = f", {found.kept:,} of them from before" if found.kept else ""
    write_result(
        f"{found.images:,} images in {found.shards:,} shards{kept}, {found.bytes / 1e6:,.1f} MB\n"
        f"manifest  {found.path / 'manifest.json'}\n"
    )
