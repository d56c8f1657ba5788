"""The reports that `replay` and `incident` write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.config.effective import effective
from detector.domain.alerts import Alert
from detector.errors import UsageError
from detector.report.facts import InputFile
from detector.runtime.dossier.inputs import inputs_of
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
            _write(path, b"")

    def write(self, dossier: Dossier, alerts: Iterable[Alert], generated: float) -> None:
        """Writes them, and says on standard error where they are."""
        # Only who wants a page pays for the template engine.
        from detector.report.markdown import markdown
        from detector.report.page import page

        if self.page is not None:
            _write(self.page, page(dossier).encode())
        if self.markdown is not None:
            _write(self.markdown, markdown(dossier).encode())
        if self.ocsf is not None:
            _write(self.ocsf, b"".join(bundle(alerts, dossier.stories, generated)))
        for path in self.paths:
            click.echo(f"Report    {path}", err=True)


def digest_of(settings: Settings) -> str:
    """SHA-256 of the configuration in force, secrets masked."""
    return sha256(effective(settings).encode()).hexdigest()


def hashed(paths: Sequence[str]) -> list[InputFile]:
    """The inputs, with their hashes."""
    return list(inputs_of(paths))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: The report cannot be written ({error.strerror}). Choose another path.") from None
