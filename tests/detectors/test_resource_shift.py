"""D107b: an agent turns to a resource that it hardly ever used."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.resource_shift import ResourceShift
from detector.domain.events import Event
from tests.detectors.stage import CREW, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Agent, guid, in_order, tell

NAME = "resource_shift"
FILER, *OTHERS = (TENANT.agent(name, blueprint="archive") for name in ("filer", "sorter", "shredder"))
ALONE = TENANT.agent("alone", blueprint=None)
TURN = NOW + 5 * DAY


def history(agent: Agent = FILER, *, days: int = 5, vault: int = 1, at: float = NOW) -> list[Event]:
    """Mail every hour, and the vault in one hour of the first `vault` days."""
    mail = TENANT.calm(agent, hours=24 * days, per_hour=1, at=at)
    return in_order(mail, (TENANT.sign_in(agent, at + day * DAY + 9 * HOUR, resource="vault") for day in range(vault)))


def turned(agent: Agent = FILER, *, hours: int = 6, at: float = TURN, **words: Any) -> list[Event]:
    """The vault every hour, beside the mail, and somebody else by whom time passes."""
    vault = TENANT.calm(agent, hours=hours, per_hour=1, at=at + 7 * MINUTE, resources=("vault",), **words)
    mail = TENANT.calm(agent, hours=hours, per_hour=1, at=at)
    return in_order(vault, mail, TENANT.sign_in(CREW[1], at + hours * HOUR + 30 * MINUTE))


# Positive


def test_an_agent_that_turns_to_a_seldom_used_resource_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, history(vault=3), turned(hours=4))
    vault = guid("resource", "vault")
    assert (alert.severity, alert.catalogue_ids) == ("medium", ("D107b",))
    assert (alert.subject.kind, alert.subject.id) == ("agent", FILER.id)
    assert alert.title == "A seldom used resource in 4 of the last 6 hours at work"
    assert alert.explanation == (
        "filer got tokens for dccd161a-d043-5db6-8d8f-5ff1f4663c41 in 4 of the last 6 hours in which it was at work, "
        "usually in 0.2, learned from 107 hours (p = 0.0002)."
    )
    assert {("resource", vault), ("blueprint", FILER.blueprint)} <= {(each.kind, each.id) for each in alert.entities}
    assert alert.time == "2026-03-17T04:00:00.000Z"


def test_an_agent_without_a_blueprint_is_said_too() -> None:
    (alert,) = said(NAME, history(ALONE), turned(ALONE))
    assert alert.subject.blueprint is None


def test_a_few_tokens_on_a_busy_agent_are_enough() -> None:
    busy = in_order(history(), TENANT.calm(FILER, hours=120, per_hour=40, at=NOW))
    assert len(said(NAME, busy, turned(), TENANT.calm(FILER, hours=6, per_hour=40, at=TURN))) == 1


# Negative


def test_more_of_the_usual_is_none_of_it() -> None:
    assert said(NAME, history(), TENANT.sign_ins(FILER, TURN, 600, every=36.0), turned(hours=1)) == []


def test_a_resource_that_is_new_is_told_by_others() -> None:
    assert said(NAME, history(vault=0), turned()) == []


def test_what_was_refused_is_none_of_it() -> None:
    assert said(NAME, history(), turned(error=501051)) == []


def test_what_siblings_turn_to_as_well_is_a_release() -> None:
    before = in_order(*(history(each) for each in (FILER, *OTHERS)))
    assert said(NAME, before, *(turned(each) for each in (FILER, *OTHERS))) == []
    alone = said(NAME, before, turned())
    assert [alert.subject.id for alert in alone] == [FILER.id]


def test_what_is_new_work_is_learned() -> None:
    story = in_order(history(), turned(hours=24 * 8))
    told = [alert.time for alert in said(NAME, story)]
    assert told
    assert max(told) < "2026-03-19"
    assert said(NAME, story, turned(at=TURN + 8 * DAY)) == said(NAME, story)


# Boundary


@pytest.mark.parametrize(("hours", "alerts"), [(3, 0), (4, 1)])
def test_it_takes_four_hours_of_six(hours: int, alerts: int) -> None:
    assert len(said(NAME, history(), turned(hours=hours))) == alerts


@pytest.mark.parametrize(("days", "alerts"), [(2, 0), (5, 1)])
def test_a_resource_must_have_been_known_for_two_days_at_work(days: int, alerts: int) -> None:
    late = NOW + (5 - days) * DAY
    assert len(said(NAME, history(days=days, vault=1, at=late), turned())) == alerts


@pytest.mark.parametrize(
    ("value", "p_value", "seen", "found"),
    [(4, 9.9e-4, 48, True), (3, 9.9e-4, 48, False), (4, 1e-3, 48, False), (4, 9.9e-4, 47, False)],
)
def test_every_threshold_has_its_edge(value: float, p_value: float, seen: float, *, found: bool) -> None:
    facts: dict[str, int | float | str] = {"hours": 6, "agent_name": "filer", "resource_id": "vault"}
    judged = ResourceShift().judge(signal("mix", value=value, usual=0.1, p_value=p_value, seen=seen, facts=facts))
    assert (judged is not None) == found


# Late, duplicate, restart


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*history(), *turned()], NAME)) == 1
    assert same_however_told([*history(), *turned(hours=3)], NAME) == []


@pytest.mark.parametrize(("minute", "alerts"), [(6, 1), (21, 0)])
def test_a_late_record_of_the_hour_counts_until_the_hour_is_judged(minute: int, alerts: int) -> None:
    last = TENANT.sign_in(FILER, TURN + 3 * HOUR + 55 * MINUTE, resource="vault")
    story = [each for each in in_order(history(), turned(hours=4)) if each.time < TURN + 3 * HOUR]
    meanwhile = TENANT.sign_in(CREW[1], TURN + 4 * HOUR + minute * MINUTE)
    playing = engine()
    found = tell(playing, [*story, meanwhile, last]) + playing.finish()
    assert len([alert for alert in found if alert.detector == NAME]) == alerts
