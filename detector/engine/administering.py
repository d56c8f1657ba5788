"""Who may administer agents: directory roles for people, and what their holders do to things that are no agents.

The role of an administrator of agents once reached further than agents: whoever held it could make themselves owner of
any service principal. So a change of owners is held against the roles of who made it, once it is sure that its object
is nobody's agent. By then every record that could have said who held which role has come or is late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.domain.alerts import Subject
from detector.domain.events import Change, Identity
from detector.domain.keys import Key
from detector.domain.signals import Fact, occurrence
from detector.features.changes import affected, people
from detector.features.inventory import AGENTIC
from detector.features.ledger import Entry
from detector.features.pipelines import provenance
from detector.features.timeline import DAY

if TYPE_CHECKING:
    from detector.engine.casebook import Casebook
    from detector.engine.directory import Directory
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_HOLDERS = frozenset({"user", "serviceprincipal", "group"})
"""Types of targets that can hold a role."""

_NOTED = {"directory_role_assigned": "agent_role_given", "directory_role_removed": "agent_role_taken"}


class Administering:
    """A part of the engine that listens to changes of people rather than agents."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, casebook: Casebook, directory: Directory
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.state = state
        self.saying = saying
        self.casebook = casebook

    def changed(self, kind: str, change: Change) -> None:
        """A role was given or taken; others are let pass."""
        noted = _NOTED.get(kind)
        role, template = change.directory_role or "", change.directory_role_template_id or ""
        if noted is None or not {role.casefold(), template} & self.settings.agent_roles:
            return
        for holder in change.targets:
            if holder.type.casefold() in _HOLDERS and holder.id is not None:
                if change.succeeded:
                    self._note(noted, change, holder, holder.id)
                if noted == "agent_role_given":
                    self._tell(noted, change, holder.id, holder, occasion=f"{template or role}:{holder.id}")

    def unrecognised(self, kind: str, change: Change) -> None:
        """A change turned out to be about nobody's agent: remarkable when an administrator of agents made it."""
        actor = change.actor
        if kind != "owner_added" or actor.id is None or not change.succeeded:
            return
        ledger = self.state.tenants[change.tenant_id].ledgers.get(actor.id)
        roles = [] if ledger is None else ledger.of(*_NOTED.values())
        earlier = [entry for entry in roles if entry.time <= change.time]
        held = {entry.detail: entry for entry in earlier}
        given = [entry for entry in held.values() if entry.kind == "agent_role_given"]
        if given:
            holder = Identity(id=actor.id, type=actor.kind, name=actor.name)
            things = affected(change, kind)
            listed = [
                found.type
                for thing in things
                for each in (thing.id, thing.app_id)
                if each is not None
                for found in self.directory.find(change.tenant_id, each)
            ]
            facts: dict[str, Fact] = {
                "known_otherwise": bool(listed) and not AGENTIC & set(listed),
                "role": given[-1].detail,
                "role_days": round((change.time - given[-1].time) / DAY, 1),
                "object_name": next((each.name or each.id for each in things), None),
                "people": tuple(sorted(each.id for each in people(change) if each.id is not None)),
                "people_names": tuple(each.name or each.id or "" for each in people(change)),
            }
            self._tell("foreign_owner_added", change, actor.id, holder, occasion=actor.id, more=facts)

    def _note(self, noted: str, change: Change, holder: Identity, holder_id: str) -> None:
        actor = change.actor
        entry = Entry(
            change.time,
            noted,
            change.directory_role_template_id or "",
            actor.id or "",
            change.record_id,
            actor.ip or "",
            actor.name or "",
            change.directory_role or change.directory_role_template_id or "",
        )
        self.casebook.note(
            change.tenant_id, Key("actor", holder_id), _subject(change, holder_id, holder.name), entry, change
        )

    def _tell(
        self,
        kind: str,
        change: Change,
        holder_id: str,
        holder: Identity,
        *,
        occasion: str,
        more: dict[str, Fact] | None = None,
    ) -> None:
        actor, activity = change.actor, change.activity
        origin = provenance(self.settings.pipelines, actor, change.time)
        facts: dict[str, Fact] = {
            "kind": kind,
            "activity": change.activity_name,
            "succeeded": change.succeeded,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "address": actor.ip,
            "pipeline": origin.pipeline if origin.deviation is None else None,
            "holder": holder.name or holder_id,
            "holder_kind": holder.type.casefold(),
            "guest": holder.guest,
            "role": change.directory_role,
            "role_template_id": change.directory_role_template_id,
            "eligible": "eligible" in activity,
            "activated": "activation" in activity,
            "correlation_id": change.correlation_id,
        }
        facts |= more or {}
        signal = occurrence(
            "change",
            Key("actor", holder_id),
            change.time,
            f"{kind}:{occasion}:{change.correlation_id or change.record_id}",
            "changes",
            {name: fact for name, fact in facts.items() if fact is not None and fact != ()},
            change,
        )
        self.saying.tell(signal, change.tenant_id, _subject(change, holder_id, holder.name))


def _subject(change: Change, identifier: str, name: str | None) -> Subject:
    return Subject("actor", identifier, name, tenant=change.tenant_id)
