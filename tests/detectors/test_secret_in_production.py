"""D23: an identity of production signs in with a client secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.secret_in_production import SecretInProduction
from detector.domain.events import InventoryObject
from detector.engine.settings import EngineSettings
from detector.features.declarations import Declarations, Declared, Environment
from tests.detectors.stage import AGENT, BLUEPRINT, LONER, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, defaults, in_order, tell

NAME = "secret_in_production"


def with_manifest(*declared: tuple[str, Environment | None], **more: Any) -> EngineSettings:
    entries = {identifier: Declared(id=identifier, environment=environment) for identifier, environment in declared}
    return replace(defaults(), declarations=Declarations(declared=entries, **more))


PRODUCTION = with_manifest((BLUEPRINT.id, "production"), (LONER.id, "non_production"))


def use(at: float = NOW, agent: Any = BLUEPRINT, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, **words)


def test_a_secret_of_production_is_said_with_its_key_and_what_it_was_used_for() -> None:
    (alert,) = said(NAME, use(), chosen=PRODUCTION)
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D23",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "A client secret in production"
    assert alert.explanation == (
        "crew, which belongs to production, got a token for graph with the client secret "
        "1551dcc4-3219-5984-8a75-b88e6d6951db."
    )


@pytest.mark.parametrize("credential", ["certificate", "managedIdentity", "federatedIdentityCredential", None])
def test_other_credentials_are_no_secrets(credential: str | None) -> None:
    assert said(NAME, use(credential=credential), chosen=PRODUCTION) == []


def test_an_agent_belongs_where_its_blueprint_does_unless_it_says_otherwise() -> None:
    (alert,) = said(NAME, use(agent=AGENT), chosen=PRODUCTION)
    assert alert.subject.id == AGENT.id
    own = with_manifest((BLUEPRINT.id, "production"), (AGENT.id, "non_production"))
    assert said(NAME, use(agent=AGENT), chosen=own) == []


def test_what_is_declared_to_be_no_production_or_not_declared_is_none() -> None:
    assert said(NAME, use(agent=LONER), chosen=PRODUCTION) == []
    assert said(NAME, use(agent=TENANT.agent("stranger", blueprint=None)), chosen=PRODUCTION) == []
    assert said(NAME, use()) == [], "without a manifest nobody knows"


def test_of_unknown_environments_it_is_said_where_that_is_wanted() -> None:
    wanted = tuple(
        SecretInProduction(unknown_environment=True) if each.name == NAME else each for each in defaults().detectors
    )
    (alert,) = said(NAME, use(), chosen=replace(defaults(), detectors=wanted))
    assert alert.severity == "low"
    assert alert.title == "A client secret in use"
    assert alert.explanation.startswith("crew, which belongs to no known environment, got a token for graph with")
    assert said(NAME, use(agent=LONER), chosen=replace(PRODUCTION, detectors=wanted)) == []


def attributes(at: float, agent: Any, value: str) -> InventoryObject:
    return InventoryObject(
        record_id=TENANT.record_id(),
        time=at,
        received=None,
        tenant_id=TENANT.id,
        type="agent",
        id=agent.object_id,
        app_id=agent.id,
        blueprint_id=agent.blueprint,
        attributes={"Agents.Environment": (value,)},
    )


BY_ATTRIBUTE = with_manifest(environment_attribute="Agents.Environment", production_values=frozenset({"prod"}))


def test_an_attribute_of_the_inventory_says_where_an_agent_belongs() -> None:
    story = [attributes(NOW, AGENT, "prod"), *TENANT.sign_ins(AGENT, NOW + MINUTE, 30, every=10 * MINUTE)]
    (alert,) = same_however_told(story, NAME, BY_ATTRIBUTE)
    assert alert.subject.id == AGENT.id
    assert said(NAME, attributes(NOW, AGENT, "dev"), use(NOW + DAY, AGENT), chosen=BY_ATTRIBUTE) == []
    assert said(NAME, use(NOW + DAY, AGENT), chosen=BY_ATTRIBUTE) == []


def test_each_secret_is_said_once() -> None:
    many = [use(NOW + hour * HOUR, key=key) for hour in range(30) for key in ("", "new")]
    assert len(said(NAME, many, chosen=PRODUCTION)) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(BLUEPRINT, NOW, 6, every=20 * MINUTE), use(agent=LONER))
    assert len(same_however_told(story, NAME, PRODUCTION)) == 1
    playing = engine(PRODUCTION)
    tell(playing, story)
    assert playing.accounting.balanced()


def test_a_record_that_says_little_reads_well() -> None:
    finding = SecretInProduction().judge(
        signal("credential_use", facts={"issue": "secret", "environment": "production", "agent_name": "invoices"})
    )
    assert finding is not None
    assert finding.explanation == "invoices, which belongs to production, got a token for unknown with a client secret."


def test_other_uses_are_left_alone() -> None:
    assert SecretInProduction().judge(signal("credential_use", facts={"issue": "shared"})) is None
