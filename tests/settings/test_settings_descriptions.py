"""What is said of every setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cloudwarden.core.durations import written_duration
from cloudwarden.settings import (
    AccountSettings,
    AwsSettings,
    LimitOverride,
    OrganizationSettings,
    PolicyOverride,
    RolesSettings,
    Settings,
)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting that there is, by dotted name."""
    for name, field in model.model_fields.items():
        yield prefix + name, field
    tables: dict[str, type[BaseModel]] = {
        "aws": AwsSettings,
        "accounts": AccountSettings,
        "organization": OrganizationSettings,
        "roles": RolesSettings,
        "policy": PolicyOverride,
        "limit": LimitOverride,
    }
    for name, inner in tables.items():
        if name in model.model_fields:
            yield from fields(inner, f"{prefix}{name}.")


def default_of(name: str, field: FieldInfo) -> str:
    """How a description should write a setting's default."""
    default = field.get_default(call_default_factory=True)
    if name.startswith("policy."):
        return "the policy's own"
    if default in (None, (), {}, ""):
        return "none"
    if isinstance(default, BaseModel):
        return "as below"
    return written_duration(default) if isinstance(default, timedelta) else str(default)


@pytest.mark.parametrize(("name", "field"), list(fields(Settings)))
def test_every_setting_says_its_unit_its_default_and_why(name: str, field: FieldInfo) -> None:
    """And the default that it says is the one that it has."""
    stated = re.escape(default_of(name, field))
    assert re.match(rf"[^:]+, (secret, )?default {stated}\b[^:]*: .{{20,}}", field.description or ""), field.description
