"""What all commands that read an archive share: which of it, who is let in, and the blobs among the paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeVar

import click

from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.sources.blobs.access import Access
    from detector.sources.blobs.source import Archive
    from detector.sources.chunk import FileFailure
    from detector.sources.files import FileSource
    from detector.sources.layout import Wanted

DAY: Final = 86400.0
_PATH: Final = click.Path(path_type=Path)
_ACCESS: Final = ("identity", "client_id", "sas_file", "connection_string_file")

Function = TypeVar("Function", bound=Callable[..., Any])


def ids(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """A callback of click: identifiers in small letters."""
    return frozenset(value.strip().lower() for value in values)


def duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """A callback of click: seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,5})([dh]?)", value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is not a length of time. Write 30d, 12h, or 0.")
    return int(found[1]) * (3600.0 if found[2] == "h" else DAY)


def archive_options(command: Function) -> Function:
    """The options that say which archived files are read, and who reads blobs."""
    for option in reversed(_OPTIONS):  # click shows the one that is applied last first
        command = option(command)
    return command


_OPTIONS: Final = (
    click.option(
        "--category", "categories", multiple=True, callback=ids, metavar="LOG", help="Only this archived log."
    ),
    click.option(
        "--tenant", "tenants", multiple=True, callback=ids, metavar="ID", help="Only archives of this tenant."
    ),
    click.option(
        "--spread",
        callback=duration,
        default="2h",
        show_default=True,
        metavar="2h|1d",
        help="Archived hours around, too.",
    ),
    click.option(
        "--identity",
        type=click.Choice(["cli", "workload", "managed"]),
        default="cli",
        show_default=True,
        help="Who reads blobs.",
    ),
    click.option("--client-id", metavar="ID", help="Which identity, when there are several."),
    click.option("--sas-file", type=_PATH, help="File with a shared access signature for blobs."),
    click.option("--connection-string-file", type=_PATH, help="File with a connection string for blobs."),
)


def access_of(options: dict[str, Any]) -> Access:
    """Who reads blobs; takes its options out of all.

    Raises:
        UsageError: There are two secrets.
    """
    from detector.sources.blobs.access import Access

    access = Access(**{name: options.pop(name) for name in _ACCESS})
    if access.sas_file is not None and access.connection_string_file is not None:
        raise UsageError("Give --sas-file or --connection-string-file, not both.")
    return access


def wanted_of(options: dict[str, Any], since: float = -inf, until: float = inf) -> Wanted:
    """Which archived files are read; takes its options out of all."""
    from detector.sources.layout import Wanted

    names = ("categories", "tenants", "spread")
    return Wanted(since=since, until=until, **{name: options.pop(name) for name in names})


@contextmanager
def archive_of(paths: Sequence[str], access: Access, wanted: Wanted) -> Iterator[Archive]:
    """The blobs that are named among the paths; nothing of Azure is loaded when there are none.

    Raises:
        UsageError: An address cannot be read, or a secret is for another account.
        SourceError: A secret cannot be read.
    """
    from detector.sources.blobs.address import address_of, is_address
    from detector.sources.blobs.source import Archive, opened

    addresses = [address_of(path) for path in paths if is_address(path)]
    if not addresses:
        yield Archive()
        return
    with opened(addresses, access, wanted) as archive:
        yield archive


class Records(NamedTuple):
    """Records of files and blobs, and where they come from."""

    source: FileSource
    archive: Archive

    @property
    def failures(self) -> list[FileFailure]:
        """What could not be listed or read."""
        return [*self.archive.failures, *self.source.failures]


@contextmanager
def records_of(
    paths: Sequence[str],
    access: Access,
    wanted: Wanted,
    settings: Settings,
    *,
    stdin: BinaryIO | None = None,
    exclude: Sequence[str] = (),
    hashed: bool = False,
) -> Iterator[Records]:
    """The records behind paths and addresses, as a configuration says.

    Args:
        paths: Files, directories, patterns and addresses of blobs.
        access: Who reads blobs.
        wanted: Which archived files are read.
        settings: The configuration.
        stdin: What `-` stands for.
        exclude: Files that are written meanwhile.
        hashed: Whether a SHA-256 of every input is asked for.

    Raises:
        UsageError: See `archive_of`.
        SourceError: See `archive_of`.
    """
    from detector.sources.files import FileSource, Manner

    with archive_of(paths, access, wanted) as archive:
        source = FileSource(
            files_among(paths),
            stdin=stdin,
            lateness=settings.lateness,
            max_line_bytes=settings.limits.max_body_bytes,
            exclude=exclude,
            more=archive.inputs,
            manner=Manner(wanted=wanted, hashed=hashed),
        )
        yield Records(source, archive)


def files_among(paths: Sequence[str]) -> list[str]:
    """The paths that are no addresses."""
    from detector.sources.blobs.address import is_address

    return [path for path in paths if not is_address(path)]


def shown(path: str) -> str:
    """A path as it may be shown: an address without the signature that may stand behind it."""
    return path.partition("?")[0] if "://" in path else path
