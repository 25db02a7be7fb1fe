"""What operators decided that outlives a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloudwarden.core.exemption import Exemption
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope


@dataclass(frozen=True, slots=True)
class ExemptionsFile:
    """A file of exemptions as it was taken over: its path, the hash of its text, and when."""

    path: str
    sha256: str
    taken_at: datetime


class Decisions(Protocol):
    """What operators decided that outlives a finding: exemptions, pauses, trust."""

    def exemptions(self) -> Sequence[Exemption]:
        """All that were ever made, expired and revoked ones included, of every source."""
        ...

    def save_exemption(self, exemption: Exemption) -> None: ...

    def mark_used(self, exemption_ids: Iterable[str], at: datetime) -> None:
        """Remember that these took a resource out of a policy."""
        ...

    def exemptions_file(self) -> ExemptionsFile | None:
        """The file of exemptions that was last taken over; None when none ever was."""
        ...

    def save_exemptions_file(self, file: ExemptionsFile | None) -> None:
        """Remember the file that was taken over; None when none is kept any more."""
        ...

    def pauses(self) -> Sequence[Pause]:
        """What is paused now, the widest first."""
        ...

    def save_pause(self, pause: Pause) -> None:
        """Pause; one that holds the same is replaced."""
        ...

    def end_pause(self, policy: str, account: str) -> None:
        """Resume what such a pause held, if there is one."""
        ...

    def trusted(self, policy: str, fingerprint: str) -> frozenset[Scope]:
        """The scopes in which an operator let this version of a policy act by itself."""
        ...

    def trusts(self, policy: str, fingerprint: str, scope: Scope) -> bool:
        """Whether this scope is one of them; asked at each call, where all of them may be many thousands."""
        ...

    def trust(
        self, policy: str, fingerprint: str, scopes: Iterable[Scope], at: datetime, *, left_out: Iterable[Scope] = ()
    ) -> None:
        """Let this version of a policy act by itself in these scopes too, and no more in those that are left out."""
        ...

    def distrust(self, policy: str | None = None) -> int:
        """Let no version of a policy, or none of any, act by itself any more; in how many scopes one might."""
        ...
