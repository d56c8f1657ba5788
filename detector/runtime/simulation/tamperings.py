"""Attack stories that show in changes, in the life of agents, in risk, and in sequences of several."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.runtime.simulation.catalogue import DIRECTORY_ROLES, TIER_0_PERMISSIONS
from detector.runtime.simulation.changes import by_pipeline, by_user
from detector.runtime.simulation.clock import HOUR, MINUTE
from detector.runtime.simulation.edits import terms
from detector.runtime.simulation.labels import LEVELS, Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.records import application_caller
from detector.runtime.simulation.risks import AgentRisk
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.tenant import Key, build_agent
from detector.runtime.simulation.traffic import spread

_ROGUE_AGENTS_FROM: Final = 2_000_000


# Risk and life cycle


def _risky_agent(stage: Stage) -> None:
    agent = stage.agent()
    level = "high" if stage.level == "obvious" else "medium"
    risk_id = (stage.desk.guid() + stage.desk.guid()).replace("-", "")
    activity = stage.start - 5 * HOUR
    stage.drafts.append(AgentRisk(stage.start, risk_id, agent, activity, "unfamiliarResourceAccess", level))


def _dormant_wakes(stage: Stage) -> None:
    agent = stage.turn_to(stage.sleeper("wakes"))
    network = stage.foreign() if stage.level == "obvious" else agent.blueprint.networks[0]
    stage.steal(spread(stage.rng, stage.start, 3_600, int(stage.by_level(40, 12, 3))), agent, network)


def _rogue_agent(stage: Stage) -> None:
    stage.victim_blueprint()
    number = _ROGUE_AGENTS_FROM + LEVELS.index(stage.level)
    agent = build_agent(
        stage.settings, stage.tenant, stage.blueprint, number=number, weight=1.0, active_from=stage.start
    )
    agent = replace(agent, name="agent-temp-test")
    stage.subjects.insert(0, agent.id)
    stage.record(stage.change.create_agent(stage.start, stage.office_admin(), agent))
    for moment in spread(stage.rng, stage.start + 5 * MINUTE, 3_600, int(stage.by_level(20, 8, 3))):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


# Changes


def _rogue_secret(stage: Stage) -> None:
    """Obvious: a secret; moderate: a key of the usual type; stealthy: the same, within an hour of a rotation."""
    rotations = [item for item in stage.plan.rotations if stage.settings.attack_ticks <= item.at]
    if stage.level == "stealthy" and rotations:
        rotation = stage.rng.choice(rotations)
        stage.blueprint, stage.start = rotation.blueprint, rotation.at + 40 * MINUTE
    blueprint, key = stage.victim_blueprint(), stage.rogue_key()
    if stage.level != "obvious":
        key = Key(key.id, blueprint.key.type, blueprint.key.name)
    before = stage.in_use(blueprint)
    stage.record(*stage.change.replace_keys(stage.start, stage.office_admin(), blueprint, before, [*before, key]))


def _federated_credential(stage: Stage) -> None:
    blueprint = stage.victim_blueprint()
    issuer = "https://token.builds.example/"
    stage.record(stage.change.add_federated_credential(stage.start, stage.office_admin(), blueprint, issuer))


def _permission_grant(stage: Stage) -> None:
    agent, graph = stage.agent(), stage.tenant.everyday[0]
    permission = TIER_0_PERMISSIONS[int(stage.by_level(0, 1, 2))]
    stage.record(stage.change.grant(stage.start, stage.office_admin(), graph, permission, agent.id, agent.name))


def _delegated_grant(stage: Stage) -> None:
    blueprint, graph = stage.victim_blueprint(), stage.tenant.everyday[0]
    scope = ("Directory.ReadWrite.All", "Mail.ReadWrite", "Files.Read.All")[int(stage.by_level(0, 1, 2))]
    stage.record(stage.change.delegate(stage.start, stage.office_admin(), graph, scope, blueprint))


def _directory_role(stage: Stage) -> None:
    agent = stage.agent()
    role = DIRECTORY_ROLES[int(stage.by_level(2, 1, 0))]
    stage.record(stage.change.give_role(stage.start, stage.office_admin(), role, agent))


def _pipeline_impersonation(stage: Stage) -> None:
    blueprint = stage.victim_blueprint()
    pipeline = stage.tenant.pipelines[0]
    network = stage.foreign() if stage.level == "obvious" else pipeline.network  # the same address proves nothing
    impostor = replace(by_pipeline(pipeline), id=stage.desk.guid(), address=network.address(0))
    before = stage.in_use(blueprint)
    stage.record(*stage.change.replace_keys(stage.start, impostor, blueprint, before, [*before, stage.rogue_key()]))


def _policy_weakened(stage: Stage) -> None:
    policy = stage.tenant.policies[0]
    state = "disabled" if stage.level == "obvious" else "enabledForReportingButNotEnforced"
    stage.subjects.append(policy.id)
    before, after = terms(policy), terms(policy, state=state)
    stage.record(stage.change.edit_policy(stage.start, stage.office_admin(), policy, before, after))


# Sequences


def _owner_then_credential(stage: Stage) -> None:
    blueprint, tenant = stage.victim_blueprint(), stage.tenant
    owner = stage.rng.choice(tenant.users)
    actor = stage.office_admin()
    stage.record(stage.change.add_owner(stage.start, actor, blueprint.object_id, blueprint.name, owner))
    added = stage.start + int(stage.by_level(5, 40, 180)) * MINUTE
    before, key = stage.in_use(blueprint), stage.rogue_key()
    by_owner = by_user(owner, tenant.office)
    stage.record(*stage.change.replace_keys(added, by_owner, blueprint, before, [*before, key]))
    agent = stage.agent()
    stage.steal(spread(stage.rng, added + 10 * MINUTE, 1_800, 5), agent, stage.other_operator(), key=key)


def _takeover_chain(stage: Stage) -> None:
    blueprint = stage.victim_blueprint()
    before, key = stage.in_use(blueprint), stage.rogue_key()
    stage.record(*stage.change.replace_keys(stage.start, stage.office_admin(), blueprint, before, [*before, key]))
    agent, network = stage.agent(), stage.foreign()
    entered = stage.start + int(stage.by_level(12, 45, 150)) * MINUTE
    stage.steal(spread(stage.rng, entered, 900, int(stage.by_level(12, 6, 3))), agent, network, key=key)
    tenant, origin = stage.tenant, Origin(network.address(0), network)
    strange = tenant.sensitive + tenant.internal[12:]
    resources = stage.rng.sample(strange, int(stage.by_level(14, 8, 4)))
    moments = spread(stage.rng, entered + 20 * MINUTE, stage.by_level(600, 1_800, 3_600), len(resources))
    for moment, resource in zip(moments, resources, strict=True):
        stage.sign_in(moment, agent, resource, origin)


def _abused_pipeline(stage: Stage) -> None:
    agent, tenant = stage.agent(), stage.tenant
    pipeline, network = tenant.pipelines[0], stage.foreign()
    caller = application_caller(pipeline.application, "ServicePrincipalSignInLogs")
    origin = Origin(network.address(0), network)
    stage.drafts.append(stage.desk.sign_in(stage.start, caller, tenant.everyday[0], origin))
    thief = replace(by_pipeline(pipeline), address=network.address(0), user_agent="curl/8.9")
    permission = TIER_0_PERMISSIONS[int(stage.by_level(0, 1, 2))]
    granted = stage.start + MINUTE
    stage.record(stage.change.grant(granted, thief, tenant.everyday[0], permission, agent.id, agent.name))


TAMPERINGS: Final[tuple[Play, ...]] = (
    (
        Story("rogue_secret", "change", "A person adds a secret to a blueprint, past the pipeline.", ("D67", "D81")),
        _rogue_secret,
    ),
    (
        Story("permission_grant", "change", "A person grants an agent a tier-0 permission.", ("D75", "D81")),
        _permission_grant,
    ),
    (
        Story("directory_role", "change", "A person gives an agent a directory role.", ("D77", "D81")),
        _directory_role,
    ),
    (
        Story("pipeline_impersonation", "change", "An app named like the pipeline adds a secret.", ("D67", "D81")),
        _pipeline_impersonation,
    ),
    (
        Story(
            "takeover_chain",
            "sequence",
            "A rogue secret is added, used from abroad, and then for a sweep.",
            ("D67", "D81", "D93"),
        ),
        _takeover_chain,
    ),
    (Story("risky_agent", "risk", "Identity Protection reports risk on an agent.", ("D38",)), _risky_agent),
    (
        Story("dormant_wakes", "lifecycle", "An agent asleep for a month signs in again.", ("D57",)),
        _dormant_wakes,
    ),
    (
        Story("rogue_agent", "lifecycle", "A person creates an agent past the pipeline and uses it.", ("D81",)),
        _rogue_agent,
    ),
    (
        Story("federated_credential", "change", "A person lets a blueprint trust an outside issuer.", ("D70", "D81")),
        _federated_credential,
    ),
    (
        Story("delegated_grant", "change", "A person consents to wide scopes for a blueprint.", ("D76", "D81")),
        _delegated_grant,
    ),
    (
        Story("policy_weakened", "change", "A Conditional Access policy for agents is switched off.", ("D85",)),
        _policy_weakened,
    ),
    (
        Story(
            "owner_then_credential",
            "sequence",
            "A new owner adds a secret and signs in with it.",
            ("D67", "D80", "D81", "D96"),
        ),
        _owner_then_credential,
    ),
    (
        Story(
            "abused_pipeline",
            "change",
            "The pipeline's own identity grants from an address that is not the pipeline's.",
            ("D75", "D81", "D83"),
        ),
        _abused_pipeline,
    ),
)
