"""The database: findings, proposals, actions, decisions, and the journal."""

from cloudwarden.store.address import file_of
from cloudwarden.store.chain import VerifyResult
from cloudwarden.store.counts import count, count_held
from cloudwarden.store.lock import own
from cloudwarden.store.opening import open_store
from cloudwarden.store.retention import Retention
from cloudwarden.store.segments import Unread, exported_entries, segments
from cloudwarden.store.transaction import SqlStore, SqlTransaction
from cloudwarden.store.verification import verify

__all__ = [
    "Retention",
    "SqlStore",
    "SqlTransaction",
    "Unread",
    "VerifyResult",
    "count",
    "count_held",
    "exported_entries",
    "file_of",
    "open_store",
    "own",
    "segments",
    "verify",
]
