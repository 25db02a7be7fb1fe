"""Pages of an answer, as AWS gives them: few items each, a token that leads on, and now and then an empty one first.

The simulated AWS puts everything into one page, so the whole answer is cut here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

_SETS = ("reservationSet", "volumeSet", "snapshotSet", "securityGroupInfo")
_RESULTS = "MetricDataResults"


class PagedAnswers:
    """Whole answers, of which a part each is given; a token names the answer and how far it was given."""

    def __init__(self) -> None:
        self._whole: dict[str, bytes] = {}

    def first(self, body: bytes, *, size: int, empty: bool) -> tuple[bytes, bool]:
        """The first page of an answer, and whether it is the last; an `empty` one has no item, and a token."""
        if not pageable(body):
            return body, True
        name = f"t{len(self._whole)}"
        self._whole[name] = body
        return self._page(name, 0, 0 if empty else size, must_go_on=empty)

    def following(self, token: str, *, size: int) -> tuple[bytes, bool] | None:
        """The page that a token leads to, and whether it is the last; None for a token that nobody gave."""
        name, _, offset = token.partition("-")
        return self._page(name, int(offset), size) if name in self._whole else None

    def _page(self, name: str, offset: int, size: int, *, must_go_on: bool = False) -> tuple[bytes, bool]:
        body, end = self._whole[name], offset + size
        last = end >= _count(body) and not must_go_on
        token = None if last else f"{name}-{end}"
        return (_xml_page if body.lstrip().startswith(b"<") else _json_page)(body, offset, end, token), last


def pageable(body: bytes) -> bool:
    """Whether an answer holds a list that comes in pages."""
    return _RESULTS.encode() in body or any(name.encode() in body for name in _SETS)


def _count(body: bytes) -> int:
    if not body.lstrip().startswith(b"<"):
        return len(json.loads(body)[_RESULTS])
    return len(_items(ET.fromstring(body)))  # noqa: S314  # the simulated AWS is no attacker


def _json_page(body: bytes, begin: int, end: int, token: str | None) -> bytes:
    answer = json.loads(body)
    answer[_RESULTS] = answer[_RESULTS][begin:end]
    if token is not None:
        answer["NextToken"] = token
    return json.dumps(answer).encode()


def _xml_page(body: bytes, begin: int, end: int, token: str | None) -> bytes:
    root = ET.fromstring(body)  # noqa: S314  # the simulated AWS is no attacker
    namespace = root.tag.partition("}")[0].lstrip("{")
    ET.register_namespace("", namespace)
    items = _items(root)
    for number, item in enumerate(list(items)):
        if not begin <= number < end:
            items.remove(item)
    if token is not None:
        ET.SubElement(root, f"{{{namespace}}}nextToken").text = token
    page: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return page


def _items(root: ET.Element) -> ET.Element:
    return next(child for child in root if child.tag.partition("}")[2] in _SETS)


def token_of(body: bytes, words: Mapping[str, Sequence[str]]) -> str | None:
    """The token that a request goes on with; None when it begins."""
    if body.startswith(b"{"):
        token = json.loads(body).get("NextToken")
        return str(token) if token else None
    return next(iter(words.get("NextToken", ())), None)
