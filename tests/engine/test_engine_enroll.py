"""What discovery finds is remembered, announced, and only observed until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE
from cloudwarden.clock import FakeClock
from cloudwarden.core.acceptance import Discovery, DiscoveryProblem, FoundScope
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.finding import State
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Outcome, Verdict
from cloudwarden.engine.decide import Decider, DecisionError, accept
from cloudwarden.engine.enroll import Enroller
from cloudwarden.engine.events import ScopesDiscovered, ScopesFound, ScopesLeft
from cloudwarden.engine.settle import population
from cloudwarden.engine.survey import judgement
from cloudwarden.ports import Store
from cloudwarden.testing import instance
from world import NOON, SCOPE, Reports, World, stop_idle

WEB, DATA = (Scope(account=number * 12, region="eu-west-1") for number in "12")
OPERATOR = Decider(by="ada", origin="test", reason="looked", now=NOON)


@dataclass(kw_only=True)
class Estate:
    """An enroller, and what it is told."""

    store: Store
    found: Discovery = field(default_factory=lambda: Discovery(scopes=()))
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
            discover=lambda: self.found,
            accept_first=self.accept_first,
        )

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


def test_a_scope_leaves_when_a_whole_discovery_lacks_it(estate: Estate) -> None:
    """It is announced, keeps its acceptance, and is announced again when it comes back."""
    estate.finds(WEB, DATA, named=True)
    estate.clock.advance(timedelta(hours=1))
    estate.finds(DATA, named=True)
    assert estate.reports.of(ScopesLeft) == [ScopesLeft(account=WEB.account, name="n", regions=(WEB.region,))]
    estate.finds(WEB, DATA)
    assert estate.enroller.accepts(WEB)
    assert len(estate.reports.of(ScopesFound)) == 3


@pytest.mark.parametrize(("account", "leaves"), [("", 0), (WEB.account, 0), (DATA.account, 1)])
def test_a_failed_discovery_proves_no_absence(estate: Estate, account: str, leaves: int) -> None:
    """Without a list of accounts nothing is gone; without one account's regions, nothing of that account."""
    estate.finds(WEB, DATA)
    cause = Cause(reason=AccessDenied.reason, detail="no")
    problem = DiscoveryProblem(source="organization", account=account, cause=cause)
    estate.finds(DATA, problems=(problem,))
    assert len(estate.reports.of(ScopesLeft)) == leaves


def test_a_denied_scope_does_not_stop_what_is_due_elsewhere() -> None:
    """The limit's share is of what was listed completely, which can only make it smaller."""
    compliant = [(instance(id="i-1"), Verdict(outcome=Outcome.COMPLIANT))]
    seen = judgement(stop_idle(), WEB, None, compliant, frozenset())
    denied = judgement(stop_idle(), DATA, Cause(reason=AccessDenied.reason, detail="no"), (), frozenset())
    assert population([seen, denied]) == 1
    assert population([denied]) is None


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
