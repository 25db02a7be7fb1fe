"""The command line: a verb of the design each, in files by noun."""

from __future__ import annotations

from cloudwarden.cli import (
    actions,
    daemon,
    decisions,
    doctor,
    exemptions,
    findings,
    keeping,
    policies,
    proposals,
    scopes,
)
from cloudwarden.cli import settings as settings_verb
from cloudwarden.cli.application import application
from cloudwarden.cli.journal import journal
from cloudwarden.cli.notices import notices

__all__ = ["app", "main"]

app = application()
for verb in (
    daemon.demo,
    daemon.run,
    daemon.once,
    policies.check,
    doctor.doctor,
    policies.explain,
    findings.findings,
    findings.approve,
    findings.reject,
    findings.snooze,
    actions.actions,
    actions.undo,
    exemptions.exempt,
    decisions.pause,
    decisions.resume,
    decisions.pauses,
    decisions.trust,
    decisions.distrust,
    scopes.scopes,
    scopes.accept,
    keeping.backup,
    keeping.restore,
    settings_verb.settings,
):
    app.command()(verb)
app.add_typer(proposals.proposals, name="proposals")
app.add_typer(exemptions.exemptions, name="exemptions")
app.add_typer(notices, name="notices")
app.add_typer(journal, name="journal")


def main() -> None:
    """Run the command line."""
    app()
