"""Answers in XML as a service may write them, and as it never should: made up from its model, each seed its own."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
DEEPEST = 6
MOST_MEMBERS = 5

TEXTS = {
    "string": (
        "vpc-1",
        "a &lt;b&gt; &#9731; &amp;",
        "<![CDATA[<a> & b]]>",
        " padded\n",
        "a<!-- not read -->b",
        "☃",
        "",
    ),
    "character": ("c",),
    "boolean": ("true", "false", "TRUE", "1", ""),
    "integer": ("42", "-1", " 7 ", "many", ""),
    "long": ("42", "9007199254740993", "4.5"),
    "float": ("1.5", "-0.0", "nan?", ""),
    "double": ("1.5", "1e300", ""),
    "timestamp": ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00+02:00", "1772366400", "soon", ""),
    "blob": ("YQ==", "%"),
}
"""By type: what is usual first, and then what is not."""


class OddAnswer:
    """One answer of an operation: members are missing, empty, there twice, unknown, or in a namespace of their own."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # the same answer each time
        self._oddness = self._random.choice((0.0, 0.05, 0.3))

    def body(self, shape: Any) -> bytes:
        """What the service sends."""
        wrapper = shape.serialization.get("resultWrapper")
        inner = "".join(self._members(shape, 0))
        if wrapper:
            inner = f"<{wrapper}>{inner}</{wrapper}><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        said = self._random.choice(("", f' xmlns="{NAMESPACE}"', f' xmlns="{NAMESPACE}" xmlns:x="urn:x"'))
        declared = self._random.choice(("", '<?xml version="1.0" encoding="UTF-8"?>\n'))
        return f"{declared}<Response{said}>{inner}<requestId>r</requestId></Response>".encode()

    def _members(self, shape: Any, depth: int) -> Iterator[str]:
        names = [name for name in shape.members if self._random.random() < MOST_MEMBERS / len(shape.members)]
        self._random.shuffle(names)
        for name in names:
            member = shape.members[name]
            yield self._element(member.serialization.get("name", name), member, depth + 1)
            if self._odd():
                yield self._element(member.serialization.get("name", name), member, depth + 1)
            if self._odd():
                yield self._random.choice(("<newThing/>", "<newThing><deep>1</deep></newThing>", "text", "<!-- c -->"))

    def _element(self, tag: str, shape: Any, depth: int) -> str:
        if self._odd():
            return self._random.choice((f"<{tag}/>", f"<{tag}></{tag}>", f"<{tag}> </{tag}>"))
        if self._odd():
            return f'<y:{tag} xmlns:y="urn:y" y:more="1">{self._inside(shape, depth)}</y:{tag}>'
        return f"<{tag}>{self._inside(shape, depth)}</{tag}>"

    def _inside(self, shape: Any, depth: int) -> str:
        if shape.type_name == "structure":
            return "" if depth > DEEPEST else "".join(self._members(shape, depth))
        if shape.type_name == "list":
            item = shape.member.serialization.get("name", "item")
            return "".join(self._element(item, shape.member, depth + 1) for _ in range(self._random.randrange(4)))
        if shape.type_name == "map":
            key, value = (
                self._element(name, one, depth + 1) for name, one in (("key", shape.key), ("value", shape.value))
            )
            return f"<entry>{key}{value}</entry>"
        usual, *others = TEXTS[shape.type_name]
        return self._random.choice(others) if others and self._odd() else self._distinct(usual, shape)

    def _distinct(self, usual: str, shape: Any) -> str:
        return escape(f"{usual}{self._random.randrange(9)}") if shape.type_name == "string" else usual

    def _odd(self) -> bool:
        return self._random.random() < self._oddness
