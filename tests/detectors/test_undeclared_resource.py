"""D12: a token for a resource that the manifest does not declare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.undeclared_resource import UndeclaredResource
from detector.domain.alerts import Alert
from detector.engine.declaring import EXCHANGE
from detector.features.declarations import Declared
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    LONER,
    NOW,
    TENANT,
    said,
    same_however_told,
    signal,
    with_manifest,
)
from tests.stories import BLOCKED, HOUR, defaults, guid, in_order

NAME = "undeclared_resource"
GRAPH, VAULT = guid("resource", "graph"), guid("resource", "vault")
OWN = Declared(id=AGENT.id, resources=frozenset({GRAPH}))


def found(*story: Any, declared: Declared = OWN, **fields: Any) -> list[Alert]:
    return said(NAME, *story, chosen=with_manifest(declared, **fields))


def test_the_first_token_for_a_resource_that_is_not_declared_is_said() -> None:
    (alert,) = found(TENANT.sign_in(AGENT, NOW, resource="vault"))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D12",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices got a token for vault, which the manifest does not declare for itself (1 resource declared)."
    )
    assert ("resource", VAULT) in {(entity.kind, entity.id) for entity in alert.entities}


def test_what_is_declared_refused_or_part_of_the_protocol_is_nothing() -> None:
    story = [
        TENANT.sign_in(AGENT, NOW),
        TENANT.sign_in(AGENT, NOW + 60, resource="vault", error=BLOCKED),
        TENANT.sign_in(AGENT, NOW + 120, resource=None),
        TENANT.sign_in(AGENT, NOW + 180, resource="exchange", resource_id=EXCHANGE),
        TENANT.sign_in(LONER, NOW + 240, resource="vault"),
    ]
    assert found(story) == []


def test_without_a_manifest_or_without_resources_in_it_nothing_is_said() -> None:
    story = TENANT.sign_in(AGENT, NOW, resource="vault")
    assert said(NAME, story, chosen=defaults()) == []
    assert found(story, declared=Declared(id=AGENT.id)) == []


def test_a_blueprint_declares_for_its_agents_unless_they_have_an_entry_of_their_own() -> None:
    crew = Declared(id=BLUEPRINT.id, resources=frozenset())
    story = [TENANT.sign_in(each, NOW, resource="vault") for each in CREW[:2]]
    first, second = found(story, declared=crew)
    assert first.explanation == (
        "invoices got a token for vault, which the manifest does not declare for its blueprint (0 resources declared)."
    )
    assert second.subject.id == CREW[1].id
    chosen = with_manifest(crew, replace(OWN, resources=frozenset({VAULT})))
    (alert,) = said(NAME, story, chosen=chosen)
    assert alert.subject.id == CREW[1].id


def test_a_classic_principal_is_declared_by_its_object_id_too() -> None:
    classic = TENANT.agent("classic", blueprint=None, role="none")
    declared = Declared(id=classic.object_id, resources=frozenset())
    chosen = replace(with_manifest(declared), identities=frozenset({classic.id}))
    (alert,) = said(NAME, TENANT.sign_in(classic, NOW), chosen=chosen)
    assert alert.subject.id == classic.id


@pytest.mark.parametrize(
    ("environment", "production", "severity"),
    [
        (None, frozenset(), "medium"),
        ("production", frozenset(), "medium"),
        ("non_production", frozenset(), "low"),
        ("non_production", frozenset({VAULT}), "high"),
        (None, frozenset({VAULT}), "high"),
    ],
)
def test_the_environment_of_agent_and_resource_makes_the_severity(
    environment: Any, production: frozenset[str], severity: str
) -> None:
    declared = replace(OWN, environment=environment)
    (alert,) = found(TENANT.sign_in(AGENT, NOW, resource="vault"), declared=declared, production_resources=production)
    assert alert.severity == severity


def test_a_resource_whose_misuse_is_grave_is_high() -> None:
    told = signal("declaration", facts={"issue": NAME, "resource_id": VAULT, "environment": "non_production"})
    finding = UndeclaredResource(sensitive=frozenset({VAULT})).judge(told)
    assert finding is not None
    assert finding.severity == "high"
    assert UndeclaredResource().judge(signal("declaration", facts={"issue": "undeclared_egress"})) is None


def test_one_alert_for_each_agent_and_resource_however_long_it_goes_on() -> None:
    story = [TENANT.sign_in(AGENT, NOW + hour * HOUR, resource="vault") for hour in range(30)]
    story += [TENANT.sign_in(AGENT, NOW + 40, resource="sql")]
    assert len(found(in_order(story))) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 3, resource="vault"),
        TENANT.sign_ins(CREW[1], NOW + 3000, 3, every=900, resource="vault"),
    )
    assert len(same_however_told(story, NAME, with_manifest(OWN))) == 1
