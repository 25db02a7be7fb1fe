"""That edits of policies, settings and exemptions are noticed, whatever links lead to the files."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from cloudwarden import seconds
from cloudwarden.clock import FakeClock
from cloudwarden.loading import Edits
from cloudwarden.loading.edits import MOST_SECONDS, REST_SECONDS
from world import NOON

A_WHILE = timedelta(seconds=REST_SECONDS)


class Place:
    """A directory of policies and a file of settings, somebody who edits, and who looks every so often."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.policies = home / "policies"
        self.settings = home / "cloudwarden.toml"
        self.clock = FakeClock(NOON)

    def edits(self) -> Edits:
        """What notices, with what is there now taken."""
        return Edits(self.policies, [self.settings], clock=self.clock)

    def noticed(self, edits: Edits) -> bool:
        """Whether an edit is found by looks that are a second apart; if so, it is taken."""
        if edits.found():
            raise AssertionError("found before it rested")
        self.clock.advance(A_WHILE)
        found = edits.found()
        edits.take()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """One with a policy and settings, neither of them a link."""
    made = Place(tmp_path)
    made.policies.mkdir()
    (made.policies / "a.py").write_text("a = 1\n")
    made.settings.write_text("threads = 1\n")
    return made


@pytest.fixture
def linked(tmp_path: Path) -> Place:
    """One whose directory lies behind a link `current` to a release, and whose settings are a link into a checkout."""
    for release in ("one", "two"):
        (tmp_path / release / "policies").mkdir(parents=True)
        (tmp_path / release / "policies" / "a.py").write_text(f"# {release}\n")
    (tmp_path / "checkout.toml").write_text("threads = 1\n")
    (tmp_path / "current").symlink_to("one")
    (tmp_path / "cloudwarden.toml").symlink_to("checkout.toml")
    made = Place(tmp_path)
    made.policies = tmp_path / "current" / "policies"
    return made


def swap(link: Path, target: str) -> None:
    """Have a link lead elsewhere, as deployments do: there is no instant without one."""
    new = link.with_name("new")
    new.symlink_to(target)
    new.rename(link)


def test_what_was_not_edited_is_not_found(linked: Place) -> None:
    """However long one looks."""
    edits = linked.edits()
    assert not any(linked.noticed(edits) for _ in range(5))


@pytest.mark.parametrize("file", ["policies/a.py", "cloudwarden.toml"])
def test_an_edit_is_found_once(place: Place, file: str) -> None:
    """Of a policy as of another file; what was taken is no news."""
    edits = place.edits()
    (place.home / file).write_text("a = 22\n")
    assert place.noticed(edits)
    assert not place.noticed(edits)


def test_a_new_and_a_deleted_file_are_found(place: Place) -> None:
    """Both change which policies run."""
    edits = place.edits()
    (place.policies / "b.py").write_text("b = 1\n")
    assert place.noticed(edits)
    (place.policies / "b.py").unlink()
    assert place.noticed(edits)


def test_a_file_replaced_by_one_of_its_size_and_time_is_found(place: Place) -> None:
    """Which is how many editors save, and how copies are made that keep times."""
    edits, file = place.edits(), place.policies / "a.py"
    before, new = file.stat(), place.policies / "a.py.tmp"
    new.write_text("a = 2\n")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.rename(file)
    assert place.noticed(edits)


def test_other_files_are_not_found(place: Place) -> None:
    """Neither an editor's litter nor what lies beside, such as the database, causes a reload."""
    edits = place.edits()
    for name in ("policies/notes.txt", "policies/.#a.py", "cloudwarden.db", "setup.py"):
        (place.home / name).write_text("x")
    assert not place.noticed(edits)


def test_an_edit_behind_a_link_is_found(linked: Place) -> None:
    """Settings, exemptions and policies are often links into a checkout, where they are edited."""
    (linked.policies / "b.py").symlink_to(linked.home / "checkout.toml")
    (linked.home / "two" / "c.py").write_text("c = 1\n")
    (linked.policies / "c.py").symlink_to(linked.home / "two" / "c.py")
    edits = linked.edits()
    (linked.home / "checkout.toml").write_text("threads = 22\n")
    assert linked.noticed(edits)
    (linked.home / "two" / "c.py").write_text("c = 22\n")
    assert linked.noticed(edits)


def test_a_swapped_link_on_the_way_is_found(linked: Place) -> None:
    """Releases are often switched by a link, and edits of the new one count from then on."""
    edits = linked.edits()
    swap(linked.home / "current", "two")
    assert linked.noticed(edits)
    (linked.home / "two" / "policies" / "a.py").write_text("# even later\n")
    assert linked.noticed(edits)


def test_a_mounted_map_that_changes_is_found(place: Place) -> None:
    """Kubernetes never changes the files: it swaps the `..data` link that they point through."""
    for version in ("..1", "..2"):
        (place.policies / version).mkdir()
        (place.policies / version / "b.py").write_text(f"# {version}\n")
    (place.policies / "..data").symlink_to("..1")
    (place.policies / "b.py").symlink_to("..data/b.py")
    edits = place.edits()
    swap(place.policies / "..data", "..2")
    assert place.noticed(edits)


def test_a_link_that_is_broken_for_a_moment_is_no_edit(linked: Place) -> None:
    """What is as it was when the files rest was never away."""
    edits, link = linked.edits(), linked.home / "current"
    link.unlink()
    assert not edits.found()
    link.symlink_to("one")
    assert not linked.noticed(edits)


@pytest.mark.parametrize("name", ["current", "cloudwarden.toml"])
def test_a_link_that_stays_broken_is_found_and_so_is_its_return(linked: Place, name: str) -> None:
    """What cannot be read must be told, and what comes back be read."""
    edits, link = linked.edits(), linked.home / name
    target = link.readlink()
    link.unlink()
    link.symlink_to("nowhere")
    assert linked.noticed(edits)
    swap(link, str(target))
    assert linked.noticed(edits)


def test_files_that_are_being_written_are_waited_for(place: Place) -> None:
    """Half a file of exemptions exempts less."""
    edits = place.edits()
    for number in range(4):
        (place.policies / "a.py").write_text("#" * number)
        assert not edits.found()
        place.clock.advance(seconds(0.6))
    place.clock.advance(A_WHILE)
    assert edits.found()


def test_files_that_never_rest_are_not_waited_for_long(place: Place) -> None:
    """An edit that must hold is not put off for ever by whoever writes on beside it."""
    edits, found = place.edits(), []
    for number in range(int(MOST_SECONDS * 2)):
        (place.policies / "a.py").write_text("#" * (number + 10))
        found.append(edits.found())
        place.clock.advance(seconds(0.6))
    assert found == [False] * 5 + [True]


def test_policies_that_were_edited_are_unread_at_once(place: Place) -> None:
    """Until they are taken, rest or not; other files are for others to tell of."""
    edits = place.edits()
    place.settings.write_text("threads = 2\n")
    assert edits.unread() is None
    (place.policies / "a.py").write_text("a = 12\n")
    assert edits.unread() == f"policies in {place.policies} were edited, and are not read yet"
    edits.take()
    assert edits.unread() is None
    (place.policies / "a.py").unlink()
    assert edits.unread() is not None
