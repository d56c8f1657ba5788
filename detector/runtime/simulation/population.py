"""Who and what is in the directory: the tenant and its plan as entries and the edits that benign life makes to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Final

from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS
from detector.runtime.simulation.chance import guid, stream
from detector.runtime.simulation.clock import DAY, MINUTE, SECOND
from detector.runtime.simulation.directory import (
    STAGES,
    Directory,
    Entry,
    Granted,
    Held,
    Stewards,
    Trust,
    deleted,
    disabled,
    with_credential,
    with_people,
    with_role,
    without,
)
from detector.runtime.simulation.past import Past, switched_off_at
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import (
    Agent,
    Application,
    Blueprint,
    Key,
    Tenant,
    User,
    environment_of,
)

_STEWARDS: Final = ("Ilse", "Joao", "Kerttu", "Lwazi", "Mirel", "Nadja", "Oskar", "Priya", "Quirin", "Ruta")
_SECRET_LIFE: Final = 170 * DAY
_CERTIFICATE_LIFE: Final = 360 * DAY
_LEFT: Final = 45 * DAY
"""How long the credentials in use outlive the simulation."""


def build_directory(settings: SimulationSettings, tenant: Tenant, plan: Plan, past: Past) -> Directory:
    """Fill the directory of a tenant."""
    directory = Directory()
    _Population(settings, tenant, plan, past, directory).settle()
    return directory


def steward(rng: Random, name: str) -> User:
    """Invent somebody who answers for agents."""
    return User(guid(rng), name, f"{name.lower().replace(' ', '.')}@contoso.example")


def account(directory: Directory, person_id: str) -> User:
    """Give a person out of the directory."""
    name = directory.at(0, person_id).name
    return User(person_id, name, f"{name.lower().replace(' ', '.')}@contoso.example")


def person(user: User, since: int) -> Entry:
    """Describe a person's account."""
    return Entry(type="user", id=user.id, name=user.name, since=since)


def held_key(settings: SimulationSettings, key: Key, *, since: int | None = None) -> Held:
    """Describe a credential that lives as long as is allowed, from `since` on, or so that it outlives everything."""
    secret = key.type == "Password"
    life = _SECRET_LIFE if secret else _CERTIFICATE_LIFE
    start = min(settings.start_ticks - 10 * DAY, settings.end_ticks + _LEFT - life) if since is None else since
    end = max(start + life, settings.end_ticks + _LEFT)
    thumbprint = "" if secret else thumbprint_of(key)
    return Held(key.id, key.name, start, end, thumbprint)


def thumbprint_of(key: Key) -> str:
    """Derive the thumbprint that sign-ins with a certificate show."""
    return key.id.replace("-", "").upper() + "0A1B2C3D"


def blueprint_entries(
    settings: SimulationSettings, tenant: Tenant, blueprint: Blueprint, stewards: Stewards, since: int
) -> list[Entry]:
    """Describe a blueprint, as an application and as its principal."""
    graph, held = tenant.everyday[0], held_key(settings, blueprint.key)
    application = Entry(
        type="agentIdentityBlueprint",
        id=blueprint.object_id,
        app_id=blueprint.app_id,
        name=blueprint.name,
        description=f"Agents for {blueprint.name.removesuffix(' blueprint').lower()}",
        since=since,
        created_by=tenant.pipelines[0].application.app_id,
        owners=stewards.owners,
        sponsors=stewards.sponsors,
        inheritable=((graph, ("User.Read",)),),
        stage=STAGES[environment_of(blueprint)],
    )
    if blueprint.managed_identity is not None:
        issuer = f"https://login.microsoftonline.com/{tenant.id}/v2.0"
        trust = Trust(blueprint.key.id, "managed identity", issuer, blueprint.managed_identity.service_principal_id)
        application = replace(application, trusts=(trust,))
    else:
        application = with_credential(held)(application)
    principal = Entry(
        type="agentIdentityBlueprintPrincipal",
        id=blueprint.service_principal_id,
        app_id=blueprint.app_id,
        name=blueprint.name,
        since=since,
        roles=(Granted(graph, EVERYDAY_PERMISSIONS[0], since),),
        scopes=((graph, "User.Read"),),
    )
    return [application, principal]


def agent_entries(
    tenant: Tenant, agent: Agent, since: int, owners: tuple[str, ...], sponsors: tuple[str, ...]
) -> list[Entry]:
    """Describe an agent identity, and its user account where it has one."""
    entry = Entry(
        type="agentIdentity",
        id=agent.id,
        app_id=agent.id,
        name=agent.name,
        description=f"Works for {agent.blueprint.name.removesuffix(' blueprint').lower()}",
        since=since,
        created_by=tenant.pipelines[0].application.app_id,
        blueprint=agent.blueprint.app_id,
        owners=owners,
        sponsors=sponsors,
        roles=(Granted(tenant.everyday[0], EVERYDAY_PERMISSIONS[0], since + 3 * SECOND),),
        stage=STAGES[environment_of(agent.blueprint)],
    )
    if agent.account is None:
        return [entry]
    account = Entry(
        type="agentUser", id=agent.account.id, name=agent.account.name, since=since, parent=agent.id, sponsors=sponsors
    )
    return [entry, account]


