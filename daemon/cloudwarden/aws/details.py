"""Answers details with the one call that each names, several at a time."""

from __future__ import annotations

import contextvars
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from cloudwarden.aws.pages import ask, goes_on, pages
from cloudwarden.aws.search import Path
from cloudwarden.aws.session import Sessions
from cloudwarden.core.detail import TOO_MANY, Detail
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer
from cloudwarden.core.evidence import Answers, Query, Unreadable
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.ports import EvidenceSource

THREADS = 8
"""Calls at once in one scope: a thousand buckets take seconds, and S3 is far from telling us to slow down."""

MOST_PAGES = 50
"""Pages of one answer that are read: more of what depends on one thing tells nobody more than "very many" does."""

_FOREIGN = Unreadable(cause=Cause(reason=InvalidRequest.reason, detail="AWS answers metrics and details only"))


class DetailEvidence:
    """Answers Detail with what its path finds, None when nothing is configured, or Unreadable with the cause.

    Each is a call of its own, so one that is denied leaves all others as they are.
    """

    def __init__(self, sessions: Sessions, *, threads: int = THREADS) -> None:
        self._sessions = sessions
        self._threads = threads

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """An answer for every query; one that is no Detail is unreadable."""
        del now
        answers: dict[Query[object], object] = dict.fromkeys(queries, _FOREIGN)
        details = [query for query in queries if isinstance(query, Detail)]
        if details:
            with ThreadPoolExecutor(max_workers=min(self._threads, len(details))) as pool:
                # Each thread carries this one's context, so that what it logs keeps its run id.
                found = [pool.submit(contextvars.copy_context().run, self._read, scope, one) for one in details]
                answers.update((one, each.result()) for one, each in zip(details, found, strict=True))
        return answers

    def _read(self, scope: Scope, detail: Detail) -> Json | Unreadable:
        where = scope if detail.region is None else replace(scope, region=detail.region)
        try:
            path = Path(detail.path)
            if detail.next_page:
                return self._read_pages(where, detail, path)
            answer = ask(self._sessions.client(detail.service, where), detail.operation, detail.request)
            if goes_on(answer):
                raise MalformedAnswer(f"{detail}: the answer goes on, and a detail is one answer")
            return _found(detail, path.find(answer))
        except CloudError as error:
            if error.code and error.code in detail.absent_codes:
                return None
            return Unreadable(cause=Cause(reason=error.reason, detail=str(error)))

    def _read_pages(self, scope: Scope, detail: Detail, path: Path) -> Json | Unreadable:
        """What the path finds in each page, together; half of a list is no list."""
        client = self._sessions.client(detail.service, scope)
        found: list[Json] = []
        answered = pages(client, detail.operation, detail.request, next_page=detail.next_page, asked_as=detail.asked_as)
        for number, page in enumerate(answered, start=1):
            if number > MOST_PAGES:
                return Unreadable(cause=Cause(reason=TOO_MANY, detail=f"{detail}: more than {MOST_PAGES} pages"))
            items = path.find(page)
            if not isinstance(items, list):
                raise MalformedAnswer(f"{detail}: no list at {detail.path}")
            found += items
        return found


def _found(detail: Detail, found: Json) -> Json:
    """What the path found. Nothing is no answer where a code would say so. Raises MalformedAnswer."""
    if found is None and detail.absent_codes:
        raise MalformedAnswer(f"{detail}: nothing at {detail.path}, and no {' or '.join(detail.absent_codes)} either")
    return found


class AwsEvidence:
    """Answers every query that a rule can ask of AWS: each type of query by the source that knows it."""

    def __init__(self, *, metrics: EvidenceSource, details: EvidenceSource) -> None:
        self._metrics = metrics
        self._details = details

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """An answer for every query."""
        details = [query for query in queries if isinstance(query, Detail)]
        others = [query for query in queries if not isinstance(query, Detail)]
        answers: dict[Query[object], object] = {}
        for source, asked in ((self._metrics, others), (self._details, details)):
            if asked:
                answers.update(source.answer(scope, asked, now))
        return answers
