"""A network, shown: the same value as text, Markdown, LaTeX, JSON, a diagram or the explorer page."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from resnets import catalog
from resnets.base.errors import InputError, nearest
from resnets.catalog import Row
from resnets.spec import ResNetSpec
from resnets.structure import Structure, parse_image_size, structure
from resnets.view.alignment import compare
from resnets.view.comparison import comparison_record, comparison_table
from resnets.view.diagram import diagram
from resnets.view.explorer.page import page
from resnets.view.formats import Format, Language
from resnets.view.networks import network_record, operation_table, stage_table
from resnets.view.table import Table, render

if TYPE_CHECKING:
    from resnets.view.explorer.live import Live

Network = str | Path | ResNetSpec | Row


@dataclass(frozen=True)
class Shown:
    """Networks with their structures, ready to be written down. In a notebook it is the explorer page."""

    networks: tuple[tuple[Row, Structure], ...]
    compared: bool = False  # the first with each of the others
    language: Language = "en"  # of the explorer page
    live: "Live | None" = None  # what classifiers among them do with images, for the page
    operations: bool | None = None  # whether every operation too; None: in JSON alone, not in tables

    def __repr__(self) -> str:
        return f"Shown({', '.join(row.name for row, _ in self.networks)})"

    def as_format(self, form: Format) -> str | bytes:
        """The text, or for png the bytes, of one format. Raises InputError where the networks do not suit it."""
        if form == "html":
            return page(self.networks, self.language, self.live)
        if self.live is not None:
            raise InputError(f"--format {form}: images are shown in the page alone; use --open or -o FILE.html")
        if form == "svg":
            return self._diagram()
        if form == "png":
            from resnets.view.diagram.raster import png

            return png(self._diagram())
        if form == "json":
            return json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"
        if form in ("text", "md", "tex"):
            return render(self._tables(), form)
        raise InputError(f"format {form!r}: {nearest(form, get_args(Format))}")

    def with_live(self, live: "Live") -> "Shown":
        """The same, with what classifiers among the networks do with images."""
        return replace(self, live=live)

    def as_dict(self) -> dict[str, Any]:
        """The networks, and if compared their comparisons, as JSON values with nothing rounded."""
        records = [network_record(row, built, operations=self.operations is not False) for row, built in self.networks]
        if not self.compared:
            return {"networks": records}
        (first, built), *others = self.networks
        comparisons = [comparison_record((first.name, row.name), compare(built, other)) for row, other in others]
        return {"networks": records, "comparisons": comparisons}

    def _tables(self) -> list[Table]:
        named = [(row.name, built) for row, built in self.networks]
        if self.compared:
            (first, built), *others = named
            differences = [comparison_table((first, name), compare(built, other)) for name, other in others]
            return [stage_table(named), *(table for tables in differences for table in tables)]
        return [stage_table(named), *(operation_table(*one) for one in named if self.operations)]

    def _diagram(self) -> str:
        if len(self.networks) > 1:
            raise InputError("a diagram shows one network; name only one, or use --format html for several")
        row, built = next(iter(self.networks))
        return diagram(row.name, built)

    def __str__(self) -> str:
        return render(self._tables(), "text")

    def _repr_html_(self) -> str:
        content = html.escape(page(self.networks, self.language, self.live), quote=True)
        return (
            f'<iframe srcdoc="{content}" title="residual networks" style="width:100%;height:900px;border:0"></iframe>'
        )


def show(
    *networks: Network,
    compare: Network | None = None,
    image_size: int | str | tuple[int, int] | None = None,
    operations: bool | None = None,
    language: Language = "en",
) -> Shown:
    """Networks to look at: in a notebook the explorer page, as text their tables.

    networks: names from the catalog, TOML specs, classifiers, what was exported of one, or specs. compare: one more, to
    hold against the first. image_size: one side, "height x width" or (height, width) in pixels; each network's own
    where not given. operations: whether every operation is listed, not only the stages; by default in JSON and not in
    tables. language: of the explorer page, en or zh; a reader can change it there. Raises InputError naming what is not
    there.
    """
    rows = [_row(network) for network in (*networks, *([compare] if compare is not None else []))]
    if not rows:
        raise InputError("no network given: name one, as in `resnets show resnet50`, or give --spec FILE.toml")
    size = parse_image_size(image_size) if isinstance(image_size, str) else image_size
    built = tuple((row, structure(row.spec, size or row.image_size)) for row in _distinct(rows))
    if language not in get_args(Language):
        raise InputError(f"language {language!r}: {nearest(language, get_args(Language))}")
    return Shown(built, compared=compare is not None, operations=operations, language=language)


def _row(network: Network) -> Row:
    if isinstance(network, Row):
        return network
    if not isinstance(network, ResNetSpec) and is_classifier(Path(network)):
        return _of_classifier(Path(network))
    return catalog.resolve(network)


def is_classifier(path: Path) -> bool:
    """Whether a path is that of a classifier, a run's folder, or what was exported of one."""
    return path.is_dir() or path.suffix.lower() in (".safetensors", ".onnx", ".pt2")


def _of_classifier(path: Path) -> Row:
    """The network in a classifier's file or a run's folder, or in what was exported of one."""
    from resnets import spec_values
    from resnets.classifier.header import read_header  # safetensors and numpy, which only a classifier needs here
    from resnets.export.header import is_exported, read_exported_header

    if is_exported(path):
        header, source = read_exported_header(path), f"exported as {path}"
    else:
        header = read_header(path / "classifier.safetensors" if path.is_dir() else path)
        source = source_of(path)
    name = path.name if path.is_dir() else path.stem
    try:
        spec, size = spec_values.from_dict(header["spec"], where=f"{path}: spec"), int(header["preprocessing"]["size"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged: its header does not describe a network ({error!r})") from error
    return Row(name, spec, source, size)


def source_of(path: Path) -> str:
    """Where the network of a classifier comes from, as the page says it: of a whole path only its last two names."""
    return f"the classifier {Path(*path.parts[-2:]) if path.is_absolute() else path}"


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """The same network named twice once; different ones, or two classifiers, of one name told apart by a number."""
    found: dict[str, Row] = {}
    for row in rows:
        name, number = row.name, 2
        while name in found and (found[name].spec, found[name].source) != (row.spec, row.source):
            name, number = f"{row.name}-{number}", number + 1
        found[name] = Row(name, row.spec, row.source, row.image_size, row.published)
    return list(found.values())
