"""Attack stories that show against what was declared, deployed or exported: manifest, evidence, and the logs' flow."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS, TIER_0_PERMISSIONS
from detector.runtime.simulation.changes import by_pipeline, by_user
from detector.runtime.simulation.clock import HOUR, MINUTE
from detector.runtime.simulation.configuring import declared_resources, developer, production_resources
from detector.runtime.simulation.deployments import ids_of
from detector.runtime.simulation.directory import Entry, Granted, with_credential, with_role
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.population import agent_entries, held_key
from detector.runtime.simulation.stage import Gap, Play, Stage
from detector.runtime.simulation.tenant import Key, environment_of
from detector.runtime.simulation.traffic import spread

_MADE_FROM: Final = 40_000_000
_HIDDEN: Final = "ServicePrincipalSignInLogs"

# The manifest


def _undeclared_resource(stage: Stage) -> None:
    agent = stage.agent()
    declared = declared_resources(stage.plan, stage.blueprint)
    strange = [item for item in stage.tenant.everyday + stage.tenant.internal[12:20] if item not in declared]
    resource = stage.rng.choice(strange)
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(10, 4, 1))):
        stage.sign_in(moment, agent, resource, stage.home(agent))


def _undeclared_egress(stage: Stage) -> None:
    agent = stage.agent()
    moments = spread(stage.rng, stage.start, 3_600, int(stage.by_level(20, 8, 1)))
    stage.steal(moments, agent, stage.other_operator())


def _foreign_azure(stage: Stage) -> None:
    stage.turn(lambda item: environment_of(item) == "production")
    moments = spread(stage.rng, stage.start, 3_600, int(stage.by_level(20, 8, 1)))
    stage.steal(moments, stage.agent(), stage.same_cloud())


def _test_on_production(stage: Stage) -> None:
    stage.turn(lambda item: environment_of(item) == "non_production")
    agent = stage.agent()
    resource = stage.rng.choice(production_resources(stage.tenant, stage.plan) or stage.tenant.internal[-1:])
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(10, 4, 1))):
        stage.sign_in(moment, agent, resource, stage.home(agent))


def _developer_on_production(stage: Stage) -> None:
    """Obvious: a secret; moderate: an owner; stealthy: a field."""
    blueprint = stage.turn(lambda item: environment_of(item) == "production")
    person = developer(stage.tenant)
    actor = by_user(person, stage.tenant.office, 2)
    if stage.level == "obvious":
        key, before = stage.rogue_key(), stage.in_use(blueprint)
        stage.record(*stage.change.replace_keys(stage.start, actor, blueprint, before, [*before, key]))
        held = held_key(stage.settings, key, since=stage.start)
        stage.edit(stage.start, blueprint.object_id, with_credential(held))
    elif stage.level == "moderate":
        stage.record(stage.change.add_owner(stage.start, actor, blueprint.object_id, blueprint.name, person))
    else:
        changed = [("AppIdentifierUri", "[]", '["api://contoso.example/trial"]')]
        stage.record(stage.change.edit_blueprint(stage.start, actor, blueprint, changed))


def _drift(stage: Stage) -> None:
    """What no log told of shows in the inventory: permissions, a secret, or an owner."""
    blueprint = stage.turn(lambda item: environment_of(item) == "production")
    if stage.level == "obvious":
        graph = stage.tenant.everyday[0]
        for agent in stage.family()[:3]:
            stage.subjects.append(agent.id)
            stage.edit(stage.start, agent.id, with_role(Granted(graph, TIER_0_PERMISSIONS[0], stage.start)))
    elif stage.level == "moderate":
        held = held_key(stage.settings, stage.rogue_key(), since=stage.start)
        stage.edit(stage.start, blueprint.object_id, with_credential(held))
    else:
        stranger = stage.rng.choice(stage.tenant.users).id

        def own(entry: Entry) -> Entry:
            return replace(entry, owners=(*(entry.owners or ()), stranger))

        stage.edit(stage.start, blueprint.object_id, own)


# Evidence


def _no_handshake(stage: Stage) -> None:
    blueprint, pipeline = stage.turn(lambda item: environment_of(item) == "production"), stage.tenant.pipelines[0]
    agent = stage.newcomer(_MADE_FROM)
    stage.record(stage.change.create_agent(stage.start, by_pipeline(pipeline), agent))
    stage.ran(stage.start, (agent.id, *ids_of(blueprint)), "service_principal_created")
    stewards = stage.world.directory.stewards[blueprint.app_id]
    stage.add(*agent_entries(stage.tenant, agent, stage.start, (stewards.deputy,), (stewards.main,)))
    for moment in spread(stage.rng, stage.start + 15 * MINUTE, 5_400, int(stage.by_level(12, 5, 2))):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _stolen_pipeline(stage: Stage) -> None:
    """The deployer's identity is used from its own addresses, at an hour at which no run is on record."""
    stage.victim_blueprint()
    actor, graph = by_pipeline(stage.tenant.pipelines[0]), stage.tenant.everyday[0]
    permission = TIER_0_PERMISSIONS[0] if stage.level == "obvious" else EVERYDAY_PERMISSIONS[1]
    for number in range(int(stage.by_level(4, 2, 1))):
        agent, at = stage.agent(), stage.start + number * MINUTE
        stage.record(stage.change.grant(at, actor, graph, permission, agent.id, agent.name))
        stage.edit(at, agent.id, with_role(Granted(graph, permission, at)), seen=False)


