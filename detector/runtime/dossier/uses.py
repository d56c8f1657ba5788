"""How often one thing was used, and when: counts with the records that stand behind them."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

from detector.domain.events import SignIn

EVIDENCE: Final = 5
"""Record ids kept of the earliest and of the latest records behind a statement."""
LISTED: Final = 200
"""Resources, credentials or networks listed for one agent; the rest are counted together."""


class Use(msgspec.Struct, omit_defaults=True):
    """How often one thing was used, and when."""

    id: str
    name: str | None = None
    requests: int = 0
    refused: int = 0
    first: float = inf
    last: float = -inf
    records: list[str] = []
    """Ids of the earliest and of the latest records."""

    def add(self, event: SignIn) -> None:
        """Counts one sign-in; they come in order of event time."""
        self.requests += 1
        self.refused += event.access.error_code != 0
        self.first, self.last = min(self.first, event.time), max(self.last, event.time)
        if len(self.records) >= 2 * EVIDENCE:
            del self.records[EVIDENCE]
        self.records.append(event.record_id)


class Touch(msgspec.Struct):
    """What one agent did."""

    use: Use
    kind: str
    blueprint: str | None
    resources: dict[str, Use] = {}
    credentials: dict[str, Use] = {}
    networks: dict[str, Use] = {}
    users: set[str] = set()
    unlisted: int = 0
    """Things beyond the bound, which are not listed."""

    @classmethod
    def of(cls, event: SignIn) -> Touch:
        """Of an agent that a first sign-in shows; it still has to be added."""
        access = event.access
        kind = access.role if access.role != "none" else "service_principal"
        return cls(Use(access.agent_id, access.agent_name), kind, access.blueprint_id)

    def add(self, event: SignIn) -> None:
        """Takes in one sign-in."""
        access, origin = event.access, event.origin
        self.blueprint = self.blueprint or access.blueprint_id
        self.use.add(event)
        if event.user_id is not None and len(self.users) < LISTED:
            self.users.add(event.user_id)
        network = f"AS{origin.asn}" if origin.asn is not None else None
        for table, key, name in (
            (self.resources, access.resource_id, access.resource_name),
            (self.credentials, access.credential_key_id, access.credential_type),
            (self.networks, origin.ip, network),
        ):
            if key is None:
                continue
            if key not in table:
                if len(table) >= LISTED:
                    self.unlisted += 1
                    continue
                table[key] = Use(key, name)
            table[key].add(event)
