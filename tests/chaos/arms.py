"""Arms: at which moment a daemon dies, or stands still. They are kept in a file, so that one may be rearmed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Arms:
    """`die` or `stand` at a moment, the so-manieth time from now; nothing without one. No two have one `number`."""

    at: str = ""
    times: int = 1
    do: str = "die"
    number: int = 0

    @property
    def entry(self) -> str:
        """What the diary says once it happens."""
        return f"{self.do} {self.at} {self.number}"

    def write(self, file: Path) -> None:
        """Arm whoever reads the file; at once, or not at all."""
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(file)

    @classmethod
    def read(cls, file: Path) -> Self:
        """The arms in a file."""
        return cls(**json.loads(file.read_text()))
