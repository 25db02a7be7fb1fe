"""Stops asking what gives no answer, so that everything else is asked in time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cloudwarden.core.errors import CloudError, Timeout, Unavailable

FAILED_CALLS = 2
"""Calls in a row that ended in vain, each with all its repetitions, before an account's service is left."""

FAILED_ACCOUNTS = 3
"""Accounts that had a call end in vain, without any answer between, before a service is left for every account."""

LEFT_FOR_SECONDS = 60.0
"""How long it is left. Then one call finds out whether it answers again, while the others go on leaving it."""

EVERYONE = "*"

Key = tuple[str, str, str]
"""A service, a region, and an account or everyone."""


@dataclass(kw_only=True)
class Outage:
    """How much was asked in vain since the last answer, and until when nothing is asked."""

    calls: int = 0
    accounts: set[str] = field(default_factory=set)
    until: float | None = None


@dataclass(kw_only=True, eq=False)
class Call:
    """One call that is under way, with all its repetitions.

    One that finds out is sent whatever is known, and so is one that is made `once`. `answered`
    says for whom the service answered since it began: that one call of many gets no answer is no outage, however long
    it waited.
    """

    place: Key
    once: bool = False
    finds_out: bool = False
    answered: set[Key] = field(default_factory=set)


class Outages:
    """Counts calls that ended without an answer or in a fault, by service and region, for each account and for all.

    A sweep asks hundreds of things of one service. Where each would wait for its own timeout, or repeat what fails, a
    region that is down would take the sweep's time many times over; here it takes it about once. What is not asked is
    Unavailable, at once. Every other answer, be it a refusal, proves that the service lives. `clock` gives monotonic
    seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: defaultdict[Key, Outage] = defaultdict(Outage)
        self._under_way: defaultdict[tuple[str, str], set[Call]] = defaultdict(set)
        self._counting = threading.Lock()

    @contextmanager
    def asking(self, place: Key, *, once: bool) -> Iterator[Call]:
        """Around one call, with all its repetitions. Raises Unavailable while what it asks is left."""
        call = Call(place=place, once=once)
        self._begin(call)
        try:
            yield call
        finally:
            with self._counting:
                self._under_way[place[:2]].discard(call)

    def _begin(self, call: Call) -> None:
        with self._counting:
            if self._found and not call.once:
                left = self._left(call)
                self._refuse(left)
                for _, outage in left:
                    outage.until = self._clock() + LEFT_FOR_SECONDS
                call.finds_out = bool(left)
            self._under_way[call.place[:2]].add(call)

    def refuse(self, call: Call) -> None:
        """A call is about to be sent. Raises Unavailable when others have found out that it would be in vain."""
        if self._found and not (call.once or call.finds_out):
            with self._counting:
                self._refuse(self._left(call))

    def answered(self, call: Call) -> None:
        """A call was answered."""
        keys = _both(call.place)
        with self._counting:
            for key in keys:
                self._found.pop(key, None)
            for other in self._under_way[call.place[:2]]:
                other.answered.update(keys)

    def failed(self, call: Call) -> None:
        """A call ended in vain."""
        mine, everyones = _both(call.place)
        with self._counting:
            until = self._clock() + LEFT_FOR_SECONDS
            if mine not in call.answered:
                own = self._found[mine]
                own.calls += 1
                if own.calls >= FAILED_CALLS:
                    own.until = until
            if everyones not in call.answered:
                shared = self._found[everyones]
                shared.accounts.add(call.place[2])
                if len(shared.accounts) >= FAILED_ACCOUNTS:
                    shared.until = until

    def _left(self, call: Call) -> list[tuple[Key, Outage]]:
        found = ((key, self._found.get(key)) for key in _both(call.place))
        return [(key, outage) for key, outage in found if outage is not None and outage.until is not None]

    def _refuse(self, left: list[tuple[Key, Outage]]) -> None:
        now = self._clock()
        for (service, region, account), outage in left:
            if outage.until is not None and now < outage.until:
                whose = "any account" if account == EVERYONE else f"account {account}"
                raise Unavailable(
                    f"{service} in {region}: not asked, for it gave no answer for {whose}: "
                    f"asked again in {outage.until - now:.0f} s"
                )


def in_vain(error: CloudError) -> bool:
    """Whether a call brought no answer, or only that the service has a fault of its own."""
    return isinstance(error, Timeout | Unavailable)


def _both(place: Key) -> tuple[Key, Key]:
    return place, (*place[:2], EVERYONE)
