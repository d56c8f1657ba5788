"""Attack stories that show in sign-ins: volume, resources, networks, credentials, failures."""

from __future__ import annotations

from typing import Final

from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.traffic import spread

_DRIFT: Final = 12 * DAY
"""Ticks that a slow drift lasts at least, where there is so much time."""

# Volume


def _token_flood(stage: Stage) -> None:
    agent = stage.agent()
    hourly = stage.hourly(agent)
    count = int(max(stage.by_level(400, 120, 45), hourly * stage.by_level(40, 12, 5)))
    origin, seconds = stage.home(agent), stage.by_level(600, 1_800, 3_600)
    stage.exchange(stage.start, origin)
    for moment in spread(stage.rng, stage.start + SECOND, seconds, count):
        stage.sign_in(moment, agent, agent.resources[0], origin)


def _fleet_spike(stage: Stage) -> None:
    stage.victim_blueprint()
    factor = stage.by_level(12, 3, 2)
    for agent in stage.family():
        stage.subjects.append(agent.id)
        count = int(max(stage.by_level(12, 5, 3), stage.hourly(agent) * factor))
        for moment in spread(stage.rng, stage.start, 3_000, count):
            stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


# Resources


def _api_sweep(stage: Stage) -> None:
    agent = stage.agent()
    tenant, count = stage.tenant, int(stage.by_level(28, 12, 6))
    used = {resource.app_id for resource in agent.resources}
    strange = [item for item in tenant.internal[8:] + tenant.everyday + tenant.sensitive if item.app_id not in used]
    resources = stage.rng.sample(strange, min(count, len(strange)))
    moments = spread(stage.rng, stage.start, stage.by_level(300, 1_200, 5_400), len(resources))
    stage.exchange(stage.start - SECOND, stage.home(agent))
    for moment, resource in zip(moments, resources, strict=True):
        stage.sign_in(moment, agent, resource, stage.home(agent))


def _new_sensitive_api(stage: Stage) -> None:
    agent = stage.agent()
    resource = stage.rng.choice(stage.tenant.sensitive)
    for moment in spread(stage.rng, stage.start, 1_800, int(stage.by_level(6, 2, 1))):
        stage.sign_in(moment, agent, resource, stage.home(agent))


def _peer_deviant_api(stage: Stage) -> None:
    agent = stage.agent()
    own = {item.app_id for item in stage.blueprint.resources}
    own |= {item.resource.app_id for item in stage.plan.roll_outs if item.blueprint is stage.blueprint}
    others = [item for blueprint in stage.tenant.blueprints for item in blueprint.resources if item.app_id not in own]
    resource = stage.rng.choice(others or stage.tenant.sensitive)
    for moment in spread(stage.rng, stage.start, 3_600, int(stage.by_level(12, 4, 2))):
        stage.sign_in(moment, agent, resource, stage.home(agent))


# Network


def _foreign_network(stage: Stage) -> None:
    agent = stage.agent()
    moments = spread(stage.rng, stage.start, 3_600, int(stage.by_level(30, 8, 2)))
    stage.steal(moments, agent, stage.foreign())


def _new_prefix_same_cloud(stage: Stage) -> None:
    agent = stage.agent()
    moments = spread(stage.rng, stage.start, 3_600, int(stage.by_level(30, 10, 3)))
    stage.steal(moments, agent, stage.same_cloud())


def _new_asn(stage: Stage) -> None:
    agent = stage.agent()
    moments = spread(stage.rng, stage.start, 3_600, int(stage.by_level(30, 10, 3)))
    stage.steal(moments, agent, stage.other_operator())


def _rotating_proxies(stage: Stage) -> None:
    agent = stage.agent()
    for moment in spread(stage.rng, stage.start, 7_200, int(stage.by_level(24, 12, 6))):
        network = stage.foreign(1)
        stage.sign_in(moment, agent, agent.resources[0], Origin(network.address(0), network))


def _borrowed_egress(stage: Stage) -> None:
    agent = stage.agent()
    others = [item for item in stage.tenant.blueprints if item is not stage.blueprint] or stage.tenant.blueprints
    network = stage.plan.networks_of(stage.rng.choice(others), stage.start)[0]
    stage.steal(spread(stage.rng, stage.start, 3_600, int(stage.by_level(30, 10, 3))), agent, network)


# Failures


def _secret_guessing(stage: Stage) -> None:
    stage.blueprint_with_secret()
    network = stage.foreign()
    moments = spread(stage.rng, stage.start, stage.by_level(300, 900, 3_600), int(stage.by_level(120, 40, 20)))
    stage.failures(moments, Origin(network.address(0), network), 7000215)


def _failure_ratio_shift(stage: Stage) -> None:
    agent = stage.agent("quiet")
    per_hour = max(stage.by_level(5, 3, 2), stage.hourly(agent) * stage.by_level(3, 1.5, 1))
    hours = 4
    for moment in spread(stage.rng, stage.start, hours * 3_600, int(per_hour * hours)):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent), error=501051)


