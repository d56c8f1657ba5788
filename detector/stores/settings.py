"""How large a store may become, and how careful it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Bounds and habits of a store."""

    full_sync: bool = True
    """Whether a commit waits until the disk has it. Else a loss of power, but no crash of the process, may undo the
    last commits: their messages are read again and raise the same alerts."""
    quarantine_rows: int = 10_000
    quarantine_bytes: int = 64 * 2**20
    alerts: int = 100_000
    """Alerts kept; the oldest that no sink waits for go first."""
    snapshots: int = 3
    """Snapshots kept."""
    checkpoint_bytes: int = 32 * 2**20
    """Size of the write-ahead log at which it is carried over into the database."""
    cache_bytes: int = 32 * 2**20
    """Memory for pages of the connection that writes."""
    busy_seconds: float = 10.0
    """How long to wait while another process (the `alerts` command) writes."""
