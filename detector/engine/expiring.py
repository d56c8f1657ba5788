"""Credentials as an inventory shows them: how long they live, and when they end.

The end of a credential comes nearer without any record, so once a day all credentials are looked at again, by what was
known for sure at midnight (UTC).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Entity
from detector.domain.events import Credential
from detector.domain.signals import Fact
from detector.engine.directory import key_of
from detector.features.listing import LOOK
from detector.features.timeline import DAY, STEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.domain.events import InventoryObject
    from detector.engine.issues import Issues
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.inventory import ObjectMemory

_MOST_DAYS: Final = 400
"""Midnights that are made up for after a gap in time."""


class Expiring:
    """Credentials of objects."""

    def __init__(self, settings: EngineSettings, state: State, issues: Issues) -> None:
        self.settings = settings
        self.state = state
        self.issues = issues
        self.directory = issues.directory
        self.horizon = issues.directory.horizon
        asked = [day for detector in settings.detectors for day in getattr(detector, "days", ())]
        self.ahead = float(max(asked, default=0)) * DAY
        """Seconds before its end from which on somebody listens to what is said of a credential."""

    # ---------------------------------------------------------------------------------------------- inventory

    def observe(self, event: InventoryObject, memory: ObjectMemory) -> None:
        """An observation of an object that is watched and not deleted."""
        credentials = event.credentials or ()
        for held in credentials:
            if held.end is None:
                continue
            if held.start is not None and held.end > event.time:
                self._tell_life(event, memory, held)
            if held.end - event.time <= self.ahead:
                others = [each for each in credentials if each is not held]
                self._tell_end(event.tenant_id, memory, held, others, event.time, event)

    def _tell_life(self, event: InventoryObject, memory: ObjectMemory, held: Credential) -> None:
        assert held.start is not None
        assert held.end is not None
        facts = _facts(held) | {"life_days": round((held.end - held.start) / DAY, 2), "start": held.start}
        facts |= self._added_by(event.tenant_id, memory, held.key_id)
        self._tell(event.tenant_id, memory, "long_lived", held, event.time, facts, event)

    def _added_by(self, tenant_id: str, memory: ObjectMemory, key_id: str) -> dict[str, Fact]:
        """Who added the credential, where an audit record has told."""
        ledger = self.state.tenants[tenant_id].ledgers.get(key_of(memory).id)
        added = [] if ledger is None else [each for each in ledger.of("credential_added") if each.about == key_id]
        if not added:
            return {}
        return {"actor_id": added[0].who or None, "actor_name": added[0].name or None, "added": added[0].time}

    def _tell_end(
        self,
        tenant_id: str,
        memory: ObjectMemory,
        held: Credential,
        others: Iterable[Credential],
        time: float,
        event: InventoryObject | None,
    ) -> None:
        """Tells when a credential ends, and how many others of the object will still be good by then."""
        assert held.end is not None
        facts = _facts(held) | {
            "days_left": round((held.end - time) / DAY, 4),
            "others": sum(1 for each in others if each.end is None or each.end > max(held.end, time)),
        }
        self._tell(tenant_id, memory, "expiring", held, time, facts, event)

    def _tell(
        self,
        tenant_id: str,
        memory: ObjectMemory,
        issue: str,
        held: Credential,
        time: float,
        facts: dict[str, Fact],
        event: InventoryObject | None,
    ) -> None:
        related = (Entity("credential", held.key_id, held.name),)
        self.issues.tell(tenant_id, memory, issue, held.key_id, time, facts, event=event, related=related)

    # --------------------------------------------------------------------------------------------------- days

    def tick(self, watermark: float) -> None:
        """Looks at all credentials as they were known to be at each midnight that has become final."""
        final = self.state.admission.watermark if watermark == inf else watermark - self.settings.lateness - STEP
        today = int(final // DAY) if final > 0 else -1
        if self.state.credentials_day < 0 <= today:
            self.state.credentials_day = int(min(self._first_day(), today))
        for day in range(max(self.state.credentials_day + 1, today - _MOST_DAYS), today + 1):
            self.state.credentials_day = day
            self._look(day)

    def _first_day(self) -> float:
        """The day of the earliest observation: an inventory may be there before the first logs are."""
        tenants = self.state.tenants.values()
        return min((memory.first_seen // DAY for each in tenants for memory in each.objects.values()), default=inf)

    def _look(self, day: int) -> None:
        midnight = float(day * DAY)
        bucket = int(midnight) // LOOK - 1
        for tenant_id, tenant in self.state.tenants.items():
            holders = [memory for memory in tenant.objects.values() if memory.credentials]
            for memory in sorted(holders, key=lambda each: each.id):
                if self.directory.watched(memory):
                    self._look_at(tenant_id, memory, midnight, bucket)

    def _look_at(self, tenant_id: str, memory: ObjectMemory, midnight: float, bucket: int) -> None:
        assert memory.keys is not None
        held = [_stored(memory, span.value) for span in memory.keys.held(bucket, self.horizon)]
        for each in held:
            if each.end is not None and each.end - midnight <= self.ahead:
                others = [other for other in held if other is not each]
                self._tell_end(tenant_id, memory, each, others, midnight, None)


def _stored(memory: ObjectMemory, key_id: str) -> Credential:
    """What is remembered of a credential: nothing of one that cannot expire."""
    known = (memory.credentials or {}).get(key_id)
    return Credential(key_id, "federated") if known is None else known


def _facts(held: Credential) -> dict[str, Fact]:
    return {"key_id": held.key_id, "credential_kind": held.kind, "credential_name": held.name, "end": held.end}
