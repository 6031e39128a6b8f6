"""What a server counts, for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("resnets_requests", "Requests answered.", ("route", "status"), registry=self.registry)
        self.seconds = Histogram(
            "resnets_request_seconds", "From a request's head to its answer.", ("route",), buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.images = Counter("resnets_images", "Images answered.", ("classifier",), registry=self.registry)
        self.unsure = Counter(
            "resnets_images_not_sure", "Images whose answer is below the threshold.", ("classifier",),
            registry=self.registry,
        )  # fmt: skip
        self.batches = Histogram(
            "resnets_batch_images", "Images that a network took at once.", buckets=SIZES, registry=self.registry
        )
        self.waiting = Gauge(
            "resnets_images_waiting", "Images that wait or are being computed.", registry=self.registry
        )
        self.refused = Counter("resnets_refused", "Requests refused.", ("code",), registry=self.registry)
        self.reloads = Counter("resnets_reloads", "Classifiers read again.", ("classifier",), registry=self.registry)

    def text(self) -> bytes:
        """All of them as Prometheus reads them."""
        return generate_latest(self.registry)


def joined(own: Metrics, replicas: Mapping[str, str]) -> bytes:
    """A server's own counters, and those of its replicas, which are labeled with their ids."""
    registry = CollectorRegistry()
    registry.register(_Joined(own, replicas))
    return generate_latest(registry)


class _Joined(Collector):
    def __init__(self, own: Metrics, replicas: Mapping[str, str]) -> None:
        self.own, self.replicas = own, replicas

    def collect(self) -> Iterator[Metric]:
        families = {one.name: one for one in self.own.registry.collect()}
        for replica, text in self.replicas.items():
            for family in text_string_to_metric_families(text):
                into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    into.add_sample(sample.name, {**sample.labels, "replica": replica}, sample.value)
        yield from families.values()
