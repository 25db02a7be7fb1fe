"""What Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

Value = Callable[..., float | None]
"""A sample's value by its metric's name and its labels; None where there is no such series."""
