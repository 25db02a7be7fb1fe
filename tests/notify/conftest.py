"""Fixtures: servers that take messages."""

from notify_servers import hook, post_office

__all__ = ["hook", "post_office"]
