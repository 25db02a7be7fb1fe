"""From a directory of policy files to the policies that run: good files in, broken ones as they last were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from cloudwarden.core.directory import Directory, shown
from cloudwarden.core.nearest import nearest
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.restraint import UNRESTRAINED, Restraints
from cloudwarden.loading.importing import Version, read
from cloudwarden.loading.overrides import apply
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.source import digest, policy_files
from cloudwarden.settings import PolicyOverride

IMPORT_TIMEOUT_SECONDS = 10.0
"""How long one file may take: importing takes milliseconds, and a cold import of a large library a few seconds."""

_NO_FILE = Path("settings")

Overrides = Mapping[str, PolicyOverride]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A version of a file that runs: its policies by name, with this environment's overrides applied."""

    version: Version
    policies: Mapping[str, AnyPolicy]

    def line_of(self, name: str) -> int:
        """The line at which the file defines a policy."""
        return next((one.line for one in self.version.defined if one.policy.name == name), 1)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The policies that run, by name, and what is wrong with the files and overrides that were refused."""

    policies: Mapping[str, AnyPolicy]
    problems: tuple[Problem, ...]
    overrides: Overrides = field(default_factory=dict, repr=False)
    running: Mapping[Path, Running] = field(default_factory=dict, repr=False)
    latest: Mapping[Path, Version] = field(default_factory=dict, repr=False)
    """The newest content of each file, running or refused."""

    @property
    def clean(self) -> frozenset[str] | None:
        """The names of all policies that there are; None while something was refused, for then nobody knows them."""
        return None if self.problems else frozenset(self.policies)

    def file_of(self, name: str) -> Path | None:
        """The file that defines a running policy."""
        return next((path for path, running in self.running.items() if name in running.policies), None)


NOTHING = Loaded(policies={}, problems=())


def load(
    directory: Path,
    overrides: Overrides,
    previous: Loaded | None = None,
    *,
    settings_file: Path | None = None,
    owners: Directory | None = None,
    restraints: Restraints = UNRESTRAINED,
    import_timeout_seconds: float = IMPORT_TIMEOUT_SECONDS,
) -> Loaded:
    """The policies of `directory`'s *.py files, with `overrides` applied; whom they tell, if `owners` are given, known.

    A window or freeze of `restraints` that is about no policy is a problem: it holds nothing, and is relied on.
    A file that did not change keeps its objects of `previous`; one that is refused runs on as it last was; one that
    was deleted is gone. A directory that cannot be read is not an empty one: everything runs on. Never raises for
    what a file contains, KeyboardInterrupt apart.
    """
    loading = _Loading(
        overrides, previous or NOTHING, settings_file or _NO_FILE, owners, restraints, import_timeout_seconds
    )
    try:
        paths = policy_files(directory)
    except OSError as error:
        problem = Problem(
            file=directory,
            line=0,
            what=f"the directory of policies cannot be read: {error.strerror}",
            write="write the path of a directory with *.py files as `policies` in the settings",
            kept=tuple(loading.previous.policies),
        )
        return replace(loading.previous, problems=(problem,))
    if not paths:
        loading.refuse(directory, 0, "has no *.py files", "write a policy file there")
    for path in paths:
        loading.take(path)
    loading.settle_names()
    return loading.loaded()


class _Loading:
    """One pass over the files."""

    def __init__(
        self,
        overrides: Overrides,
        previous: Loaded,
        settings_file: Path,
        owners: Directory | None,
        restraints: Restraints,
        timeout_seconds: float,
    ) -> None:
        self.previous = previous
        self._overrides = overrides
        self._settings_file = settings_file
        self._owners = owners
        self._restraints = restraints
        self._timeout_seconds = timeout_seconds
        self._problems: list[tuple[Problem, Path]] = []
        self._running: dict[Path, Running] = {}
        self._latest: dict[Path, Version] = {}

    def refuse(self, file: Path, line: int, what: str, write: str, *, instead_of: Path | None = None) -> None:
        """Note a problem, on account of which the last good version of `instead_of`, or else of `file`, runs on."""
        self._problems.append((Problem(file=file, line=line, what=what, write=write), instead_of or file))

    def take(self, path: Path) -> None:
        """Read one file; what is to run of it is its new version, or else its last good one."""
        if kept := self.previous.running.get(path):
            self._running[path] = kept
        try:
            content = path.read_bytes()
        except OSError as error:
            self.refuse(path, 0, f"cannot be read: {error.strerror}", "give the daemon's user the right to read it")
            return
        version = self._latest[path] = self._version(path, content)
        problems = version.problems or tuple(self._same_name_twice(version))
        if problems:
            self._problems.extend((problem, path) for problem in problems)
        elif (running := self._overridden(version)) is not None:
            self._running[path] = running

    def settle_names(self) -> None:
        """Have every name run once: the file that had it keeps it, else the first by name; the other is refused."""
        while refused := self._first_duplicate():
            name, owner, other = refused
            self.refuse(
                other,
                self._running[other].line_of(name),
                f"policy {name!r} is already defined at {owner}:{self._running[owner].line_of(name)}",
                "write another name, or delete one of the two",
            )
            if (kept := self.previous.running.get(other)) is not None:
                self._running[other] = kept
            else:
                del self._running[other]

    def loaded(self) -> Loaded:
        """What this pass found."""
        policies = {name: policy for running in self._running.values() for name, policy in running.policies.items()}
        self._note_unknown_names(policies)
        return Loaded(
            policies=policies,
            problems=tuple(replace(problem, kept=self._kept(path)) for problem, path in self._problems),
            overrides=self._overrides,
            running=self._running,
            latest=self._latest,
        )

    def _version(self, path: Path, content: bytes) -> Version:
        known = (self.previous.latest.get(path), *(one.version for one in self.previous.running.values()))
        mark = digest(content)
        for version in known:
            # What failed is tried again, as its cause may lie outside the file; what hung would only hang again.
            if version and (version.path, version.digest) == (path, mark) and (version.hung or not version.problems):
                return version
        return read(path, content, timeout_seconds=self._timeout_seconds)

    def _same_name_twice(self, version: Version) -> Iterator[Problem]:
        lines: dict[str, int] = {}
        for one in version.defined:
            if one.policy.name in lines:
                what = f"policy {one.policy.name!r} is already defined at {version.path}:{lines[one.policy.name]}"
                yield Problem(file=version.path, line=one.line, what=what, write="write another name")
            lines.setdefault(one.policy.name, one.line)

    def _overridden(self, version: Version) -> Running | None:
        """The version as this environment wants it; None, with its problems noted, when an override does not fit."""
        before = self.previous.running.get(version.path)
        if before is not None and before.version is version and self.previous.overrides == self._overrides:
            return before
        policies: dict[str, AnyPolicy] = {}
        fits = True
        for one in version.defined:
            override = self._overrides.get(one.policy.name)
            policies[one.policy.name], misfits = apply(one.policy, override) if override else (one.policy, ())
            for misfit in misfits:
                fits = False
                what = f"{misfit.key}: {misfit.what} (it overrides {version.path}:{one.line})"
                self.refuse(self._settings_file, 0, what, misfit.write, instead_of=version.path)
            for name in self._strangers(policies[one.policy.name]):
                fits = False
                what = f"policy {one.policy.name!r}: its notice is for {shown(name)}, whom the settings do not know"
                if override is not None and override.notice is not None:
                    what = f"policy.{one.policy.name}.notice: {what} (it overrides {version.path}:{one.line})"
                    self.refuse(self._settings_file, 0, what, self._instead_of(name), instead_of=version.path)
                else:
                    self.refuse(version.path, one.line, what, self._instead_of(name))
        return Running(version=version, policies=policies) if fits else None

    def _strangers(self, policy: AnyPolicy) -> list[str]:
        """Whom its notices name who is neither an owner nor a channel."""
        if self._owners is None or policy.notice is None:
            return []
        return [name for name in policy.notice.names if self._owners.find(name) is None]

    def _instead_of(self, name: str) -> str:
        known = self._owners.names if self._owners else ()
        meant = nearest(name, known)
        if meant:
            return f"write {meant!r}"
        add = "add the owner to [owners] in the settings"
        return f"write one of {', '.join(known)}, or {add}" if known else add

    def _first_duplicate(self) -> tuple[str, Path, Path] | None:
        """A name that two files define: the name, the file that keeps it, and the one that is refused."""
        owners: dict[str, Path] = {}
        for path, running in self._running.items():
            for name in running.policies:
                owner = owners.setdefault(name, path)
                if owner == path:
                    continue
                had = self.previous.file_of(name)
                return (name, path, owner) if had == path else (name, owner, path)
        return None

    def _note_unknown_names(self, policies: Mapping[str, AnyPolicy]) -> None:
        """Of what the settings say of policies by name: overrides, windows and freezes."""
        broken = [version.text for version in self._latest.values() if version.problems]
        defined = {one.policy.name for version in self._latest.values() for one in version.defined}
        known = sorted(defined | policies.keys())
        for name in self._overrides:
            # A policy whose file is broken today is not unknown.
            if name in known or any(name in text for text in broken):
                continue
            meant = nearest(name, known)
            names = f"write the name of a policy ({', '.join(known) or 'there is none'})"
            write = f"write policy.{meant}" if meant else f"{names}, or remove the table of one that is gone"
            self.refuse(self._settings_file, 0, f"policy.{name}: no policy has this name", write)
        for table, name in self._restraints.named:
            if any(fnmatchcase(one, name) for one in known) or any(name in text for text in broken):
                continue
            write = f"write {nearest(name, known) or ', '.join(known) or 'the name of a policy'}"
            self.refuse(
                self._settings_file, 0, f"{table}.policies: no policy is named {name!r}: it holds nothing", write
            )

    def _kept(self, file: Path) -> tuple[str, ...]:
        running = self._running.get(file)
        return tuple(running.policies) if running else ()
