"""The journal's hash chain: pure functions over what an entry says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudwarden.core.plain import Json

GENESIS = "0" * 64
"""What the first entry has for a previous hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyResult:
    """What reading the whole journal showed.

    `entries` were found sound, in order, those in exported files included. When not all are, `first_bad_seq` is
    where the chain breaks and `what` says how, in one sentence. `absent` names the exported files that were not
    there to be read: the chain is proven from where they end.
    """

    ok: bool
    entries: int
    first_bad_seq: int | None = None
    what: str = ""
    absent: tuple[str, ...] = ()


def canonical(value: Json) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII. Raises ValueError for NaN and infinities."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def instant(at: datetime) -> str:
    """The one text of an instant: UTC, to the microsecond."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(*, seq: int, at: str, event: str, run_id: str, action_id: str, details: Json, previous: str) -> str:
    """An entry's hash: SHA-256, in hex, over the canonical JSON of every other field."""
    fields: dict[str, Json] = {
        "seq": seq,
        "at": at,
        "event": event,
        "run_id": run_id,
        "action_id": action_id,
        "details": details,
        "previous": previous,
    }
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def fault(row: Mapping[str, Any], expected: int, previous: str) -> str | None:
    """What is wrong with a stored entry that should have this number and follow this hash; None when nothing is."""
    if row["seq"] != expected:
        return f"entry {expected} is missing: entry {row['seq']} stands in its place"
    if row["previous"] != previous:
        return f"entry {expected} does not follow entry {expected - 1}: one of them was replaced"
    try:
        details = json.loads(row["details"])
        whole = canonical(details) == row["details"]
        sealed = digest(**{name: value for name, value in row.items() if name != "hash"} | {"details": details})
    except (ValueError, TypeError):
        whole, sealed = False, ""
    return (
        None if whole and sealed == row["hash"] else f"entry {expected} was altered: its hash is not that of its fields"
    )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
