"""Prometheus metrics and structured logs, fed by the engine's events."""
