"""What discovery finds is remembered, announced, and only observed until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from busy_store import BusyStore
from cloudwarden import ENFORCE
from cloudwarden.clock import FakeClock
from cloudwarden.core.acceptance import LEFT_OUT, STATEMENTS, Discovery, DiscoveryProblem, FoundScope
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired
from cloudwarden.core.finding import State
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.core.verdict import Cause, Outcome, Verdict
from cloudwarden.engine.decide import Decider, DecisionError, accept
from cloudwarden.engine.enroll import Enroller
from cloudwarden.engine.events import ScopesDiscovered, ScopesFound, ScopesLeft, ScopesUntold
from cloudwarden.engine.settle import total
from cloudwarden.engine.survey import judgement
from cloudwarden.ports import Store
from cloudwarden.testing import instance
from reports import Reports
from world import NOON, SCOPE, World, stop_idle

WEB, DATA = (Scope(account=number * 12, region="eu-west-1") for number in "12")
OPERATOR = Decider(by="ada", origin="test", reason="looked", now=NOON)


@dataclass(kw_only=True)
class Estate:
    """An enroller, and what it is told."""

    store: Store
    found: Discovery = field(default_factory=lambda: Discovery(scopes=()))
    fails: CloudError | None = None
    accept_first: bool = False
    reports: Reports = field(default_factory=Reports)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))

    def __post_init__(self) -> None:
        self.enroller = self.started()

    def started(self) -> Enroller:
        """The enroller of a process that starts now."""
        return Enroller(
            store=self.store,
            clock=self.clock,
            reporter=self.reports,
            discover=self.discovered,
            accept_first=self.accept_first,
        )

    def discovered(self) -> Discovery:
        """What discovery tells, or raises."""
        if self.fails is not None:
            raise self.fails
        return self.found

    def finds(self, *scopes: Scope, named: bool = False, problems: tuple[DiscoveryProblem, ...] = ()) -> None:
        """Discover these scopes."""
        found = tuple(FoundScope(scope=one, name="n", named=named) for one in scopes)
        self.found = Discovery(scopes=found, problems=problems)
        assert self.enroller.scopes() == scopes


@pytest.fixture
def estate(store: Store) -> Estate:
    """Nothing found yet."""
    return Estate(store=store)


def test_a_named_scope_is_accepted_and_a_found_one_waits(estate: Estate) -> None:
    """Both are announced, once."""
    estate.finds(WEB, named=True)
    estate.finds(WEB, DATA)
    estate.finds(WEB, DATA)
    assert (estate.enroller.accepts(WEB), estate.enroller.accepts(DATA)) == (True, False)
    assert estate.reports.of(ScopesFound) == [
        ScopesFound(account=WEB.account, name="n", regions=(WEB.region,), accepted=True),
        ScopesFound(account=DATA.account, name="n", regions=(DATA.region,), accepted=False),
    ]
    assert estate.reports.of(ScopesDiscovered)[-1] == ScopesDiscovered(accepted=1, waiting=1, problems=())


@pytest.mark.parametrize("accept_first", [True, False])
def test_the_first_discovery_is_accepted_when_the_settings_say_so(store: Store, *, accept_first: bool) -> None:
    """And only the first: what comes after waits all the same."""
    estate = Estate(store=store, accept_first=accept_first)
    estate.finds(WEB)
    estate.finds(WEB, DATA)
    assert (estate.enroller.accepts(WEB), estate.enroller.accepts(DATA)) == (accept_first, False)


def test_what_the_settings_come_to_name_is_accepted_with_an_entry_in_the_journal(estate: Estate) -> None:
    """Once, whichever waited for it: who let policies act there is told by the journal alone."""
    estate.finds(WEB, DATA)
    estate.finds(WEB, DATA, named=True)
    estate.finds(WEB, DATA, named=True)
    with estate.store.reading() as tx:
        entries = tx.journal.entries()
    assert [one.event for one in entries] == ["scopes_found", "scopes_accepted"]
    assert entries[-1].details["by"] == "settings"
    assert entries[-1].details["scopes"] == [str(WEB), str(DATA)]


def test_an_account_that_the_settings_leave_no_region_has_left(estate: Estate) -> None:
    """That is told, and hides nothing: what it had is not waited for."""
    estate.finds(WEB, DATA, named=True)
    cause = Cause(reason="no-region", detail="they leave it none")
    estate.finds(WEB, named=True, problems=(DiscoveryProblem(source=LEFT_OUT, account=DATA.account, cause=cause),))
    assert [one.account for one in estate.reports.of(ScopesLeft) if isinstance(one, ScopesLeft)] == [DATA.account]
    assert estate.enroller.told(DATA)


def test_an_account_of_many_regions_is_told_in_one_event(estate: Estate) -> None:
    """A thousand accounts in seventeen regions are a thousand lines of the log, not seventeen thousand."""
    estate.finds(WEB, replace(WEB, region="us-east-1"))
    event = ScopesFound(account=WEB.account, name="n", regions=("eu-west-1", "us-east-1"), accepted=False)
    assert estate.reports.of(ScopesFound) == [event]


def test_an_operators_word_is_heard_at_the_next_sweep(estate: Estate) -> None:
    """From another process, through the store; it is in the journal, and outlives a restart."""
    estate.finds(WEB, DATA)
    with estate.store.transaction() as tx:
        assert accept(tx, WEB.account, None, OPERATOR) == [WEB]
    estate.finds(WEB, DATA)
    assert [enroller.accepts(WEB) for enroller in (estate.enroller, estate.started())] == [True, True]
    with estate.store.reading() as tx:
        entry = tx.journal.entries()[-1]
        assert (entry.event, entry.details["by"], entry.details["scopes"]) == ("scopes_accepted", "ada", [str(WEB)])


def test_accepting_what_was_never_found_is_refused(estate: Estate) -> None:
    """A typo would look like a decision and be none; so would a second word on the same."""
    estate.finds(WEB)
    with estate.store.transaction() as tx:
        with pytest.raises(DecisionError, match="cloudwarden scopes"):
            accept(tx, WEB.account, "us-east-1", OPERATOR)
        accept(tx, WEB.account, WEB.region, OPERATOR)
        with pytest.raises(DecisionError, match="already"):
            accept(tx, WEB.account, None, OPERATOR)


def test_an_acceptance_while_a_discovery_is_written_down_stands(store: Store) -> None:
    """It is committed between the enroller's reading and its writing, and counts at once."""
    Estate(store=store).finds(WEB)
    busy = BusyStore(inner=store, meanwhile=lambda tx: accept(tx, WEB.account, None, OPERATOR))
    renamed = FoundScope(scope=WEB, name="shop", named=False)
    enroller = Estate(store=busy, found=Discovery(scopes=(renamed,))).enroller
    enroller.scopes()
    with store.reading() as tx:
        known = tx.scopes.known()[WEB]
    assert (known.name, known.accepted_by, enroller.accepts(WEB)) == ("shop", "ada", True)


