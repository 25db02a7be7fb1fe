"""Rules about tags, for every kind of resource."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from cloudwarden import Params, Resource, Violation, rule


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


class RequiredTags(Params):
    """Which tags there must be, and what each of their values must match as a whole; by default, not be blank."""

    keys: tuple[str, ...] = Field(min_length=1)
    pattern: Annotated[str, AfterValidator(_expression)] = r"(?s).*\S.*"


@rule
def required_tags(resource: Resource, params: RequiredTags) -> Violation | None:
    """A resource that lacks a tag, or has a wrong value in it. Bind it to a kind: `required_tags.on(ec2.Instance)`.

    Keys are compared as AWS does, case and all. `offending` holds the keys at fault.
    """
    missing = [key for key in params.keys if key not in resource.tags]
    wrong = [
        key for key in params.keys if key in resource.tags and not re.fullmatch(params.pattern, resource.tags[key])
    ]
    if not missing and not wrong:
        return None
    told = [f"lacks tag {key}" for key in missing] + [f"has a wrong value in tag {key}" for key in wrong]
    return Violation(summary=", ".join(told), offending=(*missing, *wrong))
