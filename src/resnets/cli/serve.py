"""`resnets serve`: classifiers over HTTP, with a web page."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.reading import read_text
from resnets.cli.terminal import write_note

KEY = "RESNETS_SERVE_KEY"  # where the key is, if no file is named


def serve(
    *classifiers: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    key_file: Path | None = None,
    allow_host: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    allow_origin: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    max_body: int = 32,
    max_megapixels: int = 50,
    max_images: int = 64,
    queue: int = 256,
    timeout: float = 30.0,
    drain: float = 0.0,
    threads: int | None = None,
    engine: Literal["local", "ray"] = "local",
    replicas: str | None = None,
    ray_address: str | None = None,
) -> None:
    """Answer over HTTP: a web page, images in and answers out, and the open inference protocol.

    The page is at /, the addresses are described at /docs. ONNX Runtime computes where it can, else torch. Ctrl-C and
    SIGTERM end the server after what it is answering; SIGHUP makes it read the classifiers again.

    Parameters
    ----------
    classifiers
        A classifier.safetensors, the folder of a run or an exported file; or NAME=PATH. The first one is the default.
    host
        Address to listen at. By default only this machine can connect; 0.0.0.0 lets others in.
    port
        Port to listen at; 0 takes a free one.
    key_file
        File with a key that clients must send (Authorization: Bearer KEY). Or set RESNETS_SERVE_KEY.
    allow_host
        A name that clients may call the server by, besides its addresses and localhost. Repeat it for more.
    allow_origin
        A web page elsewhere that may use the server, such as https://lab.example.org. Repeat it for more.
    max_body
        Largest request, in MiB.
    max_megapixels
        Largest image, in millions of pixels.
    max_images
        Most images in one request.
    queue
        Most images that wait. Others are refused with 503.
    timeout
        Seconds that a request may take before it is refused with 503.
    drain
        Seconds that the server still answers after SIGTERM while /readyz says no, so that a balancer notices.
    threads
        Cores to use, of each replica if there are several. By default all.
    engine
        Compute in this process, or in replicas on a Ray cluster.
    replicas
        How many, such as 2; or MIN:MAX, such as 1:4, for as many as the load needs. By default 1.
    ray_address
        Address of the Ray cluster. By default one is started on this machine.

    Examples
    --------
    resnets serve runs/photos
    resnets serve flowers=runs/flowers birds=birds-int8.onnx --port 9000
    resnets serve runs/photos --host 0.0.0.0 --allow-host photos.example.org --key-file key.txt
    resnets serve runs/photos --engine ray --replicas 1:4
    """
    from resnets.serve.limits import Limits
    from resnets.serve.logs import logging_to
    from resnets.serving import serve as serve_until_stopped

    limits = Limits(
        body=max_body << 20, pixels=max_megapixels * 1_000_000, images=max_images, queue=queue, seconds=timeout
    )
    with logging_to(sys.stderr):
        serve_until_stopped(
            classifiers, started=lambda address: write_note(f"resnets serves at {address}"), host=host, port=port,
            key=_key(key_file), hosts=allow_host, origins=allow_origin, threads=threads, drain=drain, limits=limits,
            engine=engine, replicas=replicas, ray_address=ray_address,
        )  # fmt: skip


def _key(path: Path | None) -> str | None:
    """The key in a file, or in the environment. Raises InputError when the file can't be read."""
    if path is None:
        return os.environ.get(KEY) or None
    try:
        return read_text(path).strip()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; write a key of at least 16 characters into it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read as text ({error})") from error
