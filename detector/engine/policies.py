"""Conditional Access: refusals by policies, edits of policies, and what joins the two.

A refusal is an entry `blocked` of the agent's ledger: about the resource, by (`who`) the policy, with the networks it
came from. An edit of a policy is an entry of the tenant's ledger, and one `policy_edited` in the ledger of every agent
which that policy had blocked in the day before. Either may arrive first, so each looks for the other. Only an agent
whose policy was edited is watched, and only for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from detector.domain.alerts import Subject
from detector.domain.events import Change, Policy, SignIn
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal, occurrence
from detector.engine.novelties import who
from detector.engine.routing import Route, key_of, subject_of
from detector.features.ledger import Entry, Ledger
from detector.features.pipelines import provenance
from detector.features.policies import let_through, protects_agents, weakenings
from detector.features.timeline import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from detector.engine.casebook import Casebook
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory, TenantMemory

BLOCKING: Final = frozenset({"blocked_by_ca", "blocked_by_risk"})
"""Classes of errors that a policy is behind."""

CHANGED: Final = "conditional_access_changed"
"""Kind of a change of a policy or a named location."""

EDITS: Final = ("policy_changed", "location_changed")
"""Kinds of entries of the tenant's ledger: a named location serves every policy."""

REACH: Final = DAY
"""Seconds before an edit within which a refusal has to do with it, and after it a granted token."""

_WATCH: Final = "policy_edited"
_MAX_NAMED: Final = 8
"""Policies or ids named by one signal."""


def joins(edit: Entry, policy: str) -> bool:
    """Whether an edit may concern a refusal by a policy (`""` for one that the record does not name)."""
    return edit.kind == EDITS[1] or not edit.about or not policy or edit.about == policy


