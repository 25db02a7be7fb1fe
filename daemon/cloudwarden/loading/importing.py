"""Importing one policy file: in a thread of its own, because an import may never end."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from cloudwarden.core.policy import AnyPolicy, Policy
from cloudwarden.loading.diagnosis import diagnose
from cloudwarden.loading.namespace import Namespace
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.purity import impurities
from cloudwarden.loading.source import Source, digest, names_bound

_NO_POLICIES = "__init__.py"
"""It is mostly empty, and makes the directory a package for tools that check types."""


@dataclass(frozen=True, kw_only=True)
class Defined:
    """A policy that a file defines, and the line of its assignment."""

    policy: AnyPolicy
    line: int


@dataclass(frozen=True, kw_only=True)
class Version:
    """One content of a policy file: what it defines, or what is wrong with it. `hung` says that it never ended."""

    path: Path
    digest: str
    content: bytes = b""
    text: str
    defined: tuple[Defined, ...] = ()
    problems: tuple[Problem, ...] = ()
    hung: bool = False


class _ImportCutOff(BaseException):
    """Raised inside an import that took too long; no `Exception`, so that the file's own handlers let it pass."""


@dataclass(kw_only=True)
class _Import:
    """An import under way, shared with its thread."""

    source: Source
    module: ModuleType
    problems: list[Problem] = field(default_factory=list)
    lines: dict[int, int] = field(default_factory=dict)
    """The identity of a policy to the line of the statement that first bound it."""
    line: int = 1
    interrupted: KeyboardInterrupt | None = None
    held: dict[str, list[tuple[AnyPolicy, int]]] = field(default_factory=dict)
    """By variable: each policy that it ever was, and on which line it became that."""

    def run(self) -> None:
        """Run the file's statements; what fails is noted, and what only fails because of that is not."""
        unbound: set[str] = set()
        names = Namespace(self.module.__dict__, given=self._given, deleted=self._deleted)
        for statement, code in self.source.statements():
            self.line = statement.lineno
            try:
                exec(code, self.module.__dict__, names)  # noqa: S102  # running the operator's policies is what we are for
            except Exception as error:  # noqa: BLE001  # whatever the author's code raises is the file's problem
                if not _follows_from(error, unbound):
                    self.problems.extend(diagnose(error, self.source, self.module))
                unbound |= names_bound(statement)
                continue
            except KeyboardInterrupt as error:
                self.interrupted = error
                return
            except BaseException as error:  # noqa: BLE001  # sys.exit in a policy file must not end the daemon
                if not isinstance(error, _ImportCutOff):
                    self.problems.extend(diagnose(error, self.source, self.module))
                return
            unbound -= names_bound(statement)
            self._find_policies(statement.lineno)
        self._find_fingerprints()
        self._find_lost()

    def _given(self, name: str, value: object) -> None:
        """A variable is this from now on."""
        if isinstance(value, Policy):
            self.held.setdefault(name, []).append((value, self.line))
            self.lines.setdefault(id(value), self.line)

    def _deleted(self, name: str) -> None:
        """Whoever deletes a variable means not to have the policy."""
        self.held.pop(name, None)

    def _find_lost(self) -> None:
        """Policies that somebody wrote and nobody would run: a guard is believed to be there, and is not."""
        kept = {one.policy.name for one in self.defined()}
        write = "write each policy to a variable of its own"
        for name, policies in self.held.items():
            for policy, line in policies:
                if policy.name not in kept:
                    self._note_lost(line, f"policy {policy.name!r} would not run: {name} is another value later", write)
        for name, value in self.module.__dict__.items():
            for policy in _inside(value):
                if policy.name not in kept:
                    self._note_lost(self._line_of(name), f"policy {policy.name!r} would not run inside {name}", write)

    def _note_lost(self, line: int, what: str, write: str) -> None:
        self.problems.append(Problem(file=self.source.path, line=line, what=what, write=write))

    def _line_of(self, name: str) -> int:
        """The line of the first statement that gives a variable its value."""
        return next((one.lineno for one in self.source.tree.body if name in names_bound(one)), 1)

    def _find_policies(self, line: int) -> None:
        for value in self.module.__dict__.values():
            if isinstance(value, Policy):
                self.lines.setdefault(id(value), line)

    def _find_fingerprints(self) -> None:
        """Have every policy know its fingerprint before its rule runs, and can change what it names."""
        for one in self.defined():
            try:
                _ = one.policy.fingerprint
            except Exception as error:  # noqa: BLE001  # an author's values may fail at being read
                what = f"policy {one.policy.name!r}: what its code uses cannot be read: {error!r}"
                self.problems.append(
                    Problem(file=self.source.path, line=one.line, what=what, write="have it use simpler values")
                )

    def defined(self) -> tuple[Defined, ...]:
        """The policies among the module's values, in the order they were bound; an alias counts once."""
        found = {id(value): value for value in self.module.__dict__.values() if isinstance(value, Policy)}
        return tuple(Defined(policy=policy, line=self.lines[key]) for key, policy in found.items())


