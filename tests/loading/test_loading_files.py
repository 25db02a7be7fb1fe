"""Which policies run, as files come, change, break and go."""

from __future__ import annotations

import gc
import inspect
import linecache
import sys
from pathlib import Path

import pytest

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.loading import Loaded, load

POLICY = """
from datetime import timedelta

from cloudwarden import Params, Policy, Resource, Violation, every, rule


class Old(Params):
    age: timedelta = timedelta(hours=1)


@rule
def nameless(resource: Resource, params: Old) -> Violation | None:
    return Violation(summary="{summary}") if resource.name is None else None


{variable} = Policy(name="{name}", rule=nameless, params=Old(), schedule=every(minutes=5))
"""


def policy_text(name: str, summary: str = "no name") -> str:
    """A file that defines one policy."""
    return POLICY.format(name=name, variable=name.replace("-", "_"), summary=summary)


def write(directory: Path, **texts: str) -> None:
    """Files of policies, by stem."""
    for stem, text in texts.items():
        (directory / f"{stem}.py").write_text(text)


def told(loaded: Loaded) -> str:
    """All problems, as a person reads them."""
    return "\n".join(map(str, loaded.problems))


def source_of(policy: AnyPolicy) -> str:
    """The source of the policy's rule, as fingerprints read it."""
    return inspect.getsource(policy.rule.function)


def test_policies_are_collected_in_order_of_file_name(tmp_path: Path) -> None:
    """Every module-level policy of every *.py file runs; other files and hidden ones are not looked at."""
    write(tmp_path, b=policy_text("two"), a=policy_text("one"))
    (tmp_path / "notes.txt").write_text("not Python")
    (tmp_path / ".#a.py").write_text("an editor's lock file")
    loaded = load(tmp_path, {})
    assert (list(loaded.policies), loaded.problems) == (["one", "two"], ())
    assert loaded.file_of("two") == tmp_path / "b.py"


def test_a_policy_that_no_module_level_name_holds_is_ignored(tmp_path: Path) -> None:
    """Only values of the module count, and one with two names counts once."""
    hidden = (
        "\nalias = one\n\n\ndef build():\n    return Policy(name='x', rule=nameless, params=Old(), schedule=None)\n"
    )
    write(tmp_path, a=policy_text("one") + hidden)
    loaded = load(tmp_path, {})
    assert (list(loaded.policies), loaded.problems) == (["one"], ())


def test_an_unchanged_file_keeps_its_objects(tmp_path: Path) -> None:
    """A reload makes new policies of the changed file only."""
    write(tmp_path, a=policy_text("one"), b=policy_text("two"))
    before = load(tmp_path, {})
    write(tmp_path, b=policy_text("two", summary="still no name"))
    after = load(tmp_path, {}, before)
    assert after.policies["one"] is before.policies["one"]
    assert after.policies["two"] is not before.policies["two"]


def test_a_touched_file_counts_as_unchanged(tmp_path: Path) -> None:
    """Content decides, not the modification time."""
    write(tmp_path, a=policy_text("one"))
    before = load(tmp_path, {})
    (tmp_path / "a.py").touch()
    assert load(tmp_path, {}, before).policies["one"] is before.policies["one"]


def test_which_policies_there_are_is_known_of_a_clean_load_alone(tmp_path: Path) -> None:
    """Whoever concludes that one was removed must not do so from what could not be read."""
    assert load(tmp_path / "none", {}).clean is None
    (tmp_path / "a.py").write_text("this is no Python")
    assert load(tmp_path, {}).clean is None
    (tmp_path / "a.py").write_text(policy_text("name-all"))
    assert load(tmp_path, {}).clean == frozenset({"name-all"})
    (tmp_path / "a.py").unlink()
    assert load(tmp_path, {}).clean is None


def test_a_deleted_files_policies_go(tmp_path: Path) -> None:
    """What is no longer there no longer runs."""
    write(tmp_path, a=policy_text("one"), b=policy_text("two"))
    before = load(tmp_path, {})
    (tmp_path / "b.py").unlink()
    assert list(load(tmp_path, {}, before).policies) == ["one"]


