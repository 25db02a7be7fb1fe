"""The command line as a whole: its name, its options, and how errors end it."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cloudwarden.cli.exits import EPILOG, Exit, exit_for
from cloudwarden.cli.installation import Installation, program
from cloudwarden.cli.output import notice, say
from cloudwarden.core.errors import CloudError, CloudwardenError
from cloudwarden.version import VERSION


class Verbs(TyperGroup):
    """A group whose errors are a sentence or two and an exit code. What nobody foresaw is a traceback, and a code."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Parse the options before the verb."""
        try:
            return super().make_context(*args, **options)
        except TyperException as error:
            error.exit_code = Exit.USAGE
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except TyperException as error:
            error.exit_code = Exit.USAGE
            raise
        except CloudwardenError as error:
            notice(f"cloudwarden: {error}")
            if isinstance(error, CloudError):
                notice(f"{program(ctx)} doctor tries what AWS lets this installation do, and says what to mend")
            raise typer.Exit(exit_for(error)) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                # Whoever read the output left.
                raise
            # Python would end with 1, by which a script learns that there are findings.
            traceback.print_exc()
            notice("cloudwarden: this is a fault of Cloudwarden's own, or of the machine, which nobody foresaw")
            raise typer.Exit(Exit.NOT_DONE) from error


def _version(wanted: bool) -> None:  # noqa: FBT001  # typer's callback has this form
    if wanted:
        say(f"cloudwarden {VERSION}")
        raise typer.Exit


def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="CLOUDWARDEN_CONFIG",
            help="Settings file; ./cloudwarden.toml or /etc/cloudwarden/cloudwarden.toml unless given.",
            show_default=False,
        ),
    ] = None,
    *,
    version: Annotated[  # noqa: ARG001  # its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep an AWS estate inside its owners' policies.

    Start with `cloudwarden demo`: the whole product on a simulated estate, without an AWS account.
    """
    context.obj = Installation(config=config)


def application() -> typer.Typer:
    """The command line without its verbs."""
    made = typer.Typer(
        name="cloudwarden",
        cls=Verbs,
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )
    made.callback()(options)
    return made
