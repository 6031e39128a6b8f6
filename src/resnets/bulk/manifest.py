"""One image of a listing: its name, and how its bytes are found again. An entry is one line of a file."""

import json
import os
from dataclasses import dataclass
from typing import Literal

from resnets.data.stores import LOCAL, is_uri

Kind = Literal["file", "tar", "unpacked", "zip", "parquet", "bad"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One image, not yet read."""

    name: str  # of its row: the path or URI; in an archive or table that of the container, and the place in it
    kind: Kind = "file"
    store: int = LOCAL  # which of the listing's stores it is in
    container: int = 0  # how much of the name is the container's; of what was unpacked, the number of the copy
    place: tuple[int, ...] = ()  # zip and tar: as `data.members` has it; parquet: row group, row in it
    why: str = ""  # bad: what was wrong with it when it was listed

    @property
    def relative(self) -> bool:
        """Whether its name means another file in another working directory."""
        return self.store == LOCAL and not is_uri(self.name) and not os.path.isabs(self.name)  # noqa: PTH117 - any name

    def line(self) -> str:
        """The entry as a line of text, without its end; any name becomes ASCII and comes back as it was."""
        values = [self.name, self.kind, self.store, self.container, list(self.place), self.why]
        while len(values) > 1 and values[-1] == _USUAL[len(values) - 1]:
            values.pop()
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str | bytes) -> "Entry":
        """The entry that `line` has written."""
        values = json.loads(line)
        name, kind, store, container, place, why = [*values, *_USUAL[len(values) :]]
        return cls(name, kind, store, container, tuple(place), why)


_USUAL = ("", "file", LOCAL, 0, [], "")
