"""The facts of a change: what a detector may ask of it, besides what it finds in the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detector.domain.signals import Fact
from detector.features.changes import PEOPLE, people
from detector.features.pipelines import provenance
from detector.features.runs import run_by
from detector.features.timeline import DAY, STEP

if TYPE_CHECKING:
    from detector.domain.events import Change, FederatedTrust
    from detector.engine.recognising import Recognised, Recognition
    from detector.engine.settings import EngineSettings
    from detector.features.declarations import Declarations
    from detector.features.ledger import Ledger
    from detector.features.memory import TenantMemory

_GRANTED = {"app_role_granted": "app_role_removed", "directory_role_assigned": "directory_role_removed"}


class Known(NamedTuple):
    """What is known when a change is told."""

    tenant: TenantMemory
    recognised: Recognised
    habit: bool
    """Whether the actor was known to make such changes."""
    audited: float
    """Event time of the earliest change of the tenant that was read."""


def facts_of(
    kind: str, change: Change, known: Known, settings: EngineSettings, recognition: Recognition
) -> dict[str, Fact]:
    """All facts that the record or memory states; what neither does is left out."""
    actor, recognised = change.actor, known.recognised
    origin = provenance(settings.pipelines, actor, change.time)
    facts: dict[str, Fact] = {
        "kind": kind,
        "activity": change.activity_name,
        "succeeded": change.succeeded,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "address": actor.ip,
        "habit": known.habit,
        "watched_days": round((change.time - known.audited) / DAY, 1),
        "platform_actor": actor.kind == "app" and (actor.name or "").casefold() in settings.platform_actors,
        "pipelines_declared": bool(settings.pipelines),
        "pipeline": origin.pipeline,
        "run": run_by(known.tenant.runs, actor.id, change.time, settings.evidence.margin),
        "deviation": origin.deviation,
        "target_name": recognised.name,
        "target_kind": recognised.key.kind,
        "key_ids": tuple(key.key_id for key in change.keys_added),
        "key_types": tuple(key.type for key in change.keys_added),
        "permission": change.permission,
        "permission_id": change.permission_id,
        "scopes": change.scopes,
        "for_everybody": change.for_everybody,
        "role": change.directory_role,
        "role_template_id": change.directory_role_template_id,
        "enabled": change.enabled,
        "correlation_id": change.correlation_id,
    }
    if recognised.key.kind == "blueprint" and recognition.directory is not None:
        facts["agents"] = recognition.directory.agents_of(change.tenant_id, recognised.key.id)
    facts |= _acting_agent(change, known, recognition)
    facts |= _trusts("issuers", "subjects", change.federated_added)
    facts["own_tenant"] = change.tenant_id if change.federated_added else None
    facts |= _trusts("issuers_before", "subjects_before", change.federated_removed)
    facts["fields"] = tuple(field.name for field in change.fields)
    for field in change.fields:
        facts[f"{field.name}_added"], facts[f"{field.name}_removed"] = field.added, field.removed
    facts |= _attributes(change, settings.declarations)
    if kind in PEOPLE:
        facts |= _people(change, known, recognition)
    ledger = known.tenant.ledgers.get(recognised.key.id)
    if ledger is not None:
        facts["holds"] = held(ledger, change.time - 2 * settings.lateness - STEP)
        facts |= _disabled(ledger, change.time)
    return {name: fact for name, fact in facts.items() if fact is not None and fact != ()}


def _acting_agent(change: Change, known: Known, recognition: Recognition) -> dict[str, Fact]:
    """Whether the actor is an agent itself, as was known for sure when it acted or as the record says."""
    actor, key = change.actor, known.recognised.key
    ids = [each for each in (actor.app_id, actor.id) if each is not None]
    found = recognition.final(known.tenant, change.tenant_id, change.time, ids)
    if found is not None:
        relation = "itself" if found.key == key else "its blueprint" if found.subject.blueprint == key.id else None
        return {"actor_agent": found.name, "actor_role": found.key.kind, "acts_on": relation}
    if actor.role == "none":
        return {}
    return {"actor_agent": actor.name or actor.id, "actor_role": actor.role}


def _trusts(issuers: str, subjects: str, trusts: tuple[FederatedTrust, ...]) -> dict[str, Fact]:
    """Parallel lists: the issuer and the subject of each federated credential, `""` where not stated."""
    return {
        issuers: tuple(trust.issuer or "" for trust in trusts),
        subjects: tuple(trust.subject or "" for trust in trusts),
    }


def _people(change: Change, known: Known, recognition: Recognition) -> dict[str, Fact]:
    """Who became or ceased to be responsible."""
    named = people(change)
    ids = tuple(sorted({each.id for each in named if each.id is not None} - {known.recognised.key.id}))
    persons = [each for each in named if each.id in ids]
    agents: list[str] = []
    for each in persons:
        found = recognition.final(known.tenant, change.tenant_id, change.time, (each.id or "",))
        if found is not None or each.role != "none":
            agents.append((found.name if found is not None else each.name) or each.id or "")
    return {
        "people": ids,
        "people_names": tuple(each.name or each.id or "" for each in persons),
        "people_guests": tuple(each.name or each.id or "" for each in persons if each.guest),
        "people_agents": tuple(agents),
        "for_themselves": change.actor.id is not None and change.actor.id in ids,
    }


def _attributes(change: Change, declarations: Declarations | None) -> dict[str, Fact]:
    """Custom security attributes that were changed, and what the one means that says the environment."""
    facts: dict[str, Fact] = {"attributes": tuple(each.name for each in change.attributes)}
    if declarations is not None and declarations.environment_attribute is not None:
        facts["environment_attribute"] = named = declarations.environment_attribute
        for each in change.attributes:
            if each.name.casefold() == named.casefold():
                for side, values in (("before", each.before), ("after", each.after)):
                    facts[f"attribute_{side}"] = values
                    facts[f"environment_{side}"] = declarations.environment_of(None, {named: values or ()})
    return facts


def held(ledger: Ledger, until: float) -> tuple[str, ...]:
    """Permissions and directory roles that an agent was given before `until` and that were not taken from it again.

    Case-folded values, names and ids. What came later than `until` may not be known yet, so it does not count.
    """
    holds: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in ledger.of(*_GRANTED, *_GRANTED.values()):
        if entry.time < until:
            taken = entry.kind in _GRANTED.values()
            group = entry.kind if not taken else next(given for given, back in _GRANTED.items() if back == entry.kind)
            holds[group, entry.detail or entry.about] = () if taken else (entry.about, entry.detail)
    return tuple(sorted({each.casefold() for pair in holds.values() for each in pair if each}))


def _disabled(ledger: Ledger, time: float) -> dict[str, Fact]:
    """When and by whom it was last disabled, as far as memory knows."""
    entries = [entry for entry in ledger.of("agent_disabled", "user_disabled") if entry.time <= time]
    if not entries:
        return {}
    last = entries[-1]
    return {
        "disabled_time": last.time,
        "disabled_by": last.name or last.who or None,
        "disabled_by_id": last.who or None,
    }
