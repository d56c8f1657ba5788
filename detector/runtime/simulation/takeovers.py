"""Attack stories of changes that hand agents to somebody else, and of what follows from them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from detector.runtime.simulation.audits import Actor
from detector.runtime.simulation.catalogue import AGENT_ROLES, EVERYDAY_PERMISSIONS
from detector.runtime.simulation.changes import by_user, target
from detector.runtime.simulation.clock import MINUTE, SECOND
from detector.runtime.simulation.directory import Entry, Granted, Trust, enabled, with_credential, with_role
from detector.runtime.simulation.labels import Story
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.population import held_key, steward
from detector.runtime.simulation.stage import Play, Stage
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Resource
from detector.runtime.simulation.traffic import spread

# Credentials


def _agent_adds_credential(stage: Stage) -> None:
    agent = stage.agent()
    if stage.level == "obvious":
        others = [item for item in stage.tenant.blueprints if item is not stage.blueprint]
        stage.blueprint = stage.rng.choice(others or [stage.blueprint])
    actor = Actor("app", agent.id, agent.name, address=stage.home(agent).address, user_agent="python-requests/2.32")
    _add_key(stage, actor, stage.victim_blueprint())


def _newcomer_credential(stage: Stage) -> None:
    network = stage.tenant.office
    if stage.level != "stealthy":
        network = stage.foreign() if stage.level == "obvious" else stage.other_operator()
    newcomer = steward(stage.rng, f"Newcomer {stage.rng.randrange(100, 1000)}")
    _add_key(stage, by_user(newcomer, network), stage.victim_blueprint())


def _foreign_trust(stage: Stage) -> None:
    blueprint = stage.victim_blueprint()
    issuer = {
        "obvious": "https://token.actions.githubusercontent.com",
        "moderate": "https://gitlab.com",
        "stealthy": f"https://login.microsoftonline.com/{stage.desk.guid()}/v2.0",
    }[stage.level]
    stage.record(stage.change.add_federated_credential(stage.start, stage.office_admin(), blueprint, issuer))
    trust = Trust(stage.desk.guid(), "build", issuer, "repo:example/tool:ref:refs/heads/main")
    stage.edit(stage.start, blueprint.object_id, lambda entry: replace(entry, trusts=(*entry.trusts, trust)))


# Permissions


def _inheritable_permissions(stage: Stage) -> None:
    blueprint, graph = stage.victim_blueprint(), stage.tenant.everyday[0]
    scopes = (("Mail.ReadWrite", "Files.ReadWrite.All"), ("Mail.Read",), ("Calendars.Read",))
    lent = scopes[int(stage.by_level(0, 1, 2))]
    value = json.dumps([{"ResourceAppId": graph.app_id, "InheritableScopes": list(lent)}])
    changed = [("InheritablePermissions", "[]", value)]
    stage.record(stage.change.edit_blueprint(stage.start, stage.office_admin(), blueprint, changed))

    def lend(entry: Entry) -> Entry:
        return replace(entry, inheritable=(*entry.inheritable, (graph, lent)))

    stage.edit(stage.start, blueprint.object_id, lend)


def _grant_then_use(stage: Stage) -> None:
    agent = stage.agent()
    resource = Resource(f"Contoso Escrow {stage.place} API", stage.desk.guid(), stage.desk.guid())
    permission = replace(EVERYDAY_PERMISSIONS[0], id=stage.desk.guid(), value="Escrow.ReadWrite.All", name="Escrow")
    stage.record(stage.change.grant(stage.start, stage.office_admin(), resource, permission, agent.id, agent.name))
    stage.edit(stage.start, agent.id, with_role(Granted(resource, permission, stage.start)), seen=False)
    _use(stage, agent, resource, stage.start + 20 * MINUTE)


def _staged_grant(stage: Stage) -> None:
    """Obvious: from abroad; moderate: from elsewhere in the cloud; stealthy: from where the agent always works."""
    staged = stage.world.past.grant(stage.level)
    stage.blueprint = staged.agent.blueprint
    stage.subjects.append(staged.agent.id)
    _use(stage, staged.agent, staged.resource, stage.start)


def _use(stage: Stage, agent: Agent, resource: Resource, start: int) -> None:
    origin = stage.home(agent)
    if stage.level != "stealthy":
        network = stage.foreign() if stage.level == "obvious" else stage.same_cloud()
        origin = Origin(network.address(0), network)
        stage.exchange(start - SECOND, origin)
    for moment in spread(stage.rng, start, 1_800, int(stage.by_level(8, 3, 1))):
        stage.sign_in(moment, agent, resource, origin)


# People


def _guest_owner(stage: Stage) -> None:
    """Obvious: a guest; moderate: somebody makes themselves owner; stealthy: a colleague is made owner."""
    blueprint, owner = stage.victim_blueprint(), stage.rng.choice(stage.tenant.users)
    actor = stage.office_admin()
    if stage.level == "obvious":
        guest = "visitor_partner.example#EXT#@contoso.example"
        owner = replace(steward(stage.rng, "Visitor"), principal_name=guest)
    elif stage.level == "moderate":
        actor = by_user(owner, stage.tenant.office)
    thing = target(blueprint.object_id, blueprint.name, "Application")
    stage.record(stage.change.people(stage.start, actor, "Add owner to application", thing, owner))

    def own(entry: Entry) -> Entry:
        return replace(entry, owners=(*(entry.owners or ()), owner.id))

    stage.edit(stage.start, blueprint.object_id, own, seen=False)


def _agent_administrator(stage: Stage) -> None:
    """Obvious: who may administer agents reaches for another application; stealthy: a lesser role."""
    person, actor = steward(stage.rng, f"Operator {stage.rng.randrange(100, 1000)}"), stage.office_admin()
    role = AGENT_ROLES[int(stage.by_level(0, 0, 1))]
    stage.subjects.append(person.id)
    stage.record(stage.change.give_person_role(stage.start, actor, role, person))
    if stage.level == "obvious":
        application = stage.rng.choice(stage.tenant.ordinary)
        thing = target(application.object_id, application.name, "Application")
        later, themselves = stage.start + 35 * MINUTE, by_user(person, stage.tenant.office)
        stage.record(stage.change.people(later, themselves, "Add owner to application", thing, person))


# Fields and switches


def _blueprint_edited(stage: Stage) -> None:
    """Obvious: tokens go elsewhere and other tenants are let in; moderate: the latter; stealthy: a further name."""
    blueprint, actor = stage.victim_blueprint(), stage.office_admin()
    address = json.dumps([{"AddressType": 0, "Address": "https://collect.builds.example/signin", "ReplyAddressId": 1}])
    changes = {
        "obvious": [("AppAddress", "[]", address), ("AvailableToOtherTenants", "[false]", "[true]")],
        "moderate": [("AvailableToOtherTenants", "[false]", "[true]")],
        "stealthy": [("AppIdentifierUri", "[]", json.dumps(["api://contoso.example/agents"]))],
    }[stage.level]
    for number, changed in enumerate(changes):
        stage.record(stage.change.edit_blueprint(stage.start + number * 50 * SECOND, actor, blueprint, [changed]))


def _reenabled(stage: Stage) -> None:
    agent = stage.turn_to(stage.sleeper("reenabled"))
    stage.record(stage.change.switch(stage.start, stage.office_admin(), agent.id, agent.name, on=True))
    stage.edit(stage.start, agent.id, enabled)
    count = int(stage.by_level(6, 3, 0))
    if count:
        stage.steal(spread(stage.rng, stage.start + 30 * MINUTE, 1_800, count), agent, agent.blueprint.networks[0])


# Sequences


def _dormant_rearmed(stage: Stage) -> None:
    sleeper = stage.sleeper("rearmed")
    agent = stage.turn_to(sleeper)
    key = _add_key(stage, stage.office_admin(), sleeper.blueprint)
    network = sleeper.blueprint.networks[0]
    if stage.level != "stealthy":
        network = stage.foreign() if stage.level == "obvious" else stage.other_operator()
    moments = spread(stage.rng, stage.start + 70 * MINUTE, 3_600, int(stage.by_level(10, 5, 2)))
    stage.steal(moments, agent, network, key=key)


def _add_key(stage: Stage, actor: Actor, blueprint: Blueprint) -> Key:
    """Add a secret that nobody ordered."""
    key, before = stage.rogue_key(), stage.in_use(blueprint)
    stage.record(*stage.change.replace_keys(stage.start, actor, blueprint, before, [*before, key]))
    held = held_key(stage.settings, key, since=stage.start)
    stage.edit(stage.start, blueprint.object_id, with_credential(held))
    return key


TAKEOVERS: Final[tuple[Play, ...]] = (
    (
        Story(
            "agent_adds_credential", "change", "An agent adds a secret to a blueprint.", ("D67", "D68", "D81", "D114")
        ),
        _agent_adds_credential,
    ),
    (
        Story(
            "newcomer_adds_credential",
            "change",
            "Somebody who never did so adds a secret to a blueprint.",
            ("D67", "D69", "D81", "D114"),
        ),
        _newcomer_credential,
    ),
    (
        Story(
            "foreign_trust",
            "change",
            "A person lets a blueprint trust a public build service or another tenant.",
            ("D70", "D81", "D114"),
        ),
        _foreign_trust,
    ),
    (
        Story(
            "inheritable_permissions",
            "change",
            "A person lets all agents of a blueprint inherit scopes.",
            ("D76", "D81"),
        ),
        _inheritable_permissions,
    ),
    (
        Story(
            "grant_then_use",
            "sequence",
            "A person grants an agent a permission, which is used at once.",
            ("D81", "D94"),
        ),
        _grant_then_use,
    ),
    (
        Story("staged_grant", "sequence", "A permission that lay idle for weeks is used.", ("D95",)),
        _staged_grant,
    ),
    (
        Story("owner_added", "change", "Somebody who should not becomes owner of a blueprint.", ("D80", "D81")),
        _guest_owner,
    ),
    (
        Story("agent_administrator", "change", "Somebody is given a role over all agents.", ("D88",)),
        _agent_administrator,
    ),
    (
        Story("blueprint_edited", "change", "A blueprint is opened to others.", ("D81", "D87")),
        _blueprint_edited,
    ),
    (
        Story("reenabled", "lifecycle", "An agent that was switched off is enabled by hand.", ("D59", "D81")),
        _reenabled,
    ),
    (
        Story(
            "dormant_rearmed",
            "sequence",
            "A sleeping project is given a secret, with which it wakes.",
            ("D67", "D81", "D110"),
        ),
        _dormant_rearmed,
    ),
)
