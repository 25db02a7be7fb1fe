"""What the settings change in a policy, applied and checked like the policy file itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import get_args

from pydantic import ValidationError

from cloudwarden.core.durations import duration
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.nearest import nearest
from cloudwarden.core.notify import Escalation, Notify, OwnerForm, account_contact, owner, owner_tag
from cloudwarden.core.params import Params
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.schedule import Cron, Schedule, cron, every
from cloudwarden.settings import PolicyOverride

_TAG_PREFIX = "tag:"
_ACCOUNT_CONTACT = "account-contact"


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """An override that does not fit: the settings key, what is wrong, and what to write."""

    key: str
    what: str
    write: str


def apply(policy: AnyPolicy, override: PolicyOverride) -> tuple[AnyPolicy, tuple[Misfit, ...]]:
    """The policy as this environment wants it, and every part of the override that does not fit."""
    misfits: list[Misfit] = []
    steps: tuple[tuple[str, Callable[[AnyPolicy], AnyPolicy]], ...] = (
        ("every" if override.every is not None else "cron", lambda one: _with_schedule(one, override)),
        ("mode", lambda one: one if override.mode is None else replace(one, mode=override.mode)),
        ("grace", lambda one: one if override.grace is None else replace(one, grace=override.grace)),
        ("limit", lambda one: _with_limit(one, override)),
        ("max_dependants", lambda one: _with_max_dependants(one, override)),
        ("notice", lambda one: _with_notice(one, override)),
    )
    for key, step in steps:
        try:
            policy = step(policy)
        except PolicyError as error:
            what, _, write = str(error).removeprefix(f"policy {policy.name!r}: ").rpartition(": ")
            misfits.append(Misfit(key=f"policy.{policy.name}.{key}", what=what, write=write))
    if override.params:
        params, wrong = _params(policy, override.params)
        policy = policy if params is None else replace(policy, params=params)
        misfits.extend(wrong)
    return policy, tuple(misfits)


def _with_schedule(policy: AnyPolicy, override: PolicyOverride) -> AnyPolicy:
    return replace(policy, schedule=_schedule(policy.schedule, override))


def _schedule(schedule: Schedule, override: PolicyOverride) -> Schedule:
    if override.every is not None:
        jitter = min(schedule.jitter, override.every / 2)
        return every(seconds=override.every.total_seconds(), jitter=jitter)
    own_timezone = schedule.timezone if isinstance(schedule, Cron) else "UTC"
    if override.cron is not None:
        # Without the jitter that the policy has: six hours are little to a day, and much to working hours.
        return cron(override.cron, timezone=override.timezone or own_timezone)
    if override.timezone is None:
        return schedule
    if not isinstance(schedule, Cron):
        raise PolicyError(f"timezone without cron, on a schedule that is {schedule}: write a cron expression with it")
    return cron(schedule.expression, timezone=override.timezone, jitter=schedule.jitter)


def _with_limit(policy: AnyPolicy, override: PolicyOverride) -> AnyPolicy:
    if override.limit is None:
        return policy
    return replace(policy, limit=replace(policy.limit, **override.limit.model_dump(exclude_none=True)))


def _with_max_dependants(policy: AnyPolicy, override: PolicyOverride) -> AnyPolicy:
    return policy if override.max_dependants is None else replace(policy, max_dependants=override.max_dependants)


def _with_notice(policy: AnyPolicy, override: PolicyOverride) -> AnyPolicy:
    given = override.notice
    if given is None:
        return policy
    notice = Notify(
        owners=[_way(way) for way in given.owners],
        remind=given.remind,
        escalate=Escalation(after=given.escalate.after, to=given.escalate.to) if given.escalate else None,
        digest=given.digest,
        waived_by_approval=given.waived_by_approval,
    )
    return replace(policy, notice=notice if given.before is None else replace(notice, before=given.before))


def _way(written: str) -> OwnerForm:
    """A way to the owner, as the settings write it."""
    if written == _ACCOUNT_CONTACT:
        return account_contact()
    tag = written.removeprefix(_TAG_PREFIX)
    return owner(written) if tag == written else owner_tag(tag)


def _params(policy: AnyPolicy, given: Mapping[str, object]) -> tuple[Params | None, tuple[Misfit, ...]]:
    model: type[Params] = type(policy.params)
    own = {name: getattr(policy.params, name) for name in model.model_fields}
    asked = {name: _read(model, name, value) for name, value in given.items()}
    try:
        return model.model_validate(own | asked), ()
    except ValidationError as error:
        return None, tuple(_misfits(policy, model, error))


def _misfits(policy: AnyPolicy, model: type[Params], error: ValidationError) -> Iterator[Misfit]:
    table = f"policy.{policy.name}.params"
    for detail in error.errors(include_url=False):
        name = ".".join(map(str, detail["loc"]))
        key = f"{table}.{name}" if name else table
        if detail["type"] != "extra_forbidden":
            reason = detail["msg"].removeprefix("Value error, ")
            yield Misfit(key=key, what=reason, write=f"write another value than {detail['input']!r}")
            continue
        meant = nearest(name, model.model_fields)
        known = ", ".join(model.model_fields) or "none"
        write = f"write {table}.{meant}" if meant else f"leave it out; {model.__name__} has {known}"
        yield Misfit(key=key, what=f"{model.__name__} has no {name!r}", write=write)


def _read(model: type[Params], name: str, value: object) -> object:
    """A duration written as "6h" where the param takes one; anything else as it is."""
    field = model.model_fields.get(name)
    if field is None or not isinstance(value, str) or timedelta not in (field.annotation, *get_args(field.annotation)):
        return value
    try:
        return duration(value)
    except ValueError:
        return value
