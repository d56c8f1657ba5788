"""Moments on the command line."""

from __future__ import annotations

from math import inf
from typing import Final

import click

_BEGINNINGS: Final = frozenset({"since", "start"})
"""Options that leave nothing out at the beginning unless they are given; the others at the end."""


def moment(_: click.Context, parameter: click.Parameter, value: str | None) -> float:
    """A callback of click: seconds since the epoch, or an infinity where nothing was given."""
    if value is None:
        return -inf if parameter.name in _BEGINNINGS else inf
    # Only who gives a time pays for what reads it.
    from detector.sources.instants import instant

    time = instant(value)
    if time is None:
        raise click.BadParameter(f"{value!r} is not a time. Write 2026-10-05, or 2026-10-05T14:30:00Z.")
    return time