def test_a_scope_leaves_when_a_whole_discovery_lacks_it(estate: Estate) -> None:
    """It is announced, keeps its acceptance, and is announced again when it comes back."""
    estate.finds(WEB, DATA, named=True)
    estate.clock.advance(timedelta(hours=1))
    estate.finds(DATA, named=True)
    assert estate.reports.of(ScopesLeft) == [ScopesLeft(account=WEB.account, name="n", regions=(WEB.region, GLOBAL))]
    estate.finds(WEB, DATA)
    assert estate.enroller.accepts(WEB)
    assert len(estate.reports.of(ScopesFound)) == 3


def test_what_is_global_leaves_with_the_last_region(estate: Estate) -> None:
    """And no sooner: it is the account's, and in none of its regions."""
    other = replace(WEB, region="us-east-1")
    estate.finds(WEB, other, DATA)
    estate.finds(other, DATA)
    estate.finds(DATA)
    left: list[Any] = estate.reports.of(ScopesLeft)
    assert [one.regions for one in left] == [(WEB.region,), (other.region, GLOBAL)]


def test_a_scope_that_left_is_not_accepted_until_it_is_back(estate: Estate) -> None:
    """A region that is taken out of the settings is left alone at once, by a process that starts now as well."""
    estate.finds(WEB, DATA, named=True)
    estate.finds(DATA, named=True)
    assert [one.accepts(WEB) for one in (estate.enroller, estate.started())] == [False, False]
    estate.finds(WEB, DATA)
    assert [one.accepts(WEB) for one in (estate.enroller, estate.started())] == [True, True]


