"""What the settings change in a policy, and how an override that does not fit is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden import (
    ENFORCE,
    OBSERVE,
    Escalation,
    Notify,
    account_contact,
    days,
    hours,
    owner,
    owner_tag,
)
from cloudwarden.core.directory import Directory
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.restraint import Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.library.compute import Idle
from cloudwarden.loading import Loaded, load
from cloudwarden.settings import PolicyOverride

SETTINGS = Path("/etc/cloudwarden/cloudwarden.toml")

TEXT = """
from cloudwarden import PROPOSE, Policy, cron, every, minutes
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop = Policy(
    name="stop-idle", rule=idle, params=Idle(max_cpu_percent=7.0), mode=PROPOSE, action=ec2.Stop(),
    schedule=every(minutes=15, jitter=minutes(5)),
)
look = Policy(name="look", rule=idle, params=Idle(), schedule=cron("0 9 * * *", timezone="Europe/Berlin"))
"""


def loaded_with(directory: Path, previous: Loaded | None = None, **overrides: dict[str, object]) -> Loaded:
    """Two policies, stop-idle and look, under overrides as a settings file writes them."""
    (directory / "compute.py").write_text(TEXT)
    given = {name.replace("_", "-"): PolicyOverride.model_validate(override) for name, override in overrides.items()}
    return load(directory, given, previous, settings_file=SETTINGS)


def overridden(directory: Path, **override: object) -> AnyPolicy:
    """The policy stop-idle under an override that fits."""
    loaded = loaded_with(directory, stop_idle=override)
    assert loaded.problems == ()
    return loaded.policies["stop-idle"]


def test_a_policy_without_an_override_is_the_files_own(tmp_path: Path) -> None:
    """An override of one policy leaves the others as they are."""
    loaded = loaded_with(tmp_path, look={"grace": "1h"})
    assert loaded.policies["stop-idle"].grace == timedelta(0)
    assert loaded.policies["look"].grace == hours(1)


@pytest.mark.parametrize(("word", "mode"), [("observe", OBSERVE), ("enforce", ENFORCE)])
def test_the_mode_is_overridden(tmp_path: Path, word: str, mode: object) -> None:
    """An environment may hold a policy back, or let it go further."""
    assert overridden(tmp_path, mode=word).mode is mode


def test_the_interval_is_overridden_and_keeps_its_jitter_within_it(tmp_path: Path) -> None:
    """A jitter that the shorter interval cannot hold shrinks with it."""
    assert str(overridden(tmp_path, every="2m").schedule) == "every 0:02:00"
    assert overridden(tmp_path, every="2m").schedule.jitter == timedelta(minutes=1)


def test_a_cron_expression_replaces_an_interval(tmp_path: Path) -> None:
    """In the time zone that the override names."""
    schedule = overridden(tmp_path, cron="30 7 * * mon", timezone="America/New_York").schedule
    assert str(schedule) == "cron '30 7 * * mon' America/New_York"


def test_a_cron_expression_leaves_the_policys_jitter_out(tmp_path: Path) -> None:
    """It was meant for another schedule: of a day's, it would carry a quarter-hourly one into the night."""
    assert overridden(tmp_path, cron="*/15 9-17 * * mon-fri").schedule.jitter == timedelta(0)


def test_a_cron_expression_keeps_the_policys_time_zone(tmp_path: Path) -> None:
    """Unless the override names another, and a time zone alone moves the policy's own expression."""
    assert str(loaded_with(tmp_path, look={"cron": "0 7 * * *"}).policies["look"].schedule).endswith("Europe/Berlin")
    assert str(loaded_with(tmp_path, look={"timezone": "UTC"}).policies["look"].schedule) == "cron '0 9 * * *' UTC"


def test_params_are_overridden_one_by_one(tmp_path: Path) -> None:
    """What is not named keeps the policy file's value; durations are written with their unit."""
    params = overridden(tmp_path, params={"window": "12h"}).params
    assert params == Idle(window=hours(12), max_cpu_percent=7.0)


def test_parts_of_the_limit_are_overridden(tmp_path: Path) -> None:
    """The other part keeps the policy's value."""
    limit = overridden(tmp_path, limit={"per_run": 2}).limit
    assert (limit.per_run, limit.share) == (2, 0.1)


