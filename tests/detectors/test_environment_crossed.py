"""D65, D66: development reached into production."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from detector.detectors.environment_crossed import EnvironmentCrossed
from detector.domain.alerts import Alert
from detector.domain.events import Actor
from detector.features.declarations import Declared
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    LATENESS,
    LONER,
    NOW,
    TENANT,
    said,
    same_however_told,
    signal,
    with_manifest,
)
from tests.stories import ADMIN, BLOCKED, HOUR, RELEASE, defaults, guid, in_order

NAME = "environment_crossed"
GRAPH = guid("resource", "graph")
DEV = Declared(id=AGENT.id, environment="non_production")
PRODUCTION = Declared(id=BLUEPRINT.id, environment="production")


def found(*story: Any, declared: tuple[Declared, ...] = (DEV,), **fields: Any) -> list[Alert]:
    told = {"production_resources": frozenset({GRAPH}), "non_production_actors": frozenset({ADMIN.id})} | fields
    return said(NAME, *story, chosen=with_manifest(*declared, **told))


# ------------------------------------------------------------------------------------------ agents and resources


def test_a_non_production_agent_with_a_token_for_a_production_resource_is_said() -> None:
    (alert,) = found(TENANT.sign_in(AGENT, NOW))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D65", "D66")
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices, which is non-production, got a token for graph, which is declared as a production resource."
    )


@pytest.mark.parametrize("environment", ["production", None])
def test_other_agents_and_other_resources_and_refusals_are_nothing(environment: Any) -> None:
    assert found(TENANT.sign_in(AGENT, NOW), declared=(replace(DEV, environment=environment),)) == []
    assert found(TENANT.sign_in(AGENT, NOW, resource="vault"), TENANT.sign_in(AGENT, NOW, error=BLOCKED)) == []
    assert said(NAME, TENANT.sign_in(AGENT, NOW), chosen=defaults()) == []


LATER = NOW + 12 * HOUR


def shown(value: str, at: float, agent: Any = AGENT) -> Any:
    return TENANT.inventory(agent, at, attributes={"Agents.Stage": (value,)})


ATTRIBUTE = {"environment_attribute": "Agents.Stage", "production_values": frozenset({"production"})}


def test_an_attribute_says_what_the_manifest_does_not() -> None:
    story = [shown("Test", LATER - 2 * HOUR), TENANT.sign_in(AGENT, LATER)]
    (alert,) = found(story, declared=(), **ATTRIBUTE)
    assert alert.subject.id == AGENT.id
    assert found(story, declared=(Declared(id=AGENT.id, environment="production"),), **ATTRIBUTE) == []
    assert found([shown("Production", LATER - 2 * HOUR), TENANT.sign_in(AGENT, LATER)], declared=(), **ATTRIBUTE) == []


def test_the_attribute_of_a_blueprint_holds_for_its_agents_unless_they_have_their_own() -> None:
    of_crew = shown("Test", LATER - 2 * HOUR, BLUEPRINT)
    assert len(found(of_crew, TENANT.sign_in(AGENT, LATER), declared=(), **ATTRIBUTE)) == 1
    own = shown("production", LATER - HOUR)
    assert found(of_crew, own, TENANT.sign_in(AGENT, LATER), declared=(), **ATTRIBUTE) == []


@pytest.mark.parametrize(("before", "alerts"), [(LATENESS + 1, 1), (LATENESS, 0), (0, 0), (-60, 0)])
def test_an_attribute_counts_once_it_is_final(before: float, alerts: int) -> None:
    story = [shown("Test", LATER - before), TENANT.sign_in(AGENT, LATER + 120)]
    assert len(found(in_order(story), declared=(), **ATTRIBUTE)) == alerts


def test_a_promoted_agent_is_one_no_more() -> None:
    story = [
        shown("Test", LATER - 9 * HOUR),
        shown("Test", LATER - 3 * HOUR),
        shown("Production", LATER - 2 * HOUR),
        TENANT.sign_in(AGENT, LATER),
    ]
    assert found(story, declared=(), **ATTRIBUTE) == []


# ------------------------------------------------------------------------------------------------------- actors


def test_a_non_production_actor_who_changes_a_production_agent_is_said() -> None:
    (alert,) = found(TENANT.change("application_updated", NOW, BLUEPRINT), declared=(PRODUCTION,))
    assert alert.severity == "high"
    assert alert.explanation == (
        "admin@example.com, declared as non-production, changed crew (Update application), which is production, from "
        "198.51.100.20."
    )
    (alert,) = found(TENANT.change("owner_added", NOW, AGENT), declared=(PRODUCTION,))
    assert alert.subject.id == AGENT.id


@pytest.mark.parametrize(
    ("actor", "succeeded", "declared"),
    [
        (RELEASE, True, (PRODUCTION,)),
        (Actor(kind="app", id=None, name=ADMIN.name), True, (PRODUCTION,)),
        (ADMIN, False, (PRODUCTION,)),
        (ADMIN, True, (replace(PRODUCTION, environment="non_production"),)),
        (ADMIN, True, ()),
    ],
)
def test_other_actors_refused_changes_and_other_agents_are_nothing(
    actor: Actor, succeeded: bool, declared: tuple[Declared, ...]
) -> None:
    story = TENANT.change("application_updated", NOW, BLUEPRINT, actor=actor, succeeded=succeeded)
    assert found(story, declared=declared) == []


def test_an_attribute_makes_an_agent_production_for_actors_too() -> None:
    story = [shown("Production", LATER - HOUR), TENANT.change("owner_added", LATER, AGENT)]
    (alert,) = found(story, declared=(), **ATTRIBUTE)
    assert alert.explanation.startswith("admin@example.com, declared as non-production, changed invoices")


# --------------------------------------------------------------------------------------------------------- keys

SOLO = TENANT.agent("solo", role="blueprint")
BOTH = (PRODUCTION, Declared(id=SOLO.id, name="the test bed", environment="non_production"))


def test_a_key_at_work_in_both_environments_is_said_of_the_production_blueprint() -> None:
    shared: dict[str, Any] = {"key": "shared", "resource": "vault"}
    story = [TENANT.sign_in(BLUEPRINT, NOW, **shared), TENANT.sign_in(LONER, NOW + 60, **shared)]
    for told in (story, [replace_time(story[1], NOW), replace_time(story[0], NOW + 60)]):
        (alert,) = found(told, declared=BOTH)
        assert alert.severity == "high"
        assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
        assert alert.explanation == (
            f"Key {guid('key', 'shared')} of crew, which is production, is also used by the test bed, which is not."
        )


def replace_time(event: Any, at: float) -> Any:
    return msgspec.structs.replace(event, time=at)


@pytest.mark.parametrize("environments", [("production", "production"), ("production", None), (None, "non_production")])
def test_a_key_that_is_shared_within_an_environment_is_the_business_of_another_detector(environments: Any) -> None:
    declared = tuple(replace(each, environment=name) for each, name in zip(BOTH, environments, strict=True))
    shared: dict[str, Any] = {"key": "shared", "resource": "vault"}
    story = [TENANT.sign_in(BLUEPRINT, NOW, **shared), TENANT.sign_in(LONER, NOW + 60, **shared)]
    assert found(story, declared=declared) == []
    assert found(TENANT.sign_in(AGENT, NOW, key=None), declared=BOTH) == []


# --------------------------------------------------------------------------------------------------------- both


def test_other_issues_are_left_alone() -> None:
    assert EnvironmentCrossed().judge(signal("declaration", facts={"issue": "drift"})) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    chosen = with_manifest(
        PRODUCTION,
        DEV,
        production_resources=frozenset({GRAPH}),
        non_production_actors=frozenset({str(ADMIN.id)}),
        **ATTRIBUTE,
    )
    lone = TENANT.agent("lone", blueprint=None)
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 3, every=1500),
        TENANT.change("owner_added", NOW + 30, CREW[1]),
        shown("Test", NOW + 60, lone),
        TENANT.sign_ins(lone, NOW + 100, 9, every=500),
    )
    assert len(same_however_told(story, NAME, chosen)) == 3
