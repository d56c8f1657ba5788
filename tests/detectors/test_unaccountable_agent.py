"""D49, D50: an agent or blueprint has no sponsor, or no owner."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.unaccountable_agent import UnaccountableAgent
from detector.domain.events import InventoryObject
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, person

NAME = "unaccountable_agent"


def shown(at: float = NOW, about: Any = AGENT, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, **fields)


def test_a_missing_sponsor_is_said() -> None:
    observed = shown(sponsors=(), owners=(person("jane"),), enabled=True)
    (alert,) = said(NAME, observed)
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D49",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.blueprint) == ("agent", AGENT.id, BLUEPRINT.id)
    assert alert.title == "There is no sponsor"
    assert alert.explanation == "invoices has no sponsor: nobody decides whether it is still needed."
    assert alert.evidence.record_ids == (observed.record_id,)


def test_a_missing_owner_of_a_blueprint_is_said_with_its_agents() -> None:
    (alert,) = said(NAME, shown(about=BLUEPRINT, owners=()))
    assert (alert.severity, alert.catalogue_ids) == ("low", ("D50",))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.explanation == (
        "crew has no owner: nobody looks after it when it misbehaves. It is the blueprint of 4 agents."
    )


def test_not_known_is_not_missing() -> None:
    """A page that failed leaves a member unknown; a later one that fails takes nothing back."""
    assert said(NAME, shown(), shown(NOW + HOUR, sponsors=None, owners=None)) == []
    assert said(NAME, shown(sponsors=(person("jane"),)), shown(NOW + HOUR)) == []


def test_every_snapshot_repeats_it_and_it_is_said_once() -> None:
    snapshots = [shown(NOW + hour * HOUR, sponsors=(), owners=()) for hour in range(72)]
    assert len(same_however_told(snapshots, NAME)) == 2


def test_what_is_missing_again_after_a_repair_is_said_again() -> None:
    """Once: on the day after the one on which it is missing again, when the repair is two days old."""
    days = [(), (), (person("jane"),), (person("jane"),), (), (), (), ()]
    snapshots = [shown(NOW + day * DAY + HOUR, sponsors=people) for day, people in enumerate(days)]
    first, again = same_however_told(snapshots, NAME)
    assert first.time.startswith("2026-03-12")
    assert again.time.startswith("2026-03-16")


def test_a_repair_for_an_hour_is_none() -> None:
    people: list[tuple[Any, ...]] = [(), (person("jane"),), (), (), ()]
    snapshots = [shown(NOW + hour * 12 * HOUR, sponsors=each) for hour, each in enumerate(people)]
    assert len(same_however_told(snapshots, NAME)) == 1


@pytest.mark.parametrize(
    ("days", "alerts"),
    [(0.0, 0), (6.9, 0), (7.0, 1), (700.0, 1)],
)
def test_a_new_agent_is_left_to_incomplete_agent(days: float, alerts: int) -> None:
    assert len(said(NAME, shown(sponsors=(), created=NOW - days * DAY))) == alerts


def test_an_object_that_is_deleted_or_no_agent_needs_nobody() -> None:
    assert said(NAME, shown(sponsors=(), deleted=True)) == []
    assert said(NAME, shown(sponsors=(), type="blueprint_principal")) == []
    assert said(NAME, shown(sponsors=(), type="agent_user")) == []
    assert said(NAME, shown(about=TENANT.agent("payroll", role="none"), owners=())) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = [
        *(shown(NOW + step * 500.0, sponsors=(), owners=None) for step in range(3)),
        *(shown(NOW + 60 + step * 500.0, BLUEPRINT, owners=()) for step in range(3)),
    ]
    assert len(same_however_told(story, NAME)) == 2


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"role": "sponsor"}, "medium"),
        ({"role": "sponsor", "enabled": True}, "medium"),
        ({"role": "sponsor", "enabled": False}, "low"),
        ({"role": "owner"}, "low"),
    ],
)
def test_a_disabled_agent_and_a_missing_owner_are_less_grave(facts: dict[str, Any], severity: str) -> None:
    finding = UnaccountableAgent().judge(signal("inventory", facts={"issue": "missing"} | facts))
    assert finding is not None
    assert finding.severity == severity


def test_other_issues_are_left_alone() -> None:
    assert UnaccountableAgent().judge(signal("inventory", facts={"issue": "expiring"})) is None
