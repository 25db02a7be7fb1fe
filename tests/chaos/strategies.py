"""What hypothesis draws for a life: resources, failures, tags, people and what they decide."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from chaos import decisions
from chaos.decisions import Decision
from chaos.tags import SETS, TAG
from cloudwarden import Notify, hours, minutes, owner, window
from cloudwarden.aws.ec2 import AddTags
from cloudwarden.core.errors import AccessDenied, CredentialsExpired, Throttled, Timeout, Unavailable
from cloudwarden.core.exemption import ANY
from world import SCOPE

INSTANCES = tuple(f"i-{number}" for number in range(4))
VOLUMES = ("vol-0", "vol-1")
POLICIES = ("stop-idle", "delete-unattached", ANY)
TELLING = Notify(owners=[owner("team-x")], before=minutes(1))

number = st.integers(min_value=0, max_value=5)
names = st.sampled_from(INSTANCES)
policies = st.sampled_from(POLICIES)
accounts = st.sampled_from((ANY, SCOPE.account))
people = st.sampled_from(decisions.EVERYBODY)
quorums = st.sampled_from([1, 1, 2])
waits = st.sampled_from([timedelta(0), minutes(1), minutes(5), minutes(31), hours(2), hours(25)])
errors = st.sampled_from([Throttled, AccessDenied, Timeout, Unavailable, CredentialsExpired])
failing = st.sampled_from(
    [
        "ec2.instance",
        "ec2.volume",
        "get ec2.instance",
        "get ec2.volume",
        "CPUUtilization",
        "CPUUtilization i-1",
        "stop_instances",
        "create_snapshot",
        "delete_volume",
        "start_instances",
        "dry-run stop_instances",
        "create_tags",
        "read describe_instances",
        "read describe_snapshots",
    ]
)
some = st.sampled_from([1, 2, 1, 3, 4])
blinding = st.sampled_from(["ec2.instance", "ec2.volume", "CPUUtilization", "CPUUtilization i-1"])
tags = st.sampled_from([*SETS, (("keep-running", "1"),)]).map(dict)
carried = st.one_of(st.just(dict[str, str]()), tags)
"""By what appears anew: often nothing."""

windows = st.sampled_from([(), (), *((window(f"mon-sun {times}"),) for times in ("09:00-13:00", "13:00-18:00"))])


def deciding() -> st.SearchStrategy[Decision]:
    """Whatever a person may decide."""
    return st.one_of(
        st.builds(decisions.approve, number, by=people),
        st.builds(decisions.approve, number, st.just(AddTags.name), people),
        st.builds(decisions.reject, number, snooze=st.booleans()),
        st.builds(decisions.exempt, st.sampled_from((*INSTANCES, *VOLUMES, "i-*")), policies, accounts),
        st.builds(decisions.exempt, st.just(ANY), policies, accounts, st.just(TAG)),
        st.builds(decisions.revoke, number),
        st.builds(decisions.distrust, st.sampled_from(POLICIES[:2])),
        st.builds(decisions.pause, policies, accounts),
        st.builds(decisions.resume, policies, accounts),
        st.builds(decisions.undo, number),
    )
