"""D35: blocked by Conditional Access, and then granted a token by another way."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.block_evaded import BlockEvaded
from detector.domain.events import Event, Origin
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, CREW, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, HOME, HOUR, MINUTE, guid, in_order, network, refused_by

NAME = "block_evaded"
POLICY = refused_by("Block strangers")
STRANGE, STRANGER = network(1), network(2)


def block(at: float = NOW + 5 * MINUTE, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, at, **{"error": BLOCKED, "origin": STRANGE, "policies": POLICY} | words)


def token(after: float = 10 * MINUTE, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, NOW + after, **words)


def test_another_network_is_said_with_the_block_and_the_way() -> None:
    (alert,) = said(NAME, block(), token(origin=STRANGER))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D35",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Blocked, then granted another way: invoices"
    assert alert.explanation == (
        "invoices was refused a token for graph from 198.51.100.7 by the policy Block strangers; in the same hour it "
        "was granted one from a country that is new to it, NO."
    )
    assert alert.evidence.first_seen == "2026-03-12T00:05:00.000Z"
    kinds = {(entity.kind, entity.name) for entity in alert.entities}
    assert ("resource", "graph") in kinds


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (network(3, asn=HOME.asn, country=HOME.country), "a network that is new to it, 2001:db8:3::/48"),
        (network(3, country=HOME.country), "a provider that is new to it, AS64499"),
        (network(3), "a country that is new to it, PT"),
    ],
)
def test_the_network_is_named_as_what_is_new_of_it(origin: Origin, words: str) -> None:
    (alert,) = said(NAME, block(), token(origin=origin))
    assert words in alert.explanation


def test_another_resource_is_graver_than_nothing_but_less_than_another_place() -> None:
    (alert,) = said(NAME, block(), token(resource="vault", after=65 * MINUTE))
    assert alert.severity == "medium"
    assert alert.explanation.endswith(
        "by the policy Block strangers; in the next hour it was granted its first one for vault."
    )


def test_a_sibling_that_gets_the_resource_for_the_first_time_is_another_way() -> None:
    (alert,) = said(NAME, block(resource="vault"), token(agent=CREW[1], resource="vault"))
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", AGENT.blueprint)
    assert alert.explanation == (
        "invoices was refused a token for vault from 198.51.100.7 by the policy Block strangers; in the same hour its "
        "sibling orders was granted its first one for it."
    )


def test_an_agent_of_another_blueprint_is_no_sibling() -> None:
    assert said(NAME, block(resource="vault"), token(agent=LONER, resource="vault")) == []


@pytest.mark.parametrize(
    "again",
    [
        token(),
        token(origin=STRANGE),
        token(resource="vault", agent=CREW[1]),
    ],
)
def test_a_plain_retry_and_the_work_of_siblings_are_no_evasion(again: Event) -> None:
    """The same resource from the usual place, from the place that was refused, and a sibling's other resource."""
    assert said(NAME, block(), again) == []


def test_a_resource_that_is_new_and_was_itself_refused_is_a_retry() -> None:
    assert said(NAME, block(resource="vault", origin=HOME), token(resource="vault")) == []


def test_a_new_way_without_a_block_is_another_matter() -> None:
    assert said(NAME, token(origin=STRANGER), token(resource="vault")) == []


@pytest.mark.parametrize(("hours", "alerts"), [(-1, 0), (0, 1), (2, 1), (3, 0)])
def test_it_follows_within_the_hour_or_the_two_after_it(hours: int, alerts: int) -> None:
    story = (block(NOW + HOUR + 30 * MINUTE), token((hours + 1) * HOUR + 10 * MINUTE, origin=STRANGER))
    assert len(said(NAME, *story)) == alerts


def test_one_agent_and_day_is_one_alert_and_one_for_other_resources() -> None:
    story = [block(NOW + 5 * MINUTE + n * 30) for n in range(200)]
    ways = [
        token(10 * MINUTE, origin=STRANGER),
        token(70 * MINUTE, resource="vault"),
        token(71 * MINUTE, resource="sql"),
    ]
    assert [each.severity for each in said(NAME, story, ways)] == ["high", "medium"]
    assert len(said(NAME, story, ways, block(NOW + DAY), token(DAY + 60.0, origin=network(9)))) == 3


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The refusal arrives behind the token, too."""
    story = [block(NOW + 5 * MINUTE + n * 50) for n in range(30)]
    ways = (token(origin=STRANGER), token(70 * MINUTE, resource="vault"))
    assert len(same_however_told(in_order(story, *ways), NAME)) == 2
    siblings = in_order(
        [block(NOW + n * 100, resource="vault") for n in range(9)],
        [token(500 + n * 90, agent=CREW[n % 3 + 1], resource="vault") for n in range(9)],
    )
    assert len(same_however_told(siblings, NAME)) == 1


def test_a_new_key_is_another_way() -> None:
    facts = {"sequence": "block_evaded", "target_name": "invoices", "step_1_time": NOW, "step_2_time": NOW + 3 * HOUR}
    facts |= {"step_2": "key_used", "step_2_about": guid("key", "new"), "step_1_name": "graph"}
    finding = BlockEvaded().judge(signal("sequence", facts=facts))  # type: ignore[arg-type]
    assert finding is not None
    assert finding.severity == "high"
    assert finding.explanation == (
        "invoices was refused a token for graph by a policy that the record does not name; 3 hours later it was "
        f"granted one with a key that is new to it, {guid('key', 'new')}."
    )


def test_other_sequences_are_left_alone() -> None:
    assert BlockEvaded().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
