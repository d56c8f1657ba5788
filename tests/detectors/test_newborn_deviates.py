"""D104: a new agent of an established blueprint uses what none of its siblings does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.detectors.newborn_deviates import NewbornDeviates
from detector.domain.events import Event
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, HOUR, defaults, in_order

NAME = "newborn_deviates"
APPRENTICE = TENANT.agent("apprentice")
BORN = NOW + 5 * DAY
"""The crew is known for fifteen days."""


GUILD = tuple(TENANT.agent(f"smith {number}", blueprint="guild") for number in range(4))
RECRUIT = TENANT.agent("recruit", blueprint="guild")


def guild() -> list[Event]:
    """Agents of a blueprint that is new at `NOW`."""
    return in_order(*(TENANT.calm(agent, hours=7 * 24, at=NOW) for agent in GUILD))


def steps(resource: str | None, *, at: float = BORN, number: int = 4, error: int = 0) -> list[Event]:
    """The first hours of the apprentice: what the others use, and something else."""
    own = TENANT.sign_ins(APPRENTICE, at, number, every=HOUR / 2, resource="graph")
    return in_order(own, TENANT.sign_ins(APPRENTICE, at + 300, number, every=HOUR / 2, resource=resource, error=error))


def test_a_strange_resource_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, steps("vault"))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D104",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", APPRENTICE.id)
    assert alert.title == "New agent, and none of its siblings uses vault"
    assert alert.explanation == (
        "apprentice, a new agent of crew, got a token for vault, which none of its 4 siblings uses: they use 1 "
        "resource, learned from 591 active hours (p = 0.003)."
    )


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(steps("vault"), NAME)) == 1
    assert same_however_told(steps("graph"), NAME) == []


def test_what_a_sibling_has_used_for_some_hours_is_not_strange() -> None:
    first = TENANT.sign_ins(CREW[2], BORN - 6 * HOUR, 3, every=HOUR, resource="vault")
    assert said(NAME, first, steps("vault")) == []


def test_what_it_alone_has_used_for_hours_is_said_once() -> None:
    assert len(said(NAME, steps("vault", number=60))) == 1


def test_refused_requests_reach_nothing() -> None:
    assert said(NAME, steps("vault", error=BLOCKED)) == []


def test_a_request_that_names_no_resource_says_nothing() -> None:
    assert said(NAME, steps(None)) == []


def test_an_old_agent_is_left_to_api_novelty() -> None:
    assert said(NAME, TENANT.sign_in(AGENT, BORN, resource="vault")) == []


@pytest.mark.parametrize(("age", "alerts"), [(2.9, 1), (3.0, 0)])
def test_an_agent_is_new_for_three_days(age: float, alerts: int) -> None:
    first = TENANT.sign_in(APPRENTICE, BORN, resource="graph")
    strange = TENANT.sign_in(APPRENTICE, BORN + age * DAY, resource="vault")
    assert len(said(NAME, first, strange)) == alerts


@pytest.mark.parametrize(("day", "alerts"), [(5.9, 0), (6.0, 1)])
def test_a_blueprint_is_established_after_six_days(day: float, alerts: int) -> None:
    strange = TENANT.sign_in(RECRUIT, NOW + day * DAY, resource="vault")
    assert len(said(NAME, guild(), strange)) == alerts


def test_the_wait_for_a_blueprint_to_be_established_ends() -> None:
    """An access that was looked at before is looked at again."""
    strange = TENANT.sign_ins(RECRUIT, NOW + 5 * DAY, 24, every=HOUR, resource="vault")
    known = TENANT.sign_ins(RECRUIT, NOW + 5 * DAY, 24, every=HOUR)
    late = TENANT.sign_in(RECRUIT, NOW + 6.1 * DAY, resource="safe")
    assert [alert.title.split()[-1] for alert in said(NAME, guild(), strange, known, late)] == ["safe"]


def test_the_second_agent_of_a_blueprint_has_too_few_siblings() -> None:
    partner = TENANT.agent("partner", blueprint="solo")
    assert said(NAME, TENANT.sign_in(partner, BORN, resource="vault")) == []


def test_the_first_agent_of_a_blueprint_has_none() -> None:
    alone = replace(TENANT.agent("alone"), blueprint=None)
    story = [TENANT.sign_in(agent, BORN, resource="vault") for agent in (alone, BLUEPRINT, LONER)]
    assert said(NAME, story) == []


def test_siblings_that_were_never_at_work_teach_nothing() -> None:
    shell = TENANT.agent("shell", role="blueprint")
    first = TENANT.agent("first", blueprint="shell")
    story = [
        *TENANT.calm(shell, hours=20 * 24, at=NOW, per_hour=1),
        TENANT.sign_in(first, NOW + 20 * DAY, resource="x"),
    ]
    assert said(NAME, story) == []


def test_nobody_is_new_when_nobody_listens() -> None:
    assert said(NAME, steps("vault"), chosen=replace(defaults(), detectors=())) == []


@pytest.mark.parametrize(("p_value", "siblings", "found"), [(9.9e-3, 3, True), (1e-2, 3, False), (9.9e-3, 2, False)])
def test_surprise_and_siblings_have_their_thresholds(p_value: float, siblings: int, *, found: bool) -> None:
    facts: dict[str, Fact] = {"siblings": siblings, "kinds": 2, "agent_name": "a", "blueprint_name": "b"}
    told = signal("early_life", p_value=p_value, facts=facts | {"resource_name": "vault"})
    assert (NewbornDeviates().judge(told) is not None) == found
