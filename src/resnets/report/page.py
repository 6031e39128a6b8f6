"""The page about a classifier and how it was judged: one HTML file that asks for nothing and runs from a disk."""

import base64
import hashlib
import math
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from resnets.base.files import write_whole
from resnets.report import private, sections
from resnets.report.evaluated import RunReport

LONGEST = 72  # characters of a name that are shown


def page(run: RunReport) -> str:
    """The page as text. Names of classes and files stay text, whatever they hold, and no script but its own runs."""
    return rendered("template.html", private.without_folders(sections.everything(run), private.folders(run)))


def rendered(template: str, shown: dict[str, Any]) -> str:
    """A template of this folder with what it shows, its style and its script."""
    style, script = _source("style.css"), _source("page.js")
    return _template(template).render(**shown, style=Markup(style), script=Markup(script), allowed=_digest(script))


def write(path: str | Path, run: RunReport) -> Path:
    """Write the page. Raises RunFailed when the system refuses."""
    return write_whole(path, page(run))


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_source),
    )  # fmt: skip
    named = {"percent": percent, "number": number, "name": shown_name, "text": plain}
    environment.filters.update(named)  # pyright: ignore[reportUnknownMemberType] # jinja2's stub leaves its types open
    return environment.get_template(name)


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as %; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.{digits}f}%"


def number(value: float | None, digits: int = 0) -> str:
    """A number with its thousands apart; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def shown_name(name: str) -> Markup:
    """A name from outside: on its own as to writing direction, its middle left out where it is very long."""
    whole = plain(name)
    half = LONGEST // 2
    short = whole if len(whole) <= LONGEST else f"{whole[:half]}…{whole[-half:]}"
    title = Markup(' title="{}"').format(whole) if short != whole else ""
    return Markup("<bdi{}>{}</bdi>").format(title, short)


def plain(text: str) -> str:
    """Text without what HTML cannot hold: control characters and halves of surrogate pairs show as �."""
    return "".join(c if c.isprintable() or (ord(c) > 0x9F and not 0xD800 <= ord(c) < 0xE000) else "�" for c in text)


def _digest(script: str) -> str:
    """How the page's content security policy names its script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _source(name: str) -> str:
    return files("resnets.report").joinpath(name).read_text(encoding="utf-8")
