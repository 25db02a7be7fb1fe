"""What ends a rule that does not end by itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Cutoff(Protocol):
    """Ends a rule that does not end by itself."""

    def watching(self) -> AbstractContextManager[None]:
        """While entered, rules may be timed."""
        ...

    def begin(self) -> None:
        """One evaluation begins: from now on it has its time. When that is over, RuleCutOff is raised in it."""
        ...

    def end(self) -> None:
        """The evaluation ended."""
        ...


class RuleCutOff(BaseException):
    """Raised inside a rule that ran too long; no `Exception`, so that a rule does not catch it by habit."""
