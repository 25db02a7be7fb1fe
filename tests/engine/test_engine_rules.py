"""Rules that are careless, broken, or ask for much: what each costs, and whom it hurts."""

from __future__ import annotations

import pickle
from enum import StrEnum
from typing import ClassVar, NoReturn

import pytest

from cloudwarden import ENFORCE, Evidence, NoParams, Now, Params, TemporaryError, Violation, hours, rule
from cloudwarden.aws import ec2
from cloudwarden.core.errors import Throttled
from cloudwarden.core.evidence import Unanswered
from cloudwarden.core.finding import State
from cloudwarden.core.verdict import Cause, Outcome, Reason, Verdict
from cloudwarden.engine.events import PolicyJudged, RuleFailed
from cloudwarden.engine.gather import MAX_CUT_OFFS
from cloudwarden.testing import Bench, instance
from world import SCOPE, World, stop_idle

TRIED: list[str] = []
"""The instances that the endless rule was tried on."""


class NotBusy(Params):
    """Params of the tests' own rule."""

    limit: float = 5.0


@rule
def not_busy(instance: ec2.Instance, params: NotBusy, activity: ec2.Activity) -> Violation | None:
    """Violation unless busy is proven: the careless way to write an idle rule."""
    try:
        busy = not activity.cpu_percent.stayed_below(params.limit, over=hours(1))
    except Exception:  # noqa: BLE001
        busy = False
    return None if busy else Violation(summary="not busy")


@rule
def swallows_everything(instance: ec2.Instance, params: NotBusy, activity: ec2.Activity) -> Violation | None:
    """Violation whatever happens, even if its question has no answer."""
    try:
        activity.cpu_percent.stayed_below(params.limit, over=hours(1))
    except BaseException:  # noqa: BLE001
        return Violation(summary="swallowed")
    return Violation(summary="idle")


@rule
def raises(instance: ec2.Instance, params: NotBusy) -> Violation | None:
    """A rule with a mistake in it."""
    raise ZeroDivisionError(instance.id)


@rule
def endless(instance: ec2.Instance, params: NotBusy) -> Violation | None:
    """A rule that never returns."""
    TRIED.append(instance.id)
    while True:
        pass


@rule
def nonsense(instance: ec2.Instance, params: NotBusy, now: Now) -> Violation | None:
    """A rule that returns what is no verdict."""
    return "yes"  # type: ignore[return-value]


class Part(StrEnum):
    """An author's own words."""

    ROOT = "root"


class Words(str):
    """An author's own text, which says something else of itself than what it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


class Mute(Exception):
    """It cannot even say what it is."""

    def __repr__(self) -> NoReturn:
        raise ZeroDivisionError

    __str__ = __repr__


class MuteForNow(TemporaryError):
    """Nor can this one."""

    __str__ = Mute.__repr__


class Own(Evidence):
    """An author's evidence, which is put into words by classes of its own."""

    permissions: ClassVar[tuple[str, ...]] = ()

    def asked(self) -> bool:
        """Note an answer."""
        self.inquiry.note(Part.ROOT, Words("yes"), holds_until=None)
        return True

    def unread(self) -> NoReturn:
        """Say that it cannot be read."""
        self.inquiry.cannot_tell(Cause(reason=Part.ROOT, detail=Words("no")))


@rule
def own_words(instance: ec2.Instance, params: NoParams, own: Own) -> Violation | None:
    """A violation in an author's own classes; about an instance named `raises` and the like, what it is named for."""
    match instance.id:
        case "raises":
            raise Mute
        case "later":
            raise MuteForNow
        case "unread":
            own.unread()
        case "numbers":
            return Violation(summary="x", offending=(1, 2))  # type: ignore[arg-type]
        case "characters":
            return Violation(summary="x", offending="sgr-1")  # type: ignore[arg-type]
    own.asked()
    return Violation(summary=Words("too big"), offending=(Part.ROOT, Words("b")))


def own_words_of(resource: str) -> Verdict:
    """What the rule with its own words says of an instance with this id."""
    return Bench().judge(stop_idle(rule=own_words, params=NoParams()), instance(id=resource))


def texts(verdict: Verdict) -> list[str]:
    """Every text in a verdict that an author may have put there."""
    found = [text for reading in verdict.readings for text in (reading.question, reading.answer)]
    if verdict.violation is not None:
        found += [verdict.violation.summary, *verdict.violation.offending]
    return found + ([verdict.cause.reason, verdict.cause.detail] if verdict.cause else [])


