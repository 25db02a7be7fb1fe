"""Which security groups are open to the world."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cloudwarden import NoParams
from cloudwarden.aws import ec2
from cloudwarden.library.network import OpenToTheWorld, open_to_the_world, unassociated
from cloudwarden.testing import address, ingress, security_group

DEFAULT = OpenToTheWorld()


def offending(*rules: ec2.IngressRule, params: OpenToTheWorld = DEFAULT) -> tuple[str, ...]:
    """The keys of the rules at fault."""
    violation = open_to_the_world(security_group(*rules), params)
    return violation.offending if violation else ()


@pytest.mark.parametrize(
    "source",
    ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/7", "::/0", "::/1", "2000::/3", "2a00::/12", "2600::/16"],
)
def test_a_source_as_wide_as_the_world_offends(source: str) -> None:
    """In both families, and also when the world is cut in halves."""
    assert offending(ingress(source, 22)) == (f"tcp/22-22/{source}",)


@pytest.mark.parametrize(
    "source",
    ["10.0.0.0/8", "203.0.113.7/32", "192.168.0.0/16", "2001:db8::/32", "fc00::/7", "fd00::/8", "sg-1", "pl-1"],
)
def test_a_source_that_is_someone_in_particular_does_not_offend(source: str) -> None:
    """Private addresses, one owner's block, a group, a prefix list."""
    assert offending(ingress(source, 22)) == ()


@pytest.mark.parametrize(
    ("ports", "at_fault"),
    [(443, False), (80, False), (22, True), ((80, 443), True), ((0, 65535), True), ((443, 444), True), (0, True)],
)
def test_a_range_offends_unless_all_of_its_ports_are_allowed(ports: tuple[int, int] | int, at_fault: bool) -> None:  # noqa: FBT001
    """80 to 443 holds 22 and 361 others."""
    assert bool(offending(ingress("0.0.0.0/0", ports))) is at_fault


def test_protocol_minus_one_opens_every_port() -> None:
    """Allowing some ports does not allow it."""
    everything = [ingress("0.0.0.0/0", protocol="-1"), ingress("::/0", protocol="-1"), ingress("::/0", protocol="50")]
    assert offending(*everything) == ("-1/all/0.0.0.0/0", "-1/all/::/0", "50/all/::/0")


@pytest.mark.parametrize("protocol", ["icmp", "icmpv6"])
def test_icmp_may_come_in_unless_it_is_refused(protocol: str) -> None:
    """It reaches no port; an owner who minds says so."""
    ping = ingress("0.0.0.0/0", -1, protocol=protocol)
    assert offending(ping) == ()
    assert offending(ping, params=OpenToTheWorld(allow_icmp=False)) == (f"{protocol}/all/0.0.0.0/0",)


def test_only_the_rules_at_fault_are_named() -> None:
    """So that an action can revoke those and nothing else."""
    rules = [ingress("0.0.0.0/0", 443), ingress("10.0.0.0/8", 22), ingress("0.0.0.0/0", 22), ingress("::/0", 3389)]
    assert set(offending(*rules)) == {"tcp/22-22/0.0.0.0/0", "tcp/3389-3389/::/0"}


def test_a_long_list_is_cut_in_the_summary_and_whole_in_offending() -> None:
    """The summary is one line for a person."""
    violation = open_to_the_world(security_group(*(ingress("0.0.0.0/0", port) for port in range(1, 21))), DEFAULT)
    assert violation is not None
    assert len(violation.offending) == 20
    assert violation.summary.endswith("and 15 more")


def test_an_empty_group_is_compliant() -> None:
    """Nobody may come in."""
    assert open_to_the_world(security_group(), DEFAULT) is None


@pytest.mark.parametrize("wrong", [{"allowed_ports": (70000,)}, {"widest_ipv4_prefix": 33}, {"widest_ipv6_prefix": -1}])
def test_params_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    """With the name of the one at fault."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        OpenToTheWorld.model_validate(wrong)


@given(address=st.ip_addresses(v=4), prefix=st.integers(0, 32), widest=st.integers(0, 32))
def test_width_alone_decides_for_ipv4(address: IPv4Address, prefix: int, widest: int) -> None:
    """Wherever the block lies, and whatever bits are set beyond its prefix."""
    network = IPv4Network((int(address), prefix), strict=False)
    params = OpenToTheWorld(widest_ipv4_prefix=widest)
    assert bool(offending(ingress(str(network), 22), params=params)) is (prefix <= widest)


@given(
    first=st.integers(0, 65535),
    more=st.integers(0, 200),
    allowed=st.frozensets(st.integers(0, 65535), max_size=5),
    whole=st.booleans(),
)
def test_ports_offend_exactly_when_one_of_them_is_not_allowed(
    first: int,
    more: int,
    allowed: frozenset[int],
    whole: bool,  # noqa: FBT001
) -> None:
    """By the definition, for any range and any params."""
    last = min(first + more, 65535)
    opened = set(range(first, last + 1))
    params = OpenToTheWorld(allowed_ports=tuple(opened | allowed if whole else allowed))
    assert bool(offending(ingress("::/0", (first, last)), params=params)) is not (opened <= set(params.allowed_ports))


@pytest.mark.parametrize(
    ("seen", "found"),
    [(address(), True), (address(association_id="eipassoc-1"), False), (address(managed_by="alb"), False)],
    ids=["free", "associated", "a service's"],
)
def test_an_address_that_leads_nowhere_is_a_violation(seen: ec2.Address, found: bool) -> None:  # noqa: FBT001
    """Unless AWS itself holds it for the account."""
    violation = unassociated(seen, NoParams())
    assert (violation is not None) == found