def test_who_is_told_is_overridden_as_a_whole(tmp_path: Path) -> None:
    """Each way to the owner, and every word of a notice."""
    notice = {
        "owners": ["tag:owner", "account-contact", "team-x"],
        "before": "2d",
        "remind": "1d",
        "escalate": {"after": "12h", "to": "ops"},
        "digest": "7d",
        "waived_by_approval": True,
    }
    assert overridden(tmp_path, notice=notice).notice == Notify(
        owners=[owner_tag("owner"), account_contact(), owner("team-x")],
        before=days(2),
        remind=days(1),
        escalate=Escalation(after=hours(12), to="ops"),
        digest=days(7),
        waived_by_approval=True,
    )
    assert overridden(tmp_path, notice={"owners": ["tag:owner"]}).notice == Notify(owners=[owner_tag("owner")])


def test_whom_the_settings_name_they_must_know(tmp_path: Path) -> None:
    """And whom the file names counts no more where the settings name others."""
    owners = Directory(owners={"team-x": "ops"}, channels=frozenset({"ops"}))
    text = TEXT.replace("action=ec2.Stop(),", 'action=ec2.Stop(), notice=Notify(owners=[owner("absent")]),')
    (tmp_path / "compute.py").write_text(text.replace("PROPOSE, Policy,", "PROPOSE, Notify, Policy, owner,"))

    def loaded(*names: str) -> Loaded:
        override = PolicyOverride.model_validate({"notice": {"owners": names}} if names else {"grace": "1h"})
        return load(tmp_path, {"stop-idle": override}, settings_file=SETTINGS, owners=owners)

    assert loaded("team-x").problems == ()
    (unknown,) = loaded("team-y").problems
    assert unknown.file == SETTINGS
    assert unknown.what.startswith("policy.stop-idle.notice: ")
    assert "team-y" in unknown.what
    assert unknown.write == "write 'team-x'"
    (own,) = loaded().problems
    assert (own.file, "absent" in own.what) == (tmp_path / "compute.py", True)


def test_what_it_may_touch_by_itself_is_overridden(tmp_path: Path) -> None:
    """By how much else depends on it."""
    assert overridden(tmp_path, max_dependants=0).max_dependants == 0


@pytest.mark.parametrize(
    ("override", "key", "what", "write"),
    [
        ({"params": {"windw": "6h"}}, "params.windw", "Idle has no 'windw'", "write policy.stop-idle.params.window"),
        ({"params": {"zzz": 1}}, "params.zzz", "Idle has no 'zzz'", "Idle has window, max_cpu_percent"),
        ({"params": {"window": "6 parsecs"}}, "params.window", "timedelta", "than '6 parsecs'"),
        ({"params": {"max_cpu_percent": 200}}, "params.max_cpu_percent", "less than or equal to 100", "than 200"),
        ({"cron": "61 * * * *"}, "cron", "cron '61 * * * *'", "maximum value (59)"),
        ({"timezone": "UTC"}, "cron", "timezone without cron", "write a cron expression"),
        ({"every": "0.5s"}, "every", "every(...) is 0:00:00.500000", "write at least one second"),
        ({"max_dependants": -1}, "max_dependants", "max_dependants", "write 0 or more"),
        ({"notice": {"owners": ["tag:"]}}, "notice", "owner_tag('')", "write the key of a tag"),
        ({"notice": {"owners": [""]}}, "notice", "owner('')", "write an owner or a channel"),
        ({"notice": {"owners": []}}, "notice", "Notify(owners=...)", 'write a list such as [owner_tag("owner")'),
        ({"notice": {"owners": ["x"], "before": "99d"}}, "notice", "notice", "shorter than proposals_last"),
        ({"grace": "0s", "limit": {"per_run": 0}}, "limit", "Limit(per_run=0)", "write at least 1"),
    ],
)
def test_an_override_that_does_not_fit_names_its_key(
    tmp_path: Path, override: dict[str, object], key: str, what: str, write: str
) -> None:
    """The problem is the settings file's, and names the policy's own place too."""
    (problem,) = loaded_with(tmp_path, stop_idle=override).problems
    assert problem.file == SETTINGS
    assert problem.what.startswith(f"policy.stop-idle.{key}: ")
    assert what in problem.what
    assert f"(it overrides {tmp_path}/compute.py:6)" in problem.what
    assert write in problem.write


