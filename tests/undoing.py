"""What was done, to be undone: an instance that was stopped, and a person who asks for it back."""

from __future__ import annotations

from functools import partial

import jmespath

from cloudwarden import ENFORCE, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Call, Read
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.plain import Json
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from world import World, stop_idle


def stopped_by_itself(world: World) -> ActionRecord:
    """The action by which an enforcing policy stopped i-idle."""
    world.cloud.effects["start_instances"] = start
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep(after=minutes(15))
    return latest(world)


def start(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    """Starting an instance makes it run."""
    cloud.change("i-idle", state="running")
    return {}


def latest(world: World) -> ActionRecord:
    """The newest action."""
    with world.store.reading() as tx:
        return tx.actions.latest(1)[0]


def ask(world: World, record: ActionRecord) -> ActionRecord:
    """A person asks for an undo."""
    with world.store.transaction() as tx:
        return undo(tx, record.id, world.decider("it was needed"))


def tagged_over(world: World) -> ActionRecord:
    """The action that gave i-idle a tag, and another value to a tag that it had."""
    tags: dict[str, dict[str, str]] = {"i-idle": {"team": "web"}}
    world.cloud.effects |= {"create_tags": partial(_create_tags, tags), "delete_tags": partial(_delete_tags, tags)}
    world.cloud.readings["describe_tags"] = partial(_describe_tags, tags)
    world.use(stop_idle(action=ec2.AddTags(tags={"idle": "yes", "team": "nobody"}, overwrite=True)))
    world.add("i-idle", tags=tags["i-idle"])
    world.sweep()
    world.approve_all()
    world.act()
    return latest(world)


def _create_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud
    tags["i-idle"] |= {one["Key"]: one["Value"] for one in call.arguments["Tags"]}  # type: ignore[union-attr,index,call-overload,misc]  # as planned
    return {}


def _delete_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud
    for one in call.arguments["Tags"]:  # type: ignore[union-attr]  # as planned
        del tags["i-idle"][one["Key"]]  # type: ignore[index,call-overload,arg-type]  # as planned
    return {}


def _describe_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, read: Read) -> Json:
    del cloud
    shown = {"Tags": [{"Key": key, "Value": value} for key, value in tags["i-idle"].items()]}
    return jmespath.search(read.path, shown)  # type: ignore[no-any-return]  # whatever is found