class Policies:
    """Refusals by Conditional Access and edits of it."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, casebook: Casebook) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.casebook = casebook
        self.on_blocked: list[Callable[[str, IdentityMemory, Entry], None]] = []
        """Told of every refusal that is noted, with its tenant and identity."""
        self.on_edited: list[Callable[[str, Entry, Change], None]] = []
        """Told of every edit that succeeded, with its tenant."""

    # ------------------------------------------------------------------------------------------- refusals

    def refused(self, route: Route, event: SignIn, _hour: int) -> None:
        """A refused token request (see `Refusals.on_refused`); all but those that a policy is behind are left."""
        kind = self.settings.failures.classes.get(event.access.error_code)
        if kind not in BLOCKING:
            return
        failing = _failing(event.policies)
        news = [self._note(route, event, policy) for policy in failing or (None,)]
        if any(news):
            self._note_shared(route, event, failing)
            self._tell_block(route, event, kind, failing)

    def _note(self, route: Route, event: SignIn, policy: Policy | None) -> bool:
        """Notes a refusal, and the edits that were waiting for it; whether it is more than a repetition."""
        identity, access, origin = route.identity, event.access, event.origin
        networks = (origin.prefix, None if origin.asn is None else f"AS{origin.asn}", origin.country)
        entry = Entry(
            event.time,
            "blocked",
            access.resource_id or "",
            "" if policy is None else policy.id,
            event.record_id,
            origin.ip or "",
            access.resource_name or access.resource_id or "",
            " ".join(filter(None, networks)),
            by="" if policy is None else policy.name or policy.id,
        )
        tenant_id, key = access.tenant_id, key_of(identity)
        subject = subject_of(key, tenant_id, identity, route.fleet)
        if not self.casebook.note(tenant_id, key, subject, entry, event, crowd=True):
            return False
        tenant = self.state.tenants[tenant_id]
        for edit in _of(tenant.ledgers.get(""), EDITS):
            if event.time < edit.time <= event.time + REACH and joins(edit, entry.who):
                self._edited(tenant_id, tenant, identity, edit, entry.who, event)
        for edit in _of(tenant.ledgers.get(identity.id), ("attribute_changed",)):
            if event.time < edit.time <= event.time + REACH:
                self._watch(tenant_id, identity, edit.time)
        for listener in self.on_blocked:
            listener(tenant_id, identity, entry)
        return True

    def _note_shared(self, route: Route, event: SignIn, failing: tuple[Policy, ...]) -> None:
        """Notes a refusal in the ledger of the agent's blueprint, for what its siblings do."""
        identity, fleet, access = route.identity, route.fleet, event.access
        if fleet is None or identity.kind != "agent":
            return
        entry = Entry(
            event.time,
            "agent_blocked",
            access.resource_id or "",
            identity.id,
            event.record_id,
            event.origin.ip or "",
            identity.name or identity.id,
            access.resource_name or access.resource_id or "",
            by=(failing[0].name or failing[0].id) if failing else "",
        )
        key = Key("blueprint", fleet.id)
        subject = subject_of(key, access.tenant_id, identity, fleet)
        if self.casebook.note(access.tenant_id, key, subject, entry, event, crowd=True):
            self._find_siblings(access.tenant_id, key, subject, entry, event)

    def first(self, route: Route, first: Entry, event: SignIn) -> None:
        """What an identity shows for the first time (see `Casebook.on_first`): a sibling may have been refused it."""
        fleet, identity, tenant_id = route.fleet, route.identity, event.access.tenant_id
        if first.kind != "resource_used" or fleet is None or identity.kind != "agent":
            return
        blocked = _of(self.state.tenants[tenant_id].ledgers.get(fleet.id), ("agent_blocked",))
        if any(each.about == first.about for each in blocked):
            key = Key("blueprint", fleet.id)
            subject = subject_of(key, tenant_id, identity, fleet)
            self.casebook.note(tenant_id, key, subject, _by_sibling(first, identity), event)

    def _find_siblings(self, tenant_id: str, key: Key, subject: Subject, block: Entry, event: SignIn) -> None:
        """A refusal: agents of the blueprint may have got the resource for the first time before it arrived.

        From the first refusal on `first` notes them, so later ones need not look.
        """
        tenant = self.state.tenants[tenant_id]
        for known in _of(tenant.ledgers.get(key.id), ("agent_blocked",)):
            if known.about == block.about and known != block and known.time <= block.time:
                return
        for identifier, firsts in list(tenant.firsts.items()):
            identity = tenant.identities.get(identifier)
            if identity is not None and identity.blueprint_id == key.id:
                for each in firsts:
                    if each.kind == "resource_used" and each.about == block.about:
                        self.casebook.note(tenant_id, key, subject, _by_sibling(each, identity), event)

    def _tell_block(self, route: Route, event: SignIn, kind: str, failing: tuple[Policy, ...]) -> None:
        access, day = event.access, int(event.time) // DAY * DAY
        names = "+".join(policy.id for policy in failing)
        self.saying.tell_of(
            route,
            Signal(
                kind="policy_block",
                key=key_of(route.identity),
                time=event.time,
                window=(event.time, event.time),
                occasion=f"{names or kind}:{day}",
                value=1,
                usual=0,
                unit="refused requests",
                p_value=1.0,
                seen=0,
                event=event,
                facts={
                    **who(route),
                    "class": kind,
                    "error_code": access.error_code,
                    "resource_id": access.resource_id,
                    "resource_name": access.resource_name or access.resource_id,
                    "address": event.origin.ip,
                    "policies": tuple(policy.name or policy.id for policy in failing),
                    "policy_ids": tuple(policy.id for policy in failing),
                },
            ),
        )

    # ---------------------------------------------------------------------------------------------- edits

    def changed(self, kind: str, change: Change) -> None:
        """An audit change (see `Changing.on_change`); all but those of policies and locations are left."""
        if kind != CHANGED:
            return
        self._tell_edit(change)
        if not change.succeeded:
            return
        tenant_id, policy, actor = change.tenant_id, change.policy, change.actor
        tenant = self.state.tenants[tenant_id]
        origin = provenance(self.settings.pipelines, actor, change.time)
        edit = Entry(
            change.time,
            EDITS[policy is not None and policy.kind == "location"],
            (policy.id if policy is not None else None) or "",
            actor.id or "",
            change.record_id,
            actor.ip or "",
            actor.name or "",
            (policy.name if policy is not None else None) or "",
            by="pipeline" if origin.pipeline is not None and origin.deviation is None else "",
        )
        self.casebook.note(tenant_id, Key("tenant", ""), tenant_of(tenant_id), edit, change)
        for identity, block in self.blocks(tenant, change.time - REACH, change.time):
            if joins(edit, block.who):
                self._edited(tenant_id, tenant, identity, edit, block.who, change)
        for listener in self.on_edited:
            listener(tenant_id, edit, change)

    def blocks(self, tenant: TenantMemory, since: float, until: float) -> Iterable[tuple[IdentityMemory, Entry]]:
        """The refusals of a tenant's identities at or after `since` and before `until`."""
        for identifier, ledger in list(tenant.ledgers.items()):
            identity = tenant.identities.get(identifier)
            if identity is not None:
                for entry in ledger.of("blocked"):
                    if since <= entry.time < until:
                        yield identity, entry

    def recognised(self, kind: str, change: Change, recognised: Recognised) -> None:
        """A change of an agent (see `Changing.on_recognised`): an attribute that policies may look at."""
        if kind != "attribute_changed" or not change.succeeded:
            return
        tenant = self.state.tenants[change.tenant_id]
        identity = tenant.identities.get(recognised.key.id)
        blocked = _of(tenant.ledgers.get(recognised.key.id), ("blocked",))
        if identity is not None and any(change.time - REACH <= each.time < change.time for each in blocked):
            self._watch(change.tenant_id, identity, change.time)

    def _edited(
        self,
        tenant_id: str,
        tenant: TenantMemory,
        identity: IdentityMemory,
        edit: Entry,
        policy: str,
        event: Change | SignIn,
    ) -> None:
        """A policy was edited that had blocked an agent: an entry of its ledger, and it is watched."""
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        key = key_of(identity)
        entry = msgspec.structs.replace(edit, kind="policy_edited", about=policy)
        self.casebook.note(tenant_id, key, subject_of(key, tenant_id, identity, fleet), entry, event)
        self._watch(tenant_id, identity, edit.time)

    def _watch(self, tenant_id: str, identity: IdentityMemory, since: float) -> None:
        self.casebook.watch(tenant_id, key_of(identity), _WATCH, since, until=since + REACH)

    def _tell_edit(self, change: Change) -> None:
        policy, actor, settings = change.policy, change.actor, self.settings
        origin = provenance(settings.pipelines, actor, change.time)
        facts: dict[str, Fact] = {
            "kind": CHANGED,
            "activity": change.activity_name,
            "succeeded": change.succeeded,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "address": actor.ip,
            "pipeline": origin.pipeline if origin.deviation is None else None,
            "correlation_id": change.correlation_id,
        }
        if policy is not None:
            facts |= {
                "policy_kind": policy.kind,
                "policy_id": policy.id,
                "policy_name": policy.name or policy.id,
                "weakenings": weakenings(policy),
                "let_through": let_through(policy)[:_MAX_NAMED],
                "let_through_number": len(let_through(policy)),
                "protects_agents": protects_agents(policy),
            }
        signal = occurrence(
            "change",
            Key("tenant", change.tenant_id),
            change.time,
            f"{CHANGED}:{change.correlation_id or change.record_id}",
            "changes",
            {name: fact for name, fact in facts.items() if fact is not None and fact != ()},
            change,
        )
        self.saying.tell(signal, change.tenant_id, tenant_of(change.tenant_id))


def _by_sibling(first: Entry, identity: IdentityMemory) -> Entry:
    return Entry(
        first.time,
        "sibling_used",
        first.about,
        identity.id,
        address=first.address,
        name=identity.name or identity.id,
        detail=first.name,
    )


def tenant_of(tenant_id: str) -> Subject:
    """A tenant as the subject of an alert."""
    return Subject("tenant", tenant_id, tenant=tenant_id)


def _failing(policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
    """The policies that refused, each once, by id. One that only reports refuses nothing."""
    failing = {policy.id: policy for policy in policies if policy.result.casefold() == "failure"}
    return tuple(failing[each] for each in sorted(failing)[:_MAX_NAMED])


def _of(ledger: Ledger | None, kinds: tuple[str, ...]) -> list[Entry]:
    return [] if ledger is None else ledger.of(*kinds)