def test_a_mode_that_needs_an_action_is_refused(tmp_path: Path) -> None:
    """A policy without an action cannot be made to act by the settings."""
    (problem,) = loaded_with(tmp_path, look={"mode": "enforce"}).problems
    assert "policy.look.mode: mode enforce needs an action" in problem.what


def test_every_part_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """One run of `check` is enough to mend them all."""
    wrong = {"params": {"windw": 1, "max_cpu_percent": "much"}, "limit": {"share": 3}, "cron": "x"}
    assert len(loaded_with(tmp_path, stop_idle=wrong).problems) == 4


def test_a_policy_never_runs_without_its_override(tmp_path: Path) -> None:
    """One that was to be held back here must not run as its file says because of a typing error beside it."""
    assert "stop-idle" not in loaded_with(tmp_path, stop_idle={"mode": "observe", "params": {"x": 1}}).policies


def test_a_new_version_that_its_override_does_not_fit_is_refused(tmp_path: Path) -> None:
    """The last good version, override included, runs on, and the problem says so."""
    before = loaded_with(tmp_path, stop_idle={"params": {"window": "12h"}})
    renamed = TEXT.replace("import Idle, idle", "import Unattached as Idle, unattached as idle")
    renamed = renamed.replace("compute import", "storage import").replace("Idle(max_cpu_percent=7.0)", "Idle()")
    (tmp_path / "compute.py").write_text(renamed.replace(", mode=PROPOSE, action=ec2.Stop()", ""))
    after = load(tmp_path, before.overrides, before, settings_file=SETTINGS)
    assert after.policies["stop-idle"] is before.policies["stop-idle"]
    assert after.problems[0].kept == ("stop-idle", "look")


def test_where_nobody_is_known_there_is_nobody_to_name(tmp_path: Path) -> None:
    """The advice is to write one down."""
    (tmp_path / "compute.py").write_text(TEXT)
    override = PolicyOverride.model_validate({"notice": {"owners": ["team-x"]}})
    loaded = load(tmp_path, {"stop-idle": override}, settings_file=SETTINGS, owners=Directory())
    assert [one.write for one in loaded.problems] == ["add the owner to [owners] in the settings"]


def test_the_table_of_a_policy_that_is_gone_is_to_be_removed(tmp_path: Path) -> None:
    """Whoever deletes a policy's file meets it, and no other name is meant."""
    (problem,) = loaded_with(tmp_path, gone_since_march={"mode": "observe"}).problems
    assert problem.write.endswith("or remove the table of one that is gone")


def test_an_override_of_no_policy_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt policy is an error, and takes no other policy with it."""
    loaded = loaded_with(tmp_path, stop_idel={"mode": "observe"})
    assert [str(problem) for problem in loaded.problems] == [
        f"{SETTINGS}: policy.stop-idel: no policy has this name; write policy.stop-idle"
    ]
    assert set(loaded.policies) == {"stop-idle", "look"}


@pytest.mark.parametrize("name", ["stop-idel", "halt-*"])
def test_a_freeze_of_no_policy_is_a_problem(tmp_path: Path, name: str) -> None:
    """It holds nothing, while somebody relies on it; so it is with a window. Names and patterns that fit are none."""
    (tmp_path / "compute.py").write_text(TEXT)
    freeze = Freeze(begins=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC), reason="x")
    reaches = (Reach(policies=(name, "stop-*", "look")), Reach())
    restraints = Restraints(freezes=tuple((one, freeze) for one in reaches))
    loaded = load(tmp_path, {}, settings_file=SETTINGS, restraints=restraints)
    (problem,) = map(str, loaded.problems)
    assert f"freeze.policies: no policy is named {name!r}: it holds nothing" in problem


def test_an_override_of_a_policy_whose_file_is_broken_is_not_unknown(tmp_path: Path) -> None:
    """One fault is reported once, where it is."""
    (tmp_path / "other.py").write_text("x = Policy(name='other'")
    loaded = loaded_with(tmp_path, other={"mode": "observe"})
    assert [problem.file.name for problem in loaded.problems] == ["other.py"]


def test_an_overridden_policy_keeps_its_object_while_nothing_changes(tmp_path: Path) -> None:
    """A reload for another file's sake does not make it new."""
    before = loaded_with(tmp_path, stop_idle={"grace": "1h"})
    after = loaded_with(tmp_path, before, stop_idle={"grace": "1h"})
    assert after.policies["stop-idle"] is before.policies["stop-idle"]
