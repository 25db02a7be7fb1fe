"""What was listed is shown one by one, and of very many what is well together."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from cloudwarden.core.resource import Scope
from cloudwarden.telemetry.listings import FEW, MOST, Listings

COMPLETE, RESOURCES = "cloudwarden_inventory_complete", "cloudwarden_inventory_resources"
SUCCESS = "cloudwarden_inventory_last_success_timestamp_seconds"
REGIONS = [f"eu-west-{number}" for number in range(17)]
ACCOUNT = "1" * 12
KIND = "ec2.volume"


class Shown:
    """What a scrape would see of some listings."""

    def __init__(self, listings: Listings) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(listings)

    def series(self, name: str) -> dict[tuple[str, str], float]:
        """By account and region."""
        samples = [sample for family in self.registry.collect() for sample in family.samples if sample.name == name]
        return {(one.labels["account"], one.labels["region"]): one.value for one in samples}

    def of(self, account: str, name: str) -> dict[str, float]:
        """By region."""
        return {region: value for (its, region), value in self.series(name).items() if its == account}


@pytest.fixture
def many() -> Listings:
    """As many complete listings as are shown one by one: of other accounts, with two resources each."""
    listings = Listings()
    for number in range(MOST):
        scope = Scope(account=f"{number // len(REGIONS):012}", region=REGIONS[number % len(REGIONS)])
        listings.listed(scope, KIND, 2, 1000.0)
    return listings


def listed(listings: Listings, *, blind: int = 0) -> Shown:
    """A kind of one account in all regions, found at different times; the first regions are incomplete since."""
    for number, region in enumerate(REGIONS):
        listings.listed(Scope(account=ACCOUNT, region=region), KIND, 5, 100.0 + number)
    for region in REGIONS[:blind]:
        listings.listed(Scope(account=ACCOUNT, region=region), KIND, None, 200.0)
    return Shown(listings)


def test_few_are_shown_one_by_one() -> None:
    """Each region by itself."""
    shown = listed(Listings(), blind=1)
    assert shown.of(ACCOUNT, COMPLETE) == dict.fromkeys(REGIONS, 1.0) | {REGIONS[0]: 0.0}


def test_of_many_those_that_are_complete_are_shown_together(many: Listings) -> None:
    """Their resources summed, the oldest success."""
    shown = listed(many)
    assert shown.of(ACCOUNT, COMPLETE) == {"*": 1.0}
    assert shown.of(ACCOUNT, RESOURCES) == {"*": 5.0 * len(REGIONS)}
    assert shown.of(ACCOUNT, SUCCESS) == {"*": 100.0}


def test_what_is_incomplete_is_named(many: Listings) -> None:
    """With what it last held, and beside the others."""
    shown = listed(many, blind=2)
    assert shown.of(ACCOUNT, COMPLETE) == {"*": 1.0, REGIONS[0]: 0.0, REGIONS[1]: 0.0}
    assert shown.of(ACCOUNT, RESOURCES)[REGIONS[0]] == 5.0
    assert shown.of(ACCOUNT, SUCCESS) == {"*": 102.0, REGIONS[0]: 100.0, REGIONS[1]: 101.0}


def test_an_account_that_is_blind_everywhere_is_one_series(many: Listings) -> None:
    """An outage of all must not make each scrape a heavy one."""
    assert listed(many, blind=FEW + 1).of(ACCOUNT, COMPLETE) == {"*": 0.0}


@pytest.mark.parametrize("blind", [0, 1, FEW, FEW + 1, len(REGIONS)])
def test_sums_and_alerts_are_as_if_all_were_shown(many: Listings, blind: int) -> None:
    """The sum of resources, the oldest success, and whether anything is incomplete."""
    few, all_ = listed(Listings(), blind=blind), listed(many, blind=blind)
    for name, told in ((RESOURCES, sum), (SUCCESS, min), (COMPLETE, min)):
        assert told(few.of(ACCOUNT, name).values()) == told(all_.of(ACCOUNT, name).values())


def test_nothing_is_said_of_what_was_never_complete(many: Listings) -> None:
    """No count, no time: unknown is not nothing."""
    for region in REGIONS:
        many.listed(Scope(account=ACCOUNT, region=region), KIND, None, 1.0)
    shown = Shown(many)
    assert (shown.of(ACCOUNT, COMPLETE), shown.of(ACCOUNT, RESOURCES)) == ({"*": 0.0}, {})
