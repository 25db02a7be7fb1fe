"""Noticing that policy files changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import watch as changes_of

from cloudwarden.loading.source import is_policy_file

QUIET_MILLISECONDS = 300
"""How long files must have been left alone: an editor or a deployment writes several times in a row."""

MOST_MILLISECONDS = 3_000
"""How long files that never rest are waited for."""

_PAUSE_SECONDS = 0.25
_BATCH_MILLISECONDS = 500


def watch(
    directory: Path,
    stop: threading.Event,
    changed: Callable[[], None],
    *,
    matters: Callable[[Path], bool] = is_policy_file,
    force_polling: bool | None = None,
) -> None:
    """Call `changed` whenever a policy file, or what `matters`, in the directory may have changed, until `stop` is set.

    Blocks: give it a thread. It outlives the directory: one that is replaced, or comes back, is watched again, and
    counts as changed. Where the system cannot notify (no inotify, or no watches left), it polls.
    """
    watcher = _Watcher(directory.absolute(), stop, matters, polling=force_polling)
    again = False
    while not stop.is_set():
        for something_changed in watcher.batches():
            # The first batch after a break proves that the watch is in place again: what came before it was not seen.
            if something_changed or again:
                again = False
                changed()
        again = True
        stop.wait(_PAUSE_SECONDS)


class _Watcher:
    """Watches a directory and its parent, where its own replacement shows."""

    def __init__(
        self, directory: Path, stop: threading.Event, file_matters: Callable[[Path], bool], *, polling: bool | None
    ) -> None:
        self._file_matters = file_matters
        self._directory = directory
        self._stop = stop
        self._polling = polling

    def batches(self) -> Iterator[bool]:
        """Whether something changed, again and again; ends when the directory must be watched anew."""
        try:
            for batch in changes_of(
                self._directory,
                self._directory.parent,
                watch_filter=None,
                step=QUIET_MILLISECONDS,
                debounce=MOST_MILLISECONDS,
                stop_event=self._stop,
                rust_timeout=_BATCH_MILLISECONDS,
                yield_on_timeout=True,
                force_polling=self._polling,
                recursive=False,
                ignore_permission_denied=True,
            ):
                paths = [Path(path) for _, path in batch]
                if self._directory in paths:
                    return
                yield any(map(self._matters, paths))
        except FileNotFoundError:
            return
        except (OSError, RuntimeError):
            # No inotify, no watches left for this user, or an error that watchfiles calls unknown: looking at
            # modification times needs none of it.
            self._polling = True

    def _matters(self, path: Path) -> bool:
        # A mounted ConfigMap never changes its files: it swaps the `..data` link that they point through.
        return path.parent == self._directory and (self._file_matters(path) or path.name == "..data")
