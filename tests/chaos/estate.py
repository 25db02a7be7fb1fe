"""The estate of a run: instances and volumes in the simulated AWS, changed by people, and the truth about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

import boto3
from moto.backends import get_backend

from chaos import tags
from chaos.history import Condition
from cloudwarden.core.exemption import HANDS_OFF
from images import amazon_image
from installation import ACCOUNT, CREDENTIALS

OLD = timedelta(days=2)
_EXISTING = ("pending", "running", "stopping", "stopped")
_WINDOW = timedelta(hours=1)
_IDLE_PERCENT, _BUSY_PERCENT = 0.5, 90.0
_METRICS = ("CPUUtilization", "NetworkIn", "NetworkOut")


class Estate:
    """What exists in one region. Whoever changes or looks at it holds `world`, so that no request comes between."""

    def __init__(self, aws: str, region: str, world: RLock) -> None:
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
        )
        self._ec2: Any = session.client("ec2", endpoint_url=aws)
        self._cloudwatch: Any = session.client("cloudwatch", endpoint_url=aws)
        self._region = region
        self._world = world
        self._image = amazon_image(region)
        self._idle: set[str] = set()
        self.conditions: dict[str, list[Condition]] = {}

    def instances(self) -> list[str]:
        """Instances that are not terminated, oldest first."""
        return [one.id for one in self._instances() if one._state.name in _EXISTING]

    def volumes(self) -> list[str]:
        """Volumes that nothing uses."""
        return [one.id for one in self._volumes() if one.attachment is None]

    def run_instance(self, cpu: str = "idle") -> str:
        """An instance appears that was started days ago: `idle`, `busy`, or `unmeasured`."""
        with self._world:
            made = self._ec2.run_instances(ImageId=self._image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
            self._backend().get_instance(made).launch_time = datetime.now(UTC) - OLD
            if cpu != "unmeasured":
                self._measure(made, _IDLE_PERCENT if cpu == "idle" else _BUSY_PERCENT)
            if cpu == "idle":
                self._idle.add(made)
            self.observe()
        return str(made)

    def make_volume(self) -> str:
        """A volume appears that was made days ago, and that nothing uses."""
        with self._world:
            made = str(self._ec2.create_volume(AvailabilityZone=f"{self._region}a", Size=1)["VolumeId"])
            volume = self._backend().volumes[made]
            volume.create_time = volume.create_time - OLD
            self.observe()
        return made

    def vanish(self, resource: str) -> None:
        """Somebody deletes it, if the daemon did not yet."""
        with self._world:
            if resource in self.instances():
                self._ec2.terminate_instances(InstanceIds=[resource])
            elif resource in self.volumes():
                self._ec2.delete_volume(VolumeId=resource)
            self.observe()

    def become_busy(self, instance: str) -> None:
        """Somebody uses an instance."""
        with self._world:
            self._idle.discard(instance)
            self._measure(instance, _BUSY_PERCENT)
            self.observe()

    def start(self, instance: str) -> None:
        """Somebody starts an instance; it counts as started days ago."""
        with self._world:
            self._ec2.start_instances(InstanceIds=[instance])
            self.observe()

    def resize(self, volume: str) -> None:
        """Somebody makes a volume larger."""
        with self._world:
            self._backend().volumes[volume].size += 1

    def tag(self, resource: str, pairs: Sequence[tuple[str, str]]) -> None:
        """Somebody gives it these tags, and no others, if it is still there."""
        with self._world:
            if resource not in (*self.instances(), *self.volumes()):
                return
            known = self._ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
            if known:
                self._backend().delete_tags([resource], {one["Key"]: None for one in known})
            # Those of AWS's own, nobody else may set: it is asked for behind its door.
            self._backend().create_tags([resource], dict(pairs))
            self.observe()

    def observe(self) -> None:
        """Write down what is true of each resource now, where that changed."""
        with self._world:
            now = datetime.now(UTC)
            truth = {one.id: self._instance_is(one, now) for one in self._instances()}
            truth |= {one.id: self._volume_is(one, now) for one in self._volumes()}
            for name in self.conditions.keys() - truth.keys():
                truth[name] = Condition(at=now, exists=False)
            for name, condition in truth.items():
                past = self.conditions.setdefault(name, [])
                if not past or replace(past[-1], at=now) != condition:
                    past.append(condition)

    def clear(self) -> None:
        """Nothing exists any more, for the next run."""
        with self._world:
            self._backend().reset()
            get_backend("cloudwatch")[ACCOUNT][self._region].reset()

    def _instance_is(self, instance: Any, now: datetime) -> Condition:
        grouped = any(tag["key"] == tags.GROUP for tag in instance.get_tags())
        idle = instance._state.name == "running" and instance.id in self._idle and not grouped
        return Condition(
            at=now,
            exists=instance._state.name in _EXISTING,
            violates=frozenset({"stop-idle"} if idle else ()),
            **_tagged(instance),
        )

    def _volume_is(self, volume: Any, now: datetime) -> Condition:
        made = volume.create_time if volume.create_time.tzinfo else volume.create_time.replace(tzinfo=UTC)
        left = volume.attachment is None and now - made >= _WINDOW
        return Condition(at=now, violates=frozenset({"delete-unattached"} if left else ()), **_tagged(volume))

    def _measure(self, instance: str, cpu: float) -> None:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        now -= timedelta(minutes=now.minute % 5)
        for metric in _METRICS:
            self._cloudwatch.put_metric_data(
                Namespace="AWS/EC2",
                MetricData=[
                    {
                        "MetricName": metric,
                        "Dimensions": [{"Name": "InstanceId", "Value": instance}],
                        "Timestamp": now + timedelta(minutes=5 * number),
                        "Value": cpu,
                    }
                    # Some of them ahead, so that the series stays whole while the run lasts.
                    for number in range(-24, 12)
                ],
            )

    def _backend(self) -> Any:
        return get_backend("ec2")[ACCOUNT][self._region]

    def _instances(self) -> list[Any]:
        return list(self._backend().all_instances())

    def _volumes(self) -> list[Any]:
        return list(self._backend().volumes.values())


def _tagged(one: Any) -> dict[str, Any]:
    """What follows from the tags of a resource, as fields of its condition."""
    carried = {tag["key"]: tag["value"] for tag in one.get_tags()}
    return {
        "untouchable": carried.get(HANDS_OFF) == "true",
        "protected": tags.protected(carried),
        "tags": tags.named(carried),
    }
