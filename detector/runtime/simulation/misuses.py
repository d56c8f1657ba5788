"""Attack stories of credentials, flows and places: what proves who an agent is, and how it is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.runtime.simulation.changes import by_pipeline
from detector.runtime.simulation.clock import DAY, MINUTE, SECOND
from detector.runtime.simulation.deployments import ids_of
from detector.runtime.simulation.directory import Held, with_credential
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.population import agent_entries, held_key, thumbprint_of
from detector.runtime.simulation.records import SignInCategory, account_caller, agent_caller, credential_of
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.tenant import Agent, Key, User, environment_of, interactive
from detector.runtime.simulation.traffic import spread

_RESERVE_FROM: Final = 10_000_000
_BAD_PASSWORD: Final = 50126

# Credentials


def _unlogged_key(stage: Stage) -> None:
    blueprint = stage.turn(lambda item: item.credential != "managed_identity")
    key, agent = Key(stage.desk.guid(), blueprint.key.type, "unknown"), stage.agent()
    _exchanges(stage, agent, key, int(stage.by_level(8, 3, 1)))


def _production_secret(stage: Stage) -> None:
    blueprint = stage.turn(lambda item: environment_of(item) == "production")
    key, pipeline = Key(stage.desk.guid(), "Password", "fallback"), stage.tenant.pipelines[0]
    before = stage.in_use(blueprint)
    stage.record(*stage.change.replace_keys(stage.start, by_pipeline(pipeline), blueprint, before, [*before, key]))
    stage.ran(stage.start, ids_of(blueprint), "credential_added")
    held = held_key(stage.settings, key, since=stage.start)
    stage.edit(stage.start, blueprint.object_id, with_credential(held))
    stage.start += 25 * MINUTE
    _exchanges(stage, stage.agent(), key, int(stage.by_level(8, 3, 1)))


def _shared_key(stage: Stage) -> None:
    tenant, asleep = stage.tenant, stage.sleeper("wakes").blueprint
    others = [item for item in tenant.blueprints if item is not stage.blueprint]
    keyed = [item for item in others if item.credential != "managed_identity"]
    owner = stage.rng.choice(keyed or [asleep])
    credential = credential_of(owner, stage.plan.key_of(owner, stage.start))
    agent = stage.agent()
    stage.subjects += [owner.app_id, credential.key_id]
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(8, 3, 1))):
        stage.exchange(moment, stage.home(agent), credential=credential)
        stage.sign_in(moment + SECOND, agent, agent.resources[0], stage.home(agent))


def _shared_certificate(stage: Stage) -> None:
    first = stage.tenant.blueprints.index(stage.blueprint)
    others = [*stage.tenant.blueprints[first:], *stage.tenant.blueprints[:first]]
    others += [stage.sleeper(purpose).blueprint for purpose in ("wakes", "rearmed")]
    actor, thumbprint = stage.office_admin(), ""
    for number, blueprint in enumerate(others[: int(stage.by_level(3, 2, 2))]):
        stage.blueprint = blueprint
        stage.victim_blueprint()
        key, at = Key(stage.desk.guid(), "AsymmetricX509Cert", "CN=agents"), stage.start + 6 * number * MINUTE
        thumbprint = thumbprint or thumbprint_of(key)
        before = stage.in_use(blueprint)
        stage.record(*stage.change.replace_keys(at, actor, blueprint, before, [*before, key]))
        held = Held(key.id, key.name, at, at + 300 * DAY, thumbprint)
        stage.edit(at, blueprint.object_id, with_credential(held))


def _fan_out(stage: Stage) -> None:
    blueprint = stage.turn(lambda item: environment_of(item) == "non_production")
    working = len(stage.family())
    count = min(499, int(stage.by_level(4 * working + 14, 2 * working + 6, 6)))
    origin = stage.home(stage.family()[0])
    stage.exchange(stage.start - SECOND, origin)
    stewards = stage.world.directory.stewards[blueprint.app_id]
    for index, moment in enumerate(spread(stage.rng, stage.start, 1_500, count)):
        agent = stage.newcomer(_RESERVE_FROM, index=index)
        entries = agent_entries(stage.tenant, agent, stage.start, (stewards.deputy,), (stewards.main,))
        stage.add(*(replace(entry, created=stage.start - 90 * DAY) for entry in entries), seen=False)
        stage.sign_in(moment, agent, blueprint.resources[0], origin)


# Flows


def _agent_alone(stage: Stage) -> None:
    agent = _agent_of(stage, [agent for agent in stage.tenant.agents if interactive(agent)])
    caller = agent_caller(agent)
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(12, 5, 1))):
        stage.drafts.append(stage.desk.sign_in(moment, caller, agent.resources[0], stage.home(agent)))


def _agent_for_people(stage: Stage) -> None:
    stage.turn(lambda item: item.rhythm != "office")
    agent = stage.agent()
    caller = agent_caller(agent, subject="user")
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(12, 5, 1))):
        user = stage.rng.choice(stage.tenant.users)
        sign_in = stage.desk.sign_in(moment, caller, agent.resources[0], stage.home(agent), user=user)
        stage.drafts.append(sign_in)


def _account_misused(stage: Stage) -> None:
    """Obvious: somebody signs in; moderate: a script does, with a password; stealthy: a password is tried once."""
    agent = _agent_of(stage, [agent for agent in stage.tenant.agents if agent.account is not None])
    account = agent.account or User(stage.desk.guid(), f"{agent.name} (agent user)", f"{agent.name}@contoso.example")
    stage.subjects.append(account.id)
    graph, network = stage.tenant.everyday[0], stage.foreign()
    origin, scripted = Origin(network.address(0), network), stage.level == "moderate"
    category: SignInCategory = "NonInteractiveUserSignInLogs" if scripted else "SignInLogs"
    caller = account_caller(stage.tenant.ordinary[3], agent, category)
    error = _BAD_PASSWORD if stage.level == "stealthy" else 0
    for moment in spread(stage.rng, stage.start, 1_800, int(stage.by_level(6, 3, 1))):
        sign_in = stage.desk.sign_in(moment, caller, graph, origin, error=error, user=account)
        way = replace(sign_in, protocol="ropc") if scripted else replace(sign_in, methods=("Password",))
        stage.drafts.append(way)


# Places


def _two_places(stage: Stage) -> None:
    stage.turn(lambda item: item.rhythm in {"service", "flat"})
    agent = stage.agent("busy")
    network = stage.other_operator() if stage.level == "stealthy" else stage.foreign()
    gap, hours = int(stage.by_level(4, 8, 15)), 4
    moments = [stage.start + number * gap * MINUTE for number in range(hours * 60 // gap)]
    stage.steal((moment + stage.rng.randrange(MINUTE) for moment in moments), agent, network)


def _exchanges(stage: Stage, agent: Agent, key: Key, count: int) -> None:
    """Use a key from where the blueprint always works."""
    for moment in spread(stage.rng, stage.start, 5_400, count):
        stage.exchange(moment, stage.home(agent), key=key)
        stage.sign_in(moment + SECOND, agent, agent.resources[0], stage.home(agent))


def _agent_of(stage: Stage, fitting: list[Agent]) -> Agent:
    """Choose a working agent out of those that fit, where there is one, and make it the subject."""
    end = stage.settings.end_ticks
    working = [agent for agent in fitting if stage.plan.end_of(agent) >= end] or fitting
    if not working:
        return stage.agent()
    agent = stage.rng.choice(working)
    stage.blueprint = agent.blueprint
    stage.subjects.append(agent.id)
    return agent


MISUSES: Final[tuple[Play, ...]] = (
    (
        Story("unlogged_key", "credential", "A blueprint signs in with a key that nobody was seen to add.", ("D21",)),
        _unlogged_key,
    ),
    (
        Story(
            "production_secret",
            "credential",
            "A pipeline gives a production blueprint a secret, which is then used.",
            ("D20", "D23"),
        ),
        _production_secret,
    ),
    (
        Story("shared_key", "credential", "A blueprint signs in with the key of another one.", ("D24",)),
        _shared_key,
    ),
    (
        Story(
            "shared_certificate",
            "credential",
            "A person puts one certificate on several blueprints.",
            ("D25", "D67", "D81"),
        ),
        _shared_certificate,
    ),
    (
        Story("fan_out", "credential", "A blueprint's credential gets tokens for all its agents at once.", ("D26",)),
        _fan_out,
    ),
    (
        Story("agent_alone", "credential", "An interactive agent gets tokens without any user.", ("D41",)),
        _agent_alone,
    ),
    (
        Story("agent_for_people", "credential", "An autonomous agent begins to act for people.", ("D42",)),
        _agent_for_people,
    ),
    (
        Story("account_misused", "credential", "Somebody uses the user account of an agent like a person's.", ("D44",)),
        _account_misused,
    ),
    (
        Story("two_places", "network", "A stolen credential is used while its agent goes on working.", ("D07",)),
        _two_places,
    ),
)
