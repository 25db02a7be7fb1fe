"""A copy of the journal in a file that is only appended to: on another disk, or where a log collector takes it up."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedIOBase
from pathlib import Path

from cloudwarden.core.errors import ShippingError
from cloudwarden.keeping.lines import ShippedLine, read
from cloudwarden.ports import Batch, Mark
from cloudwarden.store.copying import settle_names

_TAIL_BYTES = 1_000_000
"""How far back the last whole line of a file is looked for."""

_OPENED_BY: Mapping[str, Callable[[Path], BufferedIOBase]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
"""What reads a rotated part, by the end of its name: those of logrotate's compressors that Python knows."""

_UNREADABLE = (".zst", ".lz4", ".lzo", ".Z")


class FileCopy:
    """`ports.JournalCopy` in a file; whoever rotates it may rename or cut it at any time.

    It is opened anew for each batch, so that nothing is written to one that was renamed. Rotated parts stay in its
    directory and keep the file's name as the beginning of theirs, as logrotate's do; compressed ones end in `.gz`,
    `.bz2` or `.xz`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def refuse_unfit(self) -> None:
        """Raise ShippingError when the file cannot be there, or nobody can tell."""
        try:
            unfit = self._file.is_dir() or not self._file.parent.is_dir()
        except OSError as error:
            # A directory that this user may not enter, or a disk of the network that does not answer.
            raise self._failed(error) from error
        if unfit:
            raise ShippingError(f"{self._file}: write the path of a file in a directory that exists")

    def ahead(self, after: int) -> Sequence[Mark]:
        """The last entry of the file and of its newest rotated parts, where it is above `after`.

        Of the rotated parts those are read that are ahead, and the next older one. Where nothing at all is left of
        what was shipped, nobody can tell what it knew: that raises.
        """
        self.refuse_unfit()
        newest = sorted(self._parts(), key=_written_at, reverse=True)
        if after and not newest:
            raise ShippingError(
                f"{self._file}: nothing is there of the {after} entries that were shipped: is its disk mounted? If it "
                "was moved away on purpose, make an empty file of that name"
            )
        marks = []
        for part in newest:
            if (last := self._last(part)) is None:
                continue
            if last.seq > after:
                marks.append(Mark(branch=last.branch, seq=last.seq, hash=last.hash))
            elif part != self._file:
                break
        return tuple(marks)

    def _last(self, part: Path) -> ShippedLine | None:
        """The last entry in a part, which may have been cut to nothing."""
        try:
            tail = _tail(part).decode(errors="replace").splitlines()
        except (OSError, EOFError, lzma.LZMAError) as error:
            # Renamed or packed meanwhile, or for good not to be read: only another look tells.
            raise ShippingError(
                f"{part}: it cannot be read ({error}), so that nobody can tell what the journal's copy knows: the "
                "daemon's user needs read access to the rotated parts too"
            ) from error
        return next((line for text in reversed(tail) if (line := read(text))), None)

    def put(self, batch: Batch) -> None:
        """Append a batch, and have it on the disk."""
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, _end_of_torn_line(descriptor) + batch.content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            settle_names(self._file.parent)
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
        """The file and its rotated parts. Raises ShippingError when nobody can tell which there are."""
        try:
            if self._file.is_dir():
                return [one for one in self._file.iterdir() if one.is_file()]
            # Not by glob(), which finds nothing in a directory that it cannot read.
            beside = [one for one in self._file.parent.iterdir() if one.name.startswith(self._file.name)]
            return [one for one in beside if one.is_file()]
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ShippingError:
        return ShippingError(
            f"{self._file}: the journal's copy cannot be written or read ({error.strerror}): see that its disk has "
            "room and that this user may look and write there"
        )


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _end_of_torn_line(descriptor: int) -> bytes:
    """What ends a line that a full disk or a crash cut off; its batch comes again, whole."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _opened(part: Path) -> BufferedIOBase:
    """A part's lines, unpacked. Raises OSError, and ShippingError for one that nothing here unpacks."""
    if part.suffix in _UNREADABLE:
        raise ShippingError(f"{part}: it cannot be unpacked here: have rotated parts packed by gzip, bzip2 or xz")
    opening = _OPENED_BY.get(part.suffix)
    return opening(part) if opening else part.open("rb")


def _tail(part: Path) -> bytes:
    """The last bytes of a part, unpacked."""
    with _opened(part) as opened:
        if part.suffix not in _OPENED_BY:
            opened.seek(max(0, part.stat().st_size - _TAIL_BYTES))
        tail = b""
        while read_on := opened.read(_TAIL_BYTES):
            tail = (tail + read_on)[-_TAIL_BYTES:]
    return tail


def _numbered(part: Path) -> Iterator[tuple[str, str]]:
    try:
        with _opened(part) as opened:
            for number, text in enumerate(opened, start=1):
                yield f"{part.name} line {number}", text.decode().rstrip("\n")
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise ShippingError(f"{part}: it cannot be read: {error}") from error


def _written_at(part: Path) -> float:
    try:
        return part.stat().st_mtime
    except OSError as error:
        raise ShippingError(
            f"{part}: it was renamed or taken away while the copy was read ({error.strerror}): it is read again"
        ) from error


def _age(part: Path) -> tuple[int, float]:
    """By the first entry in it, then by when it was written last."""
    first = next((line.seq for _, text in _numbered(part) if (line := read(text))), 0)
    return first, part.stat().st_mtime
