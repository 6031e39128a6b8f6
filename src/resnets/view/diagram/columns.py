"""What the columns of a diagram say: the stem, each stage, the head; no coordinates yet."""

from dataclasses import dataclass

from resnets.operation import Operation, Shape
from resnets.spec import ResNetSpec
from resnets.structure import Structure
from resnets.view.diagram import operations, trunk
from resnets.view.diagram.detail import Detail, detail


@dataclass(frozen=True, slots=True)
class Volume:
    """What is called by a name, its size, and the operation that it comes out of; the image comes out of none."""

    name: str
    shape: Shape
    of: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What stands above each other: a title, volumes, a part of the trunk, and the operations inside it."""

    title: str
    subtitle: str
    volumes: tuple[Volume, ...]
    inside: str  # what the operations are inside of: a block by its name, the stem, the head
    boxes: tuple[operations.Box, ...] = ()
    detail: Detail | None = None
    runs: tuple[trunk.Run, ...] = ()
    stacked: bool = False  # volumes above each other, not side by side
    cell: tuple[str, str] = ("", "")  # where there are no runs: what is written on the only cell
    notes: tuple[str, ...] = ()

    @property
    def at(self) -> str:
        """The stage by its name in a page."""
        return self.title.replace(" ", "")

    @property
    def height(self) -> float:
        """Of its operations as drawn."""
        return self.detail.height if self.detail else operations.height(self.boxes) + 2 * operations.STUB


def columns(built: Structure) -> tuple[Column, ...]:
    """The stem, every stage, the head."""
    stages = (_stage(built, number, runs) for number, runs in enumerate(trunk.runs(built), 1))
    return (_stem(built), *stages, _head(built))


def _stem(built: Structure) -> Column:
    stem = built.stage("stem")
    shapes = {stem[0].input: Volume("image", stem[0].input, None)}
    for one in stem:
        name = "pool" if one.name.startswith("maxpool") else "conv"
        shapes.setdefault(one.output, Volume(name, one.output, one.name))
    names = dict.fromkeys(operation.name.split(".")[0] for operation in stem if operation.name.startswith("maxpool"))
    return Column(
        title="stem",
        subtitle=_parameters(stem),
        volumes=tuple(shapes.values()),
        inside="stem",
        boxes=operations.boxes(built.spec, stem),
        cell=("stem", ", ".join(("conv1", *names))),
    )


def _stage(built: Structure, number: int, runs: tuple[trunk.Run, ...]) -> Column:
    rows = built.stage(f"stage {number}")
    first = [row for row in rows if row.block == 0]
    depth = built.spec.depths[number - 1]
    return Column(
        title=f"stage {number}",
        subtitle=f"{depth} block{'s' if depth > 1 else ''}, {_parameters(rows)}",
        volumes=(Volume("", rows[-1].output, rows[-1].name),),
        inside=runs[0].name,
        detail=detail(built.spec, first, runs[0].first.shortcut),
        runs=runs,
        notes=_others(built.spec, runs),
    )


def _head(built: Structure) -> Column:
    rows = built.stage("head")
    pooled = [row for row in rows if row.kind in ("global-pool", "linear")]
    names = {"global-pool": "pooled", "linear": "classes"}
    return Column(
        title="head",
        subtitle=_parameters(rows),
        volumes=tuple(Volume(names[row.kind], row.output, row.name) for row in pooled),
        stacked=True,
        inside="head",
        boxes=operations.boxes(built.spec, rows),
        cell=("head", ", ".join(row.name for row in rows)),
    )


def _parameters(rows: tuple[Operation, ...]) -> str:
    return f"{compact(sum(row.parameters for row in rows))} parameters"


def _others(spec: ResNetSpec, runs: tuple[trunk.Run, ...]) -> tuple[str, ...]:
    """How the blocks that are not drawn differ from the one that is."""
    first, last = runs[0].first, runs[-1]
    if len(runs) == 1:
        return (
            ()
            if last.repeats == 1
            else ("Both blocks are alike." if last.repeats == 2 else f"All {last.repeats} blocks are alike.",)
        )
    others = "The other block" if last.repeats == 1 else f"The {last.repeats} other blocks"
    stride = "" if last.first.stride == first.stride else f" stride {last.first.stride},"
    dilation = "" if last.first.first_dilation == first.first_dilation else f" dilation {last.first.dilation},"
    begin = ("norm and activation before the first conv",) if spec.preactivation and first.first else ()
    word = "no" if last.first.shortcut == "none" else last.first.shortcut
    kind = f"{last.first.c_in} channels in, {word} shortcut"
    return (f"{others}:{stride}{dilation}", kind, *begin)


def compact(count: int) -> str:
    """A count in four digits: `25.56 M`, `269.7 k`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.{max(0, 4 - len(str(int(count / size))))}f} {letter}"
    return str(count)
