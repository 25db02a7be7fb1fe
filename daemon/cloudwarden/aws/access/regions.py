"""The regions of an account: those that the settings list, or those that the account has enabled."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from cloudwarden.aws.access.account import ENABLED, Account, AwsAccess
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.pages import ask
from cloudwarden.core.errors import MalformedAnswer


def written(access: AwsAccess, account: Account, home: str) -> tuple[str, ...] | None:
    """The regions that the settings list for an account; None when its enabled ones are meant."""
    regions = account.regions or access.regions or (home,)
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
