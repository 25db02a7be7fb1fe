"""The variables of a policy file, while its statements run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping


class Namespace(MutableMapping[str, object]):
    """What a module's statements write to and read from: its own dictionary, and whoever wants to hear of it.

    `given` is told of each value that a variable is given, also of those in the middle of a statement such as a loop;
    `deleted` of each that is deleted.
    """

    def __init__(
        self, values: dict[str, object], *, given: Callable[[str, object], None], deleted: Callable[[str], None]
    ) -> None:
        self._values = values
        self._given = given
        self._deleted = deleted

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._values[name] = value
        self._given(name, value)

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self._deleted(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
