"""The composition root: the only place that builds things and knows them all."""

from cloudwarden.app.adapters import KINDS
from cloudwarden.app.parts import App, build

__all__ = ["KINDS", "App", "build"]
