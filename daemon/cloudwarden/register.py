"""The register of exemptions: takes the file over when it changed, and tells of what ends, and of pauses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cloudwarden.core.errors import StoreError
from cloudwarden.core.exemption import Exemption, Told
from cloudwarden.core.pause import Pause
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.events import (
    ExemptionEnding,
    ExemptionExpired,
    ExemptionsRead,
    JournalFailed,
    PauseBegan,
    PauseEnded,
)
from cloudwarden.engine.exempt import longest, take_over, tell, untold
from cloudwarden.loading import Loaded, Problem, Stamp, WrittenExemptions, read_exemptions, stamp
from cloudwarden.ports import Clock, ExemptionsFile, Reporter, Store, Transaction

NOT_TAKEN_OVER = "nobody can tell what is exempt: the exemptions could not be stored as their file has them by now"


class ExemptionRegister:
    """Keeps the store's exemptions up to the file's. Called by the daemon after each load, and every turn."""

    def __init__(
        self,
        *,
        store: Callable[[], Store],
        clock: Clock,
        reporter: Reporter,
        path: Path | None,
        allowed: timedelta,
        warning: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._path = path
        self._allowed = allowed
        self._warning = warning
        self._problems: tuple[Problem, ...] = ()
        self._read_as = self._stamp()
        self._doubt: str | None = None
        self._untaken: Loaded | None = None
        """What was loaded when the file was to be taken over, until that is done."""
        self._lost = False
        """Whether a good file was read, and neither it nor a later one was ever stored."""
        self._pauses: frozenset[Pause] = frozenset()

    def written(self, loaded: Loaded) -> WrittenExemptions:
        """What the file asks for; nothing when there is none."""
        if self._path is None:
            return WrittenExemptions()
        policies: Mapping[str, AnyPolicy] = loaded.policies
        return read_exemptions(
            self._path,
            # While a policy file is refused, its policies are not known, and no name can be called wrong.
            policies=None if loaded.problems else policies.keys(),
            now=self._clock.now(),
            longest=partial(longest, policies, allowed=self._allowed),
        )

    def take(self, loaded: Loaded) -> None:
        """Take the file over; a refused one leaves what the last good one said. Raises StoreError.

        Until what was read is stored, nobody can tell what is exempt: `turn` tries again.
        """
        # Set before anything can fail: an edit that only the file knows must hold, whatever the store does.
        self._untaken, self._doubt, self._read_as = loaded, NOT_TAKEN_OVER, self._stamp()
        written, now = self.written(loaded), self._clock.now()
        self._problems = written.problems
        changed = self._stored(written, now)
        self._untaken = None
        if self._path is not None:
            problems = tuple(str(one) for one in written.problems)
            self._reporter.report(
                ExemptionsRead(file=str(self._path), exemptions=len(written.wishes), changed=changed, problems=problems)
            )

    def _stored(self, written: WrittenExemptions, now: datetime) -> int:
        """How many exemptions the file changed; the doubt that is left, if any, is set. Raises StoreError."""
        file = None if self._path is None else ExemptionsFile(str(self._path), written.sha256, now)
        if not written.problems:
            self._lost = True
            with self._store().transaction() as tx:
                changed = take_over(tx, file, written.wishes, now)
            self._lost, self._doubt = False, None
            return changed
        with self._store().reading() as tx:
            taken = tx.decisions.exemptions_file()
        # What was taken over from this file stands; where nothing was, or a good one since was lost, nobody can tell.
        never = self._lost or taken is None or taken.path != str(self._path)
        self._doubt = f"nobody can tell what is exempt: {written.problems[0]}" if never else None
        return 0

    def doubt(self) -> str | None:
        """Why nobody can tell what is exempt, so that nothing may be done; None when the register is sound.

        The file is looked at each time: one that is edited during a sweep is read after it.
        """
        if self._doubt is None and self._stamp() != self._read_as:
            return f"nobody can tell what is exempt: {self._path} was edited, and is not read yet"
        return self._doubt

    def _stamp(self) -> Stamp | None:
        return stamp(self._path) if self._path is not None else None

    def turn(self) -> None:
        """Tell of pauses, of what is about to end, and of what ended, once each; take the file over where that failed.

        Reports what the store refuses.
        """
        try:
            self._tell_pauses()
            if self._untaken is not None:
                self.take(self._untaken)
            self._tell_endings(self._clock.now())
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))

    def details(self) -> Mapping[str, str]:
        """What health should show: a refused file, one that could not be stored, and what is paused."""
        details = {f"exemptions_problem_{number}": str(one) for number, one in enumerate(self._problems, start=1)}
        if self._untaken is not None:
            details["exemptions"] = NOT_TAKEN_OVER
        if self._pauses:
            details["paused"] = "; ".join(sorted(one.what for one in self._pauses))
        return details

    def _tell_pauses(self) -> None:
        with self._store().reading() as tx:
            current = frozenset(tx.decisions.pauses())
        for one in sorted(current - self._pauses, key=str):
            self._reporter.report(PauseBegan(pause=one))
        for one in sorted(self._pauses - current, key=str):
            self._reporter.report(PauseEnded(pause=one))
        self._pauses = current

    def _tell_endings(self, now: datetime) -> None:
        with self._store().reading() as tx:
            if not self._news(tx, now):
                return
        with self._store().transaction() as tx:
            # Read again: what somebody revoked meanwhile is not written over.
            news = self._news(tx, now)
            for exemption, told in news:
                tell(tx, exemption, told, now)
        for exemption, told in news:
            self._reporter.report(_event(exemption, told))

    def _news(self, tx: Transaction, now: datetime) -> Sequence[tuple[Exemption, Told]]:
        found = tx.decisions.exemptions()
        return [(one, told) for one in found if (told := untold(one, now, self._warning)) is not None]


def _event(exemption: Exemption, told: Told) -> ExemptionEnding | ExemptionExpired:
    kind = ExemptionEnding if told is Told.ENDING else ExemptionExpired
    return kind(
        exemption=exemption.id,
        policy=exemption.policy,
        selects=exemption.selects,
        owner=exemption.owner,
        expires_at=exemption.expires_at,
        source=exemption.source,
    )
