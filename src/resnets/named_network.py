"""A named network: its spec, where it comes from, and what it is published to score."""

from dataclasses import dataclass

from resnets.spec import ResNetSpec


@dataclass(frozen=True, slots=True)
class Published:
    """An accuracy that somebody published for a network: fractions, on which images, by whom."""

    top1: float
    top5: float | None
    data: str
    by: str


@dataclass(frozen=True, slots=True)
class Row:
    """A named network: its spec, where it comes from, the image size used there, and what it was published to score."""

    name: str
    spec: ResNetSpec
    source: str
    image_size: int = 224  # usual in the source; of a spec of one's own, for a stem such as its
    published: Published | None = None
