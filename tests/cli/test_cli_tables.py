"""What is printed of very many stays short."""

from __future__ import annotations

from cloudwarden.cli import tables
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Outcome
from cloudwarden.engine.survey import DOUBTS_TOLD, Doubt, Judgement
from cloudwarden.engine.sweep import SweepResult

WHY = Cause(reason="access-denied", detail="no")
DOUBTS = tuple(Doubt(resource_id=f"i-{number}", name=None, cause=WHY) for number in range(DOUBTS_TOLD))
BLIND = tuple(
    Judgement(
        policy="idle",
        fingerprint="f",
        scope=Scope(account=str(100_000_000_000 + number), region="eu-west-1"),
        problem=WHY,
        verdicts={Outcome.UNKNOWN: 5 * DOUBTS_TOLD},
        doubts=DOUBTS,
    )
    for number in range(200)
)


def test_an_outage_of_everything_prints_a_page() -> None:
    """The first ones, and how many there are: JSON has them all."""
    unknown = tables.unknown(BLIND)
    assert (unknown.row_count, unknown.title) == (100, "Unknown (100 of 100000)")
    blind = tables.blind(SweepResult(run_id="r", scopes=200, judgements=BLIND, findings=()))
    assert (blind.row_count, blind.title) == (100, "Not listed completely (100 of 200)")


def test_a_few_are_all_printed() -> None:
    """With their number alone."""
    few = tuple(
        Judgement(
            policy="idle",
            fingerprint="f",
            scope=one.scope,
            verdicts={Outcome.UNKNOWN: 1},
            doubts=DOUBTS[:1],
        )
        for one in BLIND[:3]
    )
    assert (tables.unknown(few).row_count, tables.unknown(few).title) == (3, "Unknown (3)")
