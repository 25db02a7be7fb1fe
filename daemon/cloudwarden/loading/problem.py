"""What is wrong with a policy file, or with an override of what it defines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Where, what is wrong, and what to write instead: an imperative such as "write ..." or "declare ...".

    `line` is 0 when no line is to blame. `kept` names the policies of the file's last good version, which go on.
    """

    file: Path
    line: int
    what: str
    write: str
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        kept = f" (still running as it was: {', '.join(self.kept)})" if self.kept else ""
        return f"{place}: {self.what}; {self.write}{kept}"
