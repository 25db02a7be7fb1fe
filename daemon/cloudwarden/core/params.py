"""A rule's typed knobs."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Base of a rule's params: frozen, validated, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class NoParams(Params):
    """The params of a rule that has none."""


P = TypeVar("P", bound=Params)
