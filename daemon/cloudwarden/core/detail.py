"""Details: what a service says of one thing only when it is asked for that alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from cloudwarden.core.errors import MalformedAnswer, TagsUnread
from cloudwarden.core.evidence import Evidence, Inquiry, Query, Unreadable
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Tags
from cloudwarden.core.verdict import Cause

A = TypeVar("A")
R = TypeVar("R", bound=Resource)

TOO_MANY = "too-many"
"""Why what would take more calls than it is worth is unknown."""

MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer that is not as documented raises."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping inside a question's arguments: names and values, in the order of their names."""

    pairs: tuple[tuple[str, Argument], ...]


Argument = str | int | bool | Fields | tuple["Argument", ...]
"""A question's argument, as it can be compared and hashed; a tuple is a list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail(Query[Json]):
    """One reading call, and where its answer holds what matters; answered with what is there.

    `arguments` are names and values, in the order of their names. `path` is a JMESPath into the answer. The error
    codes `absent_codes` are answers too: they say that nothing is configured, and give None. Of a question without
    such codes, so does a path that leads to nothing; of one with them, that is no answer. `region` is asked instead
    of the resource's own scope's.

    With `next_page`, the name of what leads to the next page in an answer (and in a request too, unless that calls it
    `asked_as`), every page is read, and the answer is the lists that the path finds in them, one after another.
    """

    service: str
    operation: str
    arguments: tuple[tuple[str, Argument], ...]
    path: str
    region: str | None = None
    absent_codes: tuple[str, ...] = ()
    next_page: str = ""
    asked_as: str = ""

    @property
    def request(self) -> dict[str, Json]:
        """The arguments as the call takes them."""
        return {name: _thawed(value) for name, value in self.arguments}

    def __str__(self) -> str:
        return f"{self.service} {self.operation}"


def arguments(given: Mapping[str, Json]) -> tuple[tuple[str, Argument], ...]:
    """A call's arguments as those of a detail."""
    return tuple((name, _frozen(value)) for name, value in sorted(given.items()))


def _frozen(value: Json) -> Argument:
    if isinstance(value, Mapping):
        return Fields(arguments(value))
    if isinstance(value, list | tuple):
        return tuple(_frozen(part) for part in value)
    if not isinstance(value, str | int):
        raise TypeError(f"no argument of a question: {value!r}")
    return value


def _thawed(value: Argument) -> Json:
    if isinstance(value, Fields):
        return {name: _thawed(part) for name, part in value.pairs}
    return [_thawed(part) for part in value] if isinstance(value, tuple) else value


def read(inquiry: Inquiry, detail: Detail, shape: Callable[[Json], A]) -> A | Unreadable:
    """What a detail's answer is, as `shape` makes it; an answer that `shape` cannot understand is unreadable.

    `shape` says so by raising LookupError, TypeError, ValueError or AttributeError.
    """
    answer = inquiry.hear(detail)
    if isinstance(answer, Unreadable):
        return answer
    try:
        return shape(answer)
    except MALFORMED as error:
        problem = f"{detail}: {type(error).__name__}: {error}"
        return Unreadable(cause=Cause(reason=MalformedAnswer.reason, detail=problem))


def known(inquiry: Inquiry, detail: Detail, shape: Callable[[Json], A]) -> A:
    """What a detail's answer is; when it cannot be read, the verdict is unknown."""
    value = read(inquiry, detail, shape)
    if isinstance(value, Unreadable):
        inquiry.cannot_tell(value.cause)
    return value


class DetailsOf(Evidence, Generic[R]):
    """Base of evidence that asks details, each of them for one resource of the kind `R`."""

    __slots__ = ()

    def told(self, question: str, asks: Callable[[R], Detail], shape: Callable[[Json], A]) -> A:
        """What `shape` makes of the answer, noted for people under `question`; unknown when it cannot be read."""
        value = known(self.inquiry, asks(cast("R", self.resource)), shape)
        self.inquiry.note(question, str(value), holds_until=self.inquiry.now)
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
