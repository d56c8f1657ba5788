"""The conservation law: every record received is accounted for, exactly once."""

from __future__ import annotations

from collections import Counter

import msgspec


class Accounting(msgspec.Struct):
    """Counts of records by fate; `received == applied + duplicate + filtered + late + quarantined`, always."""

    received: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    filtered: Counter[str] = msgspec.field(default_factory=Counter)
    """By `FilterReason`."""
    quarantined: Counter[str] = msgspec.field(default_factory=Counter)
    """By `Reason`."""

    def balanced(self) -> bool:
        """Whether the law holds."""
        fates = self.applied + self.duplicate + self.late + self.filtered.total() + self.quarantined.total()
        return self.received == fates
