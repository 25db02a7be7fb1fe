"""Pauses: the switch that holds actions, of everything, of one policy, of one account, or of a policy in an account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core.exemption import ANY

ITSELF = "cloudwarden"
"""Who pauses a policy whose actions keep failing, and everything when the store was put back."""

BEFORE = "; before that, "
"""Between a pause's own words and those of each pause that it took the place of."""

_INSTANT = "%Y-%m-%d %H:%MZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A decision that nothing is done, until somebody resumes it: who took it, when, why, and from where.

    There is one of the same at a time. What others said of it before stays in its `reason`, after its own words.
    """

    policy: str = ANY
    account: str = ANY
    by: str
    at: datetime
    reason: str = ""
    origin: str = ""

    def covers(self, policy: str, account: str) -> bool:
        """Whether it holds this policy's actions in this account."""
        return self.policy in (ANY, policy) and self.account in (ANY, account)

    @property
    def mark(self) -> str:
        """What tells it from every other pause, a later one of the same included."""
        return f"{self.policy} {self.account} {self.at.isoformat()}"

    @property
    def by_itself(self) -> bool:
        """Whether a policy paused itself, as its actions kept failing: nobody's word, as no other pause is."""
        return self.by == ITSELF and self.policy != ANY

    @property
    def by_rollback(self) -> bool:
        """Whether everything stands still because the store was put back: by this pause, or by one in its words."""
        begins = self._begins_by(ITSELF)
        return self.what == "everything" and (self.by == ITSELF or any(one.startswith(begins) for one in self.earlier))

    @property
    def words(self) -> str:
        """Why it was made, by who made it last."""
        return self.reason.split(BEFORE)[0]

    @property
    def earlier(self) -> tuple[str, ...]:
        """The pauses that it took the place of, each in words, the latest first."""
        return tuple(self.reason.split(BEFORE)[1:])

    def over(self, standing: Iterable[Pause]) -> Pause:
        """This pause, with the one of the same that stands kept in its words: who ends it ends both.

        Who says why of a pause of their own that had no words yet makes no later one of it.
        """
        for one in standing:
            if (one.policy, one.account) != (self.policy, self.account):
                continue
            if one.by == self.by and not one.words:
                return replace(self, at=one.at, reason=BEFORE.join([self.reason, *one.earlier]))
            kept = [part for part in str(one).split(BEFORE) if not self._says(part)]
            return replace(self, reason=BEFORE.join([self.reason, *kept]))
        return self

    def only_by(self, name: str) -> bool:
        """Whether nobody but this person made it, nor any that it took the place of. The product is no person."""
        begins = self._begins_by(name)
        return name not in ("", ITSELF) and self.by == name and all(one.startswith(begins) for one in self.earlier)

    def _begins_by(self, name: str) -> str:
        return f"{self.what} was paused by {name} at "

    def _says(self, part: str) -> bool:
        """Whether an earlier pause was of the same person for the same reason: said twice, it is kept once."""
        begins = self._begins_by(self.by)
        return part.startswith(begins) and part[len(begins) + len(f"{self.at:{_INSTANT}}") :] == _why(self.words)

    @property
    def what(self) -> str:
        """What it holds, in words."""
        if (self.policy, self.account) == (ANY, ANY):
            return "everything"
        parts = [f"policy {self.policy}"] if self.policy != ANY else []
        return " in ".join([*parts, f"account {self.account}"] if self.account != ANY else parts)

    def __str__(self) -> str:
        return f"{self._begins_by(self.by)}{self.at:{_INSTANT}}{_why(self.reason)}"


def paused_by(pauses: Iterable[Pause], policy: str, account: str) -> str | None:
    """Which pause holds a policy's actions in an account, in words; None when none does."""
    return next((str(pause) for pause in pauses if pause.covers(policy, account)), None)


def _why(reason: str) -> str:
    """A reason as it follows who paused when; nothing where none was given."""
    return reason if not reason or reason.startswith(BEFORE) else f": {reason}"
