"""What a check says: findings, each a kind with its severity, the images concerned, and what to do."""

from dataclasses import dataclass, field
from typing import Any, Literal

from resnets.data.imageset import ImageSet

Severity = Literal["serious", "worth knowing"]


@dataclass(frozen=True)
class Item:
    """What one thing that was found is about: images that belong together, or a file, a folder or a class."""

    names: tuple[str, ...]
    note: str = ""  # what is special about it
    images: tuple[int, ...] = ()  # their places in the image set, where they are images of it
    leave_out: tuple[str, ...] = ()  # of the names, those that a fix list has


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Everything of one kind that was found."""

    kind: str  # as JSON has it: near-duplicates
    title: str  # as a table has it: near duplicates in one split
    severity: Severity
    means: str  # one line: what it means, and what to do
    items: tuple[Item, ...]

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "kind": self.kind,
            "title": self.title,
            "severity": self.severity,
            "means": self.means,
            "count": len(self.items),
            "items": [{"names": list(item.names), "note": item.note} for item in self.items],
        }


@dataclass(frozen=True)
class Leak:
    """How many images of a split are in the training split as well."""

    split: str
    same: int  # the same bytes or pixels
    nearly: int  # nearly the same picture
    count: int  # images of the split

    def __str__(self) -> str:
        nearly = f", {self.nearly:,} more nearly so" if self.nearly else ""
        return f"{self.same:,} of {self.count:,} {self.split} images are also in train{nearly}"


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """All that a check found in a data set."""

    data: str  # as the user gave it
    images: ImageSet
    count: int  # images
    classes: tuple[str, ...]
    splits: dict[str, int]  # images of each; "all" where there are none
    findings: tuple[Finding, ...]
    leaks: tuple[Leak, ...] = field(default=())

    @property
    def serious(self) -> bool:
        """Whether anything serious was found."""
        return any(finding.severity == "serious" for finding in self.findings)

    @property
    def left_out(self) -> dict[str, str]:
        """The images that a fix list has, by name in the order of the findings, and why."""
        found: dict[str, str] = {}
        for finding in self.findings:
            for item in finding.items:
                for name in item.leave_out:
                    found.setdefault(name, _why(finding, item, name))
        return found

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON values."""
        return {
            "data": self.data,
            "count": self.count,
            "classes": list(self.classes),
            "splits": self.splits,
            "serious": self.serious,
            "leaks": [
                {"split": one.split, "same": one.same, "nearly": one.nearly, "count": one.count} for one in self.leaks
            ],
            "findings": [finding.as_dict() for finding in self.findings],
        }


def _why(finding: Finding, item: Item, name: str) -> str:
    others = [other for other in item.names if other != name]
    beside = f", with {others[0]}" if others else ""
    note = f": {item.note}" if item.note else ""
    return f"{finding.title}{beside}{note}"
