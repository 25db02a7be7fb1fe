"""Noticing that policy files changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import Change
from watchfiles import watch as changes_of

QUIET_MILLISECONDS = 300
"""How long files must have been left alone: an editor or a deployment writes several times in a row."""

MOST_MILLISECONDS = 3_000
"""How long files that never rest are waited for."""

_PAUSE_SECONDS = 0.25
_BATCH_MILLISECONDS = 500


def watch(
    directory: Path, stop: threading.Event, changed: Callable[[], None], *, force_polling: bool | None = None
) -> None:
    """Call `changed` whenever a *.py file of the directory may have changed, until `stop` is set.

    Blocks: give it a thread. It outlives the directory: one that is replaced, or comes back, is watched again, and
    counts as changed. Where the system cannot notify (no inotify, or no watches left), it polls.
    """
    watcher = _Watcher(directory.absolute(), stop, polling=force_polling)
    again = False
    while not stop.is_set():
        for batch in watcher.batches():
            # The first batch after a break proves that the watch is in place again: what came before it was not seen.
            if batch or again:
                again = False
                changed()
        again = True
        stop.wait(_PAUSE_SECONDS)


class _Watcher:
    """Watches a directory and its parent, where its own replacement shows."""

    def __init__(self, directory: Path, stop: threading.Event, *, polling: bool | None) -> None:
        self._directory = directory
        self._stop = stop
        self._polling = polling

    def batches(self) -> Iterator[bool]:
        """Whether something changed, again and again; ends when the directory must be watched anew."""
        try:
            for batch in changes_of(
                self._directory,
                self._directory.parent,
                watch_filter=self._matters,
                step=QUIET_MILLISECONDS,
                debounce=MOST_MILLISECONDS,
                stop_event=self._stop,
                rust_timeout=_BATCH_MILLISECONDS,
                yield_on_timeout=True,
                force_polling=self._polling,
                recursive=False,
                ignore_permission_denied=True,
            ):
                if any(Path(path) == self._directory for _, path in batch):
                    return
                yield bool(batch)
        except FileNotFoundError:
            return
        except OSError:
            # No inotify, or no watches left for this user: looking at modification times needs neither.
            self._polling = True

    def _matters(self, change: Change, path: str) -> bool:
        del change
        changed = Path(path)
        if changed == self._directory:
            return True
        # A mounted ConfigMap never changes its files: it swaps the `..data` link that they point through.
        return changed.parent == self._directory and (_is_policy_file(changed) or changed.name == "..data")


def _is_policy_file(path: Path) -> bool:
    return path.suffix == ".py" and not path.name.startswith(".")
