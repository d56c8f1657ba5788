"""Attack stories around Conditional Access and risk: blocks that are got round, guards that are taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.runtime.simulation.clock import HOUR, MINUTE, SECOND
from detector.runtime.simulation.directory import STAGES
from detector.runtime.simulation.edits import ATTRIBUTE, Terms, terms
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.risks import AgentRisk
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.tenant import Agent, Policy, Resource, environment_of
from detector.runtime.simulation.traffic import spread

_BLOCKED: Final = 53003

# Conditional Access


def _block_evaded(stage: Stage) -> None:
    """Obvious: from another network; moderate: for another resource; stealthy: by a sibling."""
    agent, policy = stage.agent(), stage.policy("Agents: allow from corporate egress only")
    first, second = stage.rng.sample(stage.tenant.internal[12:], 2)
    resource = agent.resources[0] if stage.level == "obvious" else first
    network = stage.foreign()
    origin = Origin(network.address(0), network) if stage.level == "obvious" else stage.home(agent)
    _blocked(stage, agent, resource, origin, policy, int(stage.by_level(12, 5, 2)))
    moments = spread(stage.rng, stage.start + 50 * MINUTE, 2_400, int(stage.by_level(6, 3, 1)))
    if stage.level == "obvious":
        stage.steal(moments, agent, stage.foreign(unlike=network))
        return
    siblings = [each for each in stage.family() if each is not agent] or [agent]
    user = stage.rng.choice(siblings) if stage.level == "stealthy" else agent
    stage.subjects.append(user.id)
    for moment in moments:
        stage.sign_in(moment, user, first if stage.level == "stealthy" else second, stage.home(user))


def _policy_outage(stage: Stage) -> None:
    policy, actor = stage.policy("Require compliant device for everybody"), stage.office_admin()
    stage.subjects.append(policy.id)
    reported = terms(policy, state="enabledForReportingButNotEnforced")
    stage.record(stage.change.edit_policy(stage.start, actor, policy, reported, terms(policy)))
    end = stage.settings.end_ticks
    working = [agent for agent in stage.tenant.agents if stage.plan.end_of(agent) >= end] or stage.tenant.agents
    for agent in stage.rng.sample(working, min(len(working), int(stage.by_level(10, 5, 3)))):
        stage.subjects.append(agent.id)
        for moment in spread(stage.rng, stage.start + 5 * MINUTE, 4_800, 2):
            resource = agent.resources[0]
            stage.sign_in(moment, agent, resource, stage.home(agent), error=_BLOCKED, policies=(policy,))


def _edited_after_block(stage: Stage) -> None:
    agent, policy, network = stage.agent(), stage.policy("Block agents at risk"), stage.foreign()
    origin = Origin(network.address(0), network)
    _blocked(stage, agent, agent.resources[0], origin, policy, int(stage.by_level(10, 4, 2)))
    at, before = stage.start + 50 * MINUTE, terms(policy)
    after = {
        "obvious": terms(policy, state="disabled"),
        "moderate": terms(policy, excluded=(agent.id,)),
        "stealthy": terms(policy, levels=("high",)),
    }[stage.level]
    stage.record(stage.change.edit_policy(at, stage.office_admin(), policy, before, after))
    for moment in spread(stage.rng, at + 5 * MINUTE, 1_800, int(stage.by_level(6, 3, 1))):
        stage.sign_in(moment, agent, agent.resources[0], origin)


def _policy_exception(stage: Stage) -> None:
    """Obvious: agents are excepted; moderate: a level of risk is; stealthy: a trusted location grows."""
    policy, actor = stage.policy("Block agents at risk"), stage.office_admin()
    stage.subjects.append(policy.id)
    if stage.level == "stealthy":
        own = [network.cidr for network in stage.blueprint.networks]
        wider = [*own, stage.foreign().cidr]
        stage.record(stage.change.edit_location(stage.start, actor, policy, own, wider, trusted=True))
        return
    after: Terms = terms(policy, levels=("high",))
    if stage.level == "obvious":
        after = terms(policy, excluded=[stage.agent().id for _ in range(3)])
    stage.record(stage.change.edit_policy(stage.start, actor, policy, terms(policy), after))


def _attribute_flipped(stage: Stage) -> None:
    stage.turn(lambda item: environment_of(item) == "non_production")
    actor, values = stage.office_admin(), (STAGES["non_production"], STAGES["production"])
    agents = stage.family()
    for number, agent in enumerate(agents[: int(stage.by_level(3, 1, 1))]):
        stage.subjects.append(agent.id)
        at = stage.start + number * 40 * SECOND
        stage.record(stage.change.set_attribute(at, actor, agent.id, agent.name, ATTRIBUTE, values))
        stage.edit(at, agent.id, lambda entry: replace(entry, stage=STAGES["production"]), seen=False)


# Risk


def _risk_ignored(stage: Stage) -> None:
    agent = stage.agent()
    risk_id = (stage.desk.guid() + stage.desk.guid()).replace("-", "")
    level = "high" if stage.level == "obvious" else "medium"
    kind = {"obvious": "threatIntelligenceAccount", "moderate": "suspiciousCredentialUsage"}
    event = kind.get(stage.level, "signInSpike")
    stage.drafts.append(AgentRisk(stage.start, risk_id, agent, stage.start - 4 * HOUR, event, level))
    for moment in spread(stage.rng, stage.start + 30 * MINUTE, 7_200, int(stage.by_level(12, 5, 2))):
        stage.sign_in(moment, agent, agent.resources[0], stage.home(agent))


def _blocked(stage: Stage, agent: Agent, resource: Resource, origin: Origin, policy: Policy, count: int) -> None:
    """Be refused by a policy for some time."""
    for moment in spread(stage.rng, stage.start, 2_400, count):
        stage.sign_in(moment, agent, resource, origin, error=_BLOCKED, policies=(policy,))


BYPASSES: Final[tuple[Play, ...]] = (
    (
        Story(
            "block_evaded",
            "failures",
            "Conditional Access blocks an agent, which then gets a token another way.",
            ("D34", "D35"),
        ),
        _block_evaded,
    ),
    (
        Story("policy_outage", "failures", "A policy that is enforced begins to block many agents.", ("D34", "D36")),
        _policy_outage,
    ),
    (
        Story(
            "policy_edited_after_block",
            "sequence",
            "A policy blocks an agent, the policy is edited, and the agent gets in.",
            ("D34", "D85", "D103"),
        ),
        _edited_after_block,
    ),
    (
        Story("policy_exception", "change", "A policy that guards agents is given an exception.", ("D85",)),
        _policy_exception,
    ),
    (
        Story(
            "attribute_flipped",
            "change",
            "Agents of a test environment are labelled as production.",
            ("D86",),
        ),
        _attribute_flipped,
    ),
    (
        Story("risk_ignored", "risk", "An agent at risk goes on getting tokens.", ("D38", "D39")),
        _risk_ignored,
    ),
)
