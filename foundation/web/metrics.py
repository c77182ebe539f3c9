"""Counters that the whole house shares, and the door at which Prometheus reads them.

Labels are route templates and fixed words only: never an id, an address or a name, so a metric can neither leak nor
grow without bound. The door is an application of its own for a loopback port of its own.
"""

from collections import Counter as Tallied
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Tally:
    """A counter `frontdesk_{name}_total` for hot places: plain numbers of one thread, read when Prometheus asks. To
    count, add to `counts[label]`; one of Prometheus' own counters costs as much as sending the answer."""

    def __init__(self, name: str, about: str, label: str) -> None:
        self.counts: Tallied[str] = Tallied()
        self._described = (f"frontdesk_{name}", about, label)

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The metric without samples, for the registry."""
        name, about, label = self._described
        yield CounterMetricFamily(name, about, labels=[label])

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The metric as it stands."""
        (family,) = self.describe()
        for label, count in sorted(self.counts.items()):
            family.add_metric([label], count)
        yield family


class Metrics:
    """One set of metrics with a registry of its own, so that two installations in one process (tests) do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self.counter("requests", "Requests answered", "method", "route", "status")
        self.request_seconds = self.histogram("request_seconds", "Time to answer a request", "route")
        self.sockets = self.gauge("sockets_open", "WebSockets open", "route")
        self.frames = Tally("socket_frames", "Frames received over WebSockets", "route")
        self.registry.register(self.frames)
        self.appends = self.counter("appends", "Batches of events appended to conversation logs")
        self.turns = self.histogram("turn_seconds", "Time of a bot's turn, from message to durable replies")
        self.mails = self.counter("mails", "Mails handed over", "outcome")
        self.jobs = self.counter("jobs", "Jobs run", "name", "outcome")
        self.signals_refused = self.counter(
            "signals_refused", "Messages on the signals' channel that were not from our nodes"
        )
        self.jobs_failed = self.gauge("jobs_failed", "Jobs given up and kept")

    def counter(self, name: str, about: str, *labels: str) -> Counter:
        """A counter `frontdesk_{name}_total` in this set."""
        return Counter(name, about, labels, namespace="frontdesk", registry=self.registry)

    def gauge(self, name: str, about: str, *labels: str) -> Gauge:
        """A gauge `frontdesk_{name}` in this set."""
        return Gauge(name, about, labels, namespace="frontdesk", registry=self.registry)

    def histogram(self, name: str, about: str, *labels: str) -> Histogram:
        """A histogram of seconds `frontdesk_{name}` in this set."""
        return Histogram(name, about, labels, namespace="frontdesk", registry=self.registry, buckets=_SECONDS)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def metrics_app(metrics: Metrics) -> web.Application:
    """An application that serves `GET /metrics` and nothing else; bind it to a loopback port of its own."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"

    app = web.Application()
    app.router.add_get("/metrics", show)
    app.on_response_prepare.append(add_headers)
    return app
