"""The classifiers of a server by name, each of which can be replaced while it answers."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from resnets.base.errors import InputError, RunFailed
from resnets.base.memory import give_back
from resnets.serve.limits import Refused
from resnets.serve.served import Served

LAST_ANSWERS = 2.0  # seconds, in which what began with the classifier before is answered, or most of it

log = logging.getLogger(__name__)


class Registry:
    """Which classifiers answer. What is being answered keeps the one that it began with."""

    def __init__(self, paths: dict[str, Path], opener: Callable[[str, Path], Served]) -> None:
        """Open all of them. Raises InputError when one cannot be used."""
        self.paths, self.opener = paths, opener
        self._served = {name: opener(name, path) for name, path in paths.items()}
        self._turns = {name: asyncio.Lock() for name in paths}

    def names(self) -> list[str]:
        """In the order in which they were given."""
        return list(self._served)

    def get(self, name: str | None = None) -> Served:
        """The classifier of a name, or the first. Raises Refused (404)."""
        if name is None:
            return next(iter(self._served.values()))
        if name not in self._served:
            raise Refused(404, "no_such_classifier", f"no such classifier; there are {', '.join(self._served)}")
        return self._served[name]

    async def reload(self, name: str) -> Served:
        """Read one again from its file and let it answer from now on.

        The one before goes on where the new one cannot be used. Raises Refused: 404, 409.
        """
        self.get(name)
        async with self._turns[name]:
            try:
                found = await asyncio.to_thread(self.opener, name, self.paths[name])
            except (InputError, RunFailed, OSError, MemoryError) as error:
                log.error("%s is not replaced: %s", name, error)  # noqa: TRY400 - the message says all
                raise Refused(409, "not_reloaded", "the new file can't be used, so the old one goes on") from None
            self._served[name] = found
            loop = asyncio.get_running_loop()
            loop.call_later(LAST_ANSWERS, loop.run_in_executor, None, give_back)
            log.info("%s was read again", name)
            return found
