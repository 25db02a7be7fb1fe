"""A copy of the journal, off this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Entries on their way to a copy, as JSON lines; the last of them has this number and hash."""

    first_seq: int
    last_seq: int
    last_hash: str
    branch: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A copy holds an entry with this number, of this branch, whose hash begins so."""

    branch: str
    seq: int
    hash: str


class JournalCopy(Protocol):
    """A copy of the journal off this machine. What fails raises ShippingError, or CloudError."""

    def refuse_unfit(self) -> None:
        """Raise ShippingError, with what to do, when the place would not keep what is put there."""
        ...

    def ahead(self, after: int) -> Sequence[Mark]:
        """What the copy holds above entry `after`, as marks; the newest at least.

        Raises too where the copy should hold something and nothing is there: then nobody can tell.
        """
        ...

    def put(self, batch: Batch) -> None:
        """Keep a batch, durably; the same one again changes nothing of what is kept."""
        ...

    def lines(self, after: int = 0) -> Iterable[tuple[str, str]]:
        """Every line with the place where it stands, in the order of their numbers; at least those above `after`."""
        ...
