"""The statements of IAM policies: nothing is asked here, and nothing is guessed.

Sources: "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Action", "IAM JSON policy elements:
Resource" and "IAM policy elements: Variables and tags" of the AWS IAM User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cloudwarden.core.errors import MalformedAnswer

ASSUMING = "sts:AssumeRole"
"""The one action that is looked for."""

_INVERSE = ("NotAction", "NotResource", "NotPrincipal")
"""They say what is not meant. What is left then is not read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement. `label` names it for people: its policy, and its Sid or number.

    `actions` and `resources` are as written, with their wildcards, and empty where an inverse stands in their place:
    `inverse` names these.
    """

    label: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    inverse: tuple[str, ...]
    conditional: bool

    @property
    def may_be_of_assuming(self) -> bool:
        """Whether it is about assuming roles, or may be, as it only says which actions it is not about."""
        return not self.actions or any(covers(one.lower(), ASSUMING.lower()) for one in self.actions)


def covers(pattern: str, text: str) -> bool:
    """Whether a text is what IAM means by a pattern: `*` stands for any characters and `?` for one, nothing else."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def statements(policy: str, document: object) -> Iterator[Statement]:
    """Every statement of a policy's document, as botocore decodes it. Raises MalformedAnswer for what is none."""
    written = document.get("Statement") if isinstance(document, Mapping) else None
    for number, one in enumerate(written if isinstance(written, list) else [written], start=1):
        if not isinstance(one, Mapping):
            raise MalformedAnswer(f"the document of policy {policy} is no IAM policy")
        yield _statement(f"{policy}, statement {one.get('Sid') or number}", one)


def _statement(label: str, written: Mapping[str, Any]) -> Statement:
    effect = written.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedAnswer(f"{label}: neither allows nor denies")
    return Statement(
        label=label,
        allows=effect == "Allow",
        actions=_texts(label, written, "Action"),
        resources=_texts(label, written, "Resource"),
        inverse=tuple(name for name in _INVERSE if name in written),
        conditional=bool(written.get("Condition")),
    )


def _texts(label: str, written: Mapping[str, Any], element: str) -> tuple[str, ...]:
    """An element's text or texts; none where its inverse is written in its place."""
    if element not in written and f"Not{element}" in written:
        return ()
    value = written.get(element)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise MalformedAnswer(f"{label}: {element} is no text and no list of texts")
    return tuple(texts)
