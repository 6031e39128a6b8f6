"""Which folders are splits: by their names and by what they hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnets.base.errors import InputError
from resnets.base.names import composed
from resnets.data.imageset import SPLITS, Split
from resnets.data.listing import Listing, joined

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
    "evaluation": "val",
    "test": "test",
    "testing": "test",
}

_EVALUATION = ("eval", "evaluation")  # the test split of a source that has a validation split by another name
_UNLABELLED = frozenset({"unknown", "unlabeled", "unlabelled", "images", "all", "data"})  # a loader's stand-in class
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # also of trainingSet and TrainData
_ENDING = re.compile(r"(sets?|data|images?|imgs?|files?|folder|split)$")  # trainset, testimages


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A folder that may be a split or a class."""

    name: str
    split: Split | None  # that its name says
    root: str  # where its class folders would be: further down where a name is repeated, as in train/train
    classes: frozenset[str]  # folders in it, by their composed names
    has_images: bool  # directly in it

    @property
    def exact(self) -> bool:
        """Whether its name is a split's and nothing else."""
        return self.name.lower() in SPLIT_NAMES

    @property
    def labelled(self) -> bool:
        return bool(self.classes)


def split_of(name: str) -> Split | None:
    """The split that a part of `name` says, as in Train_data, training_set, seg_test; None for none and for several."""
    words = (word.lower() for word in _WORD.findall(name))
    said = [SPLIT_NAMES.get(word) or SPLIT_NAMES.get(_ENDING.sub("", word)) for word in words]
    return next((split for split in SPLITS if set(said) - {None} == {split}), None)


def split_roots(listing: Listing, top: str) -> tuple[dict[Split, str], tuple[str, ...]]:
    """Where the class folders of each split are, and what to say of it; none where the folders in `top` are classes.

    Raises InputError for two folders of one split, and for folders that hold the same folders, as splits do, under
    names that say nothing of splits.
    """
    folders = [_candidate(listing, top, name) for name in listing.subfolders(top)]
    folders = [one for one in folders if listing.has_images(one.root)]
    named, others = ([one for one in folders if (one.split is not None) == wanted] for wanted in (True, False))
    if not _are_splits(named, others):
        _check_different(listing, top, folders)
        return {}, ()
    for other in others:
        _check_different(listing, top, [max(named, key=lambda one: len(one.classes)), other])
    chosen = _one_each(listing, top, _with_evaluation(named))
    training = chosen["train"].classes if "train" in chosen else frozenset[str]()
    kept: dict[Split, Candidate] = {
        split: one for split, one in chosen.items() if split != "test" or not _is_unlabelled(one, training)
    }
    read_so = [f"{one.name} is the {split} split" for split, one in kept.items() if not one.exact]
    notes = (f"{listing.where(top)}: {', '.join(read_so)}",) if read_so else ()
    roots: dict[Split, str] = {split: one.root for split, one in (kept or chosen).items()}
    return roots, notes


def is_unlabelled_test(listing: Listing, top: str, name: str) -> bool:
    """Whether a folder beside class folders is a test split without labels: test/*.png, test/test/*.png."""
    one = _candidate(listing, top, name)
    return one.exact and one.split == "test" and not one.labelled


def _candidate(listing: Listing, top: str, name: str) -> Candidate:
    root, last = joined(top, name), name
    while not listing.images[root] and len(inside := listing.subfolders(root)) == 1:
        if inside[0].lower() != last.lower() and (split_of(last) is None or split_of(inside[0]) != split_of(last)):
            break
        last = inside[0]
        root = joined(root, last)
    classes = frozenset(map(composed, listing.subfolders(root)))
    return Candidate(name=name, split=split_of(name), root=root, classes=classes, has_images=bool(listing.images[root]))


def _are_splits(named: Sequence[Candidate], others: Sequence[Candidate]) -> bool:
    """Whether the folders named as splits are: a train is also a vehicle, a test also a tube."""
    if any(one.split == "train" and one.exact and one.labelled for one in named):
        return True
    if named and not others and all(one.exact for one in named):
        return True
    labelled = [one for one in named if one.labelled and not one.has_images]
    if len(labelled) > 1:
        return any(one.classes & other.classes for one in labelled for other in labelled if one is not other)
    return bool(labelled) and not others and labelled[0].split == "train"


def _check_different(listing: Listing, top: str, folders: Sequence[Candidate]) -> None:
    """Raise InputError when all these folders hold the same folders and no images, as splits do."""
    if len(folders) < 2 or any(one.has_images for one in folders):
        return
    shared = sorted(frozenset.intersection(*(one.classes for one in folders)))
    if len(shared) < 2:
        return
    names, inside = _some([one.name for one in folders]), _some(shared)
    first, second = folders[0].name, folders[1].name
    if all(split_of(name) for name in shared):
        mend = f"put the splits outside: {shared[0]}/{first}, {shared[0]}/{second}"
    else:
        mend = "name them train, val and test, or give one of them; of classes, move the images up"
    raise InputError(
        f"{listing.where(top)}: {names} have the same subfolders ({inside}), so they look like splits, not "
        f"classes; {mend}"
    )


def _with_evaluation(named: Sequence[Candidate]) -> dict[Split, list[Candidate]]:
    """The candidates of each split: eval is the test split where another folder is for validation."""
    found: dict[Split, list[Candidate]] = {split: [one for one in named if one.split == split] for split in SPLITS}
    evaluation = [one for one in found["val"] if any(word in one.name.lower() for word in _EVALUATION)]
    if 0 < len(evaluation) < len(found["val"]) and not found["test"]:
        found["val"] = [one for one in found["val"] if one not in evaluation]
        found["test"] = evaluation
    return found


def _one_each(listing: Listing, top: str, named: Mapping[Split, Sequence[Candidate]]) -> dict[Split, Candidate]:
    chosen: dict[Split, Candidate] = {}
    for split, found in named.items():
        same = [one for one in found if one.labelled] or found
        if len(same) > 1:
            listed = " and ".join(listing.where(joined(top, one.name)) for one in same)
            raise InputError(f"{listed}: both are named as the {split} split; keep one")
        if same:
            chosen[split] = same[0]
    return chosen


def _is_unlabelled(test: Candidate, training: frozenset[str]) -> bool:
    """Whether a test split has no classes but one that only stands in, as in test/unknown/*.png."""
    if len(test.classes) != 1:
        return not test.labelled
    (only,) = test.classes
    return only not in training and bool(training) and only.lower() in _UNLABELLED


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
