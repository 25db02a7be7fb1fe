"""Loading: policy files are collected, checked, and swapped for their new versions while the daemon runs."""

from cloudwarden.loading.edits import Edits, Stamp, stamp
from cloudwarden.loading.exemptions import WrittenExemptions, read_exemptions
from cloudwarden.loading.loader import NOTHING, Loaded, load
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.source import passed_over
from cloudwarden.loading.texts import PolicyText, rebuilt, texts

__all__ = [
    "NOTHING",
    "Edits",
    "Loaded",
    "PolicyText",
    "Problem",
    "Stamp",
    "WrittenExemptions",
    "load",
    "passed_over",
    "read_exemptions",
    "rebuilt",
    "stamp",
    "texts",
]