class _Population:
    """Fills a directory."""

    def __init__(
        self, settings: SimulationSettings, tenant: Tenant, plan: Plan, past: Past, directory: Directory
    ) -> None:
        self._settings, self._tenant, self._plan, self._past = settings, tenant, plan, past
        self._directory = directory
        self._founded = past.begins - 90 * DAY
        self._rng = stream(settings.seed, "directory")

    def settle(self) -> None:
        tenant, past = self._tenant, self._past
        for user in (*tenant.users, *tenant.administrators):
            self._directory.add(person(user, self._founded))
        for blueprint in tenant.blueprints:
            self._family(blueprint, tenant.agents_of(blueprint))
        for sleeper in past.sleepers:
            self._family(sleeper.blueprint, [sleeper.agent])
        for application in (*tenant.ordinary, *(pipeline.application for pipeline in tenant.pipelines)):
            self._directory.add(ordinary(application, self._founded))
        self._grow()
        self._renew()

    def _family(self, blueprint: Blueprint, agents: list[Agent]) -> None:
        names = self._rng.sample(_STEWARDS, 4)
        people = [steward(self._rng, f"{name} {self._rng.randrange(100, 1000)}") for name in names]
        for user in people:
            self._directory.add(person(user, self._founded))
        stewards = Stewards(*(user.id for user in people))
        self._directory.stewards[blueprint.app_id] = stewards
        for entry in blueprint_entries(self._settings, self._tenant, blueprint, stewards, self._founded):
            self._directory.add(entry)
        for agent in agents:
            sponsor = stewards.single if agent is agents[-1] else stewards.main
            self._add(agent, self._founded + DAY, (stewards.deputy,), (sponsor,))

    def _add(self, agent: Agent, since: int, owners: tuple[str, ...], sponsors: tuple[str, ...]) -> None:
        for entry in agent_entries(self._tenant, agent, since, owners, sponsors):
            self._directory.add(entry)

    def _grow(self) -> None:
        """Edit what deployments edit."""
        directory, plan = self._directory, self._plan
        for onboarding in plan.onboardings:
            stewards = directory.stewards[onboarding.blueprint.app_id]
            for agent in onboarding.agents:
                self._add(agent, agent.active_from - 4 * MINUTE, (stewards.deputy,), (stewards.main,))
        for roll_out in plan.roll_outs:
            granted = Granted(roll_out.resource, roll_out.permission, roll_out.at)
            directory.edit(roll_out.at, roll_out.blueprint.service_principal_id, with_role(granted))
            for agent in plan.agents(self._tenant):
                if agent.blueprint is roll_out.blueprint and agent.active_from <= roll_out.at < plan.end_of(agent):
                    directory.edit(roll_out.at, agent.id, with_role(granted))
        for staged in self._past.staged:
            granted = Granted(staged.resource, staged.permission, staged.at)
            for object_id in (staged.agent.id, staged.agent.blueprint.service_principal_id):
                directory.edit(staged.at, object_id, with_role(granted))

    def _renew(self) -> None:
        """Edit keys, people and switches."""
        directory, plan = self._directory, self._plan
        for rotation in plan.rotations:
            held = held_key(self._settings, rotation.key, since=rotation.at)
            directory.edit(rotation.at, rotation.blueprint.object_id, with_credential(held))
        for at, blueprint, key in plan.retired_keys():
            directory.edit(at, blueprint.object_id, without(key.id))
        for change in plan.sponsor_changes:
            directory.add(person(change.successor, self._founded))
            directory.edit(change.at, change.agent.id, with_people(sponsors=(change.successor.id,)))
        for sleeper in self._past.sleepers:
            if sleeper.purpose in {"disabled", "reenabled"}:
                directory.edit(switched_off_at(sleeper), sleeper.agent.id, disabled)
        for stop in plan.stops:
            directory.edit(stop.at, stop.agent.id, disabled)
        for item in plan.decommissionings:
            self._gone(item.agent, item.at)

    def _gone(self, agent: Agent, at: int) -> None:
        accounts: Iterable[User] = () if agent.account is None else (agent.account,)
        for object_id in (agent.id, *(account.id for account in accounts)):
            self._directory.edit(at, object_id, deleted)


def ordinary(application: Application, since: int) -> Entry:
    """Describe the service principal of an application that is no agent."""
    return Entry(
        type="servicePrincipal",
        id=application.service_principal_id,
        app_id=application.app_id,
        name=application.name,
        since=since,
        owners=(),
    )
