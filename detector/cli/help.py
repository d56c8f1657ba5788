"""Help with examples that keep their line ends."""

from __future__ import annotations

import click


class Command(click.Command):
    """A command whose epilog is written as it stands."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the examples."""
        if self.epilog:
            formatter.write("\n" + self.epilog.strip("\n") + "\n")
