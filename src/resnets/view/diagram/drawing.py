"""One residual network as a picture: its volumes, its blocks with their shortcuts, and what is inside a block.

The picture is one SVG document that stands alone: no script, no font, no link. Its text is text.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnets.base.svg import element, fitted, number, plain, width_of
from resnets.operation import Shape
from resnets.spec import ResNetSpec
from resnets.structure import Structure
from resnets.view.diagram import detail, legend, operations, trunk, volumes
from resnets.view.diagram import marks as measured
from resnets.view.diagram.columns import Column, Volume, columns, compact
from resnets.view.diagram.marks import Mark
from resnets.view.diagram.palette import SCOPE, style
from resnets.view.diagram.svg import path, rectangle, target, text, two_lines
from resnets.view.parts import head, unusual
from resnets.view.shortcuts import rule

WIDTH, HEIGHT = 1600.0, 900.0  # at least; a network of many stages, or of a deep stem, takes more
MARGIN, GUTTER = 24.0, 10.0
STAGE, HEAD, VOLUME = 258.0, 182.0, 72.0  # widths, at least: of a stage's column, of the head's, of a stem's volume
CHANNELS, PIXELS = 140.0, (96.0, 170.0)  # the longest edges; height and width have what room the page leaves
TOP, TITLES, LABELS, FUNNEL = 88.0, 54.0, 58.0, 18.0  # heights
GAP = 8.0  # at least, between volumes side by side
SHELF = 66.0  # between volumes above each other
FONTS = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True)
class Page:
    """Where everything goes."""

    width: float
    height: float
    slots: tuple[tuple[float, float], ...]  # left edge and width of each column
    scale: volumes.Scales
    ground: float  # on which the volumes stand
    axis: float  # of the trunk
    strip: float  # the top of what was measured
    card: float  # the top of the cards
    note: float  # the first line of the notes on them
    bottom: float  # of the columns


def diagram(name: str, built: Structure, *, marks: Mapping[str, Mark] | None = None) -> str:
    """An SVG document that shows a network called `name`: volumes, blocks, shortcuts, operations, totals.

    Each shortcut is a path of class `shortcut` with `data-kind`, `data-block` and `data-repeats`, the number of alike
    blocks that it stands for. What stands for a stage, a block or an operation is within a group with its name as
    `data-at`. marks: what was measured of each block, by its name, drawn under the trunk. The same network, name and
    marks give the same bytes.
    """
    content = columns(built)
    page = _page(built, content, strip=0.0 if marks is None else measured.HEIGHT)
    parts = [rectangle(0, 0, page.width, page.height, fill="paper", radius=0), *_header(name, built, page)]
    parts += [_band(column, x, width, page) for column, (x, width) in zip(content, page.slots, strict=True)]
    parts.append(_trunk_line(page))
    for column, (x, width) in zip(content, page.slots, strict=True):
        parts += _volumes(column, x, width, page)
        parts += _blocks(built.spec, column, x, width, page)
        parts += _marks(marks, column, x, width, page)
        parts += _card(column, x, width, page)
    parts += legend.legend(built, page.scale, MARGIN, page.bottom + 14, page.width - 2 * MARGIN)
    return _document(name, built, page, parts)


def _page(built: Structure, content: Sequence[Column], *, strip: float) -> Page:
    stages, gutters = len(content) - 2, GUTTER * (len(content) - 1)
    stem = max(240.0, VOLUME * len(content[0].volumes))
    width = max(WIDTH, 2 * MARGIN + stem + stages * STAGE + HEAD + gutters)
    stage = (width - 2 * MARGIN - stem - HEAD - gutters) / stages
    slots: list[tuple[float, float]] = []
    x = MARGIN
    for wide in (stem, *[stage] * stages, HEAD):
        slots.append((x, wide))
        x += wide + GUTTER
    note = 24 + max(column.height for column in content if column.detail) + 20  # below the card's top
    lines = max(2, *(len(column.notes) for column in content))
    card = max(24 + max(column.height for column in content), note + 16 * lines - 12)
    key = 14 + legend.height(built.spec) + 12
    below = LABELS + trunk.ABOVE + trunk.BELOW + strip + FUNNEL + card + 10 + key
    depth = 1 + volumes.SLOPE
    pixels = min(max((HEIGHT - TOP - TITLES - below) / depth, PIXELS[0]), PIXELS[1])
    ground = TOP + TITLES + pixels * depth
    axis = ground + LABELS + trunk.ABOVE
    return Page(
        width=width,
        height=max(HEIGHT, ground + below),
        slots=tuple(slots),
        scale=_scale(built, content[0], stem, pixels),
        ground=ground,
        axis=axis,
        strip=axis + trunk.BELOW,
        card=axis + trunk.BELOW + strip + FUNNEL,
        note=axis + trunk.BELOW + strip + FUNNEL + note,
        bottom=max(HEIGHT, ground + below) - key,
    )


def _scale(built: Structure, stem: Column, width: float, pixels: float) -> volumes.Scales:
    """The scale on which the volumes of the stem fit side by side."""
    scale = volumes.scales(built, channels=CHANNELS, pixels=pixels)
    edges = [scale.size(volume.shape) for volume in stem.volumes]
    room = width - GAP * (len(edges) + 1) - volumes.SLOPE * sum(back for _, _, back in edges)
    fitting = CHANNELS * room / sum(right for right, _, _ in edges)
    return volumes.scales(built, channels=min(CHANNELS, fitting), pixels=pixels)


def _header(name: str, built: Structure, page: Page) -> Iterator[str]:
    totals = (
        (compact(built.parameters), "parameters"),
        (compact(built.macs), "MACs"),
        (str(built.spec.depth), "layers deep"),
    )
    left = page.width - MARGIN - 164 * len(totals)
    yield text(MARGIN, 47, name, size=36, bold=True, within=left - MARGIN - 30, smallest=18)
    yield text(MARGIN, 73, _summary(built), size=15, fill="muted", within=left - MARGIN - 30, smallest=11)
    for position, (value, label) in enumerate(totals):
        x = left + 164 * (position + 1)
        yield text(x, 47, value, size=26, bold=True, anchor="end", within=150)
        yield text(x, 73, label, size=15, fill="muted", anchor="end")


def _summary(built: Structure) -> str:
    spec, (height, width) = built.spec, built.image_size
    counts = " + ".join(map(str, spec.depths if len(spec.depths) < 9 else [sum(spec.depths)]))
    noun = "block" if sum(spec.depths) == 1 else "blocks"
    images = f"images of {spec.in_channels} × {height} × {width}"
    return f"{counts} {spec.block} {noun}; {rule(spec.shortcut)}; {images}"


def _trunk_line(page: Page) -> str:
    (first, _), (last, width) = page.slots[0], page.slots[-1]
    end = last + width - 4
    line = path("M", first + 10, page.axis, "H", end - 5, stroke="line", stroke_width=2)
    return line + path("M", end, page.axis, "l -9 -5 v 10 z", fill="line")


def _band(column: Column, x: float, width: float, page: Page) -> str:
    """The ground of a column, and its titles."""
    return target(
        column.at,
        rectangle(x, TOP, width, page.bottom - TOP, fill="band", radius=8),
        text(x + 14, TOP + 27, column.title, size=19, bold=True, within=width - 28),
        text(x + 14, TOP + 46, column.subtitle, fill="muted", within=width - 28),
    )


def _volumes(column: Column, x: float, width: float, page: Page) -> Iterator[str]:
    """Side by side on the ground, each with its size below: on one line where there is room for it."""
    yield path("M", x + 12, page.ground, "h", width - 24, stroke="rule", stroke_width=1.5)
    if len(column.volumes) == 1:
        yield _only(column.volumes[0], x + width / 2, width, page)
    elif column.stacked:
        for shelf, volume in enumerate(reversed(column.volumes)):
            yield _on_shelf(volume, x + width / 2, page.ground - SHELF * shelf, width, page)
    else:
        yield from _side_by_side(column, x, width, page)


def _only(volume: Volume, middle: float, width: float, page: Page) -> str:
    label = volumes.size_label(volume.shape)
    return target(
        volume.of,
        volumes.box(volume.shape, middle, page.ground, page.scale),
        text(middle, page.ground + 25, label, size=16, bold=True, anchor="middle", within=width - 24),
    )


def _on_shelf(volume: Volume, middle: float, ground: float, width: float, page: Page) -> str:
    label = volumes.size_label(volume.shape)
    return target(
        volume.of,
        volumes.box(volume.shape, middle, ground, page.scale),
        text(middle, ground + 19, label, size=12.5, anchor="middle", within=width - 24),
        text(middle, ground + 36, volume.name, size=12.5, fill="muted", anchor="middle"),
    )


def _side_by_side(column: Column, x: float, width: float, page: Page) -> Iterator[str]:
    labels = [_label(volume.shape) for volume in column.volumes]
    room = width / len(labels) - GAP
    size = min(fitted(line, 12.5, room)[1] for label in labels for line in label)
    wide = [
        max(page.scale.extent(volume.shape)[0], *(width_of(line, size) for line in label))
        for volume, label in zip(column.volumes, labels, strict=True)
    ]
    gap = (width - sum(wide)) / (len(wide) + 1)
    for volume, label, taken in zip(column.volumes, labels, wide, strict=True):
        x += gap + taken
        middle = x - taken / 2
        yield target(
            volume.of,
            volumes.box(volume.shape, middle, page.ground, page.scale),
            two_lines(middle, page.ground + 18, label, size=size),
            text(middle, page.ground + 52, volume.name, size=12.5, fill="muted", anchor="middle"),
        )


def _label(volume: Shape) -> tuple[str, str]:
    channels, height, width = volume
    return f"{channels} ×", f"{height} × {width}"


def _blocks(spec: ResNetSpec, column: Column, x: float, width: float, page: Page) -> Iterator[str]:
    """The column's part of the trunk, and two lines that lead from its first cell to the card."""
    wide = min(116.0, width - 48)
    if column.runs:
        left, right = trunk.cell_edges(0, len(column.runs), x, width)
    else:
        left, right = x + (width - wide) / 2, x + (width + wide) / 2
    y = page.card - FUNNEL
    yield path("M", left + 3, y, "L", x + 4, page.card, "M", right - 3, y, "L", x + width - 4, page.card, stroke="rule")
    if column.runs:
        yield from trunk.draw(spec, column.runs, x, page.axis, width)
    else:
        yield trunk.cell(left, page.axis, wide, column.cell)


