"""Service models as botocore ships them, without what nobody reads at work.

The model of EC2 alone takes 20 MB as botocore loads it: ordered dictionaries, a text of documentation for every shape,
and each of a few hundred words tens of thousands of times.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from botocore.loaders import JSONFileLoader

DOCUMENTATION = "documentation"


class LeanModels(JSONFileLoader):
    """Loads what botocore's own file loader does, documentation left empty and equal texts kept once."""

    def _load_file(self, full_path: str, open_method: Callable[..., IO[bytes]]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            text = file.read().decode()
        words: dict[str, str] = {}

        def lean(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            return {words.setdefault(name, name): _lean(words, name, value) for name, value in pairs}

        return json.loads(text, object_pairs_hook=lean)


def _lean(words: dict[str, str], name: str, value: Any) -> Any:
    if not isinstance(value, str):
        # A member of a structure may bear the name of what documents one.
        return value
    return "" if name == DOCUMENTATION else words.setdefault(value, value)
