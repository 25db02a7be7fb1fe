"""Progress of long work, on stderr, for a terminal only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloudwarden.cli.output import plain, stderr
from cloudwarden.engine.events import Listed, MetricsRequested, PhaseFinished, SweepStarted
from cloudwarden.ports import Reporter

_AFTER = {"gather": "judging", "judge": "settling", "settle": "acting", "act": "done"}


class ProgressReporter:
    """Turns a sweep's events into one moving line."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None)

    def report(self, event: object) -> None:
        """Show where the sweep is."""
        if text := _said(event):
            self._progress.update(self._task, description=plain(text).plain)


@contextmanager
def progress() -> Iterator[Sequence[Reporter]]:
    """Reporters that show progress while the block runs; none when stderr is no terminal."""
    console = stderr()
    if not console.is_terminal:
        yield ()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        yield (ProgressReporter(shown),)


def _said(event: object) -> str | None:
    match event:
        case SweepStarted(policies=policies, scopes=scopes):
            return f"listing for {len(policies)} policies in {len(scopes)} scopes"
        case Listed(kind=kind, scope=scope, resources=resources):
            return f"listed {resources} {kind} in {scope}"
        case MetricsRequested(requested=requested, scope=scope):
            return f"read {sum(requested.values())} metric series in {scope}"
        case PhaseFinished(phase=phase):
            return _AFTER.get(phase, phase)
        case _:
            return None
