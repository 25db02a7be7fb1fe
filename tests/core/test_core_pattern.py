"""A pattern names something, or fits whatever there is."""

from __future__ import annotations

import pytest

from cloudwarden.core.pattern import ACCOUNTS, REGIONS, RESOURCES, Unlike, names_nothing


@pytest.mark.parametrize("pattern", ["*", "?*", "*?", "**", "*-*", "*:*", "arn:*", "arn:aws:*", "*n:aws-cn*", "a*", ""])
def test_a_pattern_of_resources_that_fits_every_arn_names_nothing(pattern: str) -> None:
    """Neither do wildcards alone, nor what stands between the parts of every ARN."""
    assert names_nothing(pattern, RESOURCES)


@pytest.mark.parametrize("pattern", ["i-*", "*shop*", "arn:aws:s3:::*", "arn:aws:*:eu-west-1:*", "x", "*0*"])
def test_a_pattern_of_resources_that_leaves_some_out_names_the_others(pattern: str) -> None:
    """However wide it is."""
    assert not names_nothing(pattern, RESOURCES)


@pytest.mark.parametrize(
    ("pattern", "unlike", "nothing"),
    [
        ("????????????", ACCOUNTS, True),
        ("*", ACCOUNTS, True),
        ("1*", ACCOUNTS, False),
        ("111122223333", ACCOUNTS, False),
        ("??-*", REGIONS, True),
        ("*t*-?", REGIONS, True),
        ("eu-*", REGIONS, False),
        ("*-1", REGIONS, False),
        ("global", REGIONS, False),
    ],
)
def test_accounts_and_regions_are_named_by_what_not_all_have(pattern: str, unlike: Unlike, *, nothing: bool) -> None:
    """Every account has twelve digits, and every region hyphens."""
    assert names_nothing(pattern, unlike) is nothing
