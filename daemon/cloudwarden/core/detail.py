"""Details: what a service says of one thing only when it is asked for that alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from cloudwarden.core.action import Json
from cloudwarden.core.errors import MalformedAnswer, TagsUnread
from cloudwarden.core.evidence import Inquiry, Query, Unreadable
from cloudwarden.core.resource import Resource, Tags
from cloudwarden.core.verdict import Cause

A = TypeVar("A")
R = TypeVar("R", bound=Resource)

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer that is not as documented raises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail(Query[Json]):
    """One reading call, and where its answer holds what matters; answered with what is there.

    `arguments` are names and values, in the order of their names. `path` is a JMESPath into the answer. The
    error codes `absent_codes` are answers too: they say that nothing is configured, and give None, as does a path
    that leads to nothing. `region` is asked instead of the resource's own scope's.
    """

    service: str
    operation: str
    arguments: tuple[tuple[str, str | int | bool], ...]
    path: str
    region: str | None = None
    absent_codes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.service} {self.operation}"


def read(inquiry: Inquiry, detail: Detail, shape: Callable[[Json], A]) -> A | Unreadable:
    """What a detail's answer is, as `shape` makes it; an answer that `shape` cannot understand is unreadable.

    `shape` says so by raising LookupError, TypeError, ValueError or AttributeError.
    """
    answer = inquiry.hear(detail)
    if isinstance(answer, Unreadable):
        return answer
    try:
        return shape(answer)
    except _MALFORMED as error:
        problem = f"{detail}: {type(error).__name__}: {error}"
        return Unreadable(cause=Cause(reason=MalformedAnswer.reason, detail=problem))


def known(inquiry: Inquiry, detail: Detail, shape: Callable[[Json], A]) -> A:
    """What a detail's answer is; when it cannot be read, the verdict is unknown."""
    value = read(inquiry, detail, shape)
    if isinstance(value, Unreadable):
        inquiry.cannot_tell(value.cause)
    return value


class UnreadTags(Tags):
    """Tags that a listing does not hold; `detail` asks for them, and `shape` makes tags of its answer.

    A rule that looks at them asks for them, as for evidence. Anywhere else looking raises TagsUnread: not having
    read a tag is not its absence.
    """

    __slots__ = ("_inquiry", "_known", "_shape", "detail")

    def __init__(self, detail: Detail, shape: Callable[[Json], Tags], inquiry: Inquiry | None = None) -> None:
        super().__init__()
        self.detail = detail
        self._shape = shape
        self._inquiry = inquiry
        self._known: Tags | None = None

    def asking(self, inquiry: Inquiry) -> UnreadTags:
        """These tags for one evaluation, which asks for them when they are looked at."""
        return UnreadTags(self.detail, self._shape, inquiry)

    def read(self, inquiry: Inquiry) -> Tags | Unreadable:
        """What they are, or why nobody can tell."""
        return read(inquiry, self.detail, self._shape)

    def __getitem__(self, key: str) -> str:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnreadTags) and self.detail == other.detail

    def __hash__(self) -> int:
        return hash(self.detail)

    def __repr__(self) -> str:
        return f"UnreadTags({self.detail})"

    def _read(self) -> Tags:
        if self._inquiry is None:
            raise TagsUnread(f"{self.detail}: these tags were not read")
        if self._known is None:
            self._known = known(self._inquiry, self.detail, self._shape)
            self._inquiry.note("tags", ", ".join(sorted(self._known)) or "none", holds_until=self._inquiry.now)
        return self._known


def read_tags(resource: Resource, inquiry: Inquiry) -> Tags | Unreadable:
    """The tags of a resource under evaluation, asked for where its listing does not hold them."""
    return resource.tags.read(inquiry) if isinstance(resource.tags, UnreadTags) else resource.tags


def asked_by(resource: R, inquiry: Inquiry) -> R:
    """The resource as one evaluation sees it: tags that the listing does not hold are asked for when looked at."""
    if isinstance(resource.tags, UnreadTags):
        return replace(resource, tags=resource.tags.asking(inquiry))
    return resource
