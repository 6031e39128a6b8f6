"""Clients that ask a server one question after another, in a process of their own: what they were told, and when.

    python -m benchmarks.load PORT CLIENTS SECONDS FOLDER [RATE even|random] [json]

Prints one JSON object: statuses, the images answered each second, and latencies in milliseconds. FOLDER holds the
images. RATE, in requests a second, has them come one by one instead of as fast as the clients can ask: evenly, as wrk2,
vegeta and k6 send them, or at random times (a Poisson process), as from many people. json: as LitServe takes images.
"""

import asyncio
import base64
import json
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

HEAD = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"


class Load:
    """What all clients were told."""

    def __init__(self, port: int, requests: list[bytes], seconds: float) -> None:
        self.port, self.requests = port, requests
        self.end = time.monotonic() + seconds
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []

    async def client(self, number: int) -> None:
        """Ask until the end, on one connection for as long as the server keeps it."""
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while time.monotonic() < self.end:
            try:
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError:
                return
            streams = await self.ask(streams, self.requests[number % len(self.requests)])
            number += 7
        if streams is not None:
            streams[1].close()

    async def ask(
        self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """One question; the connection, if it may be used again."""
        begun = time.perf_counter()
        reader, writer = streams
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            self.statuses["lost"] += 1
            return None
        status = head[9:12].decode()
        self.statuses[status] += 1
        if status == "200":
            self.latencies.append(1000 * (time.perf_counter() - begun))
        elif status == "503":
            await asyncio.sleep(1)  # as Retry-After says
        if b"connection: close" in lower:
            writer.close()
            return None
        return streams

    async def arrivals(self, at: list[float]) -> None:
        """Questions at these times, in seconds from now, each on a connection of its own that waits for no other."""
        free, tasks = list[Any](), list[asyncio.Task[None]]()

        async def one(place: int) -> None:
            streams = free.pop() if free else await asyncio.open_connection("127.0.0.1", self.port)
            kept = await self.ask(streams, self.requests[place % len(self.requests)])
            if kept is not None:
                free.append(kept)

        begun = time.monotonic()
        for place, due in enumerate(at):
            await asyncio.sleep(begun + due - time.monotonic())
            tasks.append(asyncio.create_task(one(place)))
        await asyncio.gather(*tasks)


def times(seconds: float, rate: float, how: str) -> list[float]:
    """When questions come, in seconds from the start."""
    chance, found = random.Random(0), [0.0]
    while found[-1] < seconds:
        found.append(found[-1] + (1 / rate if how == "even" else chance.expovariate(rate)))
    return found[:-1]


def request(image: bytes, form: str) -> bytes:
    """What a client sends: the file itself, or JSON with the file in base64."""
    if form != "json":
        return HEAD % (b"/v1/predict", b"image/jpeg", len(image)) + image
    body = json.dumps({"image": base64.b64encode(image).decode()}).encode()
    return HEAD % (b"/predict", b"application/json", len(body)) + body


async def run(load: Load, clients: int, at: list[float] | None) -> dict[str, Any]:
    """The load, and what came of it."""
    begun = time.monotonic()
    if at is not None:
        await load.arrivals(at)
    else:
        await asyncio.gather(*(load.client(number) for number in range(clients)))
    elapsed = time.monotonic() - begun
    quantiles = statistics.quantiles(load.latencies, n=100) if len(load.latencies) > 1 else [0.0] * 99
    return {
        "statuses": dict(load.statuses), "per_second": len(load.latencies) / elapsed,
        "median": quantiles[49], "p99": quantiles[98],
    }  # fmt: skip


def main(port: str, clients: str, seconds: str, folder: str, *coming: str) -> None:
    requests = [request(path.read_bytes(), coming[-1] if coming else "") for path in sorted(Path(folder).iterdir())]
    at = times(float(seconds), float(coming[0]), coming[1]) if len(coming) > 1 else None
    print(json.dumps(asyncio.run(run(Load(int(port), requests, float(seconds)), int(clients), at))))


if __name__ == "__main__":
    main(*sys.argv[1:])
