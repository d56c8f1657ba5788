"""D13, D14, D15: a sign-in from a new network, autonomous system or country."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.network_novelty import NetworkNovelty
from detector.domain.events import Origin
from detector.domain.findings import Finding
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, CREW, LONER, NOW, TENANT, everything, said, same_however_told, signal
from tests.stories import BLOCKED, HOME, HOUR, MINUTE, NOWHERE, in_order, network

NAME = "network_novelty"
PREFIX = network(1, asn=HOME.asn, country=HOME.country)
SYSTEM = network(1, asn=64511, country=HOME.country)
COUNTRY = network(1, country="BR")


def judged(**fields: Any) -> Finding | None:
    facts: dict[str, Fact] = {"level": "prefix", "network": "198.51.100.0/24", "agent_name": "invoices", "kinds": 2}
    facts |= {"siblings": 3} | fields.pop("facts", {})
    return NetworkNovelty().judge(signal("network_novelty", **({"p_value": 1e-5, "facts": facts} | fields)))


@pytest.mark.parametrize(
    ("origin", "row", "severity", "title", "sentence"),
    [
        (PREFIX, "D13", "medium", "a new network: 198.51.100.0/24", "(198.51.100.0/24), a new network that"),
        (SYSTEM, "D14", "high", "a new autonomous system: AS64511", "(AS64511), a new autonomous system that"),
        (COUNTRY, "D15", "high", "a new country: BR", "(BR), a new country that"),
    ],
)
def test_the_widest_new_level_is_said_with_its_numbers(
    origin: Origin, row: str, severity: str, title: str, sentence: str
) -> None:
    (alert,) = everything(TENANT.sign_in(AGENT, NOW, origin=origin))
    assert (alert.detector, alert.catalogue_ids, alert.severity) == (NAME, (row,), severity)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", AGENT.blueprint)
    assert alert.title == f"Sign-in from {title}"
    assert alert.explanation == (
        f"invoices got a token from 198.51.100.7 {sentence} neither it nor any of the 3 other agents of its blueprint "
        "had used before; it had used 1 in 188 active hours (p = 2e-05)."
    )
    assert alert.evidence.addresses == ("198.51.100.7",)


def test_a_new_country_reads_well() -> None:
    (alert,) = said(NAME, TENANT.sign_in(AGENT, NOW, origin=COUNTRY))
    assert alert.explanation == (
        "invoices got a token from 198.51.100.7 (BR), a new country that neither it nor any of the 3 other agents of "
        "its blueprint had used before; it had used 1 in 188 active hours (p = 2e-05)."
    )


def test_no_address_is_not_a_new_address() -> None:
    assert everything(TENANT.sign_ins(AGENT, NOW, 9, origin=NOWHERE)) == []


def test_a_managed_identity_that_suddenly_has_an_address_is_no_move() -> None:
    """It never carried one, so there is nothing it could have moved from; one sentence at most."""
    managed = TENANT.agent("managed", blueprint="clouds", kind="managed_identity")
    calm = TENANT.calm(managed, hours=100, at=NOW, origin=NOWHERE)
    assert len(said(NAME, calm, TENANT.sign_in(managed, NOW + 101 * HOUR))) == 0


def test_geolocation_that_changes_its_mind_is_no_move() -> None:
    moved = Origin(ip=HOME.ip, prefix=HOME.prefix, asn=64511, country="BR")
    assert everything(TENANT.sign_ins(AGENT, NOW, 3, origin=moved)) == []


def test_another_address_of_the_same_prefix_is_known() -> None:
    assert everything(TENANT.sign_in(AGENT, NOW, origin=network(0, host=200))) == []


def test_a_refused_request_is_no_use_of_a_network_and_teaches_none() -> None:
    failed = TENANT.sign_ins(AGENT, NOW, 9, every=3 * HOUR, origin=COUNTRY, error=BLOCKED)
    assert said(NAME, failed) == []
    assert len(said(NAME, failed, TENANT.sign_in(AGENT, NOW + 30 * HOUR, origin=COUNTRY))) == 1


def test_a_move_of_the_whole_blueprint_is_said_once() -> None:
    moved = [TENANT.sign_in(agent, NOW + place * MINUTE, origin=COUNTRY) for place, agent in enumerate(CREW)]
    assert len(said(NAME, moved)) == 1


def test_a_network_that_siblings_have_used_for_hours_is_nothing_to_say() -> None:
    sibling = TENANT.calm(CREW[1], hours=6, at=NOW, origin=COUNTRY)
    first = said(NAME, sibling)
    assert len(first) == 1
    followed = TENANT.calm(AGENT, hours=6, at=NOW + 10 * HOUR, origin=COUNTRY)
    assert said(NAME, sibling, followed) == first


@pytest.mark.parametrize(("hours", "alerts"), [(20, 0), (40, 1)])
def test_a_newborn_finds_everything_new(hours: int, alerts: int) -> None:
    newborn = TENANT.agent("newborn")
    calm = TENANT.calm(newborn, hours=hours, at=NOW)
    assert len(said(NAME, calm, TENANT.sign_in(newborn, NOW + (hours + 2) * HOUR, origin=COUNTRY))) == alerts


def test_an_agent_without_siblings_has_a_threshold_of_its_own() -> None:
    """What halves in a fortnight cannot make one agent alone more than three in a thousand sure."""
    (alert,) = same_however_told([TENANT.sign_in(LONER, NOW, origin=COUNTRY)], NAME)
    assert (alert.severity, alert.subject.kind, alert.subject.id) == ("high", "agent", LONER.id)
    assert alert.explanation == (
        "loner got a token from 198.51.100.7 (BR), a new country that it had not used before; it had used 1 in 188 "
        "active hours (p = 0.008)."
    )


@pytest.mark.parametrize(("hours", "alerts"), [(60, 0), (96, 1)])
def test_an_agent_without_siblings_is_heard_after_some_days(hours: int, alerts: int) -> None:
    young = TENANT.agent("young", blueprint="alone")
    calm = TENANT.calm(young, hours=hours, at=NOW)
    assert len(said(NAME, calm, TENANT.sign_in(young, NOW + (hours + 2) * HOUR, origin=COUNTRY))) == alerts


@pytest.mark.parametrize(("p_value", "found"), [(0.02, False), (0.0199, True)])
def test_alone_surprise_has_its_threshold(p_value: float, found: bool) -> None:
    assert (judged(p_value=p_value, facts={"siblings": 0, "known_to_siblings": False}) is not None) == found


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(CREW[1], NOW, 5), TENANT.sign_in(AGENT, NOW, origin=COUNTRY), TENANT.sign_ins(AGENT, NOW + 9, 5)
    )
    assert len(same_however_told(story, NAME)) == 1
    assert same_however_told(TENANT.calm(AGENT, hours=2, at=NOW), NAME) == []


def test_rotating_proxies_are_said_once_for_a_system_and_bounded() -> None:
    """Each address is a prefix of its own in one new system: the first tells of the country, none floods."""
    proxies = [TENANT.sign_in(AGENT, NOW + n, origin=network(3 + n, asn=64511, country="BR")) for n in range(500)]
    assert len(said(NAME, proxies)) == 1


def test_without_siblings_nothing_is_said_of_them() -> None:
    finding = judged(facts={"address": "198.51.100.7", "siblings": 0})
    assert finding is not None
    assert finding.explanation == (
        "invoices got a token from 198.51.100.7 (198.51.100.0/24), a new network that it had not used before; it had "
        "used 2 in 100 active hours (p = 1e-05)."
    )


def test_one_sibling_is_named_as_one_and_an_address_may_be_missing() -> None:
    finding = judged(facts={"siblings": 1, "level": "asn", "network": "AS64511"})
    assert finding is not None
    assert "from an unknown address (AS64511), a new autonomous system that" in finding.explanation
    assert "neither it nor the other agent of its blueprint had used before" in finding.explanation


def test_what_siblings_use_is_low_and_needs_more_surprise() -> None:
    facts: dict[str, Fact] = {"siblings": 3, "known_to_siblings": True, "level": "country", "network": "BR"}
    assert judged(p_value=1e-6, facts=facts) is None
    finding = judged(p_value=9.9e-7, facts=facts)
    assert finding is not None
    assert finding.severity == "low"
    assert "a new country that it had not used before, though other agents of its blueprint had;" in finding.explanation


@pytest.mark.parametrize(
    ("p_value", "seen", "found"), [(1e-3, 24.0, False), (9.9e-4, 24.0, True), (9.9e-4, 23.9, False)]
)
def test_surprise_and_experience_have_their_thresholds(p_value: float, seen: float, found: bool) -> None:
    assert (judged(p_value=p_value, seen=seen) is not None) == found
