"""D32: one source tries secrets on many agents."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from detector.detectors.secret_spray import SecretSpray
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine import spraying
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from tests.detectors.stage import AGENT, LATENESS, NOW, TENANT, said, same_however_told, signal
from tests.stories import (
    DAY,
    EXPIRED,
    HOME,
    HOUR,
    INVALID,
    MINUTE,
    NOWHERE,
    START,
    Tenant,
    defaults,
    engine_of,
    ids,
    in_order,
    network,
    tell,
)

NAME = "secret_spray"
FOREIGN = network(1)
TARGETS = tuple(TENANT.agent(f"blueprint-{number}", role="blueprint") for number in range(70))
"""Blueprints that get tokens from `HOME`, all of them before the stories begin."""
THEN = START + 96 * HOUR
"""The beginning of a day."""


def calm() -> list[Event]:
    return in_order(*(TENANT.sign_ins(each, START + place, 3, every=24 * HOUR) for place, each in enumerate(TARGETS)))


@cache
def _memory() -> bytes:
    engine = engine_of(defaults())
    assert [each for each in tell(engine, calm()) if each.detector == NAME] == []
    return engine.snapshot()


def alerts(*stories: Any, chosen: EngineSettings | None = None) -> list[Alert]:
    engine = engine_of(chosen or defaults(), State.load(_memory()))
    return [each for each in tell(engine, in_order(*stories)) + engine.finish() if each.detector == NAME]


def spray(targets: int, at: float = THEN, *, every: float = 60.0, tries: int = 1, **words: Any) -> list[Event]:
    words = {"error": INVALID, "origin": FOREIGN} | words
    numbers = range(targets * tries)
    return [TENANT.sign_in(TARGETS[number % targets], at + number * every, **words) for number in numbers]


def test_one_network_that_tries_the_secrets_of_many_is_said_once_with_the_numbers() -> None:
    (alert,) = alerts(spray(30, tries=6))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D32",)
    assert (alert.subject.kind, alert.subject.id) == ("network", FOREIGN.prefix)
    assert alert.evidence.addresses == (FOREIGN.ip,)
    assert len(alert.evidence.record_ids) == 5
    assert alert.explanation == (
        "198.51.100.0/24 was refused for wrong secrets of 5 blueprints and agents that get their tokens elsewhere "
        "within 4 minutes (5 requests in the 6 hours so far); 0.1 are usual, learned from 0 days (p = 3e-06)."
    )
    blueprints = [each for each in alert.entities if each.kind == "blueprint"]
    assert [each.id for each in blueprints] == sorted(each.id for each in TARGETS[:5])
    assert blueprints[0].name is not None


def test_what_becomes_far_graver_is_told_again() -> None:
    found = alerts(spray(60, every=10.0), chosen=replace(defaults(), retells=True))
    assert [each.evidence.observed for each in found] == [5, 10, 20, 40]
    assert [each.severity for each in found] == ["high"] * 4
    assert len(found[-1].entities) == 1 + 20
    assert len(found[-1].evidence.record_ids) == 20


def test_four_targets_are_ordinary_and_five_are_not() -> None:
    assert alerts(spray(4, tries=50)) == []
    assert len(alerts(spray(5))) == 1


def test_each_target_counts_once_within_its_six_hours() -> None:
    assert alerts(spray(3, THEN + 6 * HOUR - 3 * MINUTE), spray(6, THEN + 6 * HOUR)[2:]) == []
    assert len(alerts(spray(3, THEN + 6 * HOUR - 3 * MINUTE), spray(5, THEN + 6 * HOUR - HOUR)[2:])) == 1


def test_a_slow_spray_is_found_and_said_once_a_day() -> None:
    found = alerts(spray(30, every=7 * HOUR / 60, tries=2))
    assert len(found) == 1
    found = alerts(spray(30, every=7 * HOUR / 60, tries=2), spray(10, THEN + DAY))
    assert [each.time[:10] for each in found] == ["2026-03-06", "2026-03-07"]


@pytest.mark.parametrize("words", [{"error": EXPIRED}, {"error": 53003}, {"error": 0}, {"origin": NOWHERE}])
def test_other_refusals_and_addresses_unknown_are_none(words: dict[str, Any]) -> None:
    assert alerts(spray(30, **words)) == []


def test_behind_a_shared_egress_more_are_needed_and_it_is_less_grave() -> None:
    assert alerts(spray(9, origin=HOME, tries=3)) == []
    (alert,) = alerts(spray(10, origin=HOME))
    assert alert.severity == "medium"
    assert "elsewhere" not in alert.explanation


def test_an_egress_where_wrong_secrets_are_usual_is_none() -> None:
    days = [each for day in range(12) for each in spray(12, THEN + day * DAY, every=HOUR, origin=HOME)]
    shift = 12 * DAY
    found = alerts(days, spray(10, THEN + shift, origin=HOME))
    assert not any(each.time.startswith("2026-03-18") for each in found)
    later = alerts(days, spray(60, THEN + shift, origin=HOME, every=30.0))
    (alert,) = [each for each in later if each.time.startswith("2026-03-18")]
    assert alert.evidence.observed > 10
    assert alert.evidence.baseline > 1


def test_a_network_that_keeps_trying_stays_remarkable() -> None:
    found = alerts([each for day in range(9) for each in spray(60, THEN + day * DAY, every=30.0)])
    assert len({each.time[:10] for each in found}) == 9


def test_targets_that_nobody_knows_are_no_strangers() -> None:
    newborn = [TENANT.agent(f"newborn-{number}", role="blueprint") for number in range(10)]
    story = [TENANT.sign_in(each, THEN + n, error=INVALID, origin=FOREIGN) for n, each in enumerate(newborn)]
    assert alerts(story[:9]) == []
    (alert,) = alerts(story)
    assert alert.severity == "medium"


def test_the_agents_of_one_blueprint_have_one_secret() -> None:
    agents = [TENANT.agent(f"child-{number}", blueprint="parent") for number in range(20)]
    before = [TENANT.sign_in(each, THEN - 20 * HOUR) for each in agents]
    tries = [TENANT.sign_in(each, THEN + n, error=INVALID, origin=FOREIGN) for n, each in enumerate(agents)]
    assert alerts(before, tries) == []
    assert len(alerts(before, tries, spray(4))) == 1


def test_principals_without_a_blueprint_are_targets_too() -> None:
    lone = [TENANT.agent(f"lone-{number}", blueprint=None) for number in range(5)]
    before = [TENANT.sign_in(each, THEN - 20 * HOUR, blueprint_id=None) for each in lone]
    tries = [TENANT.sign_in(each, THEN + n, error=INVALID, origin=FOREIGN) for n, each in enumerate(lone)]
    (alert,) = alerts(before, tries)
    assert {each.kind for each in alert.entities} == {"network", "agent"}
    assert all(each.name for each in alert.entities[1:])


def test_a_target_that_memory_has_forgotten_goes_by_its_id() -> None:
    engine = engine_of(defaults(), State.load(_memory()))
    lone = TENANT.agent("lone", blueprint=None)
    tell(engine, [TENANT.sign_in(lone, THEN - 20 * HOUR, blueprint_id=None)])
    tell(engine, [TENANT.sign_in(lone, THEN, error=INVALID, origin=FOREIGN, blueprint_id=None)])
    del engine.state.tenants[TENANT.id].identities[lone.id]
    (alert,) = [each for each in tell(engine, spray(4, THEN + MINUTE)) if each.detector == NAME]
    assert [each.name for each in alert.entities if each.id == lone.id] == [None]


def test_two_tenants_and_two_networks_do_not_meet() -> None:
    other = Tenant("fabrikam")
    twins = [replace(each, tenant=other.id) for each in TARGETS]
    story = [other.sign_in(each, THEN + n, error=INVALID, origin=FOREIGN) for n, each in enumerate(twins[4:8])]
    assert alerts(spray(4), story) == []
    assert alerts(spray(4), spray(8, origin=network(2))[4:]) == []


def test_one_record_of_long_ago_or_far_ahead_changes_nothing() -> None:
    story = spray(30)
    lone = TENANT.sign_in(TARGETS[40], THEN - 90 * HOUR, error=INVALID, origin=FOREIGN)
    assert ids(alerts(story)) == ids(alerts(story, lone))


def test_it_is_the_same_alert_however_it_is_told() -> None:
    chosen = replace(defaults(), retells=True)
    story = in_order(
        spray(45, THEN + 5 * HOUR + 40 * MINUTE, every=50.0, tries=2),
        spray(12, THEN + 5 * HOUR + 40 * MINUTE, every=50.0, origin=HOME),
    )
    plain = ids(alerts(story, chosen=chosen))
    assert len(plain) == 5

    def of(told: list[Alert]) -> set[str]:
        return ids(each for each in told if each.detector == NAME)

    late = engine_of(chosen, State.load(_memory()))
    arrival = {id(event): event.time + (place % 2) * (LATENESS - 60.0) for place, event in enumerate(story)}
    assert of(tell(late, sorted(story, key=lambda event: arrival[id(event)]))) == plain
    assert late.accounting.late == 0
    twice = engine_of(chosen, State.load(_memory()))
    assert of(tell(twice, [copy for event in story for copy in (event, event)])) == plain
    for cut in (1, 7, len(story) // 2):
        first = engine_of(chosen, State.load(_memory()))
        before = tell(first, story[:cut], size=1)
        second = engine_of(chosen, State.load(first.snapshot()))
        assert of(before + tell(second, [*story[cut:], *story])) == plain


def test_newborn_targets_are_the_same_alert_however_they_are_told() -> None:
    (alert,) = same_however_told(spray(30, NOW + 5 * HOUR + 50 * MINUTE), NAME)
    assert alert.severity == "medium"


def test_the_longest_silent_source_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spraying, "_MAX_SOURCES", 2)
    engine = engine_of(defaults(), State.load(_memory()))
    tell(engine, [*spray(2), *spray(1, THEN + 600, origin=network(2)), *spray(1, THEN + 700, origin=network(3))])
    assert sorted(engine.state.tenants[TENANT.id].sources) == sorted(str(network(each).prefix) for each in (1, 3))
    assert engine.counters["evicted_sources"] == 1


def test_without_the_detector_it_is_remembered_and_nothing_is_said() -> None:
    rest = tuple(each for each in defaults().detectors if each.name != NAME)
    engine = engine_of(replace(defaults(), detectors=rest), State.load(_memory()))
    assert [each for each in tell(engine, spray(30)) if each.detector == NAME] == []
    assert len(engine.state.tenants[TENANT.id].sources) == 1


def test_a_settled_crew_that_fails_is_none() -> None:
    assert said(NAME, TENANT.sign_ins(AGENT, NOW, 100, error=INVALID)) == []


@pytest.mark.parametrize(
    ("strangers", "value", "p_value", "says"),
    [
        (True, 5, 9e-5, True),
        (True, 4, 9e-5, False),
        (True, 5, 1e-4, False),
        (False, 10, 9e-5, True),
        (False, 9, 9e-5, False),
        (False, 10, 1e-4, False),
    ],
)
def test_exactly_at_each_threshold(strangers: bool, value: float, p_value: float, says: bool) -> None:
    told = signal(NAME, p_value=p_value, value=value, facts={"strangers": strangers})
    assert (SecretSpray().judge(told) is not None) is says
