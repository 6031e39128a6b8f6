"""A server whose replicas are a deployment of Ray Serve: on this machine, or over a cluster.

Ray Serve starts replicas, as many as the load needs, begins dead ones anew and says who has least to do. Its own HTTP
proxy stays off: it knows no limits, and answers 500 for a request whose replica dies. Our server is in front instead.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from typing import Any

from resnets.base.cpus import usable_cpus
from resnets.base.errors import RunFailed
from resnets.base.ray_cluster import connected
from resnets.serve import server as servers
from resnets.serve.front import Front
from resnets.serve.limits import busy
from resnets.serve.replica import Asked, Gone, Replica, Told
from resnets.serve.served import check
from resnets.serve.settings import Settings, Workforce

NAME = "resnets"
QUIET: dict[str, Any] = {"log_level": "ERROR", "enable_access_log": False}  # our own log says who asked what
BUSY_EACH = 2  # requests a thread that a replica has before another one is started

log = logging.getLogger(__name__)


def run(
    paths: dict[str, Path], settings: Settings, workforce: Workforce, *, started: Callable[[str], None] | None = None
) -> None:
    """`server.run` with replicas that compute."""
    for path in paths.values():
        check(path)
    absolute = {name: path.absolute() for name, path in paths.items()}
    threads = settings.threads or max(1, usable_cpus() // workforce.most)
    cpus = max(usable_cpus(), threads * workforce.most)
    with (
        servers.listener(settings) as sock,
        connected(workforce.address, needs="ray.serve", extra="replicas", cpus=cpus) as ray,
    ):
        try:
            handle = _deployed(absolute, settings, workforce, threads)
            front = Front(RayReplicas(ray, handle), settings)
            servers.run_at(sock, front, settings, started=started)
        finally:
            _stopped()


def _deployed(paths: dict[str, Path], settings: Settings, workforce: Workforce, threads: int) -> Any:
    """What the replicas are asked by, when as many as are needed at least answer."""
    from ray import serve

    queue = settings.limits.queue
    scaling: dict[str, Any] = {"num_replicas": workforce.least}
    if workforce.most > workforce.least:
        scaling = {
            "autoscaling_config": {
                "min_replicas": workforce.least, "max_replicas": workforce.most,
                "target_ongoing_requests": BUSY_EACH * threads,
            }
        }  # fmt: skip
    deployment: Any = serve.deployment(
        Member, name=NAME, ray_actor_options={"num_cpus": threads}, max_ongoing_requests=queue,
        max_queued_requests=queue, graceful_shutdown_timeout_s=settings.limits.seconds, health_check_period_s=2,
        logging_config=QUIET, **scaling,
    )  # fmt: skip
    serve.start(proxy_location="Disabled", logging_config=QUIET)
    try:
        return serve.run(
            deployment.bind(paths, replace(settings, threads=threads)), name=NAME, route_prefix=None,
            logging_config=QUIET,
        )  # fmt: skip
    except RuntimeError as error:  # what Ray Serve raises where replicas do not start
        said = " ".join(str(error).split())[:300]
        raise RunFailed(f"the replicas do not start: {said}; see Ray's logs") from error


def _stopped() -> None:
    from ray import serve

    with suppress(Exception):  # the cluster may have gone already
        serve.shutdown()


class Member(Replica):
    """A replica that knows what Ray Serve calls it."""

    async def named(self, method: str, *arguments: Any) -> tuple[str, Any]:
        """Its id, and what one of its methods gives."""
        from ray import serve

        found = getattr(self, method)(*arguments)
        return serve.get_replica_context().replica_id.unique_id, await found if isawaitable(found) else found


class RayReplicas:
    """The replicas of a deployment, by its handle."""

    def __init__(self, ray: Any, handle: Any) -> None:
        self.ray, self.handle = ray, handle

    async def answer(self, asked: Asked) -> Told:
        """What the one says that has least to do. Raises Gone, or Refused."""
        from ray.serve.exceptions import BackPressureError

        try:
            return await self.handle.answer.remote(asked)
        except BackPressureError:
            raise busy("the queue is full; try again") from None
        except self.ray.exceptions.RayActorError as error:
            raise Gone(type(error).__name__) from error

    async def everyone(self, method: str, *arguments: Any, seconds: float) -> dict[str, Any]:
        """What each replica that answers in time gives, by its id."""
        try:
            found = await self.handle.broadcast("named", method, *arguments).results_async(
                timeout_s=seconds, return_exceptions=True
            )
        except (TimeoutError, self.ray.exceptions.RayError):
            return {}
        return dict(one for one in found if not isinstance(one, BaseException))
