"""The file of exemptions is taken over, refused, and told of; so are pauses and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

import blank_stores
from busy_store import BusyStore
from cloudwarden import days
from cloudwarden.clock import FakeClock
from cloudwarden.core.errors import StoreError
from cloudwarden.core.exemption import Exemption
from cloudwarden.engine import decide, exempt
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.engine.events import (
    ExemptionEnding,
    ExemptionExpired,
    ExemptionsRead,
    JournalFailed,
    PauseBegan,
    PauseEnded,
)
from cloudwarden.loading import NOTHING
from cloudwarden.ports import Store
from cloudwarden.register import ExemptionRegister
from cloudwarden.store import SqlStore
from faulty_store import FaultyStore
from reports import Reports
from world import NOON, World, stop_idle, wish

GOOD = """
[[exemption]]
id = "shop-migration"
policy = "stop-idle"
tag = "team=shop"
owner = "ada"
reason = "they move"
expires = 2026-03-20
"""

LOADED = replace(NOTHING, policies={"stop-idle": stop_idle()})


@dataclass(kw_only=True)
class Kept:
    """A register, and all that it speaks to."""

    store: SqlStore
    path: Path
    clock: FakeClock
    reports: Reports

    def register(self, path: Path | None = None, store: Store | None = None) -> ExemptionRegister:
        """As a new process makes it."""
        return ExemptionRegister(
            store=lambda: store or self.store,
            clock=self.clock,
            reporter=self.reports,
            path=path or self.path,
            allowed=days(90),
            warning=days(7),
        )

    def take(self, text: str) -> ExemptionRegister:
        """A new process takes the file with this text over."""
        self.path.write_text(text)
        register = self.register()
        register.take(LOADED)
        return register

    def exemptions(self) -> list[Exemption]:
        """What the store has."""
        with self.store.reading() as tx:
            return list(tx.decisions.exemptions())

    def events(self) -> list[str]:
        """The journal's events."""
        with self.store.reading() as tx:
            return [entry.event for entry in tx.journal.entries()]

    def decider(self) -> Decider:
        """A person."""
        return Decider(by="grace", origin="cli grace@box", reason="lunch", now=self.clock.now())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """An empty store, and a file that is not there yet."""
    store = blank_stores.in_memory()
    yield Kept(store=store, path=tmp_path / "exemptions.toml", clock=FakeClock(NOON), reports=Reports())
    store.close()


def test_an_edit_holds_before_it_is_taken_over(kept: Kept) -> None:
    """Whom it exempts nobody knows until a sweep that is under way has ended."""
    kept.path.write_text("")
    register = kept.register()
    register.take(LOADED)
    assert register.doubt() is None
    kept.path.write_text(GOOD)
    assert "not read yet" in (register.doubt() or "")
    register.take(LOADED)
    assert register.doubt() is None


def test_a_file_is_taken_over_once(kept: Kept) -> None:
    """With its source, and who answers for it; reading the same again changes nothing."""
    assert kept.take(GOOD).doubt() is None
    kept.take(GOOD)
    (made,) = kept.exemptions()
    assert (made.id, made.source, made.made_by) == ("shop-migration", str(kept.path), "ada")
    assert made.selects == "tag team=shop"
    assert made.made_from.startswith(f"{kept.path} sha256:")
    assert kept.events() == ["exemption_made"]


def test_a_changed_entry_counts_as_it_is_now(kept: Kept) -> None:
    """It keeps when it was made; what left the file is revoked, and may come back."""
    kept.take(GOOD)
    kept.clock.advance(days(1))
    kept.take(GOOD.replace("ada", "grace"))
    (changed,) = kept.exemptions()
    assert (changed.owner, changed.created_at) == ("grace", NOON)
    kept.take("")
    (left,) = kept.exemptions()
    assert (left.revoked_at, left.revoked_reason) == (kept.clock.now(), "it left the file")
    kept.take(GOOD)
    assert kept.exemptions()[0].active(kept.clock.now())
    assert kept.events() == ["exemption_made", "exemption_changed", "exemption_revoked", "exemption_made"]


