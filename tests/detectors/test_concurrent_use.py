"""D07: one identity gets tokens from two places in turns."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.concurrent_use import ConcurrentUse
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import HOME, HOUR, MINUTE, NOWHERE, START, defaults, engine_of, in_order, network, tell

NAME = "concurrent_use"
AWAY = network(1)
WATCH = NOW + HOUR + 20 * MINUTE
"""When the watch for news of the first hour begins: nothing of that hour can arrive any more."""


def here(at: float, **words: Any) -> Any:
    return TENANT.sign_in(AGENT, at, **words)


def there(at: float, **words: Any) -> Any:
    return TENANT.sign_in(AGENT, at, **({"origin": AWAY} | words))


def turns(later: float = 0.0) -> list[Any]:
    first, watch = NOW + later + 5 * MINUTE, WATCH + later
    return [there(first), here(watch + MINUTE), there(watch + 9 * MINUTE), here(watch + 20 * MINUTE)]


def test_tokens_to_two_places_in_turns_are_said_with_both() -> None:
    (alert,) = said(NAME, turns())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D07",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Used from two places at once: AS64497 in DE and AS64496 in SE"
    assert alert.explanation == (
        "invoices got tokens in turns from 198.51.100.7 (AS64497 in DE) and 192.0.2.7 (AS64496 in SE) within one hour; "
        "it had not used AS64497 in DE before, and 1 place in 188 active hours (p = 0.008)."
    )


def test_a_move_is_none() -> None:
    """Before in one place, then in the other, or there and back again just once."""
    assert said(NAME, there(NOW), there(WATCH), there(WATCH + HOUR / 2)) == []
    assert said(NAME, there(NOW), here(WATCH), there(WATCH + HOUR / 2)) == []
    assert said(NAME, there(NOW), there(WATCH), here(WATCH + MINUTE), here(WATCH + HOUR / 2)) == []


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (network(1, asn=HOME.asn), True),
        (network(1, country=HOME.country), True),
        (network(1, asn=HOME.asn, country=HOME.country), False),
        (NOWHERE, False),
    ],
)
def test_two_places_differ_in_provider_or_country(other: Any, says: bool) -> None:
    """Another prefix of the same provider in the same country is no other place, and no address is none at all."""
    story = [there(NOW, origin=other), *(each for n in range(5) for each in (here(WATCH + 60 * n),))]
    story += [there(WATCH + 30 + 60 * n, origin=other) for n in range(5)]
    assert len(said(NAME, in_order(story))) == says


def test_what_only_one_record_says_of_a_place_proves_nothing() -> None:
    vague = network(1, country=HOME.country)
    vague = type(vague)(ip=vague.ip, prefix=vague.prefix, asn=None, country="DE")
    silent = type(vague)(ip=HOME.ip, prefix=HOME.prefix, asn=HOME.asn, country=None)
    story = [there(NOW, origin=vague)]
    for n in range(4):
        story += [here(WATCH + 60 * n, origin=silent), there(WATCH + 30 + 60 * n, origin=vague)]
    assert said(NAME, story) == []


def test_places_that_always_took_turns_are_known() -> None:
    agent = TENANT.agent("roaming", blueprint=None)
    known = [
        TENANT.calm(agent, hours=240, origin=origin, at=START + 60 * place) for place, origin in enumerate((HOME, AWAY))
    ]
    story = in_order(*known, [TENANT.sign_in(agent, NOW + 60 * n, origin=(HOME, AWAY)[n % 2]) for n in range(150)])
    assert [each for each in tell(engine_of(defaults()), story) if each.detector == NAME] == []


@pytest.mark.untraced
def test_who_changes_places_all_the_time_is_not_surprising() -> None:
    agent = TENANT.agent("serverless", blueprint=None)
    story = [
        TENANT.sign_in(agent, START + n * 10 * MINUTE, origin=network(3 + n // 12 % 500, asn=64500 + n // 12 % 500))
        for n in range(6 * 200)
    ]
    turns_taken = [TENANT.sign_in(agent, START + n * 10 * MINUTE + 60) for n in range(6 * 200)]
    assert [each for each in tell(engine_of(defaults()), in_order(story, turns_taken)) if each.detector == NAME] == []


def test_a_newborn_is_not_heard_and_neither_are_refused_requests() -> None:
    fresh = TENANT.agent("fresh")
    story = [TENANT.sign_in(fresh, START + 60 * n, origin=(HOME, AWAY)[n % 2]) for n in range(600)]
    assert [each for each in tell(engine_of(defaults()), story) if each.detector == NAME] == []
    assert said(NAME, [there(NOW + 60 * n, error=7000215) for n in range(200)], TENANT.sign_ins(AGENT, NOW, 200)) == []


def test_what_siblings_use_is_less_grave() -> None:
    sibling = [TENANT.sign_in(CREW[1], NOW + n * 60, origin=AWAY) for n in range(3)]
    (alert,) = [each for each in said(NAME, sibling, turns(5 * HOUR)) if each.subject.id == AGENT.id]
    assert alert.severity == "medium"
    assert ", though other agents of its blueprint had, and" in alert.explanation


def test_turns_are_looked_for_within_one_hour() -> None:
    assert said(NAME, there(NOW), here(WATCH - 60), there(WATCH + MINUTE), here(WATCH + 61 * MINUTE)) == []
    assert len(said(NAME, there(NOW), here(WATCH), there(WATCH + MINUTE), here(WATCH + 59 * MINUTE))) == 1


def test_the_watch_ends_and_leaves_nothing_behind() -> None:
    playing = engine()
    tell(playing, in_order(turns(), here(NOW + 9 * HOUR)))
    tenant = playing.state.tenants[TENANT.id]
    assert tenant.presences == {}
    assert tenant.identities[AGENT.id].watched == float("inf")


@pytest.mark.parametrize("offset", [0.0, 1.0, 599.0, 1800.0])
def test_it_is_the_same_alert_however_it_is_told(offset: float) -> None:
    story = in_order(
        [there(NOW + offset + place * 7 * MINUTE) for place in range(24)],
        [here(NOW + 3 * MINUTE + place * 11 * MINUTE) for place in range(16)],
    )
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(
    ("p_value", "seen", "says"), [(0.0199, 24.0, True), (0.02, 24.0, False), (0.0199, 23.9, False)]
)
def test_exactly_at_each_threshold(p_value: float, seen: float, says: bool) -> None:
    assert (ConcurrentUse().judge(signal("concurrency", p_value=p_value, seen=seen)) is not None) is says
