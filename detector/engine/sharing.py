"""Credentials that several applications hold: the same certificate, or trust in the same federated subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.domain.alerts import Entity, Subject
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.directory import key_of
from detector.features.inventory import mark_of
from detector.features.listing import LOOK

if TYPE_CHECKING:
    from detector.domain.events import Credential, InventoryObject
    from detector.engine.directory import Directory
    from detector.engine.saying import Saying
    from detector.features.inventory import ObjectMemory


class Sharing:
    """Compares the credentials of an object with those of all others."""

    def __init__(self, directory: Directory, saying: Saying) -> None:
        self.directory = directory
        self.saying = saying

    def observe(self, event: InventoryObject, memory: ObjectMemory) -> None:
        """An observation of an object that is watched and not deleted."""
        for held in event.credentials or ():
            mark = mark_of(held)
            if mark is not None:
                self._compare(event, memory, held, mark)

    def _compare(self, event: InventoryObject, memory: ObjectMemory, held: Credential, mark: str) -> None:
        """Tells of a credential that other applications hold as well, at the time of the observation."""
        bucket, tenant_id = int(event.time) // LOOK, event.tenant_id
        holders = {key_of(memory): memory}
        for other in self.directory.holding(tenant_id, mark):
            if self.directory.watched(other) and self._holds(other, mark, bucket):
                holders.setdefault(key_of(other), other)
        if len(holders) < 2:
            return
        subjects = [self.directory.subject_of(tenant_id, holders[key]) for key in sorted(holders)]
        federated = held.kind == "federated"
        facts: dict[str, Fact] = {
            "issue": "federated_subject_shared" if federated else "certificate_shared",
            "holders": tuple(subject.name or subject.id for subject in subjects),
            "holder_ids": tuple(subject.id for subject in subjects),
        }
        facts |= {"issuer": held.issuer, "subject": held.subject} if federated else {"thumbprint": mark}
        signal = Signal(
            kind="inventory",
            key=Key("credential", mark),
            time=event.time,
            window=(event.time, event.time),
            occasion=str(facts["issue"]),
            value=len(holders),
            usual=1,
            unit="holders",
            p_value=1.0,
            seen=0,
            event=event,
            facts=facts,
        )
        related = tuple(Entity(subject.kind, subject.id, subject.name) for subject in subjects)
        self.saying.tell(signal, tenant_id, Subject("credential", mark, tenant=tenant_id), related)

    def _holds(self, other: ObjectMemory, mark: str, bucket: int) -> bool:
        """Whether an object holds the credential, by the look that was final in `bucket` or later ones."""
        keys = [key for key, held in (other.credentials or {}).items() if mark_of(held) == mark]
        return any(other.keys is not None and other.keys.holds(key, bucket, self.directory.horizon) for key in keys)
