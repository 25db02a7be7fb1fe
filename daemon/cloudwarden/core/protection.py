"""Protection: resources that nothing here may touch, because they are somebody else's to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from cloudwarden.core.exemption import Tagged
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Verdict

_SEPARATORS = re.compile(r"[-_:./ ]")

_TERRAFORM = re.compile(r"terraform|terragrunt|opentofu")
"""The tool, and those that run it."""

_SAYING_WHO = frozenset(("managedby", "createdby", "provisionedby", "deployedby", "provisioner", "iac", "iactool"))
"""Keys of tags that name a tool, without their separators."""


class Keeper(StrEnum):
    """What keeps a resource as it is, and would undo, or be broken by, a change made beside it."""

    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"
    AUTO_SCALING = "auto-scaling"
    EKS = "eks"


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """What this installation never touches: accounts (ids, in which `*` and `?` are wildcards) and tags.

    Resources that a keeper keeps are protected too, unless the policy names that keeper in `touches`.
    """

    accounts: tuple[str, ...] = ()
    tags: tuple[Tagged, ...] = ()


NOTHING_MORE = Protection()


def protected_by(resource: Resource, touches: Collection[Keeper], protection: Protection) -> str | None:
    """What protects the resource from a policy that `touches` these keepers' resources, in words; None if nothing."""
    for pattern in protection.accounts:
        if fnmatchcase(resource.account, pattern):
            return f"account {resource.account} is protected"
    for tag in protection.tags:
        if tag.matches(resource):
            return f"{tag} protects it"
    for keeper, name in kept_by(resource):
        if keeper not in touches:
            return f"it belongs to {name}; a policy that may touch it says touches=[Keeper.{keeper.name}]"
    return None


def protected_as_judged(
    resource: Resource, verdict: Verdict, touches: Collection[Keeper], protection: Protection
) -> str | None:
    """The same of a resource that was found to violate; without its tags nobody can tell, so nobody touches it."""
    if verdict.untagged is not None:
        return f"its tags could not be read ({verdict.untagged.reason}), so nobody can tell whose it is"
    return protected_by(verdict.tagged(resource), touches, protection)


def kept_by(resource: Resource) -> Iterator[tuple[Keeper, str]]:
    """The keepers that a resource's tags name, each with its name for a person.

    Sources: AWS "Resource tags" of AWS CloudFormation, "Tag Auto Scaling groups and instances" of Amazon EC2 Auto
    Scaling, "Organize Amazon EKS resources with tags" of Amazon EKS; what runs in a cluster tags in its own way, see
    `_CLUSTERS` and `_IN_CLUSTERS`. Terraform sets no tag by itself: by convention a tag that begins with `terraform`,
    or one such as `managed-by`, says so, often with a version or a workspace behind its name.
    """
    for keeper, naming in _NAMINGS.items():
        if name := naming(resource.tags):
            yield keeper, name


def _stack(tags: Mapping[str, str]) -> str | None:
    stack = tags.get("aws:cloudformation:stack-name") or tags.get("aws:cloudformation:stack-id")
    return f"CloudFormation stack {stack}" if stack else None


def _terraform(tags: Mapping[str, str]) -> str | None:
    for key, value in tags.items():
        plain = _SEPARATORS.sub("", key.lower())
        says_who = plain in _SAYING_WHO and _TERRAFORM.search(value.lower())
        says_so = _TERRAFORM.match(plain) and value.lower() not in ("false", "no", "0")
        if says_who or says_so:
            return f"Terraform (tag {key}={value})"
    return None


def _auto_scaling(tags: Mapping[str, str]) -> str | None:
    group = tags.get("aws:autoscaling:groupName")
    return f"Auto Scaling group {group}" if group else None


def _eks(tags: Mapping[str, str]) -> str | None:
    for key, value in tags.items():
        if key.startswith(_CLUSTER_PREFIX):
            return f"EKS cluster {key.removeprefix(_CLUSTER_PREFIX)}"
        if key in _CLUSTERS:
            return f"EKS cluster {value}"
    return next((f"a Kubernetes cluster (tag {key}={tags[key]})" for key in tags if key.startswith(_IN_CLUSTERS)), None)


_CLUSTER_PREFIX = "kubernetes.io/cluster/"

_CLUSTERS = frozenset(
    (
        "aws:eks:cluster-name",
        "eks:cluster-name",
        "eks:eks-cluster-name",
        "alpha.eksctl.io/cluster-name",
        "KubernetesCluster",
        "ebs.csi.aws.com/cluster-name",
        "elbv2.k8s.aws/cluster",
        "ingress.k8s.aws/cluster",
        "cluster.k8s.amazonaws.com/name",
    )
)
"""Keys of tags whose value is a cluster's name.

Sources: "Tagging" of the Amazon EBS CSI driver, which sets `ebs.csi.aws.com/cluster-name` and `KubernetesCluster` only
where it was told the cluster's id; "Ingress annotations" and "Service annotations" of the AWS Load Balancer Controller
(`ingress.k8s.aws/cluster` was its first version's); "Cluster Name tag" of the Amazon VPC CNI plugin.
"""

_IN_CLUSTERS = ("ebs.csi.aws.com/cluster", "CSIVolumeName", "CSIVolumeSnapshotName", "kubernetes.io/created-for/")
"""How keys begin of tags that say a cluster made it, and not which one: "Tagging" of the Amazon EBS CSI driver.

It sets the first on all its volumes and snapshots, and the second or third on each; the last are of volumes from before
that driver, too.
"""


_NAMINGS: Mapping[Keeper, Callable[[Mapping[str, str]], str | None]] = {
    Keeper.CLOUDFORMATION: _stack,
    Keeper.TERRAFORM: _terraform,
    Keeper.AUTO_SCALING: _auto_scaling,
    Keeper.EKS: _eks,
}
