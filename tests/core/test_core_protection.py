"""Protection: who keeps a resource, and what a policy may touch all the same."""

from __future__ import annotations

import pytest

from cloudwarden.core.exemption import tagged
from cloudwarden.core.protection import NOTHING_MORE, Keeper, Protection, kept_by, protected_by
from cloudwarden.testing import instance


@pytest.mark.parametrize(
    ("key", "value", "keeper"),
    [
        ("aws:cloudformation:stack-name", "web", Keeper.CLOUDFORMATION),
        ("aws:autoscaling:groupName", "web", Keeper.AUTO_SCALING),
        ("kubernetes.io/cluster/prod", "owned", Keeper.EKS),
        ("aws:eks:cluster-name", "prod", Keeper.EKS),
        ("managed-by", "terraform", Keeper.TERRAFORM),
        ("ManagedBy", "Terraform", Keeper.TERRAFORM),
        ("managed_by", "opentofu", Keeper.TERRAFORM),
        ("terraform", "true", Keeper.TERRAFORM),
        ("Managed-By", "Terraform/1.5", Keeper.TERRAFORM),
        ("managed by", "terraform cloud", Keeper.TERRAFORM),
        ("CreatedBy", "terragrunt", Keeper.TERRAFORM),
        ("terraform:workspace", "prod", Keeper.TERRAFORM),
        ("eks:eks-cluster-name", "prod", Keeper.EKS),
        ("KubernetesCluster", "prod", Keeper.EKS),
        ("ebs.csi.aws.com/cluster", "true", Keeper.EKS),
        ("ebs.csi.aws.com/cluster-name", "prod", Keeper.EKS),
        ("CSIVolumeName", "pvc-1", Keeper.EKS),
        ("CSIVolumeSnapshotName", "snapcontent-1", Keeper.EKS),
        ("kubernetes.io/created-for/pvc/name", "data-db-0", Keeper.EKS),
        ("elbv2.k8s.aws/cluster", "prod", Keeper.EKS),
        ("ingress.k8s.aws/cluster", "prod", Keeper.EKS),
        ("cluster.k8s.amazonaws.com/name", "prod", Keeper.EKS),
    ],
)
def test_a_kept_resource_is_protected_unless_the_policy_says_so(key: str, value: str, keeper: Keeper) -> None:
    """By the name of its keeper, and of no other."""
    box = instance(tags={key: value})
    assert [kept for kept, _ in kept_by(box)] == [keeper]
    assert protected_by(box, (), NOTHING_MORE)
    assert protected_by(box, [other for other in Keeper if other is not keeper], NOTHING_MORE)
    assert protected_by(box, (keeper,), NOTHING_MORE) is None


@pytest.mark.parametrize(
    "tags",
    [{}, {"terraform": "false"}, {"managed-by": "hand"}, {"Name": "terraform"}, {"team": "eks"}, {"uses": "terraform"}],
)
def test_other_resources_are_not_kept(tags: dict[str, str]) -> None:
    """A name alone proves nothing."""
    assert protected_by(instance(tags=tags), (), NOTHING_MORE) is None


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"ebs.csi.aws.com/cluster": "true"}, "a Kubernetes cluster (tag ebs.csi.aws.com/cluster=true)"),
        ({"ebs.csi.aws.com/cluster": "true", "KubernetesCluster": "prod"}, "EKS cluster prod"),
        ({"elbv2.k8s.aws/cluster": "prod", "elbv2.k8s.aws/resource": "backend-sg"}, "EKS cluster prod"),
    ],
)
def test_a_cluster_is_named_where_a_tag_names_it(tags: dict[str, str], name: str) -> None:
    """A volume's driver says only that there is one, unless it was told its name."""
    assert list(kept_by(instance(tags=tags))) == [(Keeper.EKS, name)]


def test_every_keeper_must_be_named() -> None:
    """An instance of an Auto Scaling group that a stack made has two."""
    box = instance(tags={"aws:autoscaling:groupName": "web", "aws:cloudformation:stack-name": "web"})
    assert protected_by(box, (Keeper.AUTO_SCALING,), NOTHING_MORE)
    assert protected_by(box, (Keeper.AUTO_SCALING, Keeper.CLOUDFORMATION), NOTHING_MORE) is None


def test_protected_accounts_and_tags_cannot_be_touched_by_any_policy() -> None:
    """Whatever it touches: the installation's word is the last."""
    protection = Protection(accounts=("9999*",), tags=(tagged("env", "prod"),))
    assert (
        protected_by(instance(account="999912345678"), tuple(Keeper), protection) == "account 999912345678 is protected"
    )
    assert protected_by(instance(tags={"env": "prod"}), tuple(Keeper), protection) == "tag env=prod protects it"
    assert protected_by(instance(tags={"env": "dev"}), tuple(Keeper), protection) is None
