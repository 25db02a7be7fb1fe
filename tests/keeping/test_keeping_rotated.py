"""A copy in a file that is rotated: what its parts know counts, wherever they are, and what cannot be read is told."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudwarden.clock import FakeClock
from cloudwarden.core.errors import ShippingError
from cloudwarden.engine.events import RollbackFound
from cloudwarden.keeping.file_copy import FileCopy
from cloudwarden.store import SqlStore, open_store
from copies import Shipping

Rotate = Callable[[Path], object]


def renamed(file: Path) -> None:
    """As logrotate does by itself."""
    file.rename(f"{file}.1")


def created(file: Path) -> None:
    """As its `create` does."""
    renamed(file)
    file.touch()


def copied_and_cut(file: Path) -> None:
    """As its `copytruncate` does."""
    shutil.copy(file, f"{file}.1")
    os.truncate(file, 0)


def packed(file: Path) -> None:
    """As its `compress` does."""
    Path(f"{file}.1.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()


def twice(file: Path) -> None:
    """An empty part between the two."""
    file.rename(f"{file}.2")
    Path(f"{file}.1").touch()
    file.touch()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the journal is shipped to."""
    (tmp_path / "audit").mkdir()
    return tmp_path / "audit" / "journal.jsonl"


@pytest.fixture
def shipping(store: SqlStore, clock: FakeClock, file: Path) -> Shipping:
    """A store that ships to it."""
    return Shipping(store=store, clock=clock, copy=FileCopy(file))


@pytest.mark.parametrize("rotate", [renamed, created, copied_and_cut, packed, twice])
def test_a_rollback_is_found_whatever_was_rotated(shipping: Shipping, file: Path, path: Path, rotate: Rotate) -> None:
    """A copy of the store from before the rotation is put in its place: the newest parts know what it forgot."""
    shipping.write(4)
    shipping.ship()
    shipping.store.close()
    shutil.copy(path, path.with_suffix(".old"))
    shipping.store = open_store(f"sqlite:///{path}")
    shipping.write(5)
    shipping.ship()
    shipping.store.close()
    rotate(file)
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    path.with_suffix(".old").rename(path)
    shipping.store = open_store(f"sqlite:///{path}")
    shipping.ship()
    (found,) = [event for event in shipping.heard.events if isinstance(event, RollbackFound)]
    assert "up to 9" in found.detail
    shipping.store.close()


def test_older_parts_are_not_read(shipping: Shipping, file: Path) -> None:
    """Years of them would take as long at every start: the first that is not ahead ends it."""
    shipping.write(3)
    shipping.ship()
    Path(f"{file}.2.gz").write_bytes(b"not to be unpacked")
    os.utime(f"{file}.2.gz", (0, 0))
    renamed(file)
    assert FileCopy(file).ahead(3) == ()


@pytest.mark.parametrize("lost", ["the directory", "the file"])
def test_that_what_was_shipped_is_gone_is_told(shipping: Shipping, file: Path, lost: str) -> None:
    """A disk that is mounted late shows an empty directory, or none: that is no copy that knows nothing."""
    shipping.write(3)
    shipping.ship()
    file.unlink()
    if lost == "the directory":
        file.parent.rmdir()
    shipper = shipping.shipper()
    assert not shipper.turn()
    assert "not compared yet" in str(shipper.doubt())
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert not shipper.turn()
    assert shipper.doubt() is None


def test_a_part_that_cannot_be_read_is_told(shipping: Shipping, file: Path) -> None:
    """It may be the one that knows more."""
    shipping.write(3)
    shipping.ship()
    Path(f"{file}.1.gz").write_bytes(gzip.compress(file.read_bytes())[:-20])
    file.unlink()
    with pytest.raises(ShippingError, match="cannot be read"):
        FileCopy(file).ahead(2)
    Path(f"{file}.1.gz").rename(f"{file}.1.zst")
    with pytest.raises(ShippingError, match="packed by gzip"):
        FileCopy(file).ahead(2)


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_packed_parts_are_compared(shipping: Shipping, file: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    """By what logrotate packs with."""
    shipping.write(3)
    shipping.ship()
    Path(f"{file}.1.{suffix}").write_bytes(pack(file.read_bytes()))
    file.unlink()
    assert [mark.seq for mark in FileCopy(file).ahead(2)] == [3]
    assert shipping.compared().ok


def test_a_place_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    """A directory that this user may not enter, say: the error is ours, and is tried again as any other."""
    copy = FileCopy(tmp_path / ("too-long-a-name" * 20) / "journal.jsonl")
    for look in (copy.refuse_unfit, lambda: copy.ahead(0), lambda: list(copy.lines())):
        with pytest.raises(ShippingError, match="cannot be written or read"):
            look()


def test_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    """What was shipped is found again after a start."""
    file = tmp_path / "journal[prod].jsonl"
    file.write_text("\n")
    assert FileCopy(file).ahead(3) == ()