def test_a_broken_file_runs_on_as_it_last_was(tmp_path: Path) -> None:
    """The last good version goes on through any number of reloads, and the problem stays reported."""
    write(tmp_path, a=policy_text("one"), b=policy_text("two"))
    good = load(tmp_path, {})
    write(tmp_path, a="oops(")
    again = load(tmp_path, {}, load(tmp_path, {}, good))
    assert again.policies["one"] is good.policies["one"]
    assert "still running as it was: one" in told(again)


def test_a_mended_file_replaces_its_last_good_version(tmp_path: Path) -> None:
    """A problem ends with its cause."""
    write(tmp_path, a=policy_text("one"))
    good = load(tmp_path, {})
    write(tmp_path, a="oops(")
    broken = load(tmp_path, {}, good)
    write(tmp_path, a=policy_text("one", summary="mended"))
    mended = load(tmp_path, {}, broken)
    assert mended.problems == ()
    assert "mended" in source_of(mended.policies["one"])


def test_a_version_that_runs_on_keeps_its_own_source(tmp_path: Path) -> None:
    """A fingerprint, and so an operator's trust, does not change because of a newer file that was refused."""
    write(tmp_path, a=policy_text("one"))
    good = load(tmp_path, {})
    before = good.policies["one"].fingerprint
    write(tmp_path, a="# longer by some lines\n\n\n" + policy_text("one", summary="other") + "oops = undefined\n")
    kept = load(tmp_path, {}, good)
    linecache.checkcache()
    assert "no name" in source_of(kept.policies["one"])
    assert kept.policies["one"].fingerprint == before


def test_a_superseded_version_leaves_nothing_behind(tmp_path: Path) -> None:
    """Reloading for a year does not fill memory with old modules and sources."""
    write(tmp_path, a=policy_text("one"))
    loaded = load(tmp_path, {})
    for number in range(5):
        write(tmp_path, a=policy_text("one", summary=f"version {number}"))
        loaded = load(tmp_path, {}, loaded)
    gc.collect()
    assert len([name for name in linecache.cache if name.startswith(str(tmp_path))]) == 1
    assert not [name for name in sys.modules if name.startswith("_cloudwarden_policy_")]


