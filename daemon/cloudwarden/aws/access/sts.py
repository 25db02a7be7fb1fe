"""Asks STS in one region after another, so that no region's trouble is every account's.

Sources: "Managing AWS STS in an AWS Region" of the AWS IAM User Guide (what a regional endpoint gives is valid in all
regions; one does not answer for accounts that have not enabled its region), and "Common Errors" of the AWS STS API
Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.pages import Answer, ask
from cloudwarden.aws.refusals import is_unknown
from cloudwarden.core.errors import CloudError, RegionDisabled, Timeout, Unavailable
from cloudwarden.lately import Lately

MOST_REGIONS = 3
"""Regions in which one thing is asked before it fails: each may cost a wait, and an outage is seldom of three."""


class RegionalSts:
    """Asks STS where it answered last, then in each of `regions` of an account, the best of which come first.

    That an answer is about the right account is for whoever asked to see, wherever it came from.
    """

    def __init__(
        self,
        regions: Callable[[str], Sequence[str]],
        client: Callable[[str, Speaker], SpeakingClient],
        *,
        timer: Callable[[], float],
    ) -> None:
        self._regions = regions
        self._client = client
        self._answered: Lately[str, str] = Lately(timer)
        """By account: the region that answered last for it."""
        self._latest: str | None = None

    def region(self, account: str) -> str:
        """Where AWS is known to answer for an account, or else is asked first."""
        return self._answered.get(account) or self._regions(account)[0]

    def ask(self, speaker: Speaker, operation: str, arguments: Mapping[str, object]) -> Answer:
        """One call, about the account of the speaker's scope. Raises CloudError: of several regions', the first's.

        Only where all that were asked say so are credentials taken for over: a region may not know good ones.
        """
        failures: dict[str, CloudError] = {}
        for region in self._order(speaker.scope.account):
            here = replace(speaker, scope=replace(speaker.scope, region=region), refused=_unheeded)
            try:
                answer = ask(self._client(region, here), operation, arguments)
            except CloudError as error:
                failures[region] = error
                if not _worth_asking_elsewhere(error):
                    failures = {region: error}
                    break
                self._failed(speaker.scope.account, region)
            else:
                self._succeeded((speaker.scope.account, answer.get("Account")), region)
                return answer
        if not any(isinstance(error, Unavailable | Timeout) for error in failures.values()):
            speaker.heed({"Error": {"Code": next(iter(failures.values())).code}})
        raise _together(failures)

    def _order(self, account: str) -> list[str]:
        wanted = (self._answered.get(account), self._latest, *self._regions(account))
        return list(dict.fromkeys(one for one in wanted if one))[:MOST_REGIONS]

    def _failed(self, account: str, region: str) -> None:
        if self._answered.get(account) == region:
            self._answered.drop(account)
        if self._latest == region:
            self._latest = None

    def _succeeded(self, accounts: Iterable[str | None], region: str) -> None:
        for account in filter(None, accounts):
            self._answered.keep(account, region)
        self._latest = region


def not_known_here(error: CloudError) -> bool:
    """Whether a region may not be enabled: it says of good credentials what every region says of bad ones."""
    return isinstance(error, RegionDisabled) or is_unknown({"Code": error.code})


def _worth_asking_elsewhere(error: CloudError) -> bool:
    return isinstance(error, Unavailable | Timeout) or not_known_here(error)


def _together(failures: Mapping[str, CloudError]) -> CloudError:
    """The first failure, with where else it was asked in vain."""
    (region, first), *others = failures.items()
    if not others:
        return first
    elsewhere = ", ".join(f"{other} ({error.reason})" for other, error in others)
    text = f"{first} (STS in {region}; in vain also in {elsewhere})"
    return type(first)(text, code=first.code, request_id=first.request_id)


def _unheeded() -> None:
    """What one region says of credentials."""