def _expired_secret_loop(stage: Stage) -> None:
    stage.blueprint_with_secret()
    origin = stage.home(stage.family()[0])
    gap, count = int(stage.by_level(30, 60, 240)), int(stage.by_level(240, 90, 30))
    jitter = stage.rng.randrange(SECOND)
    stage.failures((stage.start + jitter + number * gap * SECOND for number in range(count)), origin, 7000222)


def _failure_then_success(stage: Stage) -> None:
    blueprint = stage.blueprint_with_secret()
    agent, network = stage.agent(), stage.foreign()
    origin = Origin(network.address(0), network)
    count = int(stage.by_level(60, 25, 12))
    stage.failures(spread(stage.rng, stage.start, 600, count), origin, 7000215)
    found = stage.start + 11 * MINUTE
    stage.exchange(found, origin, key=stage.plan.key_of(blueprint, found))
    for moment in spread(stage.rng, found + SECOND, 300, 3):
        stage.sign_in(moment, agent, agent.resources[0], origin)


def _secret_spray(stage: Stage) -> None:
    network = stage.foreign()
    origin = Origin(network.address(0), network)
    rounds = int(stage.by_level(6, 3, 2))
    hours = stage.by_level(1, 3, 7)
    for moment in spread(stage.rng, stage.start, hours * 3_600, rounds * len(stage.tenant.blueprints)):
        stage.blueprint = stage.tenant.blueprints[len(stage.drafts) % len(stage.tenant.blueprints)]
        stage.victim_blueprint()
        stage.exchange(moment, origin, error=7000215)


def _blocked_by_policy(stage: Stage) -> None:
    agent, network = stage.agent(), stage.foreign()
    policies = agent.blueprint.policies or tuple(stage.tenant.policies[:1])
    origin = Origin(network.address(0), network)
    for moment in spread(stage.rng, stage.start, 1_800, int(stage.by_level(25, 8, 3))):
        stage.sign_in(moment, agent, agent.resources[0], origin, error=53003, policies=policies)


def _permission_probing(stage: Stage) -> None:
    agent = stage.agent()
    *denied, granted = stage.rng.sample(stage.tenant.internal[12:], int(stage.by_level(10, 6, 3)))
    moments = spread(stage.rng, stage.start, 1_800, len(denied) + 1)
    for moment, resource in zip(moments, denied, strict=False):
        stage.sign_in(moment, agent, resource, stage.home(agent), error=501051)
    stage.sign_in(moments[-1], agent, granted, stage.home(agent))


# Rhythm and hiding


def _off_hours(stage: Stage) -> None:
    stage.blueprint_of_rhythm("office")
    agent = stage.agent()
    night = stage.start - stage.start % DAY + 25 * HOUR
    if night + HOUR < stage.settings.end_ticks:
        stage.start = night
    moments = spread(stage.rng, stage.start, 5_400, int(stage.by_level(60, 25, 8)))
    stage.exchange(moments[0] - SECOND, stage.home(agent))
    for moment in moments:
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _beacon(stage: Stage) -> None:
    agent = stage.agent()
    gap = int(stage.by_level(60, 180, 600)) * SECOND
    for number in range(int(stage.by_level(180, 70, 24))):
        stage.sign_in(stage.start + number * gap, agent, agent.resources[0], stage.home(agent))


def _extra_runs(stage: Stage) -> None:
    stage.blueprint_of_rhythm("cron")
    agent = stage.agent()
    for moment in spread(stage.rng, stage.start, 14_400, int(stage.by_level(60, 24, 8))):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _slow_drift(stage: Stage) -> None:
    agent, end = stage.agent("busy"), stage.settings.end_ticks
    stage.start = max(stage.settings.attack_ticks, min(stage.start, end - _DRIFT))  # what rises in a day is no drift
    hours = (end - stage.start) / HOUR
    count = int(stage.hourly(agent) * hours * stage.by_level(1.5, 0.8, 0.4) / 2)
    for _ in range(max(6, count)):
        share = max(stage.rng.random(), stage.rng.random())  # rises steadily from nothing
        moment = stage.start + int(share * hours * HOUR)
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))
    stage.drafts.sort(key=lambda draft: draft.ticks)


def _credential_downgrade(stage: Stage) -> None:
    blueprints = [item for item in stage.tenant.blueprints if item.credential != "secret"]
    stage.blueprint = stage.rng.choice(blueprints or stage.tenant.blueprints)
    stage.victim_blueprint()
    agent, key = stage.agent(), stage.rogue_key()
    for moment in spread(stage.rng, stage.start, 5_400, int(stage.by_level(12, 4, 1))):
        stage.exchange(moment - SECOND, stage.home(agent), key=key)
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _theft_in_deployment(stage: Stage) -> None:
    moves = [move for move in stage.plan.moves if stage.settings.attack_ticks <= move.at]
    if moves:
        stage.blueprint, stage.start = moves[0].blueprint, moves[0].at + 3 * MINUTE
    agent = stage.agent()
    network = stage.foreign() if stage.level == "obvious" else stage.same_cloud()
    stage.steal(spread(stage.rng, stage.start, 2_400, int(stage.by_level(20, 8, 3))), agent, network)


