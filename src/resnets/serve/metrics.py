"""What a server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
