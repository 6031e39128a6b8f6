"""`resnets show`: what a network is made of."""

import tempfile
from pathlib import Path
from typing import Annotated, cast

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.files import check_place, write_whole
from resnets.cli.terminal import watched, write_note, write_result
from resnets.view.formats import Format, Language

ENDINGS = ("", ".txt", ".md", ".tex", ".json", ".svg", ".png", ".html")


def show(
    *networks: str,
    spec: Path | None = None,
    compare: str | None = None,
    image: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)] = (),
    image_size: str | None = None,
    format: Format = "text",  # noqa: A002 - the option's name
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    open: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    operations: bool | None = None,
    language: Language = "en",
) -> None:
    """Show what a network is made of, stage by stage: as a table, a diagram, or a page to explore.

    Several networks are shown side by side.

    Parameters
    ----------
    networks
        Names from `resnets list`, .toml specs, classifiers, folders of runs, or exported models.
    spec
        A network as a .toml file, shown after the others.
    compare
        Compare the first network with this one: what differs, and what it costs.
    image
        With a classifier: put what it does with these images into the page, from feature maps to class activation maps.
        If --compare is a classifier too, both are shown.
    image_size
        Pixels per side, or height x width, such as 224 or 160x224. By default each network's own.
    format
        Aligned text, Markdown, LaTeX (booktabs), JSON, a diagram (svg, png), or the explorer page (html). By default it
        follows from the ending of --out.
    json
        The same as `--format json`.
    out
        Write to this file instead of standard output.
    open
        Open the explorer page, or the diagram, in a browser.
    operations
        List every operation: shapes, parameters, multiply-accumulates, memory, receptive field. JSON always has them
        unless you turn them off.
    language
        What the explorer page speaks at first: English (en) or Chinese (zh). A reader can change it in the page.

    Examples
    --------
    resnets show resnet50
    resnets show resnet50 --operations
    resnets show resnet34 --open
    resnets show resnet34 --language zh --open
    resnets show resnet50_2015 --compare resnet50d
    resnets show runs/photos --image holiday.jpg --open
    resnets show resnet34 --image-size 160x224 --format svg -o resnet34.svg
    resnets show resnet50_2015 resnet50b resnet50c resnet50d xresnet50 resnext50_32x4d --format html -o story.html
    """
    from resnets.showing import show as shown

    chosen = [*networks, *([str(spec)] if spec else [])]
    if spec and spec.suffix != ".toml":
        raise InputError(f"--spec {spec}: must be the path of a .toml file")
    form: Format = "json" if json else "html" if open and format == "text" else format
    if out is not None:
        check_place(out)
        if out.suffix.lower() not in ENDINGS:
            raise InputError(f"{out}: unknown ending; use one of {', '.join(ENDINGS[1:])}")
        if form == "text" and out.suffix:
            form = cast("Format", out.suffix.lower().removeprefix(".").replace("txt", "text"))
    with watched() as watch:
        found = shown(
            *chosen, compare=compare, image_size=image_size, operations=operations, language=language, images=image,
            watch=watch,
        )  # fmt: skip
    content = found.as_format(form)
    if open and out is None:
        out = Path(tempfile.mkdtemp(prefix="resnets-")) / f"{Path(chosen[0]).stem}.{form}"
    if out is not None:
        write_whole(out, content)
    elif isinstance(content, bytes):
        raise InputError("--format png: name the file, as in -o resnet50.png")
    else:
        write_result(content)
    if open and out is not None:
        write_note(str(out))
        import webbrowser

        webbrowser.open(out.resolve().as_uri())
