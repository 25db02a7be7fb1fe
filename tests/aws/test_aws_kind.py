"""Every declaration is such as AWS documents its operations, and what is not is seen."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudwarden.app import KINDS
from cloudwarden.aws.ec2 import volume
from cloudwarden.aws.kind import Kind
from declarations import faults, services

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource.kind)
def test_aws_takes_what_is_declared_and_gives_what_is_read(kind: Kind[Any]) -> None:
    """The names of arguments, tokens, lists and permissions; moto takes many that AWS refuses."""
    assert list(faults(kind)) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"page_size_name": "MaxRecords"}, "Unknown parameter"),
        ({"next_page": "NextMarker"}, "next_page"),
        ({"asked_as": "Marker"}, "asked_as"),
        ({"items": ("Reservations",)}, "no list Reservations"),
        ({"by_id": lambda volume_id: {"VolumeId": volume_id}}, "Unknown parameter"),
        ({"one": "describe_volume_attribute"}, "Unknown parameter"),
        ({"owner": ""}, "whose they are in OwnerId"),
        ({"owner": "Owner"}, "items have no Owner"),
        ({"permissions": ("ec2:DescribeTags", "ec2:DescribeVolumes")}, "the listing's comes first"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_declaration_that_aws_does_not_document_is_seen(wrong: dict[str, Any], told: str) -> None:
    """Each of its parts by itself."""
    assert told in "\n".join(faults(replace(volume.KIND, **wrong)))


def test_no_service_may_know_the_vault() -> None:
    """Where the journal's copy is kept, the calls of no action reach."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (kept,) = (one for one in contracts if one.get("forbidden_modules") == ["cloudwarden.aws.vault"])
    assert {service.__name__ for service in services()} <= set(kept["source_modules"])


def test_the_kinds_of_every_service_are_read() -> None:
    """A service's package whose KINDS the composition root does not name would be judged by nobody."""
    declared = [kind.resource.kind for service in services() for kind in service.KINDS]
    assert sorted(declared) == sorted({kind.resource.kind for kind in KINDS})
