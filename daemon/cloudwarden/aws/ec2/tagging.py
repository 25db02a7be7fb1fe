"""Tagging EC2 resources of any kind.

Source: AWS "Amazon EC2 API Reference" (CreateTags, DeleteTags, DescribeTags) and "Tag restrictions".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from cloudwarden.aws.ec2.instance import Instance
from cloudwarden.aws.ec2.paths import all_found, literal
from cloudwarden.aws.ec2.security_group import SecurityGroup
from cloudwarden.aws.ec2.volume import MOST_TAGS, Volume, reserved
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows
from cloudwarden.core.errors import PermanentError, PolicyError
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Tags
from cloudwarden.core.verdict import Violation

Taggable = Instance | SecurityGroup | Volume
T = TypeVar("T", bound=Taggable)


@dataclass(frozen=True, kw_only=True)  # without slots, which AddTags[Instance](...) cannot be written to
class AddTags(Action[T]):
    """Give the resource the tags that it lacks.

    A tag that is there keeps its value, unless the violation names its key in `offending` or `overwrite` is set.
    Raises PolicyError for tags that EC2 would refuse.
    """

    name: ClassVar[str] = "add-tags"
    permissions: ClassVar[tuple[str, ...]] = ("ec2:CreateTags", "ec2:DescribeTags")
    undo_permissions: ClassVar[tuple[str, ...]] = ("ec2:DeleteTags",)

    tags: Mapping[str, str]
    overwrite: bool = False

    def __post_init__(self) -> None:
        if problem := next(_problems(self.tags), None):
            raise PolicyError(f"AddTags: {problem}")
        # Sorted, so that equal actions are one to a policy's fingerprint.
        object.__setattr__(self, "tags", Tags(dict(sorted(self.tags.items()))))

    def plan(self, resource: T, violation: Violation) -> Plan:
        """One call; the inverse restores what was overwritten, and deletes what was added.

        Raises PermanentError when there is nothing to add, or no room for it: then these tags repair nothing.
        """
        added = {key: value for key, value in self.tags.items() if self._wanted(key, resource.tags, violation)}
        if not added:
            raise PermanentError(
                f"{resource.id} has all of the tags {', '.join(self.tags)}: adding them repairs nothing"
            )
        if (number := sum(not reserved(key) for key in {**resource.tags, **added})) > MOST_TAGS:
            raise PermanentError(f"{resource.id} would carry {number} tags with these, and {MOST_TAGS} are the most")
        return Plan(
            action=self.name,
            summary=f"tag {resource.id} with {', '.join(f'{key}={value}' for key, value in added.items())}",
            steps=(_create(resource.id, added),),
            inverse=tuple(_inverse(resource, added)),
        )

    def disturbs(self, resource: T) -> tuple[()]:
        """Nothing: what depends on a resource goes on as before."""
        del resource
        return ()

    def _wanted(self, key: str, present: Tags, violation: Violation) -> bool:
        if key not in present:
            return True
        return present[key] != self.tags[key] and (self.overwrite or key in violation.offending)


def _problems(tags: Mapping[str, str]) -> Iterator[str]:
    if not tags:
        yield "write at least one tag"
    if len(tags) > MOST_TAGS:
        yield f"{len(tags)} tags: a resource carries at most {MOST_TAGS}"
    for key, value in tags.items():
        if reserved(key):
            yield f"tag {key!r}: keys that start with 'aws:' are for AWS alone"
        if not 1 <= len(key) <= 128:
            yield f"tag {key!r}: write a key of 1 to 128 characters"
        if len(value) > 256:
            yield f"tag {key!r}: write a value of at most 256 characters"


def _inverse(resource: Taggable, added: Mapping[str, str]) -> Iterator[Call]:
    # What is overwritten comes first, right after the look whether all is as we left it; deleting looks by itself.
    if old := {key: resource.tags[key] for key in added if key in resource.tags}:
        yield _create(resource.id, old)
    if new := {key: value for key, value in added.items() if key not in resource.tags}:
        yield _delete(resource.id, new)


def _create(resource_id: str, tags: Mapping[str, str]) -> Call:
    has_all = all_found(_matches(tags.items()), len(tags))
    return Call(
        service="ec2",
        operation="create_tags",
        arguments={"Resources": [resource_id], "Tags": _listed(tags)},
        proof=Proof(read=_read(resource_id, has_all), shows=Shows.SOMETHING),
    )


def _delete(resource_id: str, tags: Mapping[str, str]) -> Call:
    """Delete tags while they have these values: what someone else wrote since stays."""
    return Call(
        service="ec2",
        operation="delete_tags",
        arguments={"Resources": [resource_id], "Tags": _listed(tags)},
        proof=Proof(read=_read(resource_id, _matches(tags.items())), shows=Shows.NOTHING),
    )


def _listed(tags: Mapping[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _read(resource_id: str, path: str) -> Read:
    of_it: Json = [{"Name": "resource-id", "Values": [resource_id]}]
    return Read(service="ec2", operation="describe_tags", arguments={"Filters": of_it}, path=path)


def _matches(pairs: Iterable[tuple[str, str]]) -> str:
    """A JMESPath that finds the key of each of these tags that DescribeTags shows."""
    either = " || ".join(f"(Key=={literal(key)} && Value=={literal(value)})" for key, value in pairs)
    return f"Tags[?{either}].Key"