def test_what_is_global_is_not_accepted_once_the_last_region_left(estate: Estate) -> None:
    """It was accepted with the first."""
    estate.finds(WEB, DATA, named=True)
    estate.finds(DATA, named=True)
    assert not estate.enroller.accepts(Scope(account=WEB.account, region=GLOBAL))


def test_what_is_not_found_is_not_acted_on_though_nobody_can_say_that_it_is_gone(estate: Estate) -> None:
    """An account may have been excluded while the organization cannot be listed."""
    estate.finds(WEB, DATA, named=True)
    cause = Cause(reason=AccessDenied.reason, detail="no")
    estate.finds(DATA, problems=(DiscoveryProblem(source="organization", cause=cause),))
    assert (estate.enroller.accepts(WEB), estate.enroller.accepts(DATA)) == (False, True)
    assert estate.reports.of(ScopesLeft) == []


def test_what_only_an_earlier_process_found_is_observed_until_it_is_found_again(estate: Estate) -> None:
    """The settings may have excluded it since; its acceptance is kept."""
    estate.finds(WEB, named=True)
    estate.found = Discovery(scopes=(FoundScope(scope=WEB, name="n", named=False, remembered=True),))
    estate.enroller.scopes()
    assert not estate.enroller.accepts(WEB)
    assert estate.enroller.accepts_lastingly(WEB), "what people were asked there stands"
    assert estate.reports.of(ScopesDiscovered)[-1] == ScopesDiscovered(accepted=0, waiting=0, problems=())
    estate.finds(WEB)
    assert estate.enroller.accepts(WEB)


def test_a_process_asks_for_the_scopes_before_anything_is_done(estate: Estate) -> None:
    """What the store says may be out of the settings since; once told, nothing is asked for this."""
    estate.finds(WEB, named=True)
    estate.found = Discovery(scopes=(FoundScope(scope=DATA, named=True),))
    started = estate.started()
    assert started.known()
    assert (started.accepts(WEB), started.accepts(DATA)) == (False, True)
    discovered = len(estate.reports.of(ScopesDiscovered))
    assert started.known()
    assert len(estate.reports.of(ScopesDiscovered)) == discovered


def test_while_the_scopes_cannot_be_told_nothing_is_known_and_they_are_asked_for_once_a_minute(estate: Estate) -> None:
    """The daemon looks every second, and AWS is not asked as often."""
    estate.fails = CredentialsExpired("no credentials")
    assert [estate.enroller.known() for _ in range(3)] == [False] * 3
    assert estate.reports.of(ScopesUntold) == [ScopesUntold(detail="no credentials")]
    estate.fails = None
    assert not estate.enroller.known()
    estate.clock.advance(timedelta(minutes=1))
    assert estate.enroller.known()


def test_what_statements_do_not_name_keeps_nothing_from_leaving(estate: Estate) -> None:
    """It is no failure: whoever lists an account no more takes it away."""
    estate.finds(WEB, DATA)
    problem = DiscoveryProblem(source=STATEMENTS, cause=Cause(reason="no-account", detail="*"))
    estate.finds(DATA, problems=(problem,))
    assert estate.reports.of(ScopesLeft) == [ScopesLeft(account=WEB.account, name="n", regions=(WEB.region, GLOBAL))]


