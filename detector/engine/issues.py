"""How something that an inventory shows is told: one kind of signal, that says what is the matter with which object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.signals import Fact, occurrence
from detector.engine.directory import key_of

if TYPE_CHECKING:
    from detector.domain.alerts import Entity
    from detector.domain.events import Event
    from detector.engine.directory import Directory
    from detector.engine.saying import Saying
    from detector.features.inventory import ObjectMemory

_TYPES: Final = {
    "agent": "agent identity",
    "blueprint": "blueprint",
    "blueprint_principal": "blueprint principal",
    "agent_user": "agent's user account",
    "service_principal": "service principal",
    "application": "application",
}

_PATIENT: Final = frozenset({"expiring", "long_lived"})
"""Issues that nobody need hear of within minutes."""


class Issues:
    """Tells what is the matter with objects."""

    def __init__(self, directory: Directory, saying: Saying) -> None:
        self.directory = directory
        self.saying = saying

    def tell(
        self,
        tenant_id: str,
        memory: ObjectMemory,
        issue: str,
        occasion: str,
        time: float,
        facts: dict[str, Fact],
        *,
        event: Event | None,
        related: tuple[Entity, ...] = (),
    ) -> None:
        """Tells that `issue` is the matter with an object at `time`; `event` is the record that shows it, if any."""
        subject = self.directory.subject_of(tenant_id, memory)
        key = key_of(memory)
        said: dict[str, Fact] = {
            "issue": issue,
            "target_name": subject.name or subject.id,
            "object_id": memory.id,
            "object_type": _TYPES[memory.type],
            "enabled": memory.enabled,
            "agents": self.directory.agents_of(tenant_id, key.id) if key.kind == "blueprint" else None,
        }
        self.saying.tell(
            occurrence(
                "inventory",
                key,
                time,
                occasion,
                "issues",
                {name: fact for name, fact in (said | facts).items() if fact is not None},
                event,
                patient=issue in _PATIENT,
            ),
            tenant_id,
            subject,
            related,
        )
