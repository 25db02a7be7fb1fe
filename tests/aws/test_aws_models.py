"""Lean service models say what botocore's say."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader

from cloudwarden.aws.models import LeanModels

SERVICES = ("ec2", "rds", "s3", "s3control", "sts", "cloudwatch", "organizations", "iam")
FILES = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.fixture(scope="module")
def models_parsed_once() -> None:
    """Not here: what parsing gives and takes is what these tests are about."""


def undocumented(value: Any) -> Any:
    """The value, its documentation emptied."""
    if isinstance(value, list):
        return [undocumented(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: "" if name == "documentation" and isinstance(one, str) else undocumented(one)
        for name, one in value.items()
    }


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("file", FILES)
def test_models_are_the_same_but_for_documentation(service: str, file: str) -> None:
    """Every operation, shape, rule and page, in the same order."""
    lean, stock = (Loader(file_loader=loader).load_service_model(service, file) for loader in (LeanModels(), None))
    assert json.dumps(lean) == json.dumps(undocumented(stock))


def test_a_member_that_bears_the_name_stays(tmp_path: Path) -> None:
    """Only texts are emptied."""
    members = {"documentation": {"shape": "Text", "documentation": "words"}}
    (tmp_path / "model.json").write_text(json.dumps({"members": members}))
    assert LeanModels().load_file(str(tmp_path / "model")) == {
        "members": {"documentation": {"shape": "Text", "documentation": ""}}
    }


def test_a_missing_model_is_none(tmp_path: Path) -> None:
    """As botocore's own file loader says it: the next place is looked in."""
    assert LeanModels().load_file(str(tmp_path / "model")) is None


def test_the_largest_model_takes_little() -> None:
    """EC2's, which every process that reads instances holds, in less than 60 % of botocore's memory."""
    taken = []
    for loader in (LeanModels(), JSONFileLoader()):
        tracemalloc.start()
        model = Loader(file_loader=loader).load_service_model("ec2", "service-2")
        taken.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del model
    assert taken[0] < taken[1] * 0.6
