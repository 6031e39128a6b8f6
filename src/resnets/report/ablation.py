"""What each block of a network contributes: as values, as a table, on the network's diagram."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.files import check_place, write_whole
from resnets.base.notebook import table as html_table
from resnets.classifier.file import Classifier
from resnets.explain.ablation import Ablated, ablated
from resnets.spec import BranchKind, ResNetSpec
from resnets.structure import structure
from resnets.view.diagram import diagram
from resnets.view.diagram.marks import Mark
from resnets.view.table import Table

ENDINGS = (".svg", ".png")  # of drawings


@dataclass(frozen=True, slots=True)
class WithoutBlock:
    """How good the network is with one block replaced by its shortcut."""

    name: str  # `layer2.0`
    shortcut: BranchKind
    right: int  # images


@dataclass(frozen=True)
class Ablation:
    """How good a network is, whole and without each of its blocks."""

    network: str
    spec: ResNetSpec
    image_size: int
    on: str  # which images, in words
    count: int
    right: int
    blocks: tuple[WithoutBlock, ...]

    @property
    def top1(self) -> float:
        """Of the whole network, 0 to 1."""
        return self.right / self.count

    def change(self, block: WithoutBlock) -> float:
        """What replacing a block does to top-1: mostly less than 0."""
        return (block.right - self.right) / self.count

    def as_dict(self) -> dict[str, Any]:
        """The ablation as JSON values."""
        return {
            "network": self.network,
            "on": self.on,
            "count": self.count,
            "top1": {"value": self.top1, "right": self.right},
            "blocks": [
                {
                    "name": block.name,
                    "shortcut": block.shortcut,
                    "top1": {"value": block.right / self.count, "right": block.right},
                    "change": self.change(block),
                }
                for block in self.blocks
            ],
        }

    def table(self) -> Table:
        """A row for each block."""
        rows = tuple(
            (
                one.name,
                one.shortcut,
                f"{one.right / self.count:.2%}",
                f"{one.right:,}",
                f"{100 * self.change(one):+.2f}",
            )
            for one in self.blocks
        )
        return Table(
            caption=f"{self.network}, {self.on}: top-1 {self.top1:.2%}, {self.right:,} of {self.count:,} images",
            headers=("without block", "shortcut", "top-1", "right", "points"), alignments="llrrr", rows=rows,
            notes=("Each block in turn is replaced by its shortcut (Veit et al. 2016).",),
        )  # fmt: skip

    def diagram(self) -> str:
        """The network's diagram as SVG, with what each block contributes under it."""
        return diagram(self.network, structure(self.spec, self.image_size), marks=self._marks())

    def save(self, path: str | Path) -> Path:
        """Write the diagram, as .svg or .png. Raises InputError for another ending, or without the package for PNG."""
        check_ending(Path(path))
        if Path(path).suffix.lower() == ".svg":
            return write_whole(path, self.diagram())
        from resnets.view.diagram.raster import png

        return write_whole(path, png(self.diagram()))

    def __repr__(self) -> str:
        return f"Ablation({self.network}: top-1 {self.top1:.2%} of {self.count:,} images, {len(self.blocks)} blocks)"

    def _repr_html_(self) -> str:
        rows = [(block.name, f"{100 * self.change(block):+.2f} points") for block in self.blocks]
        return self.diagram() + html_table(f"{self.network}: top-1 {self.top1:.2%}, and without a block", rows)

    def _marks(self) -> Mapping[str, Mark]:
        worst = max((-self.change(block) for block in self.blocks), default=0.0)
        return {
            block.name: Mark(
                size=max(0.0, -self.change(block)) / worst if worst > 0 else 0.0,
                words=f"{100 * self.change(block):+.1f}".replace("-", "−"),
                told=f"{block.name}: top-1 {block.right / self.count:.2%} without it",
            )
            for block in self.blocks
        }


def check_ending(path: Path) -> None:
    """Raise InputError unless a drawing can be written to `path`."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: unknown ending; use one of {', '.join(ENDINGS)}")
    check_place(path)


def ablation(classifier: Classifier, data: Any, **options: Any) -> Ablation:
    """What each block of a classifier contributes on labelled images. data, options, raises: as `ablated` has them."""
    found = ablated(classifier, data, **options)
    return Ablation(
        network=classifier.network_name,
        spec=classifier.network.spec,
        image_size=classifier.preprocessing.size,
        on=found.scored.on,
        count=len(found.scored.labels),
        right=int((found.scored.logits.argmax(axis=1) == found.scored.labels).sum()),
        blocks=_blocks(found),
    )


def _blocks(found: Ablated) -> tuple[WithoutBlock, ...]:
    right = (found.answers == found.scored.labels[:, None]).sum(axis=0)
    return tuple(map(WithoutBlock, found.names, found.shortcuts, right.tolist()))
