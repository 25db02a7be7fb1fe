"""Plain data: what JSON can say, as plans, proofs and answers hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import TypeAliasType

# A named alias: pydantic cannot follow a recursive one without a name.
Json = TypeAliasType("Json", "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None")
