"""What the pipelines do for the plan: the changes, the runs that make them, and the handshakes of agents."""

from __future__ import annotations

from typing import Final

from detector.runtime.simulation.audits import Audit
from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS
from detector.runtime.simulation.chance import stream
from detector.runtime.simulation.changes import ChangeDesk, by_pipeline
from detector.runtime.simulation.clock import DAY, MINUTE, SECOND
from detector.runtime.simulation.deployments import Evidence, handshakes, ids_of, run_records
from detector.runtime.simulation.past import Past
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.records import Desk, Draft
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Pipeline, Tenant, environment_of

_FIRST_RUN: Final = 1_001


def planned_changes(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> list[Draft]:
    """Record what the pipelines do for the plan."""
    return _Pipelines(settings, tenant, plan).work()


def handshake_records(tenant: Tenant, plan: Plan, past: Past) -> list[Draft]:
    """Record that every agent of production has passed the checks: long ago, or minutes before it began."""
    pipeline, drafts = tenant.pipelines[0], list[Draft]()
    agents = [*tenant.agents, *(sleeper.agent for sleeper in past.sleepers)]
    drafts += handshakes(pipeline, "handshake-0", past.begins, _of_production(agents))
    for number, onboarding in enumerate(plan.onboardings, 1):
        at = onboarding.agents[0].active_from - 2 * MINUTE
        drafts += handshakes(pipeline, f"handshake-{number}", at, _of_production(onboarding.agents))
    return drafts


def _of_production(agents: list[Agent] | tuple[Agent, ...]) -> list[Agent]:
    return [agent for agent in agents if environment_of(agent.blueprint) == "production"]


class _Pipelines:
    """The work of both pipelines."""

    def __init__(self, settings: SimulationSettings, tenant: Tenant, plan: Plan) -> None:
        self._settings, self._tenant, self._plan = settings, tenant, plan
        self._desk = ChangeDesk(Desk(stream(settings.seed, "planned changes")))
        self._deployer, self._rotator = tenant.pipelines
        self._runs = _FIRST_RUN
        self._drafts: list[Draft] = []

    def work(self) -> list[Draft]:
        """Draft all of it."""
        self._roll_out()
        for blueprint in self._tenant.blueprints:
            self._rotate(blueprint)
        self._onboard()
        self._decommission()
        return self._drafts

    def _ran(self, pipeline: Pipeline, changes: list[Audit], ids: list[str], kinds: tuple[str, ...]) -> None:
        """Keep changes, and tell of the run that made them."""
        self._drafts += changes
        if changes and self._settings.deployments:
            first, last = changes[0].ticks, changes[-1].ticks
            self._drafts += self._records(pipeline, first, last, ids, kinds)
        self._runs += 1

    def _records(
        self, pipeline: Pipeline, first: int, last: int, ids: list[str], kinds: tuple[str, ...]
    ) -> list[Evidence]:
        return run_records(pipeline, str(self._runs), first, last, ids, kinds)

    def _roll_out(self) -> None:
        plan, actor = self._plan, by_pipeline(self._deployer)
        for roll_out in plan.roll_outs:
            at, changes, ids = roll_out.at, list[Audit](), list[str]()
            for agent in plan.agents(self._tenant):
                if agent.blueprint is roll_out.blueprint and agent.active_from <= at < plan.end_of(agent):
                    changes.append(
                        self._desk.grant(at, actor, roll_out.resource, roll_out.permission, agent.id, agent.name)
                    )
                    ids.append(agent.id)
                    at += 2 * SECOND
            self._ran(self._deployer, changes, ids, ("app_role_granted",))

    def _rotate(self, blueprint: Blueprint) -> None:
        steps: list[tuple[int, Key, bool]] = []
        current = blueprint.key
        for rotation in self._plan.rotations:
            if rotation.blueprint is blueprint:
                steps += [(rotation.at, rotation.key, True), (rotation.at + DAY, current, False)]
                current = rotation.key
        keys, actor = [blueprint.key], by_pipeline(self._rotator, 1)
        for at, key, added in sorted(steps, key=lambda step: step[0]):
            changed = [*keys, key] if added else [item for item in keys if item is not key]
            changes = self._desk.replace_keys(at, actor, blueprint, keys, changed)
            kind = "credential_added" if added else "credential_removed"
            self._ran(self._rotator, changes, [*ids_of(blueprint)], (kind,))
            keys = changed

    def _onboard(self) -> None:
        actor, graph = by_pipeline(self._deployer), self._tenant.everyday[0]
        for onboarding in self._plan.onboardings:
            changes: list[Audit] = []
            for agent in onboarding.agents:
                created = agent.active_from - 4 * MINUTE
                changes += [
                    self._desk.create_agent(created, actor, agent),
                    self._desk.grant(created + 3 * SECOND, actor, graph, EVERYDAY_PERMISSIONS[0], agent.id, agent.name),
                ]
            ids = [*(agent.id for agent in onboarding.agents), *ids_of(onboarding.blueprint)]
            self._ran(self._deployer, changes, ids, ("service_principal_created", "app_role_granted"))

    def _decommission(self) -> None:
        actor = by_pipeline(self._deployer)
        for item in self._plan.decommissionings:
            change = self._desk.remove_agent(item.at, actor, item.agent)
            self._ran(self._deployer, [change], [item.agent.id], ("service_principal_deleted",))
