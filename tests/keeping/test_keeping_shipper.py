"""Every committed entry reaches the copy, in order; what cannot be is told, and what was forgotten is found."""

from __future__ import annotations

import threading
from pathlib import Path

import blank_stores
from cloudwarden.core.errors import Timeout
from cloudwarden.engine.events import JournalShipped, RollbackFound, ShippingFailed
from cloudwarden.keeping.shipper import BATCH, ship_until, shipment_of
from cloudwarden.memory import MemoryCopy
from copies import TARGET, Shipping
from journals import tamper
from pausing import paused


def memory(shipping: Shipping) -> MemoryCopy:
    """The copy in memory."""
    assert isinstance(shipping.copy, MemoryCopy)
    return shipping.copy


def put_back(shipping: Shipping, path: Path, seq: int) -> None:
    """Put the store back to when its journal ended with this entry, as somebody would who copies an old file over."""
    with shipping.store.reading() as tx:
        (entry,) = tx.journal.entries(after=seq - 1, most=1)
    tamper(path, "DELETE FROM journal WHERE seq > ?", seq)
    tamper(path, "UPDATE sqlite_sequence SET seq = ?", seq)
    tamper(path, "UPDATE shipments SET seq = ?, hash = ?", seq, entry.hash)


def test_a_turn_ships_one_batch(shipping: Shipping) -> None:
    """Work is bounded: so many entries at a time, and whoever turns it knows whether more may follow."""
    shipping.write(2 * BATCH + 1)
    shipper = shipping.shipper()
    assert [shipper.turn() for _ in range(4)] == [True, True, False, False]
    assert [one.last_seq for one in memory(shipping).batches] == [BATCH, 2 * BATCH, 2 * BATCH + 1]


def test_a_new_process_goes_on_where_the_last_one_was(shipping: Shipping) -> None:
    """The position is kept in the store."""
    shipping.write(3)
    shipping.ship()
    shipping.write(2)
    shipping.ship()
    assert shipping.seqs() == [1, 2, 3, 4, 5]


def test_what_was_put_and_not_marked_is_put_again(shipping: Shipping) -> None:
    """A crash between the two repeats a batch, and loses none; nobody takes it for a rollback."""
    shipping.write(3)
    shipping.ship()
    with shipping.store.transaction() as tx:
        marked = shipment_of(tx, TARGET)
        tx.keeping.save_shipment(type(marked)(target=TARGET, branch=marked.branch))
    shipping.write(1)
    shipping.ship()
    assert set(shipping.seqs()) == {1, 2, 3, 4}
    assert shipping.compared().ok
    assert not any(isinstance(event, RollbackFound) for event in shipping.heard.events)


def test_a_failure_is_told_and_made_good(shipping: Shipping) -> None:
    """How much waits, and why; health shows it until it works again. Nothing is raised, and nothing is lost."""
    shipping.write(3)
    shipper = shipping.shipper()
    memory(shipping).fails = Timeout("no answer in 20 s")
    assert not shipper.turn()
    failed = shipping.heard.events[-1]
    assert isinstance(failed, ShippingFailed)
    assert (failed.unshipped, failed.detail) == (3, "no answer in 20 s")
    assert "no answer" in shipper.details()["journal_copy"]
    memory(shipping).fails = None
    shipper.turn()
    shipped = shipping.heard.events[-1]
    assert isinstance(shipped, JournalShipped)
    assert (shipped.entries, shipped.unshipped) == (3, 0)
    assert shipper.details() == {}


def test_an_unfit_place_gets_nothing(shipping: Shipping) -> None:
    """A bucket without object lock would only seem to keep it."""
    shipping.write(1)
    memory(shipping).unfit = "no object lock"
    assert not shipping.shipper().turn()
    assert memory(shipping).batches == []
    assert isinstance(shipping.heard.events[-1], ShippingFailed)


def test_a_store_that_forgot_is_paused(shipping: Shipping, path: Path) -> None:
    """The copy knows more than the store: somebody put it back. It is told, journalled, and nothing acts."""
    shipping.write(9)
    shipping.ship()
    put_back(shipping, path, 4)
    shipping.ship()
    (found,) = [event for event in shipping.heard.events if isinstance(event, RollbackFound)]
    assert "up to 9" in found.detail
    assert shipping.events()[-1] == "rollback_found"
    with shipping.store.reading() as tx:
        (pause,) = tx.decisions.pauses()
    assert (pause.what, pause.by) == ("everything", "cloudwarden")
    assert "--copy" in pause.reason


