"""The command `agent-detector`. Importing this costs click and nothing else: a command is loaded when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from detector import __version__
from detector.cli import exits
from detector.errors import ConfigurationError, DetectorError, SourceError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("detector.cli.run", "Watch a live stream and send alerts."),
    "replay": ("detector.cli.replay", "Read archived logs and show the alerts."),
    "alerts": ("detector.cli.alerts", "List, show, acknowledge and suppress alerts of a store."),
    "incident": ("detector.cli.incident", "Say which agents touched something, and what was changed before."),
    "diff": ("detector.cli.diff", "Say which alerts two configurations do not share, or a suppression would hide."),
    "case": ("detector.cli.case", "Export alerts with their raw records, signed, and verify such a case."),
    "coverage": ("detector.cli.coverage", "Say which advice on agents is checked here, and what cannot be seen."),
    "train": ("detector.cli.train", "Train a model of finished hours on archived logs."),
    "models": ("detector.cli.models", "List trained models and check their files."),
    "simulate": ("detector.cli.simulate", "Write the logs of an invented tenant."),
    "check": ("detector.cli.check", "Say whether a configuration is valid, and what it means."),
    "doctor": ("detector.cli.doctor", "Check everything that the live service needs, and say what is wrong."),
    "inventory": ("detector.cli.inventory", "Read the directory through Microsoft Graph and write it down."),
    "canary": ("detector.cli.canary", "Make, or send, a record of the canary, which proves the way to the sinks."),
}
"""Name to module (whose `command` it is) and a sentence for the list of commands."""

_EXAMPLES: Final = """\
Examples:
  agent-detector simulate --out demo
  agent-detector replay demo/events.jsonl --config demo/detector.yaml
  zcat logs.jsonl.gz | agent-detector replay - --json | jq .title
"""


class _ReaderGone(Exception):  # noqa: N818 -- what happened, not a fault
    """Nobody reads our output any more, as in `agent-detector replay ... | head`."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are called, and not to be listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write("\n" + _EXAMPLES)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in exits.MEANINGS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's signature
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="agent-detector", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
def cli(debug: bool) -> None:
    """Watches AI agents in Microsoft Entra: reads their sign-in, audit and risk logs and says what is unusual."""


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code, see `detector.cli.exits`."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        code = cli.main(arguments, prog_name="agent-detector", standalone_mode=False)
        sys.stdout.flush()
    except click.Abort:
        return exits.INTERRUPTED
    except (_ReaderGone, BrokenPipeError):
        # What is still buffered would raise once more when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.READER_GONE
    except click.ClickException as error:
        error.show()
        return exits.USAGE
    except DetectorError as error:
        if "--debug" in arguments:
            raise
        return _told(error)
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _internal(error)
    return code if isinstance(code, int) else exits.OK


def _told(error: DetectorError) -> int:
    """Says on standard error what is wrong."""
    if isinstance(error, ConfigurationError):
        count = len(error.problems)
        click.echo(f"The configuration has {count} problem{'s' if count != 1 else ''}:", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        return exits.CONFIGURATION
    click.echo(f"Error: {error}", err=True)
    return exits.INPUT if isinstance(error, SourceError) else exits.USAGE


def _internal(error: Exception) -> int:
    """A fault of ours: named by its kind only, for a message could quote a record."""
    click.echo(
        f"Error: A fault of the program stopped it ({type(error).__name__}). Run it again as "
        "`agent-detector --debug ...` and report what it prints; check first that it shows no personal data.",
        err=True,
    )
    return exits.INTERNAL
