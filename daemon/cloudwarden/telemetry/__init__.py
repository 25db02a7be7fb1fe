"""What lets people and Prometheus see what Cloudwarden knows and did: logs and metrics."""

from cloudwarden.telemetry.fanout import Fanout

__all__ = ["Fanout"]