def test_a_rollback_is_kept_as_a_restoration_that_nobody_told_of(shipping: Shipping, path: Path) -> None:
    """What had begun by then takes no further step; the pause may be somebody's, and end for another reason."""
    shipping.write(9)
    shipping.ship()
    put_back(shipping, path, 4)
    shipping.ship()
    with shipping.store.reading() as tx:
        found = tx.keeping.restored()
    assert found is not None
    assert (found.seq, found.file, found.by) == (4, "", "cloudwarden")


def test_a_rollback_is_found_once(shipping: Shipping, path: Path) -> None:
    """The next process ships the new history, and does not pause again what a person has resumed."""
    shipping.write(9)
    shipping.ship()
    put_back(shipping, path, 4)
    shipping.ship()
    with shipping.store.transaction() as tx:
        tx.decisions.end_pause("*", "*")
    shipping.write(1)
    shipping.ship()
    with shipping.store.reading() as tx:
        assert tx.decisions.pauses() == []
    assert shipping.events().count("rollback_found") == 1
    assert shipping.compared().ok


def test_a_new_database_where_an_old_one_shipped_is_found(shipping: Shipping) -> None:
    """A lost database that was made anew knows nothing, and the copy does."""
    shipping.write(3)
    shipping.ship()
    fresh = Shipping(store=blank_stores.in_memory(), clock=shipping.clock, copy=shipping.copy, heard=shipping.heard)
    fresh.ship()
    assert fresh.events() == ["rollback_found"]
    fresh.store.close()


def test_a_pause_that_stands_does_not_stand_for_the_rollbacks(shipping: Shipping, path: Path) -> None:
    """Whoever made it resumes it for a reason of their own: it stays beside the rollback's."""
    shipping.write(9)
    shipping.ship()
    put_back(shipping, path, 4)
    with shipping.store.transaction() as tx:
        tx.decisions.save_pause(paused())
    shipping.ship()
    with shipping.store.reading() as tx:
        (pause,) = tx.decisions.pauses()
    assert (pause.by, pause.earlier) == ("cloudwarden", (str(paused()),))
    assert not pause.only_by("ada")


def test_nothing_may_be_done_before_the_copy_was_compared(shipping: Shipping) -> None:
    """A copy that cannot be read may know what this store has forgotten; that it cannot be written holds nothing."""
    shipping.write(3)
    shipper = shipping.shipper()
    assert "not compared yet" in str(shipper.doubt())
    copy = memory(shipping)
    copy.silent = Timeout("no answer in 20 s")
    assert not shipper.turn()
    failed = shipping.heard.events[-1]
    assert isinstance(failed, ShippingFailed)
    assert "not compared yet" in failed.detail
    assert "no answer in 20 s" in shipper.details()["journal_copy"]
    copy.silent, copy.fails = None, Timeout("no answer in 20 s")
    assert not shipper.turn()
    assert shipper.doubt() is None


def test_a_trouble_is_over_when_nothing_is_left_to_ship(shipping: Shipping) -> None:
    """All was shipped before the start at which the copy could not be read."""
    shipping.write(3)
    shipping.ship()
    shipper = shipping.shipper()
    memory(shipping).silent = Timeout("no answer in 20 s")
    assert not shipper.turn()
    memory(shipping).silent = None
    assert not shipper.turn()
    assert (shipper.failing, shipper.details()) == (False, {})


def test_an_unfit_place_is_compared_all_the_same(shipping: Shipping) -> None:
    """That it keeps nothing of what is put there is told, and is no reason to do nothing."""
    memory(shipping).unfit = "no object lock"
    shipper = shipping.shipper()
    assert not shipper.turn()
    assert shipper.doubt() is None


def test_shipping_ends_when_asked(shipping: Shipping) -> None:
    """With what was written last, so that the outcome of the last action is not left for the next start."""
    stop = threading.Event()
    shipper = shipping.shipper()
    shipper.turn()
    shipping.write(2)
    stop.set()
    ship_until(shipper, stop)
    assert shipping.seqs() == [1, 2]


def test_what_nobody_foresaw_is_told_and_tried_again(shipping: Shipping) -> None:
    """Of a copy as of a disk of the network: without its thread nothing would be shipped, or done, ever again."""
    shipping.write(3)
    shipper = shipping.shipper()
    for error, told in ((OSError(116, "Stale file handle"), "Stale file handle"), (RuntimeError("secret"), "Runtime")):
        memory(shipping).silent = error
        assert not shipper.turn()
        assert told in shipper.details()["journal_copy"]
        assert "secret" not in shipper.details()["journal_copy"]
        assert isinstance(shipping.heard.events[-1], ShippingFailed)
    memory(shipping).silent = None
    shipping.ship(shipper)
    assert shipper.doubt() is None