def _inside(value: object, depth: int = 2) -> Iterator[AnyPolicy]:
    """The policies in a list or another collection, or in one in it."""
    if not depth or not isinstance(value, dict | list | tuple | set | frozenset):
        return
    for one in tuple(value.values() if isinstance(value, dict) else value):
        if isinstance(one, Policy):
            yield one
        else:
            yield from _inside(one, depth - 1)


def read(path: Path, content: bytes, *, timeout_seconds: float) -> Version:
    """Import a policy file's content. Whatever is wrong with it becomes problems; only KeyboardInterrupt passes."""
    mark = digest(content)
    if not content.strip() and path.name != _NO_POLICIES:
        # What a full disk or an interrupted copy leaves. Whoever means to have none of its policies deletes the file.
        empty = Problem(file=path, line=1, what="is empty", write="write its policies again, or delete the file")
        return Version(path=path, digest=mark, content=content, text="", problems=(empty,))
    try:
        source = Source.parse(path, content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        text = content.decode(errors="replace")
        return Version(path=path, digest=mark, content=content, text=text, problems=(_unparsable(path, text, error),))
    running = _Import(source=source, module=source.new_module())
    ended = _run_within(running.run, timeout_seconds)
    sys.modules.pop(running.module.__name__, None)
    if running.interrupted is not None:
        raise running.interrupted
    problems = (*impurities(path, source.tree), *running.problems)
    if not ended:
        problems = (*problems, _hung(running, timeout_seconds))
    return Version(
        path=path,
        digest=mark,
        content=content,
        text=source.text,
        defined=() if problems else running.defined(),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        hung=not ended,
    )


def _run_within(work: Callable[[], None], timeout_seconds: float) -> bool:
    """Whether `work` ended in time. If not, it is told to stop at its next step of Python, and left alone.

    One that waits inside C, such as a socket's read, keeps its thread until that returns; it holds nothing of ours.
    """

    def until_cut_off() -> None:
        with suppress(_ImportCutOff):
            work()

    thread = threading.Thread(target=until_cut_off, name="import", daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if not thread.is_alive():
        return True
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_ImportCutOff))
    return False


def _hung(running: _Import, timeout_seconds: float) -> Problem:
    return Problem(
        file=running.source.path,
        line=running.line,
        what=f"importing did not end within {timeout_seconds:g} s",
        write="write what only defines rules and policies at module level: no waiting, no calls to services",
    )


def _unparsable(path: Path, content: str, error: Exception) -> Problem:
    if isinstance(error, SyntaxError):
        lines = content.splitlines()
        text = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
        write = f"correct this line: {text}" if text else "write valid Python"
        return Problem(file=path, line=error.lineno or 1, what=f"syntax error: {error.msg}", write=write)
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return Problem(file=path, line=line, what="is not UTF-8", write="write it as UTF-8")
    return Problem(file=path, line=1, what=f"cannot be parsed: {error}", write="write valid Python")


def _follows_from(error: Exception, unbound: set[str]) -> bool:
    """Whether the error is only that a name is missing whose own statement already failed."""
    causes: list[BaseException | None] = [error, error.__cause__]
    return any(isinstance(cause, NameError) and cause.name in unbound for cause in causes)
