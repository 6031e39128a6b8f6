"""Labelled images -> WebDataset shards. What a kill leaves is whole shards, and the same command writes the others.

    OUT/train-000000.tar   00000000.jpg, 00000000.cls, 00000001.png, 00000001.cls, …
    OUT/names.tsv          what each sample was called: shard, number, name
    OUT/plan.json          what is being written; gone when all is
    OUT/manifest.json      classes, and of each shard its split, images, bytes and SHA-256; written last

The images of a split are shuffled over its shards by the seed, so that each shard is a sample of all classes.
"""

import hashlib
import io
import json
import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnets.base.errors import InputError
from resnets.base.files import check_parents, remove_leftovers, write_whole, written_whole
from resnets.base.locks import locked
from resnets.base.progress import Progress, Watch, unwatched
from resnets.data import image_formats
from resnets.data.imageset import SPLITS, ImageSet
from resnets.data.loading import stored
from resnets.data.shard_names import FORMAT, MANIFEST

log = logging.getLogger(__name__)

PLAN, NAMES = "plan.json", "names.tsv"
SHARD_MB = 100  # of a shard, in millions of bytes
SAMPLED = 64  # images whose sizes say how many go into a shard
_OVERHEAD = 2048  # bytes of a sample's headers, label and padding


@dataclass(frozen=True)
class Written:
    """What was written."""

    path: Path
    shards: int
    images: int
    bytes: int
    kept: int  # of the shards: those that an earlier run had written


@dataclass(frozen=True)
class _Part:
    """One shard: its name, its split, and its images in their order."""

    name: str
    split: str
    rows: NDArray[np.int64]


def write(
    images: ImageSet, out: str | Path, *, shard_mb: float = SHARD_MB, seed: int = 0, watch: Watch = unwatched
) -> Written:
    """Write the images as shards of about `shard_mb` million bytes into the folder `out`, with a manifest.

    Raises InputError for an image that cannot be read, and where `out` holds shards already or others are half
    written; RunFailed when the disk is full, after which the same call goes on.
    """
    out = Path(out)
    if not 0 < shard_mb <= 1e6:
        raise InputError(f"shard size {shard_mb:g}: must be more than 0 and at most 1,000,000 megabytes")
    check_parents(out)
    if out.is_file():
        raise InputError(f"{out}: is a file; name a folder")
    with locked(out / "lock", busy=f"{out}: another process is writing shards into it; wait for it"):
        remove_leftovers(out)
        parts = list(_parts(images, shard_mb, seed))
        _begin(out, images, parts, seed)
        kept, done = 0, 0
        for part in parts:
            if (out / part.name).exists():
                kept += 1
            else:
                _write(images, part, out)
            done += len(part.rows)
            watch(Progress("writing shards", done, len(images), {"shard": part.name}))
        described = [_described(images, part, out / part.name) for part in parts]
        write_whole(out / NAMES, _names(images, parts))
        manifest = {"format": FORMAT, "classes": list(images.classes), "seed": seed, "shards": described}
        write_whole(out / MANIFEST, _one_shard_a_line(manifest))
        (out / PLAN).unlink(missing_ok=True)
    return Written(out, len(parts), len(images), sum(one["bytes"] for one in described), kept)


def _parts(images: ImageSet, shard_mb: float, seed: int) -> Iterator[_Part]:
    sampled = np.linspace(0, len(images) - 1, min(SAMPLED, len(images))).astype(int).tolist()
    usual = np.mean([len(_encoded(images, index)[1]) for index in sampled]) + _OVERHEAD
    count = max(1, int(shard_mb * 1e6 / usual))
    random = np.random.Generator(np.random.Philox(key=seed))
    for split in (-1, *range(len(SPLITS))):
        rows = random.permutation(np.flatnonzero(images.splits == split))
        name = SPLITS[split] if split >= 0 else ""
        for number, start in enumerate(range(0, len(rows), count)):
            yield _Part(f"{name or 'shard'}-{number:06}.tar", name, rows[start : start + count])


def _begin(out: Path, images: ImageSet, parts: list[_Part], seed: int) -> None:
    """Write what is going to be written, or find that it is what was begun. Raises InputError when it is not."""
    if (out / MANIFEST).exists():
        raise InputError(f"{out}: already contains shards; name another folder, or remove it")
    plan = {
        "data": images.fingerprint,
        "seed": seed,
        "shards": [[part.name, len(part.rows)] for part in parts],
    }
    try:
        begun = json.loads((out / PLAN).read_text())
    except FileNotFoundError:
        if found := next(out.glob("*.tar"), None):
            raise InputError(f"{found}: is there already, and no plan of it; name another folder") from None
        write_whole(out / PLAN, json.dumps(plan))
        return
    except ValueError as error:
        raise InputError(f"{out / PLAN}: damaged ({error}); remove {out} and begin again") from error
    if begun != plan:
        raise InputError(f"{out}: other images, or another seed or size, were begun here; name another folder")
    log.info("%s: going on from %d of %d shards", out, len(list(out.glob("*.tar"))), len(parts))


def _write(images: ImageSet, part: _Part, out: Path) -> None:
    with written_whole(out / part.name, within=out) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for number, row in enumerate(part.rows.tolist()):
            suffix, content = _encoded(images, row)
            _add(tar, f"{number:08}.{suffix}", content)
            _add(tar, f"{number:08}.cls", b"%d" % images.labels[row])


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # without a time or an owner: the same images are the same bytes
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _encoded(images: ImageSet, index: int) -> tuple[str, bytes]:
    """An image's file and its suffix. Pixels become PNG. Raises InputError naming it when it cannot be read."""
    data = stored(images, index)
    if isinstance(data, bytes):
        kind = image_formats.found(data[: image_formats.HEAD]) or image_formats.named(images.image_name(index))
        return (kind.suffixes[0].lstrip(".") if kind else "img"), data
    file = io.BytesIO()
    Image.fromarray(data[..., 0] if data.shape[-1] == 1 else data).save(file, "png")
    return "png", file.getvalue()


def _described(images: ImageSet, part: _Part, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    counts = np.bincount(images.labels[part.rows], minlength=len(images.classes)).tolist()
    return {
        "name": part.name, "split": part.split, "images": len(part.rows), "bytes": path.stat().st_size,
        "sha256": digest, "counts": counts,
    }  # fmt: skip


def _one_shard_a_line(manifest: dict[str, Any]) -> str:
    lines = ",\n".join(json.dumps(shard) for shard in manifest["shards"])
    return f"{json.dumps({**manifest, 'shards': []})[:-2]}\n{lines}\n]}}\n"


def _names(images: ImageSet, parts: list[_Part]) -> str:
    rows = ((part, number, row) for part in parts for number, row in enumerate(part.rows.tolist()))
    return "".join(
        f"{part.name}\t{number:08}\t{' '.join(images.image_name(row).split())}\n" for part, number, row in rows
    )
