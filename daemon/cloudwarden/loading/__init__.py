"""Loading: policy files are collected, checked, and swapped for their new versions while the daemon runs."""

from cloudwarden.loading.loader import Loaded, load
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.watch import watch

__all__ = ["Loaded", "Problem", "load", "watch"]
