"""A copy of the journal in a file that is only appended to: on another disk, or where a log collector takes it up."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cloudwarden.core.errors import ShippingError
from cloudwarden.keeping.lines import read
from cloudwarden.ports import Batch, Mark

_TAIL_BYTES = 1_000_000
"""How far back the last whole line of the file is looked for."""


class FileCopy:
    """`ports.JournalCopy` in a file; whoever rotates it may rename or cut it at any time.

    It is opened anew for each batch, so that nothing is written to one that was renamed. Rotated parts keep the
    file's name as the beginning of theirs, as logrotate's do; compressed ones end in `.gz`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def refuse_unfit(self) -> None:
        """Raise ShippingError when the file cannot be there."""
        if self._file.is_dir() or not self._file.parent.is_dir():
            raise ShippingError(f"{self._file}: write the path of a file in a directory that exists")

    def ahead(self, after: int) -> Sequence[Mark]:
        """The last entry of the file, if it is above `after`."""
        try:
            with self._file.open("rb") as opened:
                opened.seek(max(0, self._file.stat().st_size - _TAIL_BYTES))
                tail = opened.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._failed(error) from error
        last = next((line for text in reversed(tail) if (line := read(text))), None)
        return (Mark(branch=last.branch, seq=last.seq, hash=last.hash),) if last and last.seq > after else ()

    def put(self, batch: Batch) -> None:
        """Append a batch, and have it on the disk."""
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, _end_of_torn_line(descriptor) + batch.content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _settle_name(self._file.parent)
        except OSError as error:
            raise self._failed(error) from error

    def lines(self, after: int = 0) -> Iterator[tuple[str, str]]:
        """Every line of the file and its rotated parts; of a directory, those of all files in it."""
        del after  # a file's lines are all read: nothing says where in it an entry stands
        parts = sorted(self._parts(), key=_age)
        if not parts:
            raise ShippingError(f"{self._file}: there is nothing shipped: write where the copy is")
        for part in parts:
            yield from _numbered(part)

    def _parts(self) -> list[Path]:
        if self._file.is_dir():
            return [one for one in self._file.iterdir() if one.is_file()]
        return [one for one in self._file.parent.glob(f"{self._file.name}*") if one.is_file()]

    def _failed(self, error: OSError) -> ShippingError:
        return ShippingError(
            f"{self._file}: the journal's copy cannot be written or read ({error.strerror}): see that its disk has "
            "room and that this user may write there"
        )


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _end_of_torn_line(descriptor: int) -> bytes:
    """What ends a line that a full disk or a crash cut off; its batch comes again, whole."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _settle_name(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _numbered(part: Path) -> Iterator[tuple[str, str]]:
    try:
        with gzip.open(part, "rt") if part.suffix == ".gz" else part.open() as opened:
            for number, text in enumerate(opened, start=1):
                yield f"{part.name} line {number}", text.rstrip("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ShippingError(f"{part}: it cannot be read: {error}") from error


def _age(part: Path) -> tuple[int, float]:
    """By the first entry in it, then by when it was written last."""
    first = next((line.seq for _, text in _numbered(part) if (line := read(text))), 0)
    return first, part.stat().st_mtime
