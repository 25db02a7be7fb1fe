"""The lines of a shipped journal: an entry each, as JSON, with the hash that proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudwarden.ports import Batch, JournalEntry
from cloudwarden.store.chain import canonical, digest, instant

_FIELDS = ("seq", "at", "event", "run_id", "action_id", "details", "previous")
"""What an entry's hash covers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippedLine:
    """One entry as the copy has it. `sound` says that its hash is that of its fields."""

    seq: int
    at: str
    event: str
    previous: str
    hash: str
    branch: str
    sound: bool


def packed(entries: Sequence[JournalEntry], branch: str) -> Batch:
    """Entries as one batch of a branch."""
    lines = [_line(entry, branch) for entry in entries]
    return Batch(
        first_seq=entries[0].seq,
        last_seq=entries[-1].seq,
        last_hash=entries[-1].hash,
        branch=branch,
        content=("\n".join(lines) + "\n").encode(),
    )


def read(text: str) -> ShippedLine | None:
    """The entry that a line tells; None when it tells none."""
    try:
        told: Mapping[str, Any] = json.loads(text)
        sealed = digest(**{name: told[name] for name in _FIELDS})
        return ShippedLine(
            seq=int(told["seq"]),
            at=str(told["at"]),
            event=str(told["event"]),
            previous=str(told["previous"]),
            hash=str(told["hash"]),
            branch=str(told["branch"]),
            sound=sealed == told["hash"] and type(told["seq"]) is int,
        )
    except (ValueError, TypeError, KeyError):
        return None


def _line(entry: JournalEntry, branch: str) -> str:
    return canonical(
        {
            "seq": entry.seq,
            "at": instant(entry.at),
            "event": entry.event,
            "run_id": entry.run_id,
            "action_id": entry.action_id,
            "details": entry.details,
            "previous": entry.previous,
            "hash": entry.hash,
            "branch": branch,
        }
    )
