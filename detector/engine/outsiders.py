"""Agents that are not what they should be: outside the framework, incomplete, or made through another channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal, occurrence
from detector.engine.novelties import who
from detector.engine.routing import key_of as key_of_identity
from detector.features.timeline import DAY, NEVER

if TYPE_CHECKING:
    from detector.domain.events import Change, InventoryObject, SignIn
    from detector.engine.issues import Issues
    from detector.engine.recognising import Recognised
    from detector.engine.routing import Route
    from detector.engine.settings import EngineSettings
    from detector.features.inventory import ObjectMemory

_MADE: Final = frozenset({"service_principal_created", "application_created"})
_WORKLOADS: Final = frozenset({"service_principal", "managed_identity"})


class Outsiders:
    """What the framework asks of agents."""

    def __init__(self, settings: EngineSettings, issues: Issues) -> None:
        self.settings = settings
        self.issues = issues
        self.saying = issues.saying
        self.signs = settings.signs
        asked = [getattr(detector, "within_days", 0.0) for detector in settings.detectors]
        self.young = max(asked, default=0.0) * DAY
        """Seconds of age up to which somebody listens to how an agent was made."""

    # --------------------------------------------------------------------------------------------- inventory

    def observe(self, event: InventoryObject, memory: ObjectMemory) -> None:
        """An observation of an object that is watched and not deleted."""
        if event.type not in {"agent", "blueprint"} or event.created is None:
            return
        if event.time - event.created <= self.young:
            self._completeness(event, memory, event.created)

    def classic(self, event: InventoryObject, memory: ObjectMemory) -> None:
        """An observation of an ordinary service principal, whatever the scope: is it an agent after all?"""
        resources = [grant.resource_app_id for grant in event.grants or ()]
        found: dict[str, Fact] = {
            "tag": self.signs.in_tags(event.tags or ()),
            "name_sign": self.signs.in_name(event.name),
            "audience": self.signs.in_audiences(resources),
        }
        hints = sum(1 for sign in found.values() if sign is not None)
        if hints:
            facts = found | {"hints": hints, "granted": True}
            self.issues.tell(event.tenant_id, memory, "unmanaged", "unmanaged", event.time, facts, event=event)

    def _completeness(self, event: InventoryObject, memory: ObjectMemory, created: float) -> None:
        missing = [
            name
            for name, known in (
                ("description", event.described is False),
                ("owner", event.owners == ()),
                ("sponsor", event.sponsors == ()),
            )
            if known
        ]
        facts: dict[str, Fact] = {"created": created, "age_days": round((event.time - created) / DAY, 2)}
        tenant_id = event.tenant_id
        if missing:
            lacking = facts | {"missing": tuple(missing)}
            self.issues.tell(tenant_id, memory, "incomplete", "incomplete", event.time, lacking, event=event)
        if event.created_by is not None:
            made = facts | {"made_by": (event.created_by,), "by": event.created_by}
            self.issues.tell(tenant_id, memory, "made", "made", event.time, made, event=event)

    # ------------------------------------------------------------------------------------------------ changes

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """A change of an agent or blueprint: when it is its making, by whom."""
        if kind not in _MADE or not change.succeeded:
            return
        actor = change.actor
        facts: dict[str, Fact] = {
            "issue": "made",
            "target_name": recognised.name,
            "created": change.time,
            "age_days": 0.0,
            "made_by": tuple(each for each in (actor.id, actor.app_id) if each is not None),
            "by": actor.name or actor.id,
            "by_hand": actor.kind == "user",
            "address": actor.ip,
        }
        self._tell(recognised.key, change.time, "made", facts, change, recognised)

    def _tell(
        self, key: Key, time: float, occasion: str, facts: dict[str, Fact], change: Change, recognised: Recognised
    ) -> None:
        signal = _signal(key, time, occasion, facts, change)
        self.saying.tell(signal, change.tenant_id, recognised.subject)

    # ----------------------------------------------------------------------------------------------- sign-ins

    def access(self, route: Route, event: SignIn, _hour: int) -> int:
        """The first token of an access in an hour. What it shows does not change, so once is enough."""
        access = event.access
        if access.kind not in _WORKLOADS or access.blueprint_id is not None:
            return NEVER
        if access.role != "none" or access.subject_role != "none":
            return NEVER
        found: dict[str, Fact] = {
            "name_sign": self.signs.in_name(access.agent_name),
            "audience": self.signs.in_audiences((access.resource_id,)),
        }
        hints = sum(1 for sign in found.values() if sign is not None)
        if hints:
            facts = (
                who(route)
                | found
                | {
                    "issue": "unmanaged",
                    "hints": hints,
                    "target_name": route.identity.name or route.identity.id,
                    "object_type": access.kind.replace("_", " "),
                    "user_agent_sign": self.signs.in_user_agent(event.user_agent),
                    "address": event.origin.ip,
                }
            )
            self.saying.tell_of(route, _signal(key_of_identity(route.identity), event.time, "unmanaged", facts, event))
        return NEVER


def _signal(key: Key, time: float, occasion: str, facts: dict[str, Fact], event: Change | SignIn) -> Signal:
    return occurrence(
        "inventory",
        key,
        time,
        occasion,
        "issues",
        {name: fact for name, fact in facts.items() if fact is not None},
        event,
    )
