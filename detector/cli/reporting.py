"""The reports that `replay` and `incident` write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli.writing import write
from detector.config.effective import effective
from detector.domain.alerts import Alert
from detector.runtime.findings import bundle

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.report.facts import Dossier


@dataclass(frozen=True, slots=True)
class Reports:
    """Which reports are wanted, and where.

    Raises:
        UsageError: One of them cannot be written; known before the work begins.
    """

    page: Path | None = None
    markdown: Path | None = None
    ocsf: Path | None = None

    def __bool__(self) -> bool:
        return any(self.paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where they go."""
        return tuple(path for path in (self.page, self.markdown, self.ocsf) if path is not None)

    def check(self) -> None:
        """Makes sure that each can be written."""
        for path in self.paths:
            write(path, b"", "report")

    def write(self, dossier: Dossier, alerts: Iterable[Alert], generated: float) -> None:
        """Writes them, and says on standard error where they are."""
        # Only who wants a page pays for the template engine.
        from detector.report.markdown import markdown
        from detector.report.page import page

        if self.page is not None:
            write(self.page, page(dossier).encode(), "report")
        if self.markdown is not None:
            write(self.markdown, markdown(dossier).encode(), "report")
        if self.ocsf is not None:
            write(self.ocsf, b"".join(bundle(alerts, dossier.stories, generated)), "report")
        for path in self.paths:
            click.echo(f"Report    {path}", err=True)


def digest_of(settings: Settings) -> str:
    """SHA-256 of the configuration in force, secrets masked."""
    return sha256(effective(settings).encode()).hexdigest()
