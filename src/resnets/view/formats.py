"""In which forms a network is shown."""

from typing import Literal

Format = Literal["text", "md", "tex", "json", "svg", "png", "html"]
Language = Literal["en", "zh"]  # of the explorer page
