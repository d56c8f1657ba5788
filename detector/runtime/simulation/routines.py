"""More benign stories: what a well-run tenant does to people, policies and switches, and what attacks do as well.

They are planned after everything else, so that the rest of the plan is as it would be without them.
"""

from __future__ import annotations

from random import Random
from typing import Final

from detector.runtime.simulation.chance import stream
from detector.runtime.simulation.changes import target
from detector.runtime.simulation.clock import HOUR, MINUTE, SECOND
from detector.runtime.simulation.deployments import run_records
from detector.runtime.simulation.directory import Directory
from detector.runtime.simulation.edits import EditDesk, by_pipeline, by_user, terms
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.plan import (
    BlockedTest,
    Plan,
    Routine,
    SponsorChange,
    Stop,
    benign_label,
    rounds_of,
    spans_of,
)
from detector.runtime.simulation.population import account, steward
from detector.runtime.simulation.records import Desk, Draft, agent_caller
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Tenant, environment_of

_BLOCKED: Final = 53003
_DISABLED: Final = 7000112
_TRIES: Final = 2
"""Refused requests of a stopped agent before its job is stopped as well."""


def plan_routines(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> None:
    """Add these stories to a plan, each in every span."""
    for number, span in enumerate(spans_of(settings)):
        planner = _Planner(settings, tenant, plan, span)
        for story in (planner.emergency_stop, planner.sponsor_change, planner.blocked_test, planner.routine):
            for again in range(rounds_of(settings)):
                story(stream(settings.seed, "routine", story.__name__, number, *((again,) if again else ())))


class _Planner:
    """Plans each story once in a span of time."""

    def __init__(self, settings: SimulationSettings, tenant: Tenant, plan: Plan, span: tuple[int, int]) -> None:
        self._settings, self._tenant, self._plan, self._span = settings, tenant, plan, span

    def _moment(self, rng: Random, room: int) -> int:
        start, end = self._span
        return rng.randrange(start, max(start + 1, end - room))

    def _working(self, rng: Random) -> Agent:
        """Choose an agent that works to the end and was not blocked: what is edited then looks like an attack."""
        end, blocked = self._settings.end_ticks, [test.agent for test in self._plan.blocked_tests]
        lasting = [agent for agent in self._tenant.agents if self._plan.end_of(agent) >= end]
        working = [agent for agent in lasting if agent not in blocked]
        return rng.choice(working or self._tenant.agents)

    def emergency_stop(self, rng: Random) -> None:
        agent, at = self._working(rng), self._moment(rng, 2 * HOUR)
        self._plan.stops.append(Stop(agent, at))
        self._plan.labels.append(benign_label("emergency_stop", [agent.id], at, at + 20 * MINUTE))

    def sponsor_change(self, rng: Random) -> None:
        agent, at = self._working(rng), self._moment(rng, 2 * HOUR)
        successor = steward(rng, f"Successor {rng.randrange(100, 1000)}")
        self._plan.sponsor_changes.append(SponsorChange(agent, at, successor))
        self._plan.labels.append(benign_label("sponsor_change", [agent.id], at, at + MINUTE))

    def blocked_test(self, rng: Random) -> None:
        at = self._moment(rng, 5 * HOUR)
        moved = [move.blueprint for move in self._plan.moves if at - 2 * HOUR < move.at < at + 6 * HOUR]
        rolled = [item.blueprint for item in self._plan.roll_outs if at - 4 * HOUR < item.at < at + 6 * HOUR]
        quiet = [item for item in self._tenant.blueprints if item not in moved and item not in rolled]
        fitting = [item for item in quiet if environment_of(item) == "non_production"] or quiet
        agents = [agent for item in fitting for agent in self._tenant.agents_of(item)]
        lasting = [agent for agent in agents if self._plan.end_of(agent) >= self._settings.end_ticks]
        labelled = [routine.agent for routine in self._plan.routines]
        working = [agent for agent in lasting if agent not in labelled]
        if working:
            agent = rng.choice(working)
            self._plan.blocked_tests.append(BlockedTest(agent, at))
            self._plan.labels.append(benign_label("blocked_test", [agent.id], at, at + 10 * MINUTE))

    def routine(self, rng: Random) -> None:
        agent, at = self._working(rng), self._moment(rng, 3 * HOUR)
        self._plan.routines.append(Routine(agent, at))
        self._plan.labels.append(benign_label("policy_tightened", [self._tenant.policies[5].id], at, at))
        self._plan.labels.append(benign_label("attribute_labelled", [agent.id], at + HOUR, at + HOUR))


def routine_drafts(settings: SimulationSettings, tenant: Tenant, plan: Plan, directory: Directory) -> list[Draft]:
    """Draft the records of these stories."""
    ids = Desk(stream(settings.seed, "routine ids"))
    desk, drafts = EditDesk(ids), list[Draft]()
    for stop in plan.stops:
        drafts += _stop(settings, tenant, plan, ids, stop)
    for change in plan.sponsor_changes:
        drafts += _sponsor_change(settings, tenant, desk, change, directory)
    for test in plan.blocked_tests:
        drafts += _blocked_test(tenant, plan, ids, test)
    for routine in plan.routines:
        drafts += _routine(tenant, desk, routine)
    return drafts


def _stop(settings: SimulationSettings, tenant: Tenant, plan: Plan, ids: Desk, stop: Stop) -> list[Draft]:
    """The pipeline switches an agent off, which works: its job is refused and then stopped as well."""
    agent, pipeline = stop.agent, tenant.pipelines[0]
    change = EditDesk(ids).switch(stop.at, by_pipeline(pipeline), agent.id, agent.name, on=False)
    network = plan.network_of(agent, stop.at)
    origin, resource = Origin(network.address(0), network), agent.resources[0]
    drafts: list[Draft] = [change]
    for number in range(_TRIES):
        moment = stop.at + (3 + 8 * number) * MINUTE
        drafts.append(ids.sign_in(moment, agent_caller(agent), resource, origin, error=_DISABLED))
    if settings.deployments:
        name = f"stop-{agent.id[:8]}"
        drafts += run_records(pipeline, name, stop.at, stop.at, (agent.id,), ("agent_disabled",))
    return drafts


def _sponsor_change(
    settings: SimulationSettings, tenant: Tenant, desk: EditDesk, change: SponsorChange, directory: Directory
) -> list[Draft]:
    """The pipeline enters the successor of a sponsor, and then takes the predecessor out."""
    agent, pipeline = change.agent, tenant.pipelines[0]
    actor, thing = by_pipeline(pipeline), target(agent.id, agent.name, "ServicePrincipal")
    later = change.at + 10 * SECOND
    drafts: list[Draft] = [desk.people(change.at, actor, "Add user sponsor", thing, change.successor)]
    predecessors = directory.at(change.at - 1, agent.id).sponsors or ()
    drafts += [
        desk.people(later, actor, "Remove user sponsor", thing, account(directory, person_id))
        for person_id in predecessors
    ]
    if settings.deployments:
        name = f"sponsor-{agent.id[:8]}"
        drafts += run_records(pipeline, name, change.at, later, (agent.id,), ("sponsor_added",))
    return drafts


def _blocked_test(tenant: Tenant, plan: Plan, ids: Desk, test: BlockedTest) -> list[Draft]:
    """A policy is tried out on an agent of a test environment, and blocks it as it should."""
    agent, policy = test.agent, tenant.policies[3]
    network = plan.network_of(agent, test.at)
    origin = Origin(network.address(0), network)
    caller = agent_caller(agent, policies=(policy,))
    return [
        ids.sign_in(test.at + number * 3 * MINUTE, caller, agent.resources[0], origin, error=_BLOCKED)
        for number in range(3)
    ]


def _routine(tenant: Tenant, desk: EditDesk, routine: Routine) -> list[Draft]:
    """An administrator makes a policy stricter, and enters a cost centre as an attribute of an agent."""
    actor, policy = by_user(tenant.administrators[0], tenant.office), tenant.policies[5]
    before, after = terms(policy, levels=("high",)), terms(policy, levels=("medium", "high"))
    later, agent = routine.at + HOUR, routine.agent
    return [
        desk.edit_policy(routine.at, actor, policy, before, after),
        desk.set_attribute(later, actor, agent.id, agent.name, "Finance.CostCentre", ("4100", "4200")),
    ]
