"""What Prometheus reads of the server: requests by type and result, peers that are connected."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tambah.charging.diameter.server import DiameterServer
from tambah.config import read_place


class DiameterMetrics(Collector):
    """Reads the server's counts whenever Prometheus asks."""

    def __init__(self, server: DiameterServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Metric]:
        """Return the counts as they are."""
        requests = CounterMetricFamily(
            "tambah_diameter_requests",
            "Requests of applications, by type and result",
            labels=("type", "result"),
        )
        for (kind, result), number in list(self._server.counts.items()):
            requests.add_metric((kind, result), number)
        peers = GaugeMetricFamily(
            "tambah_diameter_peer_up", "1 while the peer is connected", labels=("peer",)
        )
        for host, is_up in self._server.node.connected.items():
            peers.add_metric((host,), float(is_up))
        return (requests, peers)


class MetricsDoor:
    """An HTTP server of a thread of its own, so that it answers whatever the others do."""

    def __init__(self, server: DiameterServer, place: str) -> None:
        """Open it. Raises OSError."""
        registry = CollectorRegistry()
        registry.register(DiameterMetrics(server))
        host, port = read_place("diameter.metrics", place)
        self._server, self._thread = start_http_server(port, host, registry)

    def close(self) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