def test_a_verdict_holds_no_class_of_an_author() -> None:
    """Their characters count: no other process knows the class that they are of."""
    verdict = own_words_of("i-1")
    assert texts(verdict) == ["root", "yes", "too big", "root", "b"]
    assert {type(text) for text in texts(verdict)} == {str}
    assert pickle.loads(pickle.dumps(verdict)) == verdict  # noqa: S301  # what the test just wrote


def test_a_cause_holds_no_class_of_an_author() -> None:
    """What an author's evidence could not read, in plain words."""
    verdict = own_words_of("unread")
    assert texts(verdict) == ["root", "no"]
    assert {type(text) for text in texts(verdict)} == {str}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("numbers", Reason.RULE_NONSENSE),
        ("characters", Reason.RULE_NONSENSE),
        ("raises", Reason.RULE_RAISED),
        ("later", Reason.RULE_TEMPORARY),
    ],
)
def test_what_is_not_made_of_texts_is_unknown(resource: str, reason: Reason) -> None:
    """Nobody guesses what was meant, and an error that cannot say what it is stops nobody."""
    verdict = own_words_of(resource)
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.cause is not None
    assert verdict.cause.reason == reason


@pytest.mark.parametrize("careless", [not_busy, swallows_everything])
def test_missing_metrics_are_unknown_even_to_a_careless_rule(world: World, careless: object) -> None:
    """No rule, however it is written, turns a failed metric call into a match."""
    world.use(stop_idle(rule=careless, params=NotBusy(), mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-busy", cpu=95)
    world.cloud.fails["CPUUtilization i-busy"] = Throttled("Rate exceeded")
    result = world.sweep()
    assert [dict(judgement.verdicts) for judgement in result.judgements] == [{Outcome.UNKNOWN: 1}]
    assert world.called() == []


def test_raising_endless_and_nonsense_rules_hurt_only_themselves(world: World) -> None:
    """Three broken policies and a sound one: the sound one judges as if it were alone."""
    world.use(
        stop_idle(),
        stop_idle(name="raises", rule=raises, params=NotBusy()),
        stop_idle(name="endless", rule=endless, params=NotBusy()),
        stop_idle(name="nonsense", rule=nonsense, params=NotBusy()),
    )
    world.add("i-idle")
    result = world.sweep()
    causes = {one.policy: doubt.cause.reason for one in result.judgements for doubt in one.doubts}
    assert causes == {
        "raises": Reason.RULE_RAISED,
        "endless": Reason.RULE_CUT_OFF,
        "nonsense": Reason.RULE_NONSENSE,
    }
    assert world.states() == {"i-idle": State.PROPOSED}
    assert len(world.reports.of(RuleFailed)) == 3


def test_endless_rule_is_given_up_after_a_few_resources(world: World) -> None:
    """A rule that never ends does not cost its limit once for every resource."""
    world.use(stop_idle(rule=endless, params=NotBusy()))
    for number in range(50):
        world.add(f"i-{number}")
    TRIED.clear()
    assert world.sweep().unknown == 50
    assert len(TRIED) == MAX_CUT_OFFS


def test_second_policy_on_the_same_metric_asks_for_nothing_more(world: World) -> None:
    """Evidence is shared: the same question is gathered once."""
    world.add("i-idle")
    world.sweep()
    alone = len(world.cloud.asked)
    world.cloud.asked.clear()
    world.use(stop_idle(), stop_idle(name="stop-idle-too"))
    world.sweep()
    assert len(world.cloud.asked) == alone


def test_stopped_instance_costs_no_metric(world: World) -> None:
    """A rule that never asks has nothing gathered for it."""
    world.add("i-stopped")
    world.cloud.change("i-stopped", state="stopped")
    world.sweep()
    assert world.cloud.asked == []


def test_unknown_is_counted_with_its_cause(world: World) -> None:
    """The report of a sweep says how many are unknown, and why."""
    world.add("i-silent", cpu=None)
    world.sweep()
    (judged,) = world.reports.of(PolicyJudged)
    assert isinstance(judged, PolicyJudged)
    assert (judged.scope, judged.unknown) == (SCOPE, {Reason.NOT_ENOUGH_DATA: 1})


def test_unanswered_is_no_exception() -> None:
    """A rule's `except Exception` cannot catch a question without an answer."""
    assert not issubclass(Unanswered, Exception)
