"""Every combination that design and documentation promise: none of these lines may be rejected."""

from datetime import date

from cloudwarden import (
    ENFORCE,
    OBSERVE,
    PROPOSE,
    Escalation,
    Limit,
    NoParams,
    Notify,
    Now,
    Params,
    Policy,
    Resource,
    Severity,
    Violation,
    account_contact,
    cron,
    days,
    every,
    hours,
    owner,
    owner_tag,
    rule,
    tagged,
)
from cloudwarden.aws import ec2, lambda_, rds, s3
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.databases import Unconnected, Upgrades, outdated_engine, unconnected
from cloudwarden.library.exposure import public_bucket
from cloudwarden.library.functions import Runtimes, deprecated_runtime
from cloudwarden.library.network import OpenToTheWorld, open_to_the_world
from cloudwarden.library.storage import Unattached, unattached
from cloudwarden.library.tagging import RequiredTags, required_tags


class Quiet(Params):
    """Params of an author's own."""

    below_percent: float = 2.0


@rule
def quiet(instance: ec2.Instance, params: Quiet, activity: ec2.Activity, now: Now) -> Violation | None:
    """A rule of an author's own."""
    if now.reached(instance.launched + hours(1)) and activity.cpu_percent.stayed_below(
        params.below_percent, over=hours(1)
    ):
        return Violation(summary="quiet")
    return None


@rule
def nameless(resource: Resource, params: NoParams) -> Violation | None:
    """A rule for every kind."""
    del params
    return None if resource.name else Violation(summary="has no name")


stop_quiet = Policy(
    name="stop-quiet",
    rule=quiet,
    params=Quiet(below_percent=1.0),
    schedule=cron("0 20 * * mon-fri", timezone="Europe/Berlin"),
    mode=ENFORCE,
    action=ec2.Stop(),
    grace=hours(2),
    limit=Limit(per_run=5, share=0.1),
    exempt=[tagged("keep-running")],
    notice=Notify(
        owners=[owner_tag("owner"), account_contact(), owner("team-x")],
        before=days(2),
        remind=days(1),
        escalate=Escalation(after=days(1), to="ops"),
    ),
    severity=Severity.HIGH,
)
stop_idle = Policy(
    name="stop-idle",
    rule=idle,
    params=Idle(window=hours(6)),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=ec2.Stop(),
)
close_groups = Policy(
    name="close-groups",
    rule=open_to_the_world,
    params=OpenToTheWorld(allowed_ports=(443,)),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=ec2.RevokeIngress(),
)
delete_volumes = Policy(
    name="delete-volumes",
    rule=unattached,
    params=Unattached(min_age=days(14)),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=ec2.SnapshotThenDelete(),
)
block_buckets = Policy(
    name="block-buckets",
    rule=public_bucket,
    params=NoParams(),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=s3.BlockPublicAccess(),
    exempt=[tagged("public")],
)
stop_databases = Policy(
    name="stop-databases",
    rule=unconnected,
    params=Unconnected(window=days(3)),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=rds.Stop(),
)
upgrade_databases = Policy(
    name="upgrade-databases",
    rule=outdated_engine,
    params=Upgrades(majors=True),
    schedule=every(days=1),
    mode=PROPOSE,
    action=rds.UpgradeEngine(allow_major=True),
)
flag_functions = Policy(
    name="flag-functions",
    rule=deprecated_runtime,
    params=Runtimes(deprecated={"python3.9": date(2027, 1, 1)}),
    schedule=every(days=1),
)
tag_functions = Policy(
    name="tag-functions",
    rule=required_tags.on(lambda_.Function),
    params=RequiredTags(keys=("owner",)),
    schedule=every(days=1),
)
tag_buckets = Policy(
    name="tag-buckets",
    rule=required_tags.on(s3.Bucket),
    params=RequiredTags(keys=("owner",)),
    schedule=every(days=1),
)
tag_instances = Policy(
    name="tag-instances",
    rule=required_tags.on(ec2.Instance),
    params=RequiredTags(keys=("owner",)),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=ec2.AddTags(tags={"owner": "unknown"}),
)
tag_groups = Policy(
    name="tag-groups",
    rule=open_to_the_world,
    params=OpenToTheWorld(),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=ec2.AddTags(tags={"open": "yes"}, overwrite=True),
)
watch_names = Policy(
    name="watch-names", rule=nameless.on(ec2.Volume), params=NoParams(), schedule=every(hours=1), mode=OBSERVE
)


def call_it(instance: ec2.Instance, now: Now, activity: ec2.Activity) -> Violation | None:
    """A rule is called like the function it was."""
    return idle(instance, Idle(), now, activity)