def _theft_in_outage(stage: Stage) -> None:
    outages = [outage for outage in stage.plan.outages if stage.settings.attack_ticks <= outage.start]
    if outages:
        stage.blueprint, stage.start = outages[0].blueprints[0], outages[0].start + 5 * MINUTE
    agent, network = stage.agent(), stage.foreign()
    origin = Origin(network.address(0), network)
    stage.failures(spread(stage.rng, stage.start, 300, int(stage.by_level(20, 8, 3))), origin, 7000215)
    stage.steal(spread(stage.rng, stage.start + 6 * MINUTE, 900, int(stage.by_level(10, 5, 2))), agent, network)


INTRUSIONS: Final[tuple[Play, ...]] = (
    (Story("token_flood", "volume", "An agent asks for tens of times its usual tokens.", ("D01",)), _token_flood),
    (Story("fleet_spike", "volume", "Every agent of a blueprint asks for a few times more.", ("D02",)), _fleet_spike),
    (Story("api_sweep", "resources", "An agent asks for many resources it never used.", ("D09", "D10")), _api_sweep),
    (
        Story("new_sensitive_api", "resources", "An agent asks for a sensitive resource nobody uses.", ("D10", "D11")),
        _new_sensitive_api,
    ),
    (
        Story("peer_deviant_api", "resources", "An agent asks for what only another blueprint uses.", ("D11",)),
        _peer_deviant_api,
    ),
    (
        Story(
            "foreign_network",
            "network",
            "A stolen credential is used from another operator in another country.",
            ("D13", "D14", "D15"),
        ),
        _foreign_network,
    ),
    (
        Story("new_prefix_same_cloud", "network", "A stolen credential is used from the same cloud.", ("D13",)),
        _new_prefix_same_cloud,
    ),
    (
        Story("new_asn", "network", "A stolen credential is used from another operator nearby.", ("D13", "D14")),
        _new_asn,
    ),
    (
        Story("secret_guessing", "failures", "Wrong secrets are tried against a blueprint.", ("D28",)),
        _secret_guessing,
    ),
    (
        Story("failure_ratio_shift", "failures", "A quiet agent begins to fail most requests.", ("D29",)),
        _failure_ratio_shift,
    ),
    (
        Story("expired_secret_loop", "failures", "A worker retries an expired secret for hours.", ("D31",)),
        _expired_secret_loop,
    ),
    (
        Story("failure_then_success", "failures", "Wrong secrets are tried until one works.", ("D33",)),
        _failure_then_success,
    ),
    (
        Story("rotating_proxies", "network", "An agent signs in from a new network each time.", ("D13", "D14", "D15")),
        _rotating_proxies,
    ),
    (
        Story("borrowed_egress", "network", "An agent signs in from another team's egress.", ("D13", "D15", "D16")),
        _borrowed_egress,
    ),
    (
        Story("secret_spray", "failures", "One source tries secrets against all blueprints.", ("D32",)),
        _secret_spray,
    ),
    (
        Story("blocked_by_policy", "failures", "Conditional Access blocks an agent repeatedly.", ("D34",)),
        _blocked_by_policy,
    ),
    (
        Story("permission_probing", "failures", "An agent is refused by APIs until one lets it in.", ("D102",)),
        _permission_probing,
    ),
    (Story("off_hours", "volume", "An office agent works in the middle of the night.", ("D05",)), _off_hours),
    (Story("beacon", "volume", "An agent asks at intervals exact to the tick.", ("D04", "D05")), _beacon),
    (Story("extra_runs", "volume", "A scheduled agent runs between its schedules.", ("D04", "D05")), _extra_runs),
    (Story("slow_drift", "volume", "A busy agent does a little more each hour until the end.", ("D107",)), _slow_drift),
    (
        Story(
            "credential_downgrade",
            "credential",
            "A blueprint proves itself with an unknown secret instead of its certificate or managed identity.",
            ("D20", "D21", "D23"),
        ),
        _credential_downgrade,
    ),
    (
        Story(
            "theft_in_deployment",
            "network",
            "A stolen credential is used from elsewhere while a deployment moves the egress.",
            ("D13",),
        ),
        _theft_in_deployment,
    ),
    (
        Story(
            "theft_in_outage",
            "network",
            "Secrets are guessed and used from abroad under cover of an outage.",
            ("D13", "D14", "D15", "D33"),
        ),
        _theft_in_outage,
    ),
)
