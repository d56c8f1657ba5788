"""D48: an agent or blueprint was made without what it must have, or not through a supported channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.incomplete_agent import IncompleteAgent
from detector.domain.events import Actor, InventoryObject
from detector.engine.settings import EngineSettings
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, defaults, guid, person

NAME = "incomplete_agent"
FACTORY, FACTORY_APP, STRANGER = guid("factory"), guid("factory app"), guid("stranger")


def shown(at: float = NOW, about: Any = AGENT, **fields: Any) -> InventoryObject:
    told = {"created": NOW - 2 * DAY, "owners": (person("jane"),), "sponsors": (person("joe"),), "described": True}
    return TENANT.inventory(about, at, **(told | fields))


def with_settings(**fields: Any) -> EngineSettings:
    product = defaults()
    detectors = tuple(replace(each, **fields) if each.name == NAME else each for each in product.detectors)  # type: ignore[type-var]
    return replace(product, detectors=detectors)


WITH_CHANNELS = {"channels": frozenset({FACTORY, FACTORY_APP})}


def test_what_a_new_agent_lacks_is_said() -> None:
    (alert,) = said(NAME, shown(sponsors=(), described=False))
    assert (alert.severity, alert.catalogue_ids) == ("medium", ("D48",))
    assert (alert.subject.id, alert.title) == (AGENT.id, "A new agent is incomplete")
    assert alert.explanation == "invoices, made on 2026-03-10, has no description and no sponsor."


def test_a_new_blueprint_is_no_better() -> None:
    (alert,) = said(NAME, shown(about=BLUEPRINT, owners=()))
    assert alert.explanation == "crew, made on 2026-03-10, has no owner."


def test_a_complete_agent_and_one_of_which_little_is_known_are_nothing() -> None:
    assert said(NAME, shown()) == []
    assert said(NAME, shown(owners=None, sponsors=None, described=None)) == []
    assert said(NAME, shown(sponsors=(), created=None)) == []
    assert said(NAME, shown(sponsors=(), type="agent_user")) == []


@pytest.mark.parametrize(("days", "alerts"), [(0.0, 1), (7.0, 1), (7.1, 0)])
def test_an_older_agent_is_left_to_unaccountable_agent(days: float, alerts: int) -> None:
    assert len(said(NAME, shown(sponsors=(), created=NOW - days * DAY))) == alerts


def test_what_is_not_required_is_not_asked_for() -> None:
    chosen = with_settings(required=("sponsor",))
    assert said(NAME, shown(described=False, owners=()), chosen=chosen) == []
    assert len(said(NAME, shown(sponsors=()), chosen=chosen)) == 1


def test_another_channel_is_said() -> None:
    (alert,) = said(NAME, shown(created_by=STRANGER), chosen=with_settings(**WITH_CHANNELS))
    assert alert.title == "An agent was made outside the supported channels"
    assert alert.explanation == (
        f"invoices was made on 2026-03-10 by {STRANGER}, which is no supported channel for agents."
    )


def test_a_supported_channel_is_nothing_and_so_is_any_when_none_is_named() -> None:
    assert said(NAME, shown(created_by=FACTORY_APP), chosen=with_settings(**WITH_CHANNELS)) == []
    assert said(NAME, shown(created_by=STRANGER)) == []


def test_an_agent_made_by_hand_is_said_from_the_audit_record() -> None:
    chosen = with_settings(**WITH_CHANNELS)
    newborn = TENANT.agent("newborn")
    made = TENANT.change("service_principal_created", NOW, newborn)
    signs_in = TENANT.sign_in(newborn, NOW + 5 * MINUTE)
    (alert,) = same_however_told([made, signs_in], NAME, chosen)
    assert alert.explanation == (
        "newborn was made on 2026-03-12 by admin@example.com, which is no supported channel for agents."
    )
    inventory = TENANT.inventory(newborn, NOW + HOUR, created=NOW, created_by=STRANGER)
    assert said(NAME, made, signs_in, inventory, chosen=chosen)[0].id == alert.id


def test_a_channel_is_known_by_its_object_id_too() -> None:
    """Audit records name an application by its object id, and leave out its app id."""
    newborn = TENANT.agent("newborn")
    actor = Actor(kind="app", id=FACTORY, name="factory")
    story = [
        TENANT.change("service_principal_created", NOW, newborn, actor=actor),
        TENANT.sign_in(newborn, NOW + 5 * MINUTE),
    ]
    assert said(NAME, *story, chosen=with_settings(**WITH_CHANNELS)) == []


def test_a_refused_attempt_makes_nothing() -> None:
    chosen = with_settings(**WITH_CHANNELS)
    assert said(NAME, TENANT.change("service_principal_created", NOW, AGENT, succeeded=False), chosen=chosen) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = [shown(NOW + step * 900.0, sponsors=(), created_by=STRANGER) for step in range(4)]
    assert len(same_however_told(story, NAME, with_settings(**WITH_CHANNELS))) == 2


def test_other_issues_are_left_alone() -> None:
    assert IncompleteAgent().judge(signal("inventory", facts={"issue": "expiring"})) is None
