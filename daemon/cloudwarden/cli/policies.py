"""Verbs of policies: are they right, and what do they say of one resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.aws.prices import list_prices
from cloudwarden.cli import shapes, tables
from cloudwarden.cli.exits import Exit
from cloudwarden.cli.installation import app_of, known
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.cli.progress import progress
from cloudwarden.cli.spending import Spending
from cloudwarden.core.durations import written_duration
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.finding import Finding
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.verdict import Outcome, Verdict
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.explain import Explanation
from cloudwarden.loading import Loaded, passed_over

_EXITS = {
    Outcome.COMPLIANT: Exit.NOTHING_FOUND,
    Outcome.VIOLATION: Exit.FINDINGS,
    Outcome.UNKNOWN: Exit.NOT_ALL_JUDGED,
}


def check(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Check policies, settings and the files of exemptions and prices, without AWS.

    Ends with 3 when something is wrong.
    """
    with app_of(context) as app:
        loaded = app.load()
        problems = [str(one) for one in (*loaded.problems, *app.register.written(loaded).problems)]
        problems.extend(_prices(app.settings.prices_file))
        unread = passed_over(app.settings.policies)
    if as_json:
        policies = [shapes.policy(one) for one in loaded.policies.values()]
        emit({"policies": policies, "problems": problems, "unread": unread})
    else:
        _show(loaded, problems)
    for one in unread:
        notice(one)
    raise typer.Exit(Exit.BAD_POLICIES_OR_SETTINGS if problems else Exit.NOTHING_FOUND)


def explain(
    context: typer.Context,
    policy: Annotated[str, typer.Argument(help="A policy.")],
    resource_id: Annotated[str, typer.Argument(help="A resource's id.")],
    where: Annotated[
        str, typer.Option("--in", metavar="ACCOUNT[/REGION]", help="Look only there.", show_default=False)
    ] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Say why a resource is, or is not, a finding.

    Reads and judges it now, and prints rule, params, evidence, verdict, finding and guards. Nothing is kept but what
    it cost: its metrics are of the day's budget, and where that is spent for the policy, the verdict says so.
    """
    spending = Spending()
    with progress() as reporters, app_of(context, reporters=(*reporters, spending)) as app:
        loaded = app.load()
        explanation = app.explainer.explain(
            loaded.policies[known("policy", policy, loaded.policies)], resource_id, where
        )
    if explanation.resource is None and explanation.problem is None:
        raise DecisionError(f"no {explanation.policy.kind.kind} {resource_id!r} in any scope that is read")
    if as_json:
        emit(shapes.explanation(explanation, metrics=spending.metrics))
    else:
        show(_explained(explanation))
        say(f"verdict: {_verdict(explanation)}")
        say(str(spending))
    verdict = explanation.verdict
    raise typer.Exit(_EXITS[verdict.outcome] if verdict else Exit.NOT_ALL_JUDGED)


def _prices(file: Path | None) -> Iterator[str]:
    """What is wrong with the file of prices: the daemon would not start with it."""
    try:
        list_prices(file)
    except SettingsError as error:
        yield str(error)


def _show(loaded: Loaded, problems: Sequence[str]) -> None:
    show([_policies(loaded)])
    if problems:
        show([table(f"Problems ({len(problems)})", ("what is wrong",), ([one] for one in problems))])


def _policies(loaded: Loaded) -> Table:
    return table(
        f"Policies ({len(loaded.policies)})",
        ("policy", "judges", "mode", "schedule", "action", "grace", "limit", "params"),
        (
            (
                one.name,
                one.kind.kind,
                str(one.mode),
                str(one.schedule),
                one.action.name if one.action else "",
                written_duration(one.grace),
                f"{one.limit.per_run} per run, {one.limit.share:.0%}",
                _params(one),
            )
            for one in loaded.policies.values()
        ),
    )


def _explained(explanation: Explanation) -> Iterator[Table]:
    policy, resource = explanation.policy, explanation.resource
    yield table(
        "Policy",
        ("", ""),
        (
            ("policy", policy.name),
            ("rule", policy.rule.name),
            ("params", _params(policy)),
            ("mode", _mode(explanation)),
            ("resource", f"{resource.id} {resource.name or ''}" if resource else "could not be read"),
            *((("exempted by", explanation.exempted),) if explanation.exempted else ()),
        ),
    )
    readings = explanation.verdict.readings if explanation.verdict else ()
    yield table("Evidence", ("question", "answer"), ((one.question, one.answer) for one in readings))
    if explanation.prospect is not None:
        if explanation.prospect.saving is not None:
            words = (("if it is carried out", tables.saving(explanation.prospect.saving, basis=True)),)
            yield table("Saving", ("", ""), words)
        yield tables.radius(explanation.prospect.radius)
    if explanation.finding is not None:
        yield table("Finding", ("", ""), _finding(explanation.finding))
        yield table("Guards that hold", ("guard", "why"), ((one.guard, one.detail) for one in explanation.holds))


def _mode(explanation: Explanation) -> str:
    """The mode in force, and which of the two makes it so."""
    own, ceiling = explanation.policy.mode, explanation.ceiling
    if own < ceiling:
        return f"{own}: the policy's own, below the environment's ceiling ({ceiling})"
    if ceiling < own:
        return f"{ceiling}: the environment's ceiling, below the policy's own ({own})"
    return f"{own}: the policy's own, and the environment's ceiling"


def _finding(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "finding", finding.id
    yield "state", f"{finding.state} since {moment(finding.state_since)}"
    yield "first seen", moment(finding.first_seen)
    yield "grace observed", str(finding.grace.observed)
    if finding.held:
        yield "held by", finding.held


def _verdict(explanation: Explanation) -> str:
    verdict: Verdict | None = explanation.verdict
    if verdict is None:
        return f"unknown: {explanation.problem}"
    why = verdict.violation.summary if verdict.violation else verdict.cause
    return f"{verdict.outcome}: {why}" if why else str(verdict.outcome)


def _params(policy: AnyPolicy) -> str:
    values = ((name, getattr(policy.params, name)) for name in type(policy.params).model_fields)
    return "\n".join(
        f"{name} = {written_duration(value) if isinstance(value, timedelta) else value}" for name, value in values
    )