def test_without_a_file_what_came_from_one_ends(kept: Kept) -> None:
    """Exemptions made with a verb stay."""
    kept.take(GOOD)
    with kept.store.transaction() as tx:
        exempt.exempt(tx, kept.decider(), wish(NOON + days(30), resource="i-1"))
    register = kept.register()
    register._path = None  # as settings without the file make it
    register.take(LOADED)
    assert [(one.source == "store", one.active(NOON)) for one in kept.exemptions()] == [(False, False), (True, True)]


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
def test_an_end_that_utc_does_not_have_is_refused(kept: Kept, ends: str) -> None:
    """With its line, and nothing of it is kept: it could not be."""
    kept.path.write_text(GOOD.replace("2026-03-20", ends))
    (problem,) = kept.register().written(LOADED).problems
    assert (problem.line, ends in problem.what, "years 1 to 9999" in problem.what) == (2, True, True)
    kept.register().take(LOADED)
    assert kept.exemptions() == []


def test_a_refused_file_leaves_what_the_last_good_one_said(kept: Kept) -> None:
    """Also in a new process; it is told, and shown."""
    kept.take(GOOD)
    register = kept.take("[[exemption]\n")
    assert register.doubt() is None
    assert kept.exemptions()[0].active(NOON)
    assert "is not TOML" in register.details()["exemptions_problem_1"]
    read = kept.reports.of(ExemptionsRead)[-1]
    assert isinstance(read, ExemptionsRead)
    assert read.problems


def test_a_file_that_exempts_everything_is_refused(kept: Kept) -> None:
    """As the verb refuses it, however it is written."""
    wide = GOOD.replace('"stop-idle"', '"*"').replace('tag = "team=shop"', 'region = "?*"')
    assert "everything out of every policy" in kept.take(wide).details()["exemptions_problem_1"]
    assert not kept.exemptions()


def test_a_file_that_never_was_good_leaves_a_doubt(kept: Kept) -> None:
    """Nobody can tell what it would exempt, so nothing may be done until it is mended."""
    assert "nobody can tell what is exempt" in (kept.take("[[exemption]]\n").doubt() or "")
    assert kept.take(GOOD).doubt() is None
    kept.path.unlink()
    register = kept.register()
    register.take(LOADED)
    assert register.doubt() is None
    assert "cannot be read" in register.details()["exemptions_problem_1"]


@pytest.mark.parametrize(("fault", "text"), [("unwritable", GOOD), ("unreadable", "[[exemption]]\n")])
def test_what_could_not_be_taken_over_leaves_a_doubt_until_it_is(kept: Kept, fault: str, text: str) -> None:
    """Nobody edits the file again: each turn tries until it is done, once, and health says so meanwhile."""
    kept.take("")
    store = FaultyStore(inner=kept.store, **{fault: True})
    register = kept.register(store=store)
    kept.path.write_text(text)
    with pytest.raises(StoreError):
        register.take(LOADED)
    register.turn()
    assert "could not be stored" in (register.doubt() or "")
    assert "exemptions" in register.details()
    assert len(kept.reports.of(JournalFailed)) == 1
    store.unwritable = store.unreadable = False
    register.turn()
    register.turn()
    assert register.doubt() is None
    assert "exemptions" not in register.details()
    assert [one.id for one in kept.exemptions()] == (["shop-migration"] if text is GOOD else [])
    assert len(kept.reports.of(ExemptionsRead)) == 2


def test_a_good_file_that_was_lost_leaves_a_doubt_when_the_next_one_is_refused(kept: Kept) -> None:
    """What was stored before it is not what somebody relies on."""
    kept.take("")
    store = FaultyStore(inner=kept.store, unwritable=True)
    register = kept.register(store=store)
    for text in (GOOD, GOOD + "[[exemption]\n"):
        kept.path.write_text(text)
        with suppress(StoreError):
            register.take(LOADED)
    store.unwritable = False
    register.turn()
    assert "nobody can tell what is exempt" in (register.doubt() or "")
    kept.path.write_text(GOOD)
    register.take(LOADED)
    assert register.doubt() is None


