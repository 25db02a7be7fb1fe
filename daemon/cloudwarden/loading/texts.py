"""The running policies as text: how another process comes to run the very same ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.loading.importing import read
from cloudwarden.loading.loader import IMPORT_TIMEOUT_SECONDS, Loaded, Overrides
from cloudwarden.loading.overrides import apply


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyText:
    """One file's content as it runs, which may be older than what is on disk."""

    path: Path
    content: bytes


def texts(loaded: Loaded) -> tuple[PolicyText, ...]:
    """What runs, file by file."""
    return tuple(
        PolicyText(path=running.version.path, content=running.version.content) for running in loaded.running.values()
    )


def rebuilt(given: Iterable[PolicyText], overrides: Overrides) -> Mapping[str, AnyPolicy]:
    """The policies that the texts define, with the overrides applied; a text that fails here defines none."""
    policies: dict[str, AnyPolicy] = {}
    for text in given:
        for one in read(text.path, text.content, timeout_seconds=IMPORT_TIMEOUT_SECONDS).defined:
            override = overrides.get(one.policy.name)
            policies[one.policy.name] = apply(one.policy, override)[0] if override else one.policy
    return policies
