"""Policies by name."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudwarden.app import App
from cloudwarden.cli.installation import known
from cloudwarden.core.exemption import ANY_POLICY
from cloudwarden.engine.decide import DecisionError

PolicyOption = Annotated[str | None, typer.Option("--policy", help="Only those of this policy.")]


def known_policy(app: App, policy: str | None) -> None:
    """Refuse a name that nothing has: a typo would look like a decision, or like an answer that nothing is there.

    A policy that is no longer loaded has its past. Raises DecisionError.
    """
    if policy in (None, ANY_POLICY):
        return
    with app.store.reading() as tx:
        stored = {*tx.runs.swept(), *(name for name, _ in tx.findings.places())}
        if policy in stored or tx.actions.latest(1, policy):
            return
    loaded = app.load()
    if policy not in loaded.policies and loaded.problems:
        raise DecisionError(f"no policy {policy!r} is known, as not every policy could be loaded: {loaded.problems[0]}")
    known("policy", policy, stored | set(loaded.policies))