def test_nothing_is_done_to_what_only_the_edited_file_exempts(kept: Kept) -> None:
    """It was approved before; it is held while the store refuses the edit, and exempt from then on."""
    world, refusing = World(store=kept.store, clock=kept.clock), FaultyStore(inner=kept.store, unwritable=True)
    world.use(stop_idle())
    world.add("i-1", tags={"team": "shop"})
    world.sweep()
    world.approve_all()
    register = kept.register(store=refusing)
    kept.path.write_text(GOOD)
    with pytest.raises(StoreError):
        register.take(LOADED)
    for refusing.unwritable in (True, False, False):
        register.turn()
        world.doubt = register.doubt()
        world.act()
        assert world.called() == []
    assert world.doubt is None


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("2026-03-20", "2026-12-31", ":2: shop-migration: it ends on 2026-12-31, and may last 90 days at most"),
        ("2026-03-20", '"soon"', ":2: expires: .*; write a date, such as 2026-12-31"),
        ('policy = "stop-idle"', 'policy = "stop-idel"', ":2: no policy 'stop-idel'; write \"stop-idle\""),
        ('owner = "ada"', "", ":2: owner: Field required; write owner = "),
        ('owner = "ada"', 'owner = " "', "needs an owner"),
        ("reason", "raeson", "write reason"),
        ('id = "shop', 'id = "x-shop', "x- is for those made with a verb"),
        ('tag = "team=shop"', 'tag = "=shop"', "names no tag"),
        ("[[exemption]]", "[exemption]", r"write every exemption as \[\[exemption\]\]"),
        ("[[exemption]]", GOOD + "[[exemption]]", ":10: id 'shop-migration' is there twice"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(kept: Kept, was: str, becomes: str, says: str) -> None:
    """Nothing of such a file is taken over."""
    kept.path.write_text(GOOD.replace(was, becomes))
    problems = kept.register().written(LOADED).problems
    assert problems
    with pytest.raises(ValueError, match=says):
        raise ValueError("; ".join(str(one) for one in problems))
    kept.register().take(LOADED)
    assert kept.exemptions() == []


def test_what_a_file_keeps_is_not_revoked_with_a_verb(kept: Kept) -> None:
    """It would come back; the file is the place."""
    kept.take(GOOD)
    with kept.store.transaction() as tx, pytest.raises(DecisionError, match="take it out there"):
        exempt.revoke(tx, "shop-migration", kept.decider())


def test_an_end_is_told_before_and_when_it_comes_once_each(kept: Kept) -> None:
    """Also across restarts; the journal has the end."""
    kept.take(GOOD)
    told = []
    for _ in range(25):
        kept.register().turn()
        told.append((len(kept.reports.of(ExemptionEnding)), len(kept.reports.of(ExemptionExpired))))
        kept.clock.advance(timedelta(days=1))
    changes = [number for number in range(1, 25) if told[number] != told[number - 1]]
    assert (changes, told[-1]) == ([11, 18], (1, 1))
    assert kept.events() == ["exemption_made", "exemption_expired"]


def test_a_revocation_while_an_end_is_told_stands(kept: Kept) -> None:
    """It is committed between the register's reading and its writing: nothing is left to tell."""
    with kept.store.transaction() as tx:
        made = exempt.exempt(tx, kept.decider(), wish(NOON + days(30)))
    kept.clock.advance(days(25))
    busy = BusyStore(inner=kept.store, meanwhile=lambda tx: exempt.revoke(tx, made.id, kept.decider()))
    kept.register(store=busy).turn()
    (revoked,) = kept.exemptions()
    assert (revoked.revoked_by, kept.reports.of(ExemptionEnding)) == ("grace", [])


def test_pauses_are_told_when_they_begin_and_end(kept: Kept) -> None:
    """A process that starts says what it finds paused; health names it."""
    with kept.store.transaction() as tx:
        decide.pause(tx, kept.decider(), account="111122223333")
    register = kept.register()
    register.turn()
    register.turn()
    assert register.details() == {"paused": "account 111122223333"}
    with kept.store.transaction() as tx:
        decide.resume(tx, kept.decider(), account="111122223333")
    register.turn()
    assert [len(kept.reports.of(kind)) for kind in (PauseBegan, PauseEnded)] == [1, 1]
    assert register.details() == {}