def _undocumented_credential(stage: Stage) -> None:
    """Obvious: two of them; moderate: while a run is at work for somebody else; stealthy: one."""
    blueprint, actor = stage.victim_blueprint(), stage.office_admin()
    kept = stage.in_use(blueprint)
    for number in range(int(stage.by_level(2, 1, 1))):
        key, at = stage.rogue_key(), stage.start + number * 4 * MINUTE
        stage.record(*stage.change.replace_keys(at, actor, blueprint, kept, [*kept, key]))
        stage.edit(at, blueprint.object_id, with_credential(held_key(stage.settings, key, since=at)))
        kept = [*kept, Key(key.id, key.type, key.name)]
    if stage.level == "moderate":
        other = stage.rng.choice(stage.tenant.ordinary)
        stage.ran(stage.start, (other.app_id, other.object_id), "application_updated")


# The flow of logs


def _log_gap(stage: Stage) -> None:
    """The export of a category stands still in the last hours, in which hardly anything else is staged."""
    end = stage.settings.end_ticks
    span = end - stage.settings.attack_ticks
    tail = span // 10 + min(7 * HOUR, span // 2) // 4
    start = end - int(tail * stage.by_level(0.98, 0.14, 0.04))
    stage.gaps.append(Gap(_HIDDEN, start, start + int(tail * stage.by_level(0.82, 0.08, 0.02))))
    stage.subjects.append(stage.tenant.id)


DEVIATIONS: Final[tuple[Play, ...]] = (
    (
        Story("undeclared_resource", "declared", "An agent asks for what it is not declared to need.", ("D12",)),
        _undeclared_resource,
    ),
    (
        Story("undeclared_egress", "declared", "An agent signs in from undeclared networks.", ("D16",)),
        _undeclared_egress,
    ),
    (
        Story("foreign_azure", "declared", "An agent signs in from somebody else's machines in Azure.", ("D16", "D17")),
        _foreign_azure,
    ),
    (
        Story("test_on_production", "declared", "A test agent asks for a production resource.", ("D65",)),
        _test_on_production,
    ),
    (
        Story("developer_on_production", "declared", "A developer changes a production blueprint.", ("D66", "D81")),
        _developer_on_production,
    ),
    (Story("drift", "declared", "What an object holds differs from what was declared.", ("D82",)), _drift),
    (
        Story("no_handshake", "declared", "A new agent works in production without the handshake.", ("D84",)),
        _no_handshake,
    ),
    (
        Story("stolen_pipeline", "declared", "The pipeline's identity grants without any run of it.", ("D83",)),
        _stolen_pipeline,
    ),
    (
        Story(
            "undocumented_credential",
            "declared",
            "A person adds secrets that no deployment explains.",
            ("D67", "D81", "D114"),
        ),
        _undocumented_credential,
    ),
    (Story("log_gap", "declared", "The export of a log category stands still.", ("D92",)), _log_gap),
)
