"""What the operator of the simulated tenant would configure: the pipelines, and what agents are meant to be."""

from __future__ import annotations

from typing import Any, Final

from detector.features.budget import BudgetSettings
from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS
from detector.runtime.simulation.directory import STAGES, Directory
from detector.runtime.simulation.edits import ATTRIBUTE
from detector.runtime.simulation.networks import CLOUD_ASN, Network
from detector.runtime.simulation.past import Past
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import (
    Blueprint,
    CredentialKind,
    Resource,
    Tenant,
    User,
    environment_of,
    interactive,
)

_CREDENTIAL_TYPES: Final[dict[CredentialKind, str]] = {
    "secret": "clientSecret",
    "certificate": "certificate",
    "managed_identity": "federatedIdentityCredential",
}
_PRODUCTION_ONLY: Final = 4
"""The tenant's own APIs that nobody uses are in production: so many of them."""


def configuration(
    settings: SimulationSettings, tenant: Tenant, plan: Plan, past: Past, directory: Directory
) -> dict[str, Any]:
    """Give the configuration of the detector for a tenant."""
    pipelines = [
        {
            "name": pipeline.name,
            "object_ids": [pipeline.application.service_principal_id],
            "addresses": [pipeline.network.cidr],
        }
        for pipeline in tenant.pipelines
    ]
    found: dict[str, Any] = {"pipelines": pipelines, "scope": "agents"}
    calm = int(settings.attack_after_days)
    if calm < BudgetSettings().learning_days:
        found["budget"] = {"learning_days": calm}  # what is staged is not to be learned as usual
    if settings.manifest:
        found["manifest"] = _manifest(tenant, plan, past, directory)
    return found


def production_resources(tenant: Tenant, plan: Plan) -> list[Resource]:
    """List what belongs to production: the tenant's own APIs that no agent of another environment uses."""
    elsewhere = {
        resource.app_id
        for blueprint in tenant.blueprints
        if environment_of(blueprint) != "production"
        for resource in declared_resources(plan, blueprint)
    }
    used = {
        resource.app_id
        for blueprint in tenant.blueprints
        if environment_of(blueprint) == "production"
        for resource in declared_resources(plan, blueprint)
    }
    idle = tenant.internal[-_PRODUCTION_ONLY:]
    return [item for item in tenant.internal if item.app_id not in elsewhere and (item.app_id in used or item in idle)]


def developer(tenant: Tenant) -> User:
    """Name the person who has no business with production."""
    return tenant.users[-1]


def declared_resources(plan: Plan, blueprint: Blueprint) -> list[Resource]:
    """List what the agents of a blueprint may get tokens for, roll-outs to come included."""
    rolled_out = [item.resource for item in plan.roll_outs if item.blueprint is blueprint]
    return list(dict.fromkeys([*blueprint.resources, *rolled_out]))


def _manifest(tenant: Tenant, plan: Plan, past: Past, directory: Directory) -> dict[str, Any]:
    blueprints = [*tenant.blueprints, *(sleeper.blueprint for sleeper in past.sleepers)]
    networks = [network for blueprint in blueprints for network in _networks(plan, blueprint)]
    networks += [pipeline.network for pipeline in tenant.pipelines]
    people_facing = [agent for agent in plan.agents(tenant) if interactive(agent)]
    return {
        "agents": [
            {"id": agent.id, "name": agent.name, **_declared(plan, past, agent.blueprint), "flow": "on_behalf_of"}
            for agent in people_facing
        ],
        "blueprints": [
            {
                "id": blueprint.app_id,
                "name": blueprint.name,
                **_declared(plan, past, blueprint),
                "permissions": _permissions(plan, past, blueprint),
                "owners": sorted(directory.stewards[blueprint.app_id].owners),
                "sponsors": sorted(directory.stewards[blueprint.app_id].sponsors),
            }
            for blueprint in blueprints
        ],
        "production_resources": sorted(item.app_id for item in production_resources(tenant, plan)),
        "non_production_actors": [developer(tenant).id],
        "azure_egress": sorted({network.cidr for network in networks if network.asn == CLOUD_ASN}),
        "environment_attribute": ATTRIBUTE,
        "production_values": [STAGES["production"].lower()],
    }


def _declared(plan: Plan, past: Past, blueprint: Blueprint) -> dict[str, Any]:
    """Declare what holds for a blueprint, and for each of its agents."""
    environment = environment_of(blueprint)
    staged = [item.resource for item in past.staged if item.agent.blueprint is blueprint]
    resources = [*declared_resources(plan, blueprint), *staged]
    return {
        "environment": environment,
        "resources": sorted({resource.app_id for resource in resources}),
        "egress": sorted({network.cidr for network in _networks(plan, blueprint)}),
        "credential_types": [_CREDENTIAL_TYPES[blueprint.credential]],
        "flow": "both" if blueprint.rhythm == "office" else "autonomous",
        "handshake": "required" if environment == "production" else "not_required",
    }


def _permissions(plan: Plan, past: Past, blueprint: Blueprint) -> list[str]:
    rolled_out = [item.permission for item in plan.roll_outs if item.blueprint is blueprint]
    staged = [item.permission for item in past.staged if item.agent.blueprint is blueprint]
    return sorted({item.value for item in (EVERYDAY_PERMISSIONS[0], *rolled_out, *staged)})


def _networks(plan: Plan, blueprint: Blueprint) -> list[Network]:
    return [*blueprint.networks, *(move.network for move in plan.moves if move.blueprint is blueprint)]