@pytest.mark.parametrize(("account", "leaves"), [("", 0), (WEB.account, 0), (DATA.account, 1)])
def test_a_failed_discovery_proves_no_absence(estate: Estate, account: str, leaves: int) -> None:
    """Without a list of accounts nothing is gone; without one account's regions, nothing of that account."""
    estate.finds(WEB, DATA)
    cause = Cause(reason=AccessDenied.reason, detail="no")
    problem = DiscoveryProblem(source="organization", account=account, cause=cause)
    estate.finds(DATA, problems=(problem,))
    assert len(estate.reports.of(ScopesLeft)) == leaves


@pytest.mark.parametrize(("source", "news"), [("statements", 2), ("settings", 2), ("roles", 4)])
def test_what_is_known_to_lead_nowhere_is_told_once(estate: Estate, source: str, news: int) -> None:
    """Until it changes; what cannot be told is told at every sweep."""
    first, second = (
        DiscoveryProblem(source=source, cause=Cause(reason="no-account", detail=words)) for words in ("a", "b")
    )
    for problem in (first, first, second, second):
        estate.finds(DATA, problems=(problem,))
    told = [ScopesDiscovered(accepted=0, waiting=1, problems=(one,)) for one in (first, first, second, second)]
    assert sum(one in told for one in estate.reports.of(ScopesDiscovered)) == news


@pytest.mark.parametrize(("account", "told"), [(None, True), ("", False), (WEB.account, False), (DATA.account, True)])
def test_what_a_discovery_could_not_tell_is_not_told(estate: Estate, account: str | None, *, told: bool) -> None:
    """Nor is anything before the first one, and while one fails."""
    assert not estate.enroller.told(WEB)
    cause = Cause(reason=AccessDenied.reason, detail="no")
    problems = () if account is None else (DiscoveryProblem(source="regions", account=account, cause=cause),)
    estate.finds(DATA, problems=problems)
    assert estate.enroller.told(WEB) is told
    estate.fails = AccessDenied("no credentials")
    with pytest.raises(AccessDenied):
        estate.enroller.scopes()
    assert not estate.enroller.told(WEB)


def test_a_denied_scope_does_not_stop_what_is_due_elsewhere() -> None:
    """The limit's share is of what was listed completely, which can only make it smaller."""
    compliant = [(instance(id="i-1"), Verdict(outcome=Outcome.COMPLIANT))]
    seen = judgement(stop_idle(), WEB, None, compliant, frozenset())
    denied = judgement(stop_idle(), DATA, Cause(reason=AccessDenied.reason, detail="no"), (), frozenset())
    known, unknown = (one.population_in(lambda _: True) for one in (seen, denied))
    assert total([known, unknown]) == 1
    assert total([unknown]) is None


def test_policies_only_observe_where_nobody_accepted(world: World) -> None:
    """A due violation is neither proposed nor acted upon there, and is elsewhere."""
    world.use(stop_idle(mode=ENFORCE))
    waiting = Scope(account="999999999999", region=SCOPE.region)
    world.scopes, world.waiting = [SCOPE, waiting], {waiting}
    world.add("i-ours")
    world.cloud.put(
        instance(id="i-new", account=waiting.account, region=waiting.region, launched=NOON - timedelta(days=2))
    )
    world.measure("i-new", cpu=1.0, network=0.0)
    world.sweep()
    assert world.states() == {"i-ours": State.PROPOSED, "i-new": State.OPEN}
    assert [proposal.resource_id for proposal in world.proposals()] == ["i-ours"]
    with world.store.reading() as tx:
        run = tx.runs.get("stop-idle")
        assert run is not None
        assert run.population == 1, "a limit's share is not taken of what nobody accepted"
