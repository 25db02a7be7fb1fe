"""What an environment changes in single policies, as settings."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from cloudwarden.settings.written import Duration, Table, Words, WrittenMode


class LimitOverride(Table):
    """Replaces parts of a policy's limit."""

    per_run: int | None = Field(
        default=None, description="actions, default the policy's own: at most so many from one sweep to the next."
    )
    per_hour: int | None = Field(
        default=None, description="actions, default the policy's own: at most so many in any hour."
    )
    per_day: int | None = Field(
        default=None, description="actions, default the policy's own: at most so many in any day."
    )
    failures: int | None = Field(
        default=None,
        description="actions, default the policy's own: after so many failed ones in a row the policy pauses itself.",
    )
    share: float | None = Field(
        default=None,
        description="fraction above 0 and up to 1, default the policy's own: at most this part of the judged "
        "resources; whatever it is, one is allowed.",
    )


class EscalationOverride(Table):
    """Who else is told, and when."""

    after: Duration = Field(
        description="duration, no default: a finding that still stands so long after the notice is told of."
    )
    to: str = Field(description="name of an owner or a channel, no default: who is told.")


class NoticeOverride(Table):
    """Replaces a policy's notice as a whole."""

    owners: Words = Field(
        description='list of ways to the owner, no default: the first that leads to somebody wins; each is "tag:KEY" '
        'for a tag of the resource, "account-contact", or the name of an owner or a channel of these settings.'
    )
    before: Duration | None = Field(
        default=None, description="duration, default 1d: how long after the delivery nothing is done."
    )
    remind: Duration | None = Field(
        default=None, description="duration, default none: the owner is told again so often."
    )
    escalate: EscalationOverride | None = Field(
        default=None, description="table, default none: who else is told, and when."
    )
    digest: Duration | None = Field(
        default=None,
        description="duration, default none: new findings that nothing will be done about are told of in one "
        "message for so long.",
    )
    waived_by_approval: bool = Field(
        default=False, description="true or false, default false: whether a person's approval spares the notice."
    )


class PolicyOverride(Table):
    """What this environment changes in one policy, by the policy's name."""

    mode: WrittenMode | None = Field(
        default=None,
        description="observe, propose or enforce, default the policy's own: a policy earns its mode per environment. "
        "The ceiling still applies.",
    )
    every: Duration | None = Field(
        default=None, description="duration, default the policy's own schedule: the time between sweeps of it."
    )
    cron: str | None = Field(
        default=None,
        description="five-field cron expression, default the policy's own schedule: 0 and 7 are Sunday; a day of the "
        "month or a weekday, not both. Without the policy's own jitter. Not together with every.",
    )
    timezone: str | None = Field(
        default=None,
        description="IANA name of a time zone, default the policy's own, else UTC: what the cron expression is in.",
    )
    grace: Duration | None = Field(
        default=None,
        description="duration, default the policy's own: how long a violation is watched before an action is due.",
    )
    params: dict[str, object] = Field(
        default_factory=dict,
        description="the rule's params by name, default the policy's own: units are those of the params. Durations may "
        'be written as "6h".',
    )
    limit: LimitOverride | None = Field(
        default=None, description="table, default the policy's own limit: how much the policy may do at most."
    )

    max_dependants: int | None = Field(
        default=None,
        description="number, default the policy's own: what more other things depend on, it does not touch by itself.",
    )
    notice: NoticeOverride | None = Field(
        default=None, description="table, default the policy's own notice: who is told before anything is done."
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.every is not None and (self.cron is not None or self.timezone is not None):
            raise ValueError("write either every, or cron with its timezone")
        return self
