"""Policies that tell owners, and what they were told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cloudwarden import ENFORCE, OBSERVE, Notify, days, hours, minutes, owner, owner_tag
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Tags
from world import World, stop_idle

QUARTER = minutes(15)


OWNERS = (owner_tag("owner"), owner("team-x"))


def telling(**changes: Any) -> AnyPolicy:
    """A policy that acts by itself, an hour after the owner was told."""
    notice: dict[str, Any] = {"owners": OWNERS, "before": hours(1)} | changes.pop("notice", {})
    return stop_idle(mode=ENFORCE, **changes, notice=Notify(**notice))


def observing(**notice: Any) -> AnyPolicy:
    """A policy that only observes."""
    return stop_idle(mode=OBSERVE, notice=Notify(owners=OWNERS, before=hours(1), **notice))


def proposing(**notice: Any) -> AnyPolicy:
    """A policy that proposes, an hour after the owner was told."""
    given: dict[str, Any] = {"owners": OWNERS, "before": hours(1)} | notice
    return stop_idle(proposals_last=days(60), notice=Notify(**given))


def trusted(world: World, policy: AnyPolicy) -> None:
    """Have the policy sweep an empty scope, and trust it."""
    world.use(policy)
    world.sweep()
    world.trust_all()


def idle(world: World, policy: AnyPolicy | None = None, **tags: str) -> None:
    """One idle instance that a trusted policy has found."""
    trusted(world, policy or telling())
    world.add("i-idle", tags=Tags(tags))
    world.sweep(after=QUARTER)


def pass_time(world: World, by: timedelta) -> None:
    """Sweep every quarter of an hour, delivering after each."""
    for _ in range(by // QUARTER):
        world.sweep(after=QUARTER)
        world.deliver()


def told(world: World) -> list[str]:
    """To which channel each message went."""
    return [one.channel for one in world.notifier.sent]


def held(world: World) -> str:
    """What holds the instance's action, in words."""
    return world.finding("i-idle").held or ""
