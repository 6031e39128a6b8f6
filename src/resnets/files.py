"""Files are written whole or not at all: a temporary file beside the target, fsync, rename."""

import os
import tempfile
from pathlib import Path

from resnets.errors import RunFailed


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write `content` to `path` so that a reader, a crash or a full disk never sees half of it.

    Parent folders are made. Raises RunFailed, leaving any earlier file as it was, when the system refuses.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RunFailed(f"{path}: could not be written ({error.strerror or error}); it is as it was") from error
    return path


def _umask() -> int:
    """The process's file-mode mask, read the only portable way there is: set and set back."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
