"""First uses of credentials whose addition nobody has told of: audit records come later than sign-ins.

What a first token means depends on who added the credential: a pipeline that rotates, a person, or nobody that is known
of. Where the addition is on record the use is told at once. Where it is not, the use waits for as long as the record of
the addition may be late; so the order in which the two arrive does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.naming import addresses_of, entities_of
from detector.engine.routing import blueprint_of, subject_of
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_MAX_WAITING: Final = 1_000


class FirstUse(msgspec.Struct, frozen=True):
    """The first granted token with a credential, as far as it is known by now."""

    time: float
    """Event time, seconds since the epoch."""
    record_id: str
    tenant: str
    key: Key
    """Who is said to use it: a blueprint, or an agent that names none."""
    agent: str
    """Id of the identity that got the token."""
    key_id: str
    seen: float
    """Active hours of the agent by then."""
    p_value: float
    facts: dict[str, Fact]
    addresses: tuple[str, ...]
    entities: tuple[Entity, ...]


class FirstUses:
    """Tells of them, now or later."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying

    def observe(self, use: FirstUse) -> None:
        """A token with a credential that is not known to be in use; of several the earliest counts."""
        added = self._addition(use)
        if added:
            self._tell(use, added)
            return
        waiting, name = self.state.first_uses, f"{use.tenant} {use.key.kind} {use.key.id} {use.key_id}"
        known = waiting.get(name)
        if known is None and len(waiting) >= _MAX_WAITING:
            self._tell(use, added)
        elif known is None or (use.time, use.record_id) < (known.time, known.record_id):
            waiting[name] = use

    def tick(self, watermark: float) -> None:
        """Tells of those of whose addition no record can arrive any more."""
        waiting, limit = self.state.first_uses, watermark - self.settings.lateness - STEP
        due = [(use.time, name) for name, use in waiting.items() if use.time < limit]
        for _, name in sorted(due):
            use = waiting.pop(name)
            self._tell(use, self._addition(use))

    def _addition(self, use: FirstUse) -> dict[str, Fact]:
        """Who added a credential and when, as the ledgers of its owners say; the clocks of two logs are not one."""
        ledgers = self.state.tenants[use.tenant].ledgers
        for owner in (use.key.id, use.agent):
            ledger = ledgers.get(owner)
            for entry in ledger.of("credential_added") if ledger is not None else ():
                if entry.about == use.key_id and entry.time <= use.time + STEP:
                    return {
                        "added_by": entry.name or entry.who or None,
                        "added_by_pipeline": True if entry.by == "pipeline" else None,
                        "added_time": entry.time,
                    }
        return {}

    def _tell(self, use: FirstUse, added: dict[str, Fact]) -> None:
        tenant = self.state.tenants[use.tenant]
        fleet = tenant.fleets.get(use.key.id) if use.key.kind == "blueprint" else None
        subject = subject_of(use.key, use.tenant, tenant.identities.get(use.agent), fleet)
        signal = Signal(
            kind="credential_use",
            key=use.key,
            time=use.time,
            window=(use.time, use.time),
            occasion=f"key:{use.key_id}",
            value=1,
            usual=0,
            unit="new habits",
            p_value=use.p_value,
            seen=use.seen,
            event=None,
            facts={name: fact for name, fact in (use.facts | added).items() if fact is not None},
            record_ids=(use.record_id,),
            addresses=use.addresses,
        )
        self.saying.tell(signal, use.tenant, subject, (*blueprint_of(fleet), *use.entities))


def first_use(event: SignIn, key: Key, agent: str, *, seen: float, p_value: float, facts: dict[str, Fact]) -> FirstUse:
    """The use of its credential that a granted sign-in shows."""
    return FirstUse(
        time=event.time,
        record_id=event.record_id,
        tenant=event.access.tenant_id,
        key=key,
        agent=agent,
        key_id=event.access.credential_key_id or "",
        seen=seen,
        p_value=p_value,
        facts=facts,
        addresses=addresses_of(event),
        entities=entities_of(event),
    )
