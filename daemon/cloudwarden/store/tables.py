"""The tables. What is here must equal what the migrations make; a test compares them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

from cloudwarden.store.utc_time import UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _refers(column: str) -> ForeignKey:
    # Checked at the commit, so that a transaction may save in any order.
    return ForeignKey(column, deferrable=True, initially="DEFERRED")


findings = Table(
    "findings",
    metadata,
    Column("id", String, primary_key=True),
    Column("policy", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("arn", String, nullable=False),
    Column("name", String),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("summary", Text, nullable=False),
    Column("offending", JSON, nullable=False),
    Column("readings", JSON, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("state_since", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("grace_observed_microseconds", BigInteger, nullable=False),
    Column("grace_ticked_at", UtcTime),
    Column("grace_blind_since", UtcTime),
    Column("grace_since", UtcTime),
    Column("unknown_reason", String),
    Column("unknown_detail", Text),
    Column("held", Text),
    Column("protected", Text),
    Column("snoozed_until", UtcTime),
    Column("identity", String),
    Column("attempts", Integer, nullable=False),
    Column("flaps", Integer, nullable=False),
    Column("saving_dollars", Float),
    # Without a basis there is nothing to save; with one and no dollars it is unknown how much.
    Column("saving_basis", Text),
    CheckConstraint("(closed_at IS NOT NULL) = (state IN ('fixed', 'resolved', 'gone'))", name="closed"),
)
Index(
    "uq_findings_standing",
    findings.c.policy,
    findings.c.account,
    findings.c.region,
    findings.c.kind,
    findings.c.resource_id,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
)
Index(None, findings.c.policy, findings.c.closed_at)
Index(None, findings.c.state)

proposals = Table(
    "proposals",
    metadata,
    Column("id", String, primary_key=True),
    Column("finding_id", String, _refers("findings.id"), nullable=False),
    Column("policy", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("decided_by", String),
    Column("decided_at", UtcTime),
    Column("reason", Text),
    Column("quorum", Integer, nullable=False, server_default="1"),
    Column("not_by", JSON, nullable=False, server_default="[]"),
    Column("assents", JSON, nullable=False, server_default="[]"),
    Column("alternatives", JSON, nullable=False, server_default="[]"),
    Column("decided_from", String),
    Column("prospects", JSON, nullable=False, server_default="{}"),
)
Index(None, proposals.c.state, proposals.c.created_at)
Index(None, proposals.c.finding_id)

actions = Table(
    "actions",
    metadata,
    Column("id", String, primary_key=True),
    Column("finding_id", String, _refers("findings.id"), nullable=False),
    Column("proposal_id", String, _refers("proposals.id")),
    Column("policy", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("plan", Text, nullable=False),
    Column("run_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("step", Integer, nullable=False),
    Column("kept", JSON, nullable=False),
    Column("error", Text),
    Column("undoes", String),
    Column("owner", String, nullable=False, server_default=""),
    Column("lease_until", UtcTime),
)
Index(None, actions.c.state, actions.c.started_at)
Index(None, actions.c.policy, actions.c.started_at)
Index(None, actions.c.finding_id)
Index(None, actions.c.undoes)

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    # Times and details are the very text that the hash covers, so that no reading of them stands between.
    Column("at", String, nullable=False),
    Column("event", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("action_id", String, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    # SQLite then remembers the highest number ever given, which shows when the end was cut off.
    sqlite_autoincrement=True,
)
Index(None, journal.c.action_id)

journal_segments = Table(
    "journal_segments",
    metadata,
    Column("last_seq", Integer, primary_key=True),
    Column("first_seq", Integer, nullable=False),
    Column("last_hash", String, nullable=False),
    Column("file", String, nullable=False),
    Column("file_sha256", String, nullable=False),
    Column("exported_at", UtcTime, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("finding_id", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("name", String),
    Column("summary", Text, nullable=False),
    Column("would", Text, nullable=False),
    Column("remark", Text, nullable=False),
    Column("leads", JSON, nullable=False),
    Column("plan_hash", String),
    Column("watched_since", UtcTime),
    Column("before_seconds", Float, nullable=False),
    Column("not_before", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("owner", String),
    Column("channel", String),
    Column("ended_at", UtcTime),
)
Index(None, notices.c.state, notices.c.next_attempt_at)
Index(None, notices.c.finding_id)

exemptions = Table(
    "exemptions",
    metadata,
    Column("id", String, primary_key=True),
    Column("policy", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("tag_key", String),
    Column("tag_value", String),
    Column("account", String, nullable=False, server_default="*"),
    Column("region", String, nullable=False, server_default="*"),
    Column("source", String, nullable=False, server_default="store"),
    Column("made_by", String, nullable=False, server_default=""),
    Column("made_from", String, nullable=False, server_default=""),
    Column("revoked_by", String, nullable=False, server_default=""),
    Column("revoked_from", String, nullable=False, server_default=""),
    Column("revoked_reason", Text, nullable=False, server_default=""),
    Column("used_at", UtcTime),
    Column("told", String),
)

exemptions_files = Table(
    "exemptions_files",
    metadata,
    Column("path", String, primary_key=True),
    Column("sha256", String, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("policy", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("origin", String, nullable=False),
)

trust = Table(
    "trust",
    metadata,
    Column("policy", String, primary_key=True),
    Column("fingerprint", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("trusted_at", UtcTime),
)

scopes = Table(
    "scopes",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("accepted_at", UtcTime),
    Column("accepted_by", String, nullable=False),
    Column("left_at", UtcTime),
)

runs = Table(
    "runs",
    metadata,
    Column("policy", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("population", Integer),
    Column("fingerprint", String),
)

matches = Table(
    "matches",
    metadata,
    Column("policy", String, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("count", Integer, nullable=False),
)

run_scopes = Table(
    "run_scopes",
    metadata,
    Column("policy", String, _refers("runs.policy"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("in_latest", Boolean, nullable=False, server_default=false()),
    Column("read_at", UtcTime),
    Column("matches", Integer),
    Column("population", Integer),
)

spending = Table(
    "spending",
    metadata,
    Column("day", Date, primary_key=True),
    Column("metrics", BigInteger, nullable=False),
)

shipments = Table(
    "shipments",
    metadata,
    Column("target", String, primary_key=True),
    Column("branch", String, nullable=False),
    Column("left", JSON, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("shipped_at", UtcTime),
)

restorations = Table(
    "restorations",
    metadata,
    Column("at", UtcTime, primary_key=True),
    Column("by", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("file", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("seq", Integer, nullable=False),
)
