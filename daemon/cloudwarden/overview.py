"""Overview: what the console shows, from the store and from what was heard of the latest listings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from cloudwarden.core.acceptance import DiscoveryProblem
from cloudwarden.core.exemption import ANY, ExemptionState
from cloudwarden.core.finding import ProposalState
from cloudwarden.core.pause import paused_by
from cloudwarden.core.verdict import Severity
from cloudwarden.engine import undo
from cloudwarden.engine.events import PoliciesLoaded, ScopesDiscovered, StoreCounted
from cloudwarden.engine.waiting import waiting
from cloudwarden.missing import Missing
from cloudwarden.ports import Clock, Transaction
from cloudwarden.store import SqlStore, count, count_held
from cloudwarden.version import VERSION
from cloudwarden.web.board import ActionLine, Board, PolicyLine
from cloudwarden.web.health import Health

ACTIONS_SHOWN = 20

HOLDING = ("limit", "window", "protection", "notice", "blast-radius", "re-check")
"""Guards that a policy's row names. Others have a place of their own, or hold what is on its way as usual."""

_ELSEWHERE = ("policies", "policy_problem", "sweep", "paused")
"""Of what health says, what the page shows by other means."""


class Overview:
    """A reporter that remembers what is incomplete, and tells it together with what the store holds.

    Any thread may report, and any may ask.
    """

    def __init__(self, *, store: Callable[[], SqlStore], clock: Clock, exemption_warning: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._warning = exemption_warning
        self._lock = threading.Lock()
        self._missing = Missing(clock)
        self._undiscovered: tuple[DiscoveryProblem, ...] = ()
        self._modes: Mapping[str, str] = {}
        self._problems: tuple[str, ...] = ()

    def report(self, event: object) -> None:
        """Remember what the page shows of it."""
        with self._lock:
            self._missing.hear(event)
            match event:
                case ScopesDiscovered(problems=problems):
                    self._undiscovered = problems
                case PoliciesLoaded(policies=policies, problems=problems):
                    self._modes, self._problems = dict(policies), problems
                case _:
                    pass

    def board(self, health: Health) -> Board:
        """What is known now. Raises StoreError."""
        with self._lock:
            unread, undiscovered = self._missing.rows(), self._undiscovered
            modes, problems = self._modes, self._problems
        now = self._clock.now()
        with self._store().reading() as tx:
            counted = count(tx, now, ending_within=self._warning)
            held, pauses = count_held(tx), tx.decisions.pauses()
            states = [(one, one.state(now, ending_within=self._warning)) for one in tx.decisions.exemptions()]
            return Board(
                now=now,
                version=VERSION,
                failing=health.details.get("sweep", ""),
                problems=problems,
                troubles=_troubles(health.details),
                policies=[
                    PolicyLine(
                        name=name,
                        mode=modes.get(name, "not loaded"),
                        findings=_findings(counted, name),
                        pending=counted.proposals.get(name, 0),
                        paused=paused_by(pauses, name, ANY) is not None,
                        held={guard: held[name, guard] for guard in HOLDING if (name, guard) in held},
                    )
                    for name in sorted({*modes, *(policy for policy, _, _ in counted.findings), *counted.proposals})
                ],
                pauses=pauses,
                unread=unread,
                undiscovered=undiscovered,
                waiting=[one for one in tx.scopes.known().values() if one.waits],
                proposals=[one for one in waiting(tx) if one.proposal.state is ProposalState.PENDING],
                actions=_actions(tx),
                exemptions_ending=[one for one, state in states if state is ExemptionState.ENDING],
            )


def _findings(counted: StoreCounted, policy: str) -> Mapping[Severity, int]:
    return {
        severity: sum(
            number for (name, its, _), number in counted.findings.items() if (name, its) == (policy, severity.value)
        )
        for severity in Severity
    }


def _troubles(details: Mapping[str, str]) -> Sequence[str]:
    """What health says that the page shows nowhere else, each named by its key."""
    named = [(key.rstrip("_0123456789"), words) for key, words in details.items()]
    return [f"{key.replace('_', ' ').capitalize()}: {words}" for key, words in named if key not in _ELSEWHERE]


def _actions(tx: Transaction) -> Sequence[ActionLine]:
    found = tx.actions.latest(ACTIONS_SHOWN)
    undone = {id_: undo.undone(by) for id_, by in undo.undoings(tx, found).items()}
    return [ActionLine(record=one, note=undo.note(one, held=one.held, undone=undone.get(one.id))) for one in found]
