"""JMESPath expressions for proofs. Source: the JMESPath specification, "Literal expressions"."""

from __future__ import annotations

import json


def literal(value: str | int | None) -> str:
    """Any value as a literal: JSON between backticks, a backtick inside escaped."""
    return "`{}`".format(json.dumps(value).replace("`", "\\`"))


def all_found(path: str, count: int) -> str:
    """A path that shows something only when the list at `path` holds `count` items, and null otherwise."""
    return f"length({path}) == `{count}` && 'all' || `null`"
