"""Which folders are classes and which are splits, the same for a folder on disk and for an archive of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from resnets.base.errors import InputError
from resnets.base.names import composed
from resnets.data.imageset import SPLITS, Images, ImageSet, Split
from resnets.data.listing import LeftOut, Listing, joined
from resnets.data.split_folders import SPLIT_NAMES, is_unlabelled_test, split_roots

Roots = Mapping[Split | None, str]  # where the class folders of each split are; None: of a source without splits
Folders = Mapping[str, list[str]]  # class -> its folders: more than one where Unicode writes a name in several forms


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

    Raises InputError when there are no class folders, one of a split that train lacks, or splits that cannot be told.
    """
    top = _top(listing)
    found, notes = split_roots(listing, top)
    roots: Roots = {**found} or {None: top}
    folders: dict[Split | None, Folders] = {
        split: _class_folders(listing, root, split) for split, root in roots.items()
    }
    classes = _classes(listing, roots, folders)
    paths: list[str] = []
    labels: list[NDArray[np.int64]] = []
    splits: list[NDArray[np.int8]] = []
    twins = LeftOut()
    for split, root in roots.items():
        for label, name in enumerate(classes):
            inside = chain.from_iterable(listing.below(joined(root, one)) for one in folders[split].get(name, ()))
            once = _once(inside, twins)
            paths += once
            labels.append(np.full(len(once), label, dtype=np.int64))
            splits.append(np.full(len(once), -1 if split is None else SPLITS.index(split), dtype=np.int8))
    if not paths and (unread := listing.unread_notes()):
        raise InputError(f"{listing.source}: no images that can be read, only {'; '.join(unread)}")
    return Arrangement(
        classes=classes,
        paths=paths,
        labels=np.concatenate(labels),
        splits=np.concatenate(splits),
        notes=(*notes, *_notes(listing, paths, twins)),
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


def _class_folders(listing: Listing, root: str, split: Split | None) -> Folders:
    """The folders of each class in `root`. An unlabelled test split beside two classes or more is none."""
    names = listing.subfolders(root)
    if split is None:
        labelled = [name for name in names if not is_unlabelled_test(listing, root, name)]
        names = labelled if len(labelled) > 1 else names
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(composed(name), []).append(name)
    return found


def _classes(listing: Listing, roots: Roots, folders: Mapping[Split | None, Folders]) -> tuple[str, ...]:
    """The names of the classes: of the training split, of a source without splits, or of what splits there are."""
    defining = [found for split, found in folders.items() if split in ("train", None)] or list(folders.values())
    classes = tuple(sorted(set[str]().union(*defining)))
    if not classes:
        raise InputError(_no_classes(listing, next(iter(roots.values()))))
    for split, root in roots.items():
        for name, (first, *_) in folders[split].items():
            if name not in classes:
                raise InputError(
                    f"{listing.where(joined(root, first))}: the training split has no class {name}; "
                    "add it there or remove this folder"
                )
    return classes


def _once(paths: Iterable[str], twins: LeftOut) -> list[str]:
    """The paths without those that are another's in another of Unicode's forms; these are counted in `twins`."""
    kept: list[str] = []
    seen: set[str] = set()
    for path in paths:
        if not path.isascii():
            if composed(path) in seen:
                twins.add(path)
                continue
            seen.add(composed(path))
        kept.append(path)
    return kept


def _no_classes(listing: Listing, root: str) -> str:
    """What to say where there are no class folders."""
    where = listing.where(root)
    count = len(listing.images[root])
    found = f"{_many(count, 'image')} directly in it and no class folders" if count else "no images in class folders"
    if unread := listing.unread_notes(root):
        return f"{where}: {found}, but {'; '.join(unread)}"
    return f"{where}: {found}; make a folder for each class, such as {where}/cat/1.jpg and {where}/dog/1.jpg"


def _notes(listing: Listing, paths: list[str], twins: LeftOut) -> tuple[str, ...]:
    """What was left out, a line for each kind of thing."""
    notes: list[str] = []
    outside = sum(map(len, listing.images.values())) - len(paths) - twins.count
    if outside:
        example = min(set(listing.all_images()).difference(paths, [twins.example]))
        notes.append(_note(listing, outside, "image", "outside the class folders", example))
    if twins.count:
        notes.append(_note(listing, twins.count, "image", "whose name occurs twice", twins.example))
    notes += listing.unread_notes()
    if listing.others.count:
        is_none = "that is not an image" if listing.others.count == 1 else "that are not images"
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
