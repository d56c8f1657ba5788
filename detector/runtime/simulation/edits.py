"""Further changes in the directory as audit records: people, switches, policies, attributes, fields of blueprints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from detector.runtime.simulation.audits import Actor, Audit
from detector.runtime.simulation.catalogue import Role
from detector.runtime.simulation.changes import (
    ChangeDesk,
    Target,
    by_pipeline,
    by_platform,
    by_user,
    quoted,
    target,
)
from detector.runtime.simulation.tenant import Application, Blueprint, Policy, User

__all__ = ["ATTRIBUTE", "EditDesk", "Terms", "by_pipeline", "by_platform", "by_user", "terms"]

ATTRIBUTE: Final = "Agents.Stage"
"""Custom security attribute that says which environment an object belongs to."""

Terms = dict[str, Any]
"""A Conditional Access policy or named location as Microsoft Graph writes it."""


def terms(
    policy: Policy,
    *,
    state: str = "enabled",
    excluded: Sequence[str] = (),
    levels: Sequence[str] = ("medium", "high"),
) -> Terms:
    """Write a policy that blocks agents at risk, in the words of `conditionalAccessPolicy`."""
    return {
        "id": policy.id,
        "displayName": policy.name,
        "state": state,
        "conditions": {
            "applications": {"includeApplications": ["All"], "excludeApplications": []},
            "clientApplications": {
                "includeAgentIdServicePrincipals": ["All"],
                "excludeAgentIdServicePrincipals": list(excluded),
            },
            "agentIdRiskLevels": list(levels),
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }


class EditDesk(ChangeDesk):
    """Drafts these changes."""

    def switch(self, at: int, actor: Actor, object_id: str, name: str, *, on: bool) -> Audit:
        """Enable or disable a service principal."""
        changed = [
            ("AccountEnabled", f"[{str(not on).lower()}]", f"[{str(on).lower()}]"),
            ("Included Updated Properties", None, quoted("AccountEnabled")),
        ]
        targets = [target(object_id, name, "ServicePrincipal", changed)]
        return self._one(at, "Update service principal", "Update", actor, targets)

    def user_lost(self, at: int, actor: Actor, user: User, *, deleted: bool) -> Audit:
        """Disable or delete a person's account."""
        activity, operation = ("Delete user", "Delete") if deleted else ("Disable account", "Update")
        changed = [] if deleted else [("AccountEnabled", "[true]", "[false]")]
        person = target(user.id, None, "User", changed) | {"userPrincipalName": user.principal_name}
        return self._one(at, activity, operation, actor, [person], area="UserManagement")

    def people(self, at: int, actor: Actor, activity: str, thing: Target, person: User) -> Audit:
        """Add or remove an owner or sponsor; `activity` names which, `thing` is what they answer for."""
        kind = "Application" if thing["type"] == "Application" else "ServicePrincipal"
        named = [
            (f"{kind}.ObjectID", quoted(thing["id"])),
            (f"{kind}.DisplayName", quoted(thing["displayName"])),
        ]
        removed = activity.startswith("Remove")
        changed = [(name, value if removed else None, None if removed else value) for name, value in named]
        subject = target(person.id, None, "User", changed) | {"userPrincipalName": person.principal_name}
        operation = "Unassign" if removed else "Assign"
        return self._one(at, activity, operation, actor, [subject, thing])

    def give_person_role(self, at: int, actor: Actor, role: Role, person: User) -> Audit:
        """Assign a directory role to a person."""
        role_object = self._desk.guid()
        changed = [
            ("Role.ObjectID", None, quoted(role_object)),
            ("Role.DisplayName", None, quoted(role.name)),
            ("Role.TemplateId", None, quoted(role.template_id)),
            ("Role.WellKnownObjectName", None, quoted(role.well_known)),
        ]
        subject = target(person.id, None, "User", changed) | {"userPrincipalName": person.principal_name}
        targets = [subject, target(role_object, None, "Role")]
        return self._one(at, "Add member to role", "Assign", actor, targets, area="RoleManagement")

    def edit_blueprint(
        self, at: int, actor: Actor, blueprint: Blueprint, changed: Sequence[tuple[str, str | None, str | None]]
    ) -> Audit:
        """Change fields of a blueprint; (name, old value, new value) in JSON text."""
        names = ", ".join(name for name, _, _ in changed)
        listed = [*changed, ("Included Updated Properties", None, quoted(names))]
        targets = [target(blueprint.object_id, blueprint.name, "Application", listed)]
        return self._one(at, "Update application", "Update", actor, targets, details=(("AppId", blueprint.app_id),))

    def add_key(self, at: int, actor: Actor, object_id: str, name: str, key_text: str) -> Audit:
        """Add the first credential to an application; `key_text` is the new `KeyDescription`."""
        changed = [
            ("KeyDescription", "[]", key_text),
            ("Included Updated Properties", None, quoted("KeyDescription")),
        ]
        targets = [target(object_id, name, "ServicePrincipal", changed)]
        return self._one(at, "Add service principal credentials", "Update", actor, targets)

    def add_application_principal(self, at: int, actor: Actor, application: Application) -> Audit:
        """Create the service principal of an ordinary application."""
        changed: list[tuple[str, str | None, str | None]] = [
            ("AccountEnabled", None, "[true]"),
            ("DisplayName", None, json.dumps([application.name])),
        ]
        targets = [target(application.service_principal_id, application.name, "ServicePrincipal", changed)]
        return self._one(at, "Add service principal", "Add", actor, targets)

    def edit_policy(self, at: int, actor: Actor, policy: Policy, old: Terms, new: Terms) -> Audit:
        """Edit a Conditional Access policy; both sides as Microsoft Graph writes them."""
        changed = [("ConditionalAccessPolicy", json.dumps(old), json.dumps(new))]
        targets = [target(policy.id, policy.name, "Policy", changed)]
        correlation = self._desk.guid()
        return self._audit(
            at, correlation, "Update conditional access policy", "Update", actor, targets, service="Conditional Access"
        )

    def edit_location(
        self, at: int, actor: Actor, location: Policy, old: Sequence[str], new: Sequence[str], *, trusted: bool
    ) -> Audit:
        """Change the networks of a named location."""
        sides = [
            json.dumps(
                {
                    "@odata.type": "#microsoft.graph.ipNamedLocation",
                    "id": location.id,
                    "displayName": location.name,
                    "isTrusted": trusted,
                    "ipRanges": [{"cidrAddress": cidr} for cidr in networks],
                }
            )
            for networks in (old, new)
        ]
        targets = [target(location.id, location.name, "Policy", [("NamedLocation", sides[0], sides[1])])]
        return self._audit(
            at, self._desk.guid(), "Update named location", "Update", actor, targets, service="Conditional Access"
        )

    def set_attribute(
        self, at: int, actor: Actor, object_id: str, name: str, attribute: str, values: tuple[str, str]
    ) -> Audit:
        """Change a custom security attribute of a service principal; `values` are (old, new)."""
        old, new = (json.dumps([value]) for value in values)
        targets = [target(object_id, name, "ServicePrincipal", [(attribute, old, new)])]
        activity = "Update attribute values assigned to a servicePrincipal"
        return self._attribute(at, activity, actor, targets)

    def _attribute(self, at: int, activity: str, actor: Actor, targets: list[Target]) -> Audit:
        correlation = self._desk.guid()
        return Audit(
            at,
            self._desk.audit_id(correlation),
            correlation,
            activity,
            "AttributeManagement",
            "Update",
            actor,
            tuple(targets),
            diagnostic="CustomSecurityAttributeAuditLogs",
        )
