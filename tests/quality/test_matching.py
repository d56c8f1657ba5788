"""Which alerts belong to which attack, and what the others are."""

from __future__ import annotations

import pytest

from bench.quality.matching import Matcher
from tests.quality.told import DAY, HOUR, told, truth


@pytest.fixture
def matcher() -> Matcher:
    return Matcher(truth())


def test_an_alert_that_rests_on_a_record_of_an_attack_belongs_to_it_whomever_it_names(matcher: Matcher) -> None:
    assert matcher.labels_of(told(0, about="blueprint-1", record_ids=("bad-2", "good"))) == {0}


def test_an_alert_about_the_victim_belongs_to_the_attack_while_it_lasts_and_for_two_hours(matcher: Matcher) -> None:
    for at, found in ((-10.0, set()), (0.0, {0}), (2.9 * HOUR, {0}), (3.1 * HOUR, set())):
        assert matcher.labels_of(told(at)) == found


def test_an_alert_that_looks_back_on_the_attack_belongs_to_it(matcher: Matcher) -> None:
    assert matcher.labels_of(told(6 * HOUR, since=told(0).time)) == {0}


def test_an_alert_that_rests_on_another_attack_is_about_that_one_only(matcher: Matcher) -> None:
    assert matcher.labels_of(told(0, record_ids=("bad-4",))) == {1}


def test_an_alert_about_somebody_else_is_false(matcher: Matcher) -> None:
    [incident] = matcher.incidents([told(0, about="agent-7")])
    assert incident.false
    assert incident.cause == "beside an attack" if "agent-1" in incident.told[0].ids else "plain background"


def test_during_a_long_attack_only_an_expected_kind_of_alert_belongs_to_it() -> None:
    long = truth().labels[0]
    slow = type(long)(**{name: getattr(long, name) for name in long.__slots__} | {"end": "2026-10-28T12:00:00Z"})
    matcher = Matcher(truth(labels=[slow]))
    assert matcher.labels_of(told(3 * DAY)) == {0}
    assert matcher.labels_of(told(3 * DAY, catalogue_ids=("D81",))) == set()


def test_an_alert_about_the_blueprint_of_a_flooded_agent_belongs_to_the_flood() -> None:
    attack = truth().labels[0]
    given = {name: getattr(attack, name) for name in attack.__slots__}
    about = {"about": "blueprint-1", "subject": "blueprint:blueprint-1"}
    for family, found in (("volume", {0}), ("network", set())):
        matcher = Matcher(truth(labels=[type(attack)(**given | {"family": family})]))
        assert matcher.labels_of(told(600, **about)) == found
        assert matcher.labels_of(told(600, about="agent-9")) == set()


def test_alerts_of_one_kind_about_one_subject_are_one_incident_for_an_hour(matcher: Matcher) -> None:
    late = matcher.incidents([told(0), told(59 * 60), told(61 * 60), told(0, detector="token_spike")])
    assert sorted(len(incident.told) for incident in late) == [1, 1, 2]


def test_what_follows_upon_a_change_is_neither_found_nor_false(matcher: Matcher) -> None:
    [incident] = matcher.incidents([told(3 * DAY, about="agent-2")])
    assert (incident.labels, incident.aftermath, incident.false) == (set(), True, False)
    [incident] = matcher.incidents([told(8 * DAY, about="agent-2")])
    assert incident.false


def test_what_follows_upon_a_sign_in_is_false_again(matcher: Matcher) -> None:
    [incident] = matcher.incidents([told(1 * DAY)])
    assert incident.false


def test_a_false_incident_names_the_benign_story_that_it_fell_into(matcher: Matcher) -> None:
    six = 6 * HOUR
    [incident] = matcher.incidents([told(six, about="agent-9", blueprint="blueprint-9")])
    assert (incident.false, incident.cause) == (True, "outage")
    [incident] = matcher.incidents([told(six + 9 * HOUR, about="agent-9", blueprint="blueprint-9")])
    assert incident.cause == "plain background"


def test_the_products_own_incidents_are_judged_as_a_whole(matcher: Matcher) -> None:
    alerts = [told(0), told(9 * HOUR, detector="token_spike"), told(9 * HOUR, about="agent-8", incident="day-2")]
    true, false = sorted(matcher.grouped(alerts), key=lambda incident: incident.first)
    assert (true.labels, true.detector) == ({0}, "network_novelty+token_spike")
    assert false.false
