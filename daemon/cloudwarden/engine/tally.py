"""Tally: what was taken by now, for the limits."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloudwarden.core.bounds import Taken
from cloudwarden.ports import Transaction


class Tally:
    """Counts what a policy's latest sweep judged, and the actions since: its own, and everybody's."""

    def __init__(self, tx: Transaction, policy: str, now: datetime) -> None:
        self._tx, self._policy, self._now = tx, policy, now
        self._run = tx.runs.get(policy)

    def own(self) -> Taken:
        """What the policy took, in all accounts."""
        return self._taken(self._policy, None)

    def everyone(self, account: str | None = None) -> Taken:
        """What all policies took in an hour and a day, in one account or in all; and this one in its run."""
        return self._taken(None, account)

    def _taken(self, policy: str | None, account: str | None) -> Taken:
        return Taken(
            run=self._count(self._run.started_at, self._policy, account) if self._run else 0,
            hour=self._count(self._now - timedelta(hours=1), policy, account),
            day=self._count(self._now - timedelta(days=1), policy, account),
            population=self._population(account),
        )

    def _count(self, since: datetime, policy: str | None, account: str | None) -> int:
        return self._tx.actions.count_since(since, policy=policy, account=account)

    def _population(self, account: str | None) -> int | None:
        if account is not None:
            return self._tx.runs.population(self._policy, account)
        return self._run.population if self._run else None
