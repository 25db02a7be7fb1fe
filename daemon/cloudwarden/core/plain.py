"""Plain data: what JSON can say, as plans, proofs and answers hold it, and what another process can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import TypeAliasType

# A named alias: pydantic cannot follow a recursive one without a name.
Json = TypeAliasType("Json", "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None")


def exact(value: object) -> str:
    """A text's characters as `str` itself, and not as a class of an author's, which no other process knows.

    Of what is no text, what `str` says of it.
    """
    return str.__str__(value if isinstance(value, str) else str(value))


def said(thing: object, form: Callable[[object], str]) -> str:
    """What an author's exception or value says of itself, by `str` or `repr`; it may fail at that, too."""
    try:
        return exact(form(thing))
    except (Exception, SystemExit):  # noqa: BLE001  # whatever it raises, something is said
        return f"{type(thing).__name__}, which cannot say what it is"
