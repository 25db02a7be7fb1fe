"""People: what they decide in a life, drawn from its seed, out of nowhere or exactly when it matters."""

from __future__ import annotations

import random
from functools import partial

from chaos import decisions
from chaos.changes import CHANGES, take_back
from chaos.decisions import Decision
from chaos.stage import Stage
from cloudwarden import loading
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import ProposalState, State
from installation import ACCOUNT

POLICIES = ("stop-idle", "delete-unattached", ANY)


class People:
    """Whoever decides anything on a stage."""

    def __init__(self, stage: Stage, draw: random.Random) -> None:
        self._stage = stage
        self._draw = draw

    def approve(self) -> None:
        """Some agree to the first proposals that wait; one of them perhaps may not."""
        for _ in range(self._draw.choice([1, 2, 3, 4])):
            for who in self._draw.sample(decisions.EVERYBODY, 2):
                self._stage.decide(decisions.approve(0, by=who))

    def asked(self) -> bool:
        """Whether a proposal waits for somebody."""
        with self._stage.store.reading() as tx:
            return any(one.state is ProposalState.PENDING for one in tx.proposals.undecided())

    def decide(self) -> None:
        """Somebody decides anything."""
        self._stage.decide(self._decision())

    def trust(self) -> None:
        """The operator lets the versions in the files act alone."""
        for policy in loading.load(self._stage.place.policies, {}).policies.values():
            self._stage.decide(partial(decisions.trust, policy))

    def may_trust(self, policy: str) -> bool:
        """Whether the version of a policy that is in its file has swept."""
        loaded = loading.load(self._stage.place.policies, {}).policies.get(policy)
        with self._stage.store.reading() as tx:
            run = tx.runs.get(policy)
        return loaded is not None and run is not None and run.fingerprint == loaded.fingerprint

    def let_go(self) -> None:
        """Somebody ends all pauses and exemptions."""
        self._stage.decide(take_back)

    def object(self) -> None:
        """Somebody decides against what is about to be done."""
        with self._stage.store.reading() as tx:
            due = [(one.policy, one.resource_id) for one in tx.findings.in_states(State.DUE, State.APPROVED)]
        policy, resource = self._draw.choice(due or [("stop-idle", self.any_resource() or "i-*")])
        change = self._draw.choice(CHANGES)
        self._stage.say(f"against {policy} on {resource}: {change.name}")
        self._stage.decide(change.make(policy, resource))

    def any_resource(self) -> str | None:
        """One of all that exist; None when nothing does."""
        names = [*self._stage.estate.instances(), *self._stage.estate.volumes()]
        return self._draw.choice(names) if names else None

    def _decision(self) -> Decision:
        number, policy = self._draw.randrange(3), self._draw.choice(POLICIES)
        account = self._draw.choice([ANY, ACCOUNT])
        return self._draw.choice(
            [
                decisions.approve(number, by=self._draw.choice(decisions.EVERYBODY)),
                decisions.reject(number),
                decisions.exempt(self.any_resource() or "i-*", policy, account),
                decisions.revoke(number),
                decisions.pause(policy, account),
                decisions.resume(policy, account),
                *[decisions.resume(one, ANY) for one in POLICIES],
                decisions.undo(number),
            ]
        )
