"""Courier: takes notices out of the outbox and has them delivered, at least once, on a thread of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.core.directory import Directory, Nobody, Recipient, recipient
from cloudwarden.core.errors import CloudError, NotDelivered, StoreError
from cloudwarden.core.exemption import LONGEST
from cloudwarden.core.finding import Finding, State
from cloudwarden.core.message import composed
from cloudwarden.core.notice import Lead, Notice, NoticeKind, NoticeState
from cloudwarden.core.pause import paused_by
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.events import CourierFailed, JournalFailed, NoticeGivenUp, NoticesDelivered, NoticesFailed
from cloudwarden.engine.exempt import longest
from cloudwarden.ports import Clock, Contacts, Notifier, Reporter, Stopping, Store, Transaction

TURN_SECONDS = 5.0
"""Between two looks at the outbox: what a sweep wrote is told within seconds."""

MESSAGES_PER_TURN = 30
"""Messages in one turn, so that a first sweep of a large estate tells its owners over some minutes."""

FAILURES_PER_TURN = 2
"""Failed messages after which a channel is left for the next turn: a dead one takes its time-out for each."""

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)

MOST_ATTEMPTS = 24
"""After which a notice that holds no action is given up: a day. A first notice is tried while its finding stands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What one turn has before it: notices that are still to be delivered, and the undecided proposals by finding."""

    notices: Sequence[Notice]
    overtaken: Sequence[Notice]
    proposals: Mapping[str, str]


class Courier:
    """Delivers what is due. A message that may have arrived is sent again: notices are at least once."""

    def __init__(
        self,
        *,
        store: Callable[[], Store],
        clock: Clock,
        reporter: Reporter,
        notifier: Callable[[], Notifier],
        contacts: Contacts,
        directory: Directory,
        policies: Callable[[], Mapping[str, AnyPolicy]],
        exemption_longest: timedelta = LONGEST,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._notifier = notifier
        self._contacts = contacts
        self._directory = directory
        self._policies = policies
        self._exemption_longest = exemption_longest

    def run(self, stop: Stopping) -> None:
        """Take turns until asked to stop."""
        while not stop.wait(TURN_SECONDS):
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001  # without this thread nobody is told, and nothing is done any more
                # Its text may hold whatever a library was given, a channel's address among it.
                self._reporter.report(CourierFailed(detail=type(error).__name__))

    def turn(self) -> None:
        """Deliver what is due, as many messages as one turn may. Reports what the store refuses, and raises nothing."""
        try:
            outbox = self._outbox(self._clock.now())
            if outbox.overtaken:
                self._save(outbox.overtaken)
            self._deliver(outbox)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))

    def _outbox(self, now: datetime) -> Round:
        policies = self._policies()
        with self._store().reading() as tx:
            pending = tx.notices.pending() if policies else ()
            if not any(one.next_attempt_at <= now for one in pending):
                return Round(notices=(), overtaken=(), proposals={})
            found = (tx.findings.get(one) for one in {notice.finding_id for notice in pending})
            findings = {one.id: one for one in found if one is not None and not one.state.closed}
            undecided = {one.finding_id: one.id for one in tx.proposals.undecided()}
            pauses = tx.decisions.pauses()
        wanted, overtaken = [], []
        for notice in pending:
            if not _stands(notice, findings.get(notice.finding_id), policies):
                overtaken.append(replace(notice, state=NoticeState.WITHDRAWN, ended_at=now))
            elif paused_by(pauses, notice.policy, notice.scope.account) is None or notice.kind is NoticeKind.NEWS:
                wanted.append(notice)
        return Round(notices=wanted, overtaken=overtaken, proposals=undecided)

    def _deliver(self, outbox: Round) -> None:
        """Message after message. A recipient to whom something is due is told of all that waits for it.

        Whom a dead channel keeps waiting takes no other's place among the messages of a turn.
        """
        failures: Counter[str] = Counter()
        sent = 0
        for whom, mine in self._addressed(outbox.notices):
            if failures[whom.channel] >= FAILURES_PER_TURN:
                continue
            failures[whom.channel] += not self._send(whom, mine, outbox.proposals)
            sent += 1
            if sent >= MESSAGES_PER_TURN:
                return

    def _addressed(self, notices: Sequence[Notice]) -> Iterator[tuple[Recipient, list[Notice]]]:
        """Each recipient to whom something is due, with all that waits; whoever waits longest comes first."""
        now = self._clock.now()
        known: dict[tuple[Lead, ...], Recipient | Nobody] = {}
        waiting: defaultdict[Recipient, list[Notice]] = defaultdict(list)
        nobody: defaultdict[str, list[Notice]] = defaultdict(list)
        for notice in notices:
            whom = known[notice.leads] = known.get(notice.leads) or self._whom(notice)
            if isinstance(whom, Recipient):
                waiting[whom].append(notice)
            elif notice.next_attempt_at <= now:
                nobody[whom.why].append(notice)
        for why, lost in nobody.items():
            self._failed(None, [_tried(one, None, now) for one in lost], why)
        for whom, mine in waiting.items():
            if any(one.next_attempt_at <= now for one in mine):
                yield whom, mine

    def _whom(self, notice: Notice) -> Recipient | Nobody:
        try:
            return recipient(notice.leads, self._directory, self._contacts.contact)
        except CloudError as error:
            contact = f"the contact of account {notice.scope.account}"
            return Nobody(why=f"{contact} could not be read: {error.reason}: {error}")

    def _send(self, whom: Recipient, notices: list[Notice], proposals: Mapping[str, str]) -> bool:
        """Send one message, and keep its outcome; whether it was delivered. What found no room in it waits.

        The attempt is kept first: a store that takes no outcome would have the same message sent at every turn.
        """
        now = self._clock.now()
        letter = composed(notices, whom, proposals, now, self._longest)
        tried = [_tried(one, whom, now) for one in letter.told]
        self._save(tried)
        try:
            self._notifier().send(whom.channel, letter.message, whom.address)
        except NotDelivered as error:
            self._failed(whom, tried, str(error))
            return False
        self._delivered(whom, tried)
        return True

    def _longest(self, policy: str) -> timedelta:
        """How long an exemption from a policy, or a snooze, may last."""
        return longest(self._policies(), policy, self._exemption_longest)

    def _delivered(self, whom: Recipient, told: Sequence[Notice]) -> None:
        now = self._clock.now()
        done = [
            replace(
                one,
                state=NoticeState.DELIVERED,
                error=None,
                ended_at=now,
                not_before=one.not_before or now + one.before,
            )
            for one in told
        ]
        with self._store().transaction() as tx:
            tx.notices.save(done)
            _journal(tx, whom, done, now)
        findings = tuple(dict.fromkeys(one.finding_id for one in done))
        self._reporter.report(
            NoticesDelivered(channel=whom.channel, owner=whom.owner, notices=len(done), findings=findings)
        )

    def _failed(self, whom: Recipient | None, tried: Sequence[Notice], why: str) -> None:
        """Keep why they were not delivered; what holds no action is given up after a day."""
        ended = [_given_up(one, self._clock.now()) for one in (replace(each, error=why) for each in tried)]
        self._save(ended)
        channel, owner = (whom.channel, whom.owner) if whom else ("", "")
        attempts = max(one.attempts for one in ended)
        self._reporter.report(
            NoticesFailed(channel=channel, owner=owner, notices=len(ended), attempts=attempts, detail=why)
        )
        for one in ended:
            if one.state is NoticeState.GIVEN_UP:
                self._reporter.report(
                    NoticeGivenUp(
                        channel=channel,
                        notice=one.id,
                        kind=one.kind,
                        finding_id=one.finding_id,
                        policy=one.policy,
                        detail=why,
                    )
                )

    def _save(self, notices: Iterable[Notice]) -> None:
        with self._store().transaction() as tx:
            tx.notices.save(notices)


def _stands(notice: Notice, finding: Finding | None, policies: Mapping[str, AnyPolicy]) -> bool:
    """Whether what a notice tells of is still so; whether its plan is, the next sweep says."""
    if finding is None or finding.state is State.EXEMPTED or notice.policy not in policies:
        return False
    return notice.kind is NoticeKind.NEWS or notice.watched_since == finding.grace.since


def _tried(notice: Notice, whom: Recipient | None, now: datetime) -> Notice:
    """The notice with one more attempt, whose outcome is not known."""
    wait = min(FIRST_RETRY * 2 ** min(notice.attempts, 10), LONGEST_RETRY)
    return replace(
        notice,
        attempts=notice.attempts + 1,
        error=f"attempt {notice.attempts + 1} had no outcome that was kept",
        owner=whom.owner if whom else None,
        channel=whom.channel if whom else None,
        next_attempt_at=now + wait,
    )


def _given_up(notice: Notice, now: datetime) -> Notice:
    if notice.kind is NoticeKind.FIRST or notice.attempts < MOST_ATTEMPTS:
        return notice
    return replace(notice, state=NoticeState.GIVEN_UP, ended_at=now)


def _journal(tx: Transaction, whom: Recipient, done: Sequence[Notice], now: datetime) -> None:
    """Who was told of what, when, and by which channel."""
    tx.journal.append(
        at=now,
        event="notices_delivered",
        details={
            "owner": whom.owner,
            "channel": whom.channel,
            "address": whom.address,
            "notices": [
                {
                    "notice": one.id,
                    "kind": str(one.kind),
                    "finding": one.finding_id,
                    "policy": one.policy,
                    "scope": str(one.scope),
                    "resource": one.resource_id,
                    "plan_hash": one.plan_hash,
                    "not_before": one.not_before.isoformat() if one.not_before and one.plan_hash else None,
                }
                for one in done
            ],
        },
    )
