"""The regions of an account: those that the settings list, or those that the account has enabled."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from cloudwarden.aws.access.account import ENABLED, Account, AwsAccess
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.pages import ask
from cloudwarden.aws.partition import partition
from cloudwarden.core.errors import MalformedAnswer

BY_DEFAULT = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
)
"""Regions that every account has enabled: those that there were before March 20, 2019. Each later one is opted in to.

See "Enable or disable AWS Regions in your account" of the AWS Account Management Reference Guide. The list is closed.
"""


def by_default(region: str) -> bool:
    """Whether a region is enabled without anybody's doing; in other partitions than the commercial one, each is."""
    return region in BY_DEFAULT or partition(region) != partition(BY_DEFAULT[0])


def named(access: AwsAccess) -> tuple[str, ...]:
    """Every region that the settings list, for all accounts or for one, each once."""
    listed = (*access.regions, *(name for account in access.accounts for name in account.regions))
    return tuple(name for name in dict.fromkeys(listed) if name != ENABLED)


def means_enabled(access: AwsAccess) -> bool:
    """Whether the settings mean what some account has enabled."""
    return any(ENABLED in regions for regions in (access.regions, *(one.regions for one in access.accounts)))


def home(access: AwsAccess, own: str | None) -> str | None:
    """Where STS is asked first; `own` is the session's region. None where nothing says it but that, or nothing at all.

    Of those that are named, the first that every account has enabled: others would know nobody of an account that
    has not enabled it. Where enabled ones are meant, the session's own is as good as named; without one it is the
    first that the settings do not leave out, as what they leave out may be closed to every account.
    """
    names = named(access)
    for region in (*wanted(access, names), *names):
        if by_default(region):
            return region
    if not means_enabled(access):
        return None
    return own if own and by_default(own) else next(iter(wanted(access, BY_DEFAULT)), BY_DEFAULT[0])


def likely(access: AwsAccess, account: str, home: str) -> tuple[str, ...]:
    """Where an account may be asked for what is alike in all regions, best first: `home`, its own, and the others'.

    Where enabled regions are meant, those that are so by default are among them. Other partitions never are.
    """
    own = next((one.regions for one in access.accounts if one.id == account), ())
    default = BY_DEFAULT if means_enabled(access) else ()
    others = wanted(access, (one for one in (*own, *named(access), *default) if one != ENABLED))
    return tuple(one for one in dict.fromkeys((home, *others)) if partition(one) == partition(home))


def written(access: AwsAccess, account: Account, unnamed: str) -> tuple[str, ...] | None:
    """The regions that the settings list for an account; None when its enabled ones are meant.

    `unnamed` is the one of accounts for which none is written.
    """
    regions = account.regions or access.regions or (unnamed,)
    return None if ENABLED in regions else wanted(access, dict.fromkeys(regions))


def enabled(access: AwsAccess, client: SpeakingClient) -> tuple[str, ...]:
    """The wanted ones of the regions that an account has enabled, opted in or by default. Raises CloudError.

    See "DescribeRegions" of the Amazon EC2 API reference: without AllRegions it leaves out disabled ones.
    """
    found = ask(client, "describe_regions", {}).get("Regions") or []
    names = [str(one.get("RegionName") or "") for one in found]
    if not names or not all(names):
        raise MalformedAnswer("DescribeRegions: no account is without any region")
    return wanted(access, sorted(names))


def wanted(access: AwsAccess, names: Iterable[str]) -> tuple[str, ...]:
    """The names that some pattern includes, where there are any, and none excludes; `*` and `?` are wildcards."""
    return tuple(
        name
        for name in names
        if (not access.regions_include or _matches(name, access.regions_include))
        and not _matches(name, access.regions_exclude)
    )


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
