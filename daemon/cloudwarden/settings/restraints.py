"""Settings of what holds every policy back: protection, change windows, freezes, and quotas."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from cloudwarden.core.errors import PolicyError
from cloudwarden.core.exemption import account_written, tag_written
from cloudwarden.core.protection import Protection
from cloudwarden.core.restraint import Quota, Reach
from cloudwarden.core.window import Freeze, Window, window
from cloudwarden.settings.written import Instant, Table, Words


def _selectors(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        tag_written(word)
    return words


def _accounts(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        account_written(word)
    return words


Share = Annotated[float, Field(gt=0, le=1)]
Accounts = Annotated[Words, AfterValidator(_accounts)]


class ProtectSettings(Table):
    """What nobody here may touch, whatever a policy says."""

    accounts: Accounts = Field(
        default=(),
        description="account ids, default none: no action is taken there; * and ? are wildcards. Findings still are.",
    )
    tags: Annotated[Words, AfterValidator(_selectors)] = Field(
        default=(),
        description='tags as "key" or "key=value", default none: no action is taken on what carries one of them.',
    )

    @property
    def protection(self) -> Protection:
        """The same, as the core has it."""
        return Protection(accounts=self.accounts, tags=tuple(tag_written(word) for word in self.tags))


class _Reaching(Table):
    policies: Words = Field(
        default=("*",), description="names of policies, default all: whom this is about; * and ? are wildcards."
    )
    accounts: Accounts = Field(
        default=("*",), description="account ids, default all: where this holds; * and ? are wildcards."
    )

    @property
    def reach(self) -> Reach:
        """Whom it is about."""
        return Reach(policies=self.policies, accounts=self.accounts)


class WindowSettings(_Reaching):
    """Hours in which actions may be taken; outside all windows that apply, none is."""

    open: str = Field(description='days and hours, no default: such as "mon-fri 09:00-17:00" or "sat,sun 22:00-04:00".')
    timezone: str = Field(default="UTC", description="IANA name, default UTC: the time zone of the hours.")
    holidays: tuple[date, ...] = Field(
        default=(),
        description="dates, default none: days on which the window is closed from midnight to midnight, and does not "
        "open, so that the night after one is closed too.",
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            _ = self.window
        except PolicyError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def window(self) -> Window:
        """The same, as the core has it."""
        return window(self.open, timezone=self.timezone, holidays=self.holidays)


class FreezeSettings(_Reaching):
    """A time in which no action is taken."""

    begins: Instant = Field(description="time with its offset, no default: 2026-12-20T00:00:00Z, say.")
    until: Instant = Field(description="time with its offset, no default: the first instant after the freeze.")
    reason: str = Field(min_length=1, description="text, no default: whoever waits for an action wants to know why.")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.until <= self.begins:
            raise ValueError(f"until is {self.until}: write a time after begins, {self.begins}")
        return self

    @property
    def freeze(self) -> Freeze:
        """The same, as the core has it."""
        return Freeze(begins=self.begins, until=self.until, reason=self.reason)


class QuotaSettings(Table):
    """How much may be done in one account and in all of them; a run is from one sweep of a policy to its next."""

    account_per_run: int = Field(
        default=25, ge=1, description="actions, default 25: in one account in a run, by one policy."
    )
    account_share: Share = Field(
        default=1.0,
        description="fraction above 0 and up to 1, default 1.0: in one account in a run at most this part of what the "
        "policy judged there; whatever it is, one is allowed.",
    )
    account_per_hour: int = Field(
        default=50, ge=1, description="actions, default 50: in one account in an hour, by all policies."
    )
    account_per_day: int = Field(
        default=200, ge=1, description="actions, default 200: in one account in a day, by all policies."
    )
    per_run: int = Field(
        default=100, ge=1, description="actions, default 100: in all accounts in a run, by one policy."
    )
    share: Share = Field(
        default=1.0,
        description="fraction above 0 and up to 1, default 1.0: in all accounts in a run at most this part of what the "
        "policy judged; whatever it is, one is allowed.",
    )
    per_hour: int = Field(
        default=200, ge=1, description="actions, default 200: in all accounts in an hour, by all policies."
    )
    per_day: int = Field(
        default=1000, ge=1, description="actions, default 1000: in all accounts in a day, by all policies."
    )

    @property
    def quota(self) -> Quota:
        """The same, as the core has it."""
        return Quota(**self.model_dump())