def _marks(marks: Mapping[str, Mark] | None, column: Column, x: float, width: float, page: Page) -> Iterator[str]:
    """What was measured of the column's blocks; in the stem's column, what it is."""
    if marks is None:
        return
    if column.runs:
        yield from measured.draw(marks, column.runs, x, page.strip, width)
    elif column.title == "stem":
        yield measured.caption(x, page.strip, width)


def _card(column: Column, x: float, width: float, page: Page) -> Iterator[str]:
    """The column's operations; below them, how the blocks that are not drawn differ."""
    yield rectangle(x + 4, page.card, width - 8, page.bottom - page.card - 4, fill="card", radius=6)
    inside = detail.INSIDE if column.detail else operations.RESIDUAL
    left, y = x + (width - inside) / 2, page.card + 24
    title = text(left, page.card + 19, f"inside {column.inside}", bold=True)
    yield target(column.inside if column.detail else None, title)
    if column.detail:
        yield detail.draw_detail(column.detail, left, y)
    else:
        yield operations.draw_between(column.boxes, left, y)
    for row, note in enumerate(column.notes):
        yield text(left, page.note + 16 * row, note, size=12, fill="muted", within=inside + 6)


def _document(name: str, built: Structure, page: Page, parts: Sequence[str]) -> str:
    said, told = plain(f"{name}: the network as a diagram"), plain(_description(name, built))
    digest = f"{zlib.crc32(''.join((said, told, *parts)).encode()):08x}"
    title, description = f"{SCOPE}-{digest}-title", f"{SCOPE}-{digest}-description"
    return (
        element(
            "svg",
            "\n",
            element("title", said, id=title),
            element("desc", told, id=description),
            element("style", "\n", style(), "\n"),
            "\n",
            "\n".join(parts),
            "\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {number(page.width)} {number(page.height)}",
            width="100%",
            class_=SCOPE,
            role="img",
            aria_labelledby=f"{title} {description}",
            font_family=FONTS,
        )
        + "\n"
    )


def _description(name: str, built: Structure) -> str:
    """The diagram in words, for those who cannot see it."""
    told = [f"{name}: {_summary(built)}. {built.parameters:,} parameters, {built.macs:,} multiply-accumulates."]
    told += [f"{name[0].upper()}{name[1:]}: {words}." for name, words in unusual(built.spec).items()]
    for number_, stage in enumerate(trunk.runs(built), 1):
        output = volumes.size_label(built.stage(f"stage {number_}")[-1].output)
        shortcuts = " then ".join(f"{run.repeats} × {trunk.shortcut_label(built.spec, run.first)}" for run in stage)
        told.append(f"Stage {number_}: output {output}; shortcuts {shortcuts}.")
    return " ".join([*told, f"Head: {head(built.spec)}."])
