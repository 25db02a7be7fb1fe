"""Loading: policy files are collected, checked, and swapped for their new versions while the daemon runs."""

from cloudwarden.loading.exemptions import WrittenExemptions, read_exemptions
from cloudwarden.loading.loader import NOTHING, Loaded, load
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.texts import PolicyText, rebuilt, texts
from cloudwarden.loading.watch import watch

__all__ = [
    "NOTHING",
    "Loaded",
    "PolicyText",
    "Problem",
    "WrittenExemptions",
    "load",
    "read_exemptions",
    "rebuilt",
    "texts",
    "watch",
]
