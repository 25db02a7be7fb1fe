"""A surveyor some of whose scopes are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.survey import Assignment, Survey, Surveyor, blind


@dataclass(kw_only=True)
class LosingSurveyor:
    """Surveys, except that whoever looked at some scopes is lost with what was found there."""

    surveyor: Surveyor
    lost: Mapping[Scope, Cause]

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterator[Survey]:
        """A survey for each assignment, a blind one of what is lost."""
        for survey in self.surveyor.survey(assignments, policies):
            cause = self.lost.get(survey.scope)
            (assignment,) = (one for one in assignments if one.scope == survey.scope)
            yield survey if cause is None else blind(assignment, policies, cause, survey.judged_at)
