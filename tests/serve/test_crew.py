"""Threads that share the work: alone at once, busy in batches."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from resnets.serve.crew import Crew
from tests.serve.conftest import awaited


class Network:
    """Gives each image's first pixel, as slowly as it is told, and remembers what it was asked."""

    def __init__(self, seconds: float = 0.0, *, batch: int = 4) -> None:
        self.seconds, self.batch, self.asked = seconds, batch, list[tuple[int, bool]]()

    def compute(self, pixels: np.ndarray, *, alone: bool) -> np.ndarray:
        self.asked.append((len(pixels), alone))
        time.sleep(self.seconds)
        return pixels[:, 0, 0].astype(np.float32)


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew(2)
    yield made
    made.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("resnets-crew") and one in made._threads]


def image(value: int, count: int = 1) -> Any:
    return np.full((count, 1, 1, 3), value, np.uint8)


def test_an_image_that_comes_alone_is_computed_at_once_by_all_cores(crew: Crew) -> None:
    network = Network()
    found = awaited(crew.compute(network, image(7)))
    assert found.tolist() == [[7, 7, 7]]
    assert network.asked == [(1, True)]


def test_images_that_come_while_all_are_busy_share_batches_and_get_their_own_answers(crew: Crew) -> None:
    network, other = Network(0.02), Network(0.02)

    async def ask() -> list[Any]:
        return await asyncio.gather(
            *(crew.compute(other if value % 5 == 0 else network, image(value, 1 + value % 2)) for value in range(40))
        )

    found = awaited(ask())
    for value, one in enumerate(found):
        assert one.tolist() == [[value] * 3] * (1 + value % 2)
    sizes = [size for size, _ in network.asked]
    assert max(sizes) > 2
    assert max(sizes) <= 4
    assert sum(size for size, _ in network.asked + other.asked) == 60


def test_a_network_that_gains_nothing_by_batches_takes_images_one_by_one_in_their_order(crew: Crew) -> None:
    network = Network(0.002, batch=1)
    ended = list[int]()

    async def ask(value: int) -> None:
        await crew.compute(network, image(value))
        ended.append(value)

    async def all_at_once() -> None:
        await asyncio.gather(*(ask(value) for value in range(12)))

    awaited(all_at_once())
    assert [size for size, _ in network.asked] == [1] * 12
    assert all(abs(place - value) <= 2 for place, value in enumerate(ended))  # two threads


def test_more_images_than_a_batch_in_one_request_are_computed_together(crew: Crew) -> None:
    network = Network()
    assert len(awaited(crew.compute(network, image(1, 9)))) == 9
    assert network.asked == [(9, True)]


def test_an_error_reaches_everyone_of_the_batch_and_nobody_else(crew: Crew) -> None:
    class Failing(Network):
        def compute(self, pixels: np.ndarray, *, alone: bool) -> np.ndarray:  # noqa: ARG002 - it fails
            raise RuntimeError("no")

    async def ask() -> list[Any]:
        good, bad = Network(), Failing()
        return await asyncio.gather(
            *(crew.compute(bad if value % 2 else good, image(value)) for value in range(8)), return_exceptions=True
        )

    found = awaited(ask())
    assert [isinstance(one, RuntimeError) for one in found] == [False, True] * 4


def test_what_nobody_waits_for_is_not_computed(crew: Crew) -> None:
    network = Network(0.1)

    async def ask() -> None:
        tasks = [asyncio.create_task(crew.compute(network, image(value))) for value in range(20)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    awaited(ask())
    assert awaited(crew.compute(network, image(9))).tolist() == [[9, 9, 9]]
    assert sum(size for size, _ in network.asked) <= 10


def test_calls_give_their_results_and_errors(crew: Crew) -> None:
    assert awaited(crew.call(lambda: 5)) == 5
    with pytest.raises(ZeroDivisionError):
        awaited(crew.call(lambda: 1 // 0))
