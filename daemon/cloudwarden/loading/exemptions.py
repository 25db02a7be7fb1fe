"""Reading a file of exemptions, which people keep under version control."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from cloudwarden.core.exemption import ANY, ANY_POLICY, tag_written
from cloudwarden.core.instant import in_utc
from cloudwarden.core.nearest import nearest
from cloudwarden.engine.exempt import Wish, refusal
from cloudwarden.loading.problem import Problem

TABLE = "exemption"
"""Each exemption is a table of this name: `[[exemption]]`."""


_NAME = re.compile(r"(?!x-)[a-z0-9][a-z0-9._-]*")


def _name(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise ValueError(f"{word!r} is no name for an exemption in a file")
    return word


def _tag(word: str) -> str:
    tag_written(word)
    return word


def _instant(written: datetime | date) -> datetime:
    """A date ends when its day begins, and a time without an offset is in UTC."""
    ends = written if isinstance(written, datetime) else datetime.combine(written, time())
    return in_utc(ends if ends.tzinfo else ends.replace(tzinfo=UTC))


class _Written(BaseModel):
    """One exemption as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    id: Annotated[str, AfterValidator(_name)]
    policy: str = ANY_POLICY
    resource: str = ANY
    tag: Annotated[str, AfterValidator(_tag)] | None = None
    account: str = ANY
    region: str = ANY
    owner: str
    reason: str
    expires: Annotated[datetime | date, AfterValidator(_instant)]

    def wish(self) -> Wish:
        """What it asks for."""
        return Wish(
            id=self.id,
            policy=self.policy,
            resource=self.resource,
            tag=None if self.tag is None else tag_written(self.tag),
            account=self.account,
            region=self.region,
            owner=self.owner,
            reason=self.reason,
            expires_at=_instant(self.expires),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenExemptions:
    """What a file asks for, and the hash of its text. With problems nothing of it may be taken over."""

    wishes: tuple[Wish, ...] = ()
    sha256: str = ""
    problems: tuple[Problem, ...] = ()


def read_exemptions(
    path: Path, *, policies: Collection[str] | None, now: datetime, longest: Callable[[str], timedelta]
) -> WrittenExemptions:
    """The exemptions of a file. `policies` are those that may be named; None when not all of them are known."""
    try:
        text = path.read_bytes()
        tables = tomllib.loads(text.decode())
    except OSError as error:
        write = "write the file, or leave exemptions_file out of the settings"
        return _refused(path, 0, f"cannot be read: {error.strerror}", write)
    except UnicodeDecodeError:
        return _refused(path, 0, "is not UTF-8", "write it as UTF-8")
    except tomllib.TOMLDecodeError as error:
        return _refused(path, 0, f"is not TOML: {error}", "write strings in quotes and tables in [[brackets]]")
    entries = tables.get(TABLE, [])
    if set(tables) - {TABLE} or not isinstance(entries, list):
        unknown = ", ".join(sorted(set(tables) - {TABLE})) or TABLE
        return _refused(path, 0, f"{unknown}: is no exemption", f"write every exemption as [[{TABLE}]]")
    reader = _Reader(path, text.decode(), policies, now, longest)
    wishes = [wish for number, entry in enumerate(entries) if (wish := reader.read(number, entry)) is not None]
    return WrittenExemptions(
        wishes=tuple(wishes), sha256=hashlib.sha256(text).hexdigest(), problems=tuple(reader.problems)
    )


class _Reader:
    """Reads one entry after another, and keeps what is wrong with them."""

    def __init__(
        self,
        path: Path,
        text: str,
        policies: Collection[str] | None,
        now: datetime,
        longest: Callable[[str], timedelta],
    ) -> None:
        self._path = path
        self._policies = policies
        self._now = now
        self._longest = longest
        self._ids: set[str] = set()
        lines = enumerate(text.splitlines(), start=1)
        self._lines = [line for line, words in lines if words.replace(" ", "").startswith(f"[[{TABLE}]]")]
        self.problems: list[Problem] = []

    def read(self, number: int, entry: object) -> Wish | None:
        """What one entry asks for; None when something is wrong with it."""
        try:
            wish = _Written.model_validate(entry).wish()
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                key = ".".join(str(part) for part in detail["loc"][:1])
                self._wrong(number, f"{key}: {detail['msg']}", _advice(key))
            return None
        if wish.id in self._ids:
            self._wrong(number, f"id {wish.id!r} is there twice", "write another id")
        self._ids.add(wish.id)
        if self._policies is not None and wish.policy not in (ANY_POLICY, *self._policies):
            near = nearest(wish.policy, sorted(self._policies))
            self._wrong(number, f"no policy {wish.policy!r}", f'write "{near or ANY_POLICY}"')
        elif why := refusal(wish, self._now, self._longest(wish.policy)):
            self._wrong(number, f"{wish.id}: {why}", "mend this exemption")
        return wish

    def _wrong(self, number: int, what: str, write: str) -> None:
        line = self._lines[number] if number < len(self._lines) else 0
        self.problems.append(Problem(file=self._path, line=line, what=what, write=write))


def _advice(key: str) -> str:
    known = cast("dict[str, object]", _Written.model_fields)
    if key not in known:
        return f"write {nearest(key, list(known)) or 'one of ' + ', '.join(known)}"
    forms = {
        "id": 'write a short name of its own, such as "shop-migration"; x- is for those made with a verb',
        "expires": "write a date, such as 2026-12-31, without quotes",
        "tag": 'write "key" or "key=value"',
    }
    return forms.get(key, f'write {key} = "..."')


def _refused(path: Path, line: int, what: str, write: str) -> WrittenExemptions:
    return WrittenExemptions(problems=(Problem(file=path, line=line, what=what, write=write),))
