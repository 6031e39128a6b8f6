"""Which folders are classes and which are splits, the same for a folder on disk and for an archive of one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.data.imageset import SPLITS, Images, ImageSet, Split
from resnets.data.listing import Listing, joined

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

Roots = Mapping[Split | None, str]  # where the class folders of each split are; None: of a source without splits


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """Labelled paths, ordered by split, class and path."""

    classes: tuple[str, ...]
    paths: list[str]  # relative to the source
    labels: NDArray[np.int64]
    splits: NDArray[np.int8]  # an index into SPLITS, or -1
    notes: tuple[str, ...]


def arrange(listing: Listing) -> Arrangement:
    """The labels that folder names give the images of `listing`; classes sort as strings, as in torchvision.

    Raises InputError when there are no class folders, fewer than two, one that has no images, or one that train lacks.
    """
    top = _top(listing)
    roots = _splits(listing, top) or {None: top}
    classes = _classes(listing, roots)
    paths: list[str] = []
    labels: list[NDArray[np.int64]] = []
    splits: list[NDArray[np.int8]] = []
    for split, root in roots.items():
        for label, name in enumerate(classes):
            found = listing.below(joined(root, name))
            paths += found
            labels.append(np.full(len(found), label, dtype=np.int64))
            splits.append(np.full(len(found), -1 if split is None else SPLITS.index(split), dtype=np.int8))
    return Arrangement(
        classes=classes,
        paths=paths,
        labels=np.concatenate(labels),
        splits=np.concatenate(splits),
        notes=_notes(listing, paths),
    )


def image_set(name: str, arrangement: Arrangement, images: Images, rows: NDArray[np.int64]) -> ImageSet:
    """The arranged images of a source; `rows` is the place in `images` of each of the arrangement's paths."""
    return ImageSet(
        name=name,
        classes=arrangement.classes,
        images=images,
        labels=arrangement.labels,
        splits=arrangement.splits,
        rows=rows,
        notes=arrangement.notes,
    )


def _top(listing: Listing) -> str:
    """The folder that holds the classes or the splits: the top, or where a chain of single folders leads."""
    folder = ""
    while not listing.images[folder]:
        names = listing.subfolders(folder)
        if len(names) > 1 or any(name.lower() in SPLIT_NAMES for name in names):
            return folder
        if not names:
            break
        folder = joined(folder, names[0])
    return ""


def _splits(listing: Listing, top: str) -> dict[Split | None, str]:
    """The split folders in `top`; none where a class only has a split's name (a train is also a vehicle)."""
    names = listing.subfolders(top)
    found: dict[Split | None, list[str]] = {
        split: [name for name in names if SPLIT_NAMES.get(name.lower()) == split] for split in SPLITS
    }
    others = [name for name in names if name.lower() not in SPLIT_NAMES]
    if others and not any(listing.subfolders(joined(top, name)) for name in found["train"]):
        return {}
    for split, same in found.items():
        if len(same) > 1:
            listed = " and ".join(listing.where(joined(top, name)) for name in same)
            raise InputError(f"{listed}: both are a {split} split; keep one")
    return {split: joined(top, same[0]) for split, same in found.items() if same}


def _classes(listing: Listing, roots: Roots) -> tuple[str, ...]:
    """The names of the classes: of the training split, of a source without splits, or of what splits there are."""
    defining = [root for split, root in roots.items() if split in ("train", None)]
    classes = sorted({name for root in defining or roots.values() for name in listing.subfolders(root)})
    if not classes:
        raise InputError(_no_classes(listing, next(iter(roots.values()))))
    for folder in (joined(root, name) for root in defining for name in classes):
        if not listing.has_images(folder):
            raise InputError(f"{listing.where(folder)}: this class folder has no images; add some or remove it")
    for root in roots.values():
        for name in listing.subfolders(root):
            if name not in classes:
                raise InputError(
                    f"{listing.where(joined(root, name))}: the training split has no class {name}; "
                    "add it there or remove this folder"
                )
    if len(classes) < 2:
        raise InputError(
            f"{listing.where(next(iter(roots.values())))}: only one class, {classes[0]}; "
            "a classifier needs at least two classes, a folder for each"
        )
    return tuple(classes)


def _no_classes(listing: Listing, root: str) -> str:
    """What to say where there are no class folders."""
    where = listing.where(root)
    count = len(listing.images[root])
    found = f"{_many(count, 'image')} directly in it and no class folders" if count else "no images in class folders"
    return f"{where}: {found}; make a folder for each class, such as {where}/cat/1.jpg and {where}/dog/1.jpg"


def _notes(listing: Listing, paths: list[str]) -> tuple[str, ...]:
    """What was left out, a line for each kind of thing."""
    notes: list[str] = []
    total = sum(map(len, listing.images.values()))
    if total > len(paths):
        example = min(set(listing.all_images()).difference(paths))
        notes.append(_note(listing, total - len(paths), "image", "outside the class folders", example))
    if listing.others.count:
        is_none = "that is no image" if listing.others.count == 1 else "that are no images"
        notes.append(_note(listing, listing.others.count, "file", is_none, listing.others.example))
    if listing.hidden.count:
        notes.append(_note(listing, listing.hidden.count, "image", "in hidden folders", listing.hidden.example))
    if listing.links.count:
        notes.append(_note(listing, listing.links.count, "link or device", "", listing.links.example))
    return tuple(notes)


def _note(listing: Listing, count: int, thing: str, which: str, example: str) -> str:
    were = "was" if count == 1 else "were"
    return f"{' '.join(filter(None, (_many(count, thing), which)))} {were} left out, such as {listing.where(example)}"


def _many(count: int, thing: str) -> str:
    plural = {"link or device": "links or devices"}.get(thing, f"{thing}s")
    return f"{count:,} {thing if count == 1 else plural}"
