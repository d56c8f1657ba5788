"""Attack stories of the life of agents: asleep, switched off, unaccounted for, outside the framework, running out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS
from detector.runtime.simulation.changes import target
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.directory import Granted, Held, deleted, disabled, with_credential, with_people
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.past import project
from detector.runtime.simulation.population import account, agent_entries, blueprint_entries, ordinary
from detector.runtime.simulation.records import application_caller
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.tenant import Agent, Application
from detector.runtime.simulation.traffic import spread

_MADE_FROM: Final = 20_000_000
_UNAUTHORISED: Final = 501051
_DISABLED: Final = 7000112
_MODELS: Final = 4
"""Position of the service that runs models among the everyday resources."""

# Asleep and switched off


def _abandoned(stage: Stage) -> None:
    """A job that nobody looks after asks on, refused each time, until its agent has been asleep for a month."""
    agent = stage.turn_to(stage.sleeper("abandoned"))
    stage.start = stage.settings.attack_ticks + 10 * MINUTE
    gap = min(2 * HOUR, (stage.settings.end_ticks - stage.start) // 16)
    for number in range(int(stage.by_level(14, 6, 3))):
        at = stage.start + number * gap + stage.rng.randrange(MINUTE)
        stage.sign_in(at, agent, agent.resources[0], stage.home(agent), error=_UNAUTHORISED)


def _disabled_tries(stage: Stage) -> None:
    agent, network = stage.turn_to(stage.sleeper("disabled")), stage.foreign()
    if stage.level == "stealthy":
        network = agent.blueprint.networks[0]
    origin = Origin(network.address(0), network)
    for moment in spread(stage.rng, stage.start, 7_200, int(stage.by_level(15, 6, 3))):
        stage.sign_in(moment, agent, agent.resources[0], origin, error=_DISABLED)


def _kill_switch_fails(stage: Stage) -> None:
    """A blueprint is switched off in an emergency, and its agents go on."""
    blueprint, actor = stage.victim_blueprint(), stage.office_admin()
    principal = blueprint.service_principal_id
    stage.record(stage.change.switch(stage.start, actor, principal, blueprint.name, on=False))
    stage.edit(stage.start, principal, disabled)
    agents = stage.family()
    moments = spread(stage.rng, stage.start + 7 * MINUTE, 2_700, int(stage.by_level(20, 6, 2)))
    for number, moment in enumerate(moments):
        agent = agents[number % len(agents)]
        stage.subjects.append(agent.id)
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


# Outside the framework


def _unmanaged_agent(stage: Stage) -> None:
    """Obvious: a tag proves it; moderate: name and audience hint at it; stealthy: the audience alone does."""
    name = {"obvious": "Research copilot", "moderate": "research-gpt-worker", "stealthy": "sync worker 7"}[stage.level]
    application = Application(name, stage.desk.guid(), stage.desk.guid(), stage.desk.guid())
    stage.subjects += [application.service_principal_id, application.app_id, application.object_id]
    stage.record(stage.change.add_application_principal(stage.start, stage.office_admin(), application))
    models = stage.tenant.everyday[_MODELS]
    granted = Granted(models, replace(EVERYDAY_PERMISSIONS[0], value="Models.Use"), stage.start)
    tags = ("power-virtual-agents-3f2504e0",) if stage.level == "obvious" else ()
    stage.add(replace(ordinary(application, stage.start), roles=(granted,), tags=tags))
    caller, network = application_caller(application, "ServicePrincipalSignInLogs"), stage.tenant.office
    for moment in spread(stage.rng, stage.start + 10 * MINUTE, 5_400, int(stage.by_level(10, 5, 2))):
        stage.drafts.append(stage.desk.sign_in(moment, caller, models, Origin(network.address(1), network)))


def _incomplete_agent(stage: Stage) -> None:
    blueprint = stage.victim_blueprint()
    agent = replace(stage.newcomer(_MADE_FROM), name="agent-quick-try")
    stage.record(stage.change.create_agent(stage.start, stage.office_admin(), agent))
    stewards = stage.world.directory.stewards[blueprint.app_id]
    owners = () if stage.level == "obvious" else (stewards.deputy,)
    sponsors = (stewards.main,) if stage.level == "stealthy" else ()
    entry, *_ = agent_entries(stage.tenant, agent, stage.start, owners, sponsors)
    stage.add(replace(entry, description=None))
    _work(stage, agent, stage.start + 15 * MINUTE)


# Accountability


def _no_sponsor(stage: Stage) -> None:
    stewards = stage.world.directory.stewards[stage.blueprint.app_id]
    _taken_over(stage, owners=(stewards.deputy,), sponsors=())


def _no_owner(stage: Stage) -> None:
    stewards = stage.world.directory.stewards[stage.blueprint.app_id]
    _taken_over(stage, owners=(), sponsors=(stewards.main,))


def _taken_over(stage: Stage, *, owners: tuple[str, ...], sponsors: tuple[str, ...]) -> None:
    """Agents of a team that was merged come with what the old tenant knew of them."""
    stage.victim_blueprint()
    for index in range(int(stage.by_level(3, 2, 1))):
        agent = stage.newcomer(_MADE_FROM, index=index)
        entries = agent_entries(stage.tenant, agent, stage.start, owners, sponsors)
        stage.add(*(replace(entry, created=stage.start - 200 * DAY) for entry in entries[:1]))
        _work(stage, agent, stage.start + 20 * MINUTE)


def _sponsor_lost(stage: Stage) -> None:
    """Obvious: the sponsor of nearly all agents; moderate: the only one of one agent; stealthy: one of three."""
    stage.victim_blueprint()
    directory = stage.world.directory
    stewards = directory.stewards[stage.blueprint.app_id]
    lost = {"obvious": stewards.main, "moderate": stewards.single, "stealthy": stewards.third}[stage.level]
    gone = stage.level == "moderate"
    stage.subjects += [lost, *(agent.id for agent in stage.tenant.agents_of(stage.blueprint))]
    person = account(directory, lost)
    stage.record(stage.change.user_lost(stage.start, stage.office_admin(), person, deleted=gone))
    stage.edit(stage.start, lost, deleted if gone else disabled)


def _last_person_removed(stage: Stage) -> None:
    """Obvious: neither owner nor sponsor is left; moderate: no owner; stealthy: no sponsor."""
    agent, actor = stage.agent(), stage.office_admin()
    directory, thing = stage.world.directory, target(agent.id, agent.name, "ServicePrincipal")
    entry = directory.at(stage.start, agent.id)
    roles = {
        "obvious": (("Remove owner from service principal", entry.owners), ("Remove user sponsor", entry.sponsors)),
        "moderate": (("Remove owner from service principal", entry.owners),),
        "stealthy": (("Remove user sponsor", entry.sponsors),),
    }[stage.level]
    for number, (activity, people) in enumerate(roles):
        for person_id in people or ():
            at, person = stage.start + number * 30 * SECOND, account(directory, person_id)
            stage.record(stage.change.people(at, actor, activity, thing, person))
    owners = () if stage.level != "stealthy" else None
    sponsors = () if stage.level != "moderate" else None
    stage.edit(stage.start, agent.id, with_people(owners=owners, sponsors=sponsors), seen=False)


# Credentials that live too long or end


def _long_lived_secret(stage: Stage) -> None:
    blueprint, key = stage.victim_blueprint(), stage.rogue_key()
    before = stage.in_use(blueprint)
    actor = stage.office_admin()
    stage.record(*stage.change.replace_keys(stage.start, actor, blueprint, before, [*before, key]))
    end = stage.start + int(stage.by_level(3_650, 500, 200)) * DAY
    stage.edit(stage.start, blueprint.object_id, with_credential(Held(key.id, key.name, stage.start, end)))


def _one_of_two_expires(stage: Stage) -> None:
    _expiring_project(stage, others=1)


def _only_one_expires(stage: Stage) -> None:
    _expiring_project(stage, others=0)


def _expiring_project(stage: Stage, *, others: int) -> None:
    """A project joins the tenant whose credential is about to end: in 5, 12 or 25 days."""
    stewards = stage.world.directory.stewards[stage.blueprint.app_id]
    stage.blueprint = blueprint = project(stage.rng, stage.tenant, stage.networks)
    stage.victim_blueprint()
    end = stage.start + int(stage.by_level(5, 12, 25)) * DAY
    application, principal = blueprint_entries(stage.settings, stage.tenant, blueprint, stewards, stage.start)
    held = tuple(replace(each, start=end - 300 * DAY, end=end) for each in application.certificates)
    more = [
        replace(held[0], id=stage.desk.guid(), name="successor", end=end + 60 * DAY, thumbprint=_thumbprint(stage))
        for _ in range(others)
    ]
    older = stage.start - 310 * DAY
    stage.add(replace(application, certificates=(*held, *more), created=older), replace(principal, created=older))
    _join(stage, [stage.newcomer(_MADE_FROM, index=index) for index in range(int(stage.by_level(10, 4, 2)))], older)


def _join(stage: Stage, agents: Sequence[Agent], older: int) -> None:
    stewards = stage.world.directory.stewards
    people = next(iter(stewards.values()))
    for number, agent in enumerate(agents):
        entries = agent_entries(stage.tenant, agent, stage.start, (people.deputy,), (people.main,))
        stage.add(replace(entries[0], created=older))
        if number == 0:
            stage.exchange(stage.start + 30 * MINUTE, stage.home(agent))
            stage.sign_in(stage.start + 31 * MINUTE, agent, agent.resources[0], stage.home(agent))


def _thumbprint(stage: Stage) -> str:
    return stage.desk.guid().replace("-", "").upper() + "0A1B2C3D"


def _work(stage: Stage, agent: Agent, start: int) -> None:
    """Let a new agent work from where its siblings do."""
    for moment in spread(stage.rng, start, 3_600, int(stage.by_level(8, 4, 2))):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


LIFECYCLES: Final[tuple[Play, ...]] = (
    (
        Story("abandoned", "lifecycle", "An agent falls asleep for good while its job asks on in vain.", ("D56",)),
        _abandoned,
    ),
    (
        Story("disabled_keeps_trying", "lifecycle", "An agent that is switched off asks for tokens.", ("D58",)),
        _disabled_tries,
    ),
    (
        Story(
            "kill_switch_fails", "lifecycle", "A blueprint is switched off and its agents get tokens.", ("D60", "D81")
        ),
        _kill_switch_fails,
    ),
    (
        Story("unmanaged_agent", "lifecycle", "An agent is registered as an ordinary application.", ("D46",)),
        _unmanaged_agent,
    ),
    (
        Story("incomplete_agent", "lifecycle", "A person makes an agent for which nobody answers.", ("D48", "D81")),
        _incomplete_agent,
    ),
    (Story("no_sponsor", "lifecycle", "Agents are taken over that have no sponsor.", ("D49",)), _no_sponsor),
    (Story("no_owner", "lifecycle", "Agents are taken over that have no owner.", ("D50",)), _no_owner),
    (Story("sponsor_lost", "lifecycle", "The account of a sponsor is disabled or deleted.", ("D51",)), _sponsor_lost),
    (
        Story("last_person_removed", "lifecycle", "Nobody is left who answers for an agent.", ("D52", "D81")),
        _last_person_removed,
    ),
    (
        Story(
            "long_lived_secret",
            "change",
            "A person adds a secret that is valid for years.",
            ("D67", "D71", "D81", "D114"),
        ),
        _long_lived_secret,
    ),
    (
        Story("one_of_two_expires", "lifecycle", "A credential is about to expire, and another is good.", ("D72",)),
        _one_of_two_expires,
    ),
    (
        Story("only_credential_expires", "lifecycle", "The only credential of a blueprint is to expire.", ("D73",)),
        _only_one_expires,
    ),
)
