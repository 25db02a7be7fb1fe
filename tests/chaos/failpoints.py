"""Failpoints: named moments of settling and acting, told to whoever listens, who may end the process there.

No product code takes part: the store and the way to the cloud are wrapped, and a moment's name is taken from the
engine's function that is at it, as in `intents.commit.actions.save:before`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.kind import Kind
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import Call, Read
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing
from cloudwarden.store import SqlStore, SqlTransaction

Listener = Callable[[str], None]
"""Told a moment's name when the daemon comes to it; what it raises, or does, happens there."""

SETTLE_AND_ACT = ("settle", "sweep", "act", "recheck", "withhold", "carry", "intents", "ending", "grounds", "undo")
"""The engine's modules whose moments count."""

MUST_BE_REACHED = frozenset(
    {
        "settle.finish.findings.save:before",
        "settle.finish.proposals.save:after",
        "sweep.settle.commit:before",
        "sweep.settle.commit:after",
        "recheck.look.get:after",
        "intents.commit.actions.save:after",
        "grounds.journalled.journal.append:before",
        "intents.commit.commit:before",
        "intents.commit.commit:after",
        "carry.permitted.dry-run:after",
        "carry.carry_out.call:before",
        "carry.carry_out.call:after",
        "carry.end.commit:before",
        "carry.end.commit:after",
        "carry.stepped.commit:before",
        "carry.stepped.commit:after",
        "carry.reconcile.read:after",
        "carry.look.read:before",
        "carry.say_held.commit:before",
        "carry.say_held.commit:after",
    }
)
"""Moments that the promise "at most once" turns on: a run that does not come to them proves little."""

ON_THE_WAY = (
    "sweep.settle.commit:after",
    "recheck.look.get:before",
    "recheck.look.get:after",
    "intents.commit.begin:before",
    "intents.commit.commit:after",
    "carry.permitted.dry-run:after",
    "carry.carry_out.call:after",
)
"""Moments between which the guards look at what people decided, up to the call; and one right after it."""

REVOCABLE = frozenset(
    {"intents.commit.commit:after", "carry.permitted.dry-run:before", "carry.permitted.dry-run:after"}
)
"""Moments between an intent and the last question whether people still let its call be made."""


def silent(name: str) -> None:
    """Listen to nothing."""
    del name


@dataclass(frozen=True, kw_only=True, slots=True)
class Failpoints:
    """Tells a listener each moment before and after an operation."""

    listener: Listener

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """The moments before and after the block; the latter only when it did not fail."""
        name = f"{_place()}.{operation}"
        self.listener(f"{name}:before")
        yield
        self.listener(f"{name}:after")

    def place(self) -> str:
        """The engine's function that is at work, as `module.function`."""
        return _place()


def counted(name: str) -> bool:
    """Whether a moment is one of settling or acting."""
    return name.partition(".")[0] in SETTLE_AND_ACT


def free(name: str) -> bool:
    """Whether no transaction is open at a moment, so that another process may write."""
    operation, _, side = name.rpartition(".")[2].partition(":")
    return operation in ("get", "read", "call", "dry-run") or (operation, side) in (
        ("begin", "before"),
        ("commit", "after"),
    )


def _place() -> str:
    place = _at_work(sys._getframe(1), besides=("actuator",))
    # What a crew does is the work of whoever waits for the crew.
    return _WORKING.place if place.partition(".")[0] == "crew" else place


def _at_work(frame: FrameType | None, besides: Collection[str]) -> str:
    while frame is not None:
        package, _, module = str(frame.f_globals.get("__name__", "")).rpartition(".")
        if package.startswith("cloudwarden") and package != "cloudwarden.store" and module not in besides:
            return f"{module}.{frame.f_code.co_name.strip('_')}"
        frame = frame.f_back
    return "elsewhere"


_ON_BEHALF = ("crew", "gather", "actuator")
"""The engine's modules that ask for others."""

_SUBMIT = ThreadPoolExecutor.submit


class _Working(threading.local):
    """For whom this thread of a pool works."""

    place = "elsewhere"


_WORKING = _Working()


def _submit(pool: ThreadPoolExecutor, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
    """Give a pool its work with the place that it is for: another thread's frames may not be walked while it runs."""
    place = _at_work(sys._getframe(1), besides=_ON_BEHALF)

    def noted() -> object:
        _WORKING.place = place
        return work(*arguments, **named)

    return _SUBMIT(pool, noted)


ThreadPoolExecutor.submit = _submit  # type: ignore[assignment,method-assign]


class _Watched:
    """A part of a transaction, with failpoints around what it writes."""

    def __init__(self, part: object, label: str, points: Failpoints) -> None:
        self._part, self._label, self._points = part, label, points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name not in ("save", "append", "save_pause", "add_matches"):
            return found

        def watched(*arguments: object, **named: object) -> object:
            with self._points.around(f"{self._label}.{name.replace('_', '-')}"):
                return found(*arguments, **named)

        return watched


class WatchedTransaction(SqlTransaction):
    """A transaction with failpoints around every write."""

    def __init__(self, inner: SqlTransaction, points: Failpoints) -> None:
        super().__init__(inner.connection)
        self._points = points

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ("findings", "proposals", "actions", "journal", "decisions", "runs"):
            return _Watched(found, name, self._points)
        return found


class WatchedStore(SqlStore):
    """A store with failpoints around every write and every commit."""

    def __init__(self, opened: SqlStore, points: Failpoints) -> None:
        super().__init__(opened._engine, busy_timeout_seconds=opened._busy_timeout_seconds)
        self.points = points

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Begin a write transaction. Raises StoreBusy, StoreUnwritable or StoreUnusable."""
        place = self.points.place()
        self.points.listener(f"{place}.begin:before")
        with super().transaction() as tx:
            yield WatchedTransaction(tx, self.points)
            self.points.listener(f"{place}.commit:before")
        self.points.listener(f"{place}.commit:after")


class WatchedActuator(AwsActuator):
    """The way to change AWS, with failpoints around every call and reading."""

    def __init__(self, sessions: Sessions, points: Failpoints) -> None:
        super().__init__(sessions)
        self._points = points

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make the call and return what it `keeps`. Raises CloudError."""
        with self._points.around("dry-run" if dry_run else "call"):
            return super().call(scope, call, dry_run=dry_run)

    def read(self, scope: Scope, read: Read) -> Json:
        """What the reading shows at its path; None when the thing does not exist. Raises CloudError."""
        with self._points.around("read"):
            return super().read(scope, read)


class WatchedInventory(AwsInventory):
    """The inventory of AWS, with failpoints around looking at one resource again."""

    def __init__(self, sessions: Sessions, kinds: Iterable[Kind[Any]], points: Failpoints) -> None:
        super().__init__(sessions, kinds)
        self._points = points

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, read now; complete and empty when it does not exist."""
        with self._points.around("get"):
            return super().get(kind, scope, resource_id)


class WatchedCloud(MemoryCloud):
    """A cloud in memory with the same failpoints."""

    points = Failpoints(listener=silent)

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource."""
        with self.points.around("get"):
            return super().get(kind, scope, resource_id)

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make a call."""
        with self.points.around("dry-run" if dry_run else "call"):
            error = self.fails.get(call.operation)
            if not dry_run and (error is None or error.maybe_done):
                self.arrives(call)
            return super().call(scope, call, dry_run=dry_run)

    def arrives(self, call: Call) -> None:
        """A mutating request came, and has had no effect yet."""

    def read(self, scope: Scope, read: Read) -> Json:
        """What a reading shows."""
        with self.points.around("read"):
            return super().read(scope, read)