def test_loading_writes_no_bytecode(tmp_path: Path) -> None:
    """The directory of policies may be read-only, and stays as its owner left it."""
    write(tmp_path, a=policy_text("one"))
    load(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_an_empty_directory_is_a_problem(tmp_path: Path) -> None:
    """A daemon without policies is not what anybody wants."""
    loaded = load(tmp_path, {})
    assert loaded.policies == {}
    assert f"{tmp_path}: has no *.py files" in told(loaded)


def test_a_directory_that_is_gone_is_not_an_empty_one(tmp_path: Path) -> None:
    """While a deployment replaces the directory, everything runs on."""
    directory = tmp_path / "policies"
    directory.mkdir()
    write(directory, a=policy_text("one"))
    before = load(directory, {})
    directory.rename(tmp_path / "elsewhere")
    gone = load(directory, {}, before)
    assert gone.policies == before.policies
    assert "cannot be read: No such file or directory" in told(gone)


def test_a_file_that_cannot_be_read_is_not_a_deleted_one(tmp_path: Path) -> None:
    """A dangling link keeps the last good version running."""
    write(tmp_path, a=policy_text("one"))
    before = load(tmp_path, {})
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").symlink_to(tmp_path / "nowhere")
    dangling = load(tmp_path, {}, before)
    assert list(dangling.policies) == ["one"]
    assert "cannot be read" in told(dangling)


@pytest.mark.parametrize(("newcomer", "owner"), [("a", "b"), ("b", "a")])
def test_a_name_stays_with_the_file_that_had_it(tmp_path: Path, newcomer: str, owner: str) -> None:
    """A second file with a running policy's name is refused, with both places named, whatever the order of names."""
    write(tmp_path, **{owner: policy_text("one")})
    before = load(tmp_path, {})
    write(tmp_path, **{newcomer: policy_text("one", summary="mine")})
    after = load(tmp_path, {}, before)
    assert after.policies["one"] is before.policies["one"]
    assert f"{tmp_path / newcomer}.py:16: policy 'one' is already defined at {tmp_path / owner}.py:16" in told(after)


def test_among_new_files_the_first_by_name_has_the_policy(tmp_path: Path) -> None:
    """At a first start the order of file names decides, so that every start decides alike."""
    write(tmp_path, b=policy_text("one", summary="second"), a=policy_text("one", summary="first"))
    assert "first" in source_of(load(tmp_path, {}).policies["one"])


def test_a_policy_may_move_from_one_file_to_another(tmp_path: Path) -> None:
    """Two files that swap their policies in one deployment do not stand in each other's way."""
    write(tmp_path, a=policy_text("one"), b=policy_text("two"))
    before = load(tmp_path, {})
    write(tmp_path, a=policy_text("two"), b=policy_text("one"))
    after = load(tmp_path, {}, before)
    assert after.problems == ()
    assert after.file_of("one") == tmp_path / "b.py"


def test_a_name_that_a_broken_file_still_runs_is_taken(tmp_path: Path) -> None:
    """A last good version owns its names, and those refused on its account run on as they were too."""
    write(tmp_path, a=policy_text("one"), b=policy_text("two"), c=policy_text("three"))
    before = load(tmp_path, {})
    write(tmp_path, a=policy_text("two"), b="oops(", c=policy_text("one"))
    after = load(tmp_path, {}, before)
    assert {name: after.file_of(name) for name in after.policies} == {
        "one": tmp_path / "a.py",
        "two": tmp_path / "b.py",
        "three": tmp_path / "c.py",
    }
    assert len(after.problems) == 3


def test_two_policies_of_one_name_in_one_file_are_refused(tmp_path: Path) -> None:
    """Neither is the one that was meant."""
    second = 'other = Policy(name="one", rule=nameless, params=Old(), schedule=every(hours=1))\n'
    write(tmp_path, a=policy_text("one") + second, b=policy_text("two"))
    loaded = load(tmp_path, {})
    assert list(loaded.policies) == ["two"]
    assert f"a.py:17: policy 'one' is already defined at {tmp_path}/a.py:16; write another name" in told(loaded)


def test_no_policy_is_lost_where_each_is_a_variable(tmp_path: Path) -> None:
    """One that is changed under its name, listed once more, or deleted on purpose is nobody's mistake."""
    (tmp_path / "many.py").write_text(
        "from dataclasses import replace\n"
        "from cloudwarden import Policy, every, hours\n"
        "from cloudwarden.library.compute import Idle, idle\n"
        "template = Policy(name='template', rule=idle, params=Idle(), schedule=every(minutes=5))\n"
        "first = replace(template, name='first')\n"
        "first = replace(first, grace=hours(1))\n"
        "second = replace(template, name='second')\n"
        "ALL = [first, second]\n"
        "del template\n"
        "for one in ALL:\n"
        "    assert one.grace is not None\n"
    )
    loaded = load(tmp_path, {})
    assert loaded.problems == ()
    assert list(loaded.policies) == ["first", "second"]


def test_a_file_that_was_cut_to_nothing_runs_on_as_it_was(tmp_path: Path) -> None:
    """A full disk or an interrupted copy leaves one; `__init__.py` is empty on purpose."""
    (tmp_path / "__init__.py").write_text("")
    file = tmp_path / "one.py"
    file.write_text(policy_text("one"))
    before = load(tmp_path, {})
    assert before.problems == ()
    file.write_text("\n")
    after = load(tmp_path, {}, before)
    assert list(after.policies) == ["one"]
    assert "one.py:1: is empty; write its policies again, or delete the file" in str(after.problems[0])
    file.write_text("# nothing here for now\n")
    assert load(tmp_path, {}, after).policies == {}
