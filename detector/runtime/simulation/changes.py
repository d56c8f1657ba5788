"""Changes in the directory as audit records: the activities that concern agents, spelled as Entra spells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from detector.runtime.simulation.audits import Actor, Audit
from detector.runtime.simulation.catalogue import Permission, Role
from detector.runtime.simulation.clock import SECOND, envelope_text
from detector.runtime.simulation.networks import Network
from detector.runtime.simulation.records import Desk
from detector.runtime.simulation.tenant import Agent, Application, Blueprint, Key, Pipeline, Resource, User

CREDENTIALS_OF_APPLICATION: Final = "Update application \u2013 Certificates and secrets management "
"""With an en dash and a space at the end."""

_APPLICATIONS: Final = "ApplicationManagement"
Target = dict[str, Any]


def by_pipeline(pipeline: Pipeline, number: int = 0) -> Actor:
    """Act as a deployment pipeline, from its own addresses."""
    return Actor(
        "app",
        pipeline.application.service_principal_id,
        pipeline.name,
        address=pipeline.network.address(number % len(pipeline.network.addresses)),
        user_agent="python-requests/2.32",
    )


def by_user(user: User, network: Network, number: int = 0) -> Actor:
    """Act as a person."""
    return Actor("user", user.id, user.name, user.principal_name, network.address(number))


def by_platform(name: str, object_id: str) -> Actor:
    """Act as a part of the platform: no address."""
    return Actor("app", object_id, name, user_agent="Microsoft Azure Graph Client Library 2.1.17-internal")


def target(
    object_id: str, name: str | None, kind: str, modified: Sequence[tuple[str, str | None, str | None]] = ()
) -> Target:
    """Write one of `targetResources`; modified properties are (name, old value, new value) in JSON text."""
    return {
        "id": object_id,
        "displayName": name,
        "type": kind,
        "modifiedProperties": [
            {"displayName": label, "oldValue": old, "newValue": new} for label, old, new in modified
        ],
        "administrativeUnits": [],
    }


def quoted(text: str) -> str:
    """Encode a text the way modified properties hold it: JSON inside a string."""
    return json.dumps(text)


def key_description(keys: Sequence[Key]) -> str:
    """Write `KeyDescription`: a JSON list of bracketed key descriptions, without dates or secrets."""
    lines = [f"[KeyIdentifier={key.id},KeyType={key.type},KeyUsage=Verify,DisplayName={key.name}]" for key in keys]
    return json.dumps(lines, separators=(",", ":"))


class ChangeDesk:
    """Drafts changes; each method gives the records that one operation leaves behind."""

    def __init__(self, desk: Desk) -> None:
        """Take identifiers from `desk`."""
        self._desk = desk

    def replace_keys(
        self, at: int, actor: Actor, blueprint: Blueprint, old: Sequence[Key], new: Sequence[Key]
    ) -> list[Audit]:
        """Add or remove credentials of a blueprint: the change itself and the two stubs that accompany it."""
        correlation = self._desk.guid()
        changed = [
            ("KeyDescription", key_description(old), key_description(new)),
            ("Included Updated Properties", None, quoted("KeyDescription")),
        ]
        details = (("AppId", blueprint.app_id),)
        application = target(blueprint.object_id, blueprint.name, "Application", changed)
        stub = target(blueprint.object_id, blueprint.name, "Application")
        principal = target(
            blueprint.service_principal_id,
            blueprint.name,
            "ServicePrincipal",
            [("TargetId.ServicePrincipalNames", None, quoted(blueprint.app_id))],
        )
        return [
            self._audit(at, correlation, CREDENTIALS_OF_APPLICATION, "Update", actor, [application], details=details),
            self._audit(at + 1_300_000, correlation, "Update application", "Update", actor, [stub], details=details),
            self._audit(at + 2_700_000, correlation, "Update service principal", "Update", actor, [principal]),
        ]

    def add_federated_credential(self, at: int, actor: Actor, blueprint: Blueprint, issuer: str) -> Audit:
        """Trust an outside issuer: logged as an update of the application, without an activity of its own."""
        value = json.dumps([{"Name": "build", "Issuer": issuer, "Subject": "repo:example/tool:ref:refs/heads/main"}])
        changed = [
            ("FederatedIdentityCredentials", "[]", value),
            ("Included Updated Properties", None, quoted("FederatedIdentityCredentials")),
        ]
        targets = [target(blueprint.object_id, blueprint.name, "Application", changed)]
        return self._one(at, "Update application", "Update", actor, targets, details=(("AppId", blueprint.app_id),))

    def create_agent(self, at: int, actor: Actor, agent: Agent) -> Audit:
        """Create an agent identity."""
        changed: list[tuple[str, str | None, str | None]] = [
            ("AccountEnabled", None, "[true]"),
            ("DisplayName", None, json.dumps([agent.name])),
            ("Included Updated Properties", None, quoted("AccountEnabled, DisplayName")),
        ]
        subject = target(agent.id, agent.name, "ServicePrincipal", changed)
        subject |= {"agentType": "agenticAppInstance", "blueprintId": agent.blueprint.object_id}
        return self._one(at, "Add service principal", "Add", actor, [subject])

    def remove_agent(self, at: int, actor: Actor, agent: Agent) -> Audit:
        """Delete an agent identity."""
        targets = [target(agent.id, agent.name, "ServicePrincipal")]
        return self._one(at, "Remove service principal", "Delete", actor, targets)

    def grant(
        self, at: int, actor: Actor, resource: Resource, permission: Permission, grantee_id: str, grantee_name: str
    ) -> Audit:
        """Grant an app role: the one target is the resource, the grantee is only named among the values."""
        changed = [
            ("AppRole.Id", None, quoted(permission.id)),
            ("AppRole.Value", None, quoted(permission.value)),
            ("AppRole.DisplayName", None, quoted(permission.name)),
            ("AppRoleAssignment.CreatedDateTime", None, quoted(envelope_text(at - SECOND // 25))),
            ("ServicePrincipal.DisplayName", None, quoted(grantee_name)),
            ("ServicePrincipal.AppId", None, quoted(grantee_id)),
        ]
        targets = [target(resource.service_principal_id, resource.name, "ServicePrincipal", changed)]
        return self._one(at, "Add app role assignment to service principal", "Assign", actor, targets)

    def delegate(self, at: int, actor: Actor, resource: Resource, scope: str, blueprint: Blueprint) -> Audit:
        """Grant a delegated permission for all users to a blueprint."""
        changed = [
            ("DelegatedPermissionGrant.Scope", None, quoted(scope)),
            ("DelegatedPermissionGrant.ConsentType", None, quoted("AllPrincipals")),
            ("ServicePrincipal.ObjectID", None, quoted(blueprint.service_principal_id)),
            ("ServicePrincipal.DisplayName", None, quoted(blueprint.name)),
            ("ServicePrincipal.AppId", None, quoted(blueprint.app_id)),
        ]
        targets = [target(resource.service_principal_id, resource.name, "ServicePrincipal", changed)]
        return self._one(at, "Add delegated permission grant", "Assign", actor, targets)

    def give_role(self, at: int, actor: Actor, role: Role, agent: Agent) -> Audit:
        """Assign a directory role to an agent identity."""
        role_object = self._desk.guid()
        changed = [
            ("Role.ObjectID", None, quoted(role_object)),
            ("Role.DisplayName", None, quoted(role.name)),
            ("Role.TemplateId", None, quoted(role.template_id)),
            ("Role.WellKnownObjectName", None, quoted(role.well_known)),
            ("TargetId.ServicePrincipalNames", None, quoted(agent.id)),
        ]
        targets = [target(agent.id, agent.name, "ServicePrincipal", changed), target(role_object, None, "Role")]
        return self._one(at, "Add member to role", "Assign", actor, targets, area="RoleManagement")

    def add_owner(self, at: int, actor: Actor, object_id: str, name: str, owner: User) -> Audit:
        """Make a person owner of an application."""
        changed = [
            ("Application.ObjectID", None, quoted(object_id)),
            ("Application.DisplayName", None, quoted(name)),
        ]
        person = target(owner.id, None, "User", changed) | {"userPrincipalName": owner.principal_name}
        targets = [person, target(object_id, name, "Application")]
        return self._one(at, "Add owner to application", "Assign", actor, targets)

    def update_application(self, at: int, actor: Actor, application: Application) -> Audit:
        """Change an ordinary application."""
        changed = [("DisplayName", json.dumps([application.name]), json.dumps([application.name + " "]))]
        targets = [target(application.object_id, application.name, "Application", changed)]
        return self._one(at, "Update application", "Update", actor, targets)

    def rotate_managed_identity(self, at: int, actor: Actor, application: Application, key: Key) -> Audit:
        """Rotate the certificate behind a managed identity, as the platform does on its own."""
        changed = [
            ("KeyDescription", "[]", key_description([key])),
            ("Included Updated Properties", None, quoted("KeyDescription")),
        ]
        targets = [target(application.service_principal_id, application.name, "ServicePrincipal", changed)]
        details = (("AppId", application.app_id),)
        return self._one(at, "Add service principal credentials", "Update", actor, targets, details=details)

    def add_principal(self, at: int, actor: Actor, name: str) -> Audit:
        """Create an ordinary service principal."""
        changed: list[tuple[str, str | None, str | None]] = [("DisplayName", None, json.dumps([name]))]
        targets = [target(self._desk.guid(), name, "ServicePrincipal", changed)]
        return self._one(at, "Add service principal", "Add", actor, targets)

    def _one(
        self,
        at: int,
        activity: str,
        operation: str,
        actor: Actor,
        targets: list[Target],
        *,
        area: str = _APPLICATIONS,
        details: tuple[tuple[str, str], ...] = (),
    ) -> Audit:
        return self._audit(at, self._desk.guid(), activity, operation, actor, targets, area=area, details=details)

    def _audit(  # noqa: PLR0913 - the parts of an audit record
        self,
        at: int,
        correlation: str,
        activity: str,
        operation: str,
        actor: Actor,
        targets: list[Target],
        *,
        area: str = _APPLICATIONS,
        details: tuple[tuple[str, str], ...] = (),
        service: str = "Core Directory",
    ) -> Audit:
        area = "Policy" if service == "Conditional Access" else area
        record_id = self._desk.audit_id(correlation)
        return Audit(
            at, record_id, correlation, activity, area, operation, actor, tuple(targets), details, service=service
        )
