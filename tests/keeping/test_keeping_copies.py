"""What every copy of the journal promises: in memory, in a file, and in a bucket."""

from __future__ import annotations

from dataclasses import replace

from cloudwarden.clock import FakeClock
from cloudwarden.ports import Batch, JournalCopy
from cloudwarden.store import SqlStore
from copies import Shipping


def batch(first: int, last: int, branch: str = "aaaa0000") -> Batch:
    """A batch whose lines name their entries."""
    sealed = f"{last:064x}"
    lines = [f'{{"seq":{seq},"hash":"{sealed}","branch":"{branch}"}}' for seq in range(first, last + 1)]
    content = "".join(f"{line}\n" for line in lines).encode()
    return Batch(first_seq=first, last_seq=last, last_hash=sealed, branch=branch, content=content)


def test_what_is_put_is_read_in_order(copy: JournalCopy) -> None:
    """Line by line, by the numbers of the entries."""
    copy.refuse_unfit()
    for one in (batch(1, 3), batch(4, 4), batch(5, 12)):
        copy.put(one)
    assert [text.partition(",")[0] for _, text in copy.lines()] == [f'{{"seq":{seq}' for seq in range(1, 13)]


def test_a_batch_that_comes_again_is_no_error(copy: JournalCopy) -> None:
    """Whoever did not hear an answer puts it once more; what is kept is the same."""
    copy.put(batch(1, 3))
    copy.put(batch(1, 3))
    assert {text for _, text in copy.lines()} == set(batch(1, 3).content.decode().splitlines())


def test_an_empty_copy_is_not_ahead(copy: JournalCopy) -> None:
    """Of anything."""
    assert list(copy.ahead(0)) == []


def test_a_real_journal_comes_back_whole(copy: JournalCopy, store: SqlStore, clock: FakeClock) -> None:
    """From the store to the copy and back, every hash and every field, whatever is in them."""
    shipping = Shipping(store=store, clock=clock, copy=copy)
    shipping.write(7)
    shipping.ship()
    shipping.write(3)
    shipping.ship()
    assert shipping.seqs() == list(range(1, 11))
    assert shipping.compared().ok


def test_marks_are_of_what_is_above(copy: JournalCopy, store: SqlStore, clock: FakeClock) -> None:
    """The newest at least, with its branch and a hash that begins like its entry's."""
    shipping = Shipping(store=store, clock=clock, copy=copy)
    shipping.write(5)
    shipping.ship()
    with store.reading() as tx:
        (entry,) = tx.journal.entries(after=4)
        (shipment,) = tx.keeping.shipments()
    newest = max(copy.ahead(0), key=lambda mark: mark.seq)
    assert (newest.seq, newest.branch) == (5, shipment.branch)
    assert entry.hash.startswith(newest.hash)
    assert len(newest.hash) >= 16
    assert list(copy.ahead(5)) == []


def test_two_histories_stand_side_by_side(copy: JournalCopy) -> None:
    """A batch of another branch with the same numbers replaces nothing."""
    copy.put(batch(1, 2))
    copy.put(replace(batch(2, 3, "bbbb1111")))
    assert len(list(copy.lines())) == 4
