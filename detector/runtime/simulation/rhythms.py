"""Attack stories that show in how much and how often, never in a single record: rises, mixes, rhythms, silence.

A higher level is easier to see because its factor is larger, never because it is of another kind.
"""

from __future__ import annotations

from typing import Final

from detector.runtime.simulation.changes import by_pipeline
from detector.runtime.simulation.clock import HOUR, MINUTE, SECOND
from detector.runtime.simulation.deployments import ids_of
from detector.runtime.simulation.directory import disabled
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.population import agent_entries
from detector.runtime.simulation.stage import Gap, Play, Stage
from detector.runtime.simulation.tenant import Agent, Resource, Rhythm
from detector.runtime.simulation.traffic import spread

_BORN_FROM: Final = 60_000_000
_DISABLED: Final = 7000112


def _fleet_rise(stage: Stage) -> None:
    """Every agent does a little more for hours: none of them stands out."""
    stage.victim_blueprint()
    hours, factor = 6, stage.by_level(1.5, 0.8, 0.4)
    for agent in stage.family():
        stage.subjects.append(agent.id)
        count = max(1, round(stage.hourly(agent) * hours * factor))
        for moment in spread(stage.rng, stage.start, hours * 3_600, count):
            stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _tightened_interval(stage: Stage) -> None:
    """A regular agent's clock goes faster: its requests keep their regularity, a fraction of the interval apart."""
    agent, count = _regular(stage, "cron"), int(stage.by_level(160, 80, 40))
    room = min(20 * HOUR, stage.settings.end_ticks - stage.start) * 0.95 / count
    interval = min(HOUR / max(stage.hourly(agent), 0.2) / stage.by_level(4, 2.5, 1.6), room)
    moment = stage.start
    for _ in range(count):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))
        moment += int(interval * stage.rng.uniform(0.95, 1.05))


def _resource_mix(stage: Stage) -> None:
    """An agent turns to a resource that it hardly ever used, and does no more in all than it may on a busy day."""
    agent = stage.agent("busy")
    hours = 6
    count = max(int(stage.by_level(8, 5, 3)), int(stage.hourly(agent) * hours * stage.by_level(0.8, 0.4, 0.2)))
    for moment in spread(stage.rng, stage.start, hours * 3_600, count):
        stage.sign_in(moment, agent, agent.resources[-1], stage.home(agent))


def _silent_agent(stage: Stage) -> None:
    """A regular agent is stopped, and nobody was told."""
    agent = _regular(stage, "service", "cron")
    hours = stage.by_level(72, 24, 8)
    stage.gaps.append(
        Gap("", stage.start, min(stage.start + int(hours * HOUR), stage.settings.end_ticks), agent_id=agent.id)
    )


def _mass_disable(stage: Stage) -> None:
    """A person switches off one agent after the other; each is refused for a while and then given up."""
    end = stage.settings.end_ticks
    working = [agent for agent in stage.tenant.agents if stage.plan.end_of(agent) >= end]
    actor, agents = stage.office_admin(), working or stage.tenant.agents
    chosen = stage.rng.sample(agents, min(len(agents), int(stage.by_level(12, 6, 3))))
    for number, agent in enumerate(chosen):
        at = stage.start + int(number * stage.by_level(20, 90, 900) * SECOND)
        stage.subjects.append(agent.id)
        stage.record(stage.change.switch(at, actor, agent.id, agent.name, on=False))
        stage.edit(at, agent.id, disabled)
        stage.gaps.append(Gap("", at, stage.settings.end_ticks, agent_id=agent.id))
        for refused in range(2):
            moment = at + (4 + 9 * refused) * MINUTE
            stage.sign_in(moment, agent, agent.resources[0], stage.home(agent), error=_DISABLED)


def _poisoned_start(stage: Stage) -> None:
    """An agent does wrong from its first hour on, so that it never did otherwise; only its siblings do.

    The pipeline makes it, as it makes others. Obvious: from abroad, and for what nobody uses; moderate: from another
    prefix of the cloud; stealthy: from home, for another team's resource.
    """
    blueprint, pipeline = stage.victim_blueprint(), stage.tenant.pipelines[0]
    agent = stage.newcomer(_BORN_FROM)
    stage.record(stage.change.create_agent(stage.start, by_pipeline(pipeline), agent))
    stage.ran(stage.start, (agent.id, *ids_of(blueprint)), "service_principal_created")
    stewards = stage.world.directory.stewards[blueprint.app_id]
    stage.add(*agent_entries(stage.tenant, agent, stage.start, (stewards.deputy,), (stewards.main,)))
    resource = stage.tenant.sensitive[0] if stage.level == "obvious" else _strange(stage)
    network = {"obvious": stage.foreign, "moderate": stage.same_cloud}.get(stage.level, lambda: None)()
    hours = int(min(48 * HOUR, stage.settings.end_ticks - stage.start) / HOUR)
    for number, moment in enumerate(
        spread(stage.rng, stage.start + 20 * MINUTE, hours * 3_600, int(stage.by_level(240, 120, 60)))
    ):
        origin = Origin(network.address(number % 2), network) if network is not None else stage.home(agent)
        stage.sign_in(moment, agent, resource if number % 3 == 0 else agent.resources[0], origin)


def _strange(stage: Stage) -> Resource:
    """Choose a resource that only other blueprints use, where there is one."""
    own = {item.app_id for item in stage.blueprint.resources}
    others = [item for blueprint in stage.tenant.blueprints for item in blueprint.resources if item.app_id not in own]
    return stage.rng.choice(others or stage.tenant.sensitive)


def _regular(stage: Stage, *rhythms: Rhythm) -> Agent:
    """Choose an agent of one of these rhythms, where there is one, and make it the subject."""
    stage.blueprint_of_rhythm(stage.rng.choice(rhythms))
    return stage.agent("busy" if stage.level == "obvious" else "ordinary")


RHYTHMS: Final[tuple[Play, ...]] = (
    (
        Story("fleet_rise", "volume", "Every agent of a blueprint does a little more for hours.", ("D02", "D108")),
        _fleet_rise,
    ),
    (
        Story("tightened_interval", "volume", "A regular agent asks at shorter intervals.", ("D04", "D05", "D06")),
        _tightened_interval,
    ),
    (
        Story("resource_mix", "resources", "An agent turns to a resource that it hardly ever used.", ("D107b",)),
        _resource_mix,
    ),
    (Story("silent_agent", "lifecycle", "A regular agent falls silent.", ("D03",)), _silent_agent),
    (
        Story("mass_disable", "lifecycle", "A person switches off agents one after the other.", ("D81", "D115")),
        _mass_disable,
    ),
    (
        Story(
            "poisoned_start",
            "lifecycle",
            "A new agent does wrong from its first hour on, so that it never did otherwise.",
            ("D10", "D11", "D13", "D104"),
        ),
        _poisoned_start,
    ),
)
