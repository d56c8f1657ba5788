"""D60: a blueprint or agent was switched off, and tokens were granted all the same."""

from __future__ import annotations

from typing import Any

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.detectors.kill_switch_failed import KillSwitchFailed
from detector.domain.events import Change, Event, SignIn
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import HOUR, INVALID, MINUTE, Agent

NAME = "kill_switch_failed"


def switched(at: float = NOW, agent: Agent = BLUEPRINT, *, on: bool = False, **fields: Any) -> Change:
    return TENANT.change("update service principal", at, agent, enabled=on, **fields)


def token(minutes: float, agent: Agent = AGENT, **words: Any) -> SignIn:
    return TENANT.sign_in(agent, NOW + minutes * MINUTE, **words)


def test_agents_of_a_disabled_blueprint_that_still_get_tokens_are_said_with_the_minutes() -> None:
    (alert,) = said(NAME, switched(), token(7), token(20, CREW[1]), token(42, CREW[1]), token(30, LONER))
    assert alert.severity == "critical"
    assert alert.catalogue_ids == ("D60",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.explanation == (
        "crew was switched off by admin@example.com at 2026-03-12 00:00 UTC, but invoices and orders were granted "
        "tokens 7 minutes after it and until at least 20 minutes after it."
    )
    assert alert.evidence.details["minutes"] == 20.0


def test_an_agent_that_was_switched_off_itself_is_one() -> None:
    (alert,) = said(NAME, switched(agent=AGENT), token(10), token(11, CREW[1]))
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices was switched off by admin@example.com at 2026-03-12 00:00 UTC, but invoices was granted tokens 10 "
        "minutes after it."
    )


def test_an_agent_born_after_the_switch_is_one() -> None:
    (alert,) = said(NAME, switched(), token(10, TENANT.agent("newborn")))
    assert "but newborn was granted tokens" in alert.explanation


def test_many_agents_are_counted() -> None:
    (alert,) = said(NAME, switched(), [token(10, TENANT.agent(f"agent-{number}")) for number in range(5)])
    assert "but agent-0, agent-1, agent-2 and 2 more (5 agents) were granted tokens" in alert.explanation


@pytest.mark.parametrize(
    "story",
    [
        [switched()],
        [switched(), token(10, error=7000112)],
        [switched(), token(10, LONER)],
        [switched(succeeded=False), token(10)],
        [switched(on=True), token(10)],
        [switched(), switched(NOW + 8 * MINUTE, on=True), token(10)],
        [token(10)],
    ],
    ids=["no token", "refused", "another blueprint", "refused change", "switched on", "switched on again", "no switch"],
)
def test_a_switch_that_works_says_nothing(story: list[Any]) -> None:
    assert said(NAME, story) == []


@pytest.mark.parametrize(("minutes", "number"), [(4.9, 0), (5, 1), (60, 1), (60.1, 0)])
def test_tokens_are_proof_after_the_grace_and_within_the_hour(minutes: float, number: int) -> None:
    assert len(said(NAME, switched(), token(minutes))) == number


def test_an_earlier_token_within_the_grace_hides_no_later_one() -> None:
    """In the same ten minutes, of which otherwise the earliest is enough."""
    assert len(said(NAME, switched(), token(1), token(4), token(6))) == 1


@pytest.mark.parametrize(("minutes", "number"), [(14, 0), (15, 1), (120, 1), (121, 0)])
def test_grace_and_proof_are_for_the_operator_to_say(minutes: float, number: int) -> None:
    chosen = engine_settings(load(text=f"detectors: {{{NAME}: {{grace_minutes: 15, within_minutes: 120}}}}"))
    assert len(said(NAME, switched(), token(minutes), chosen=chosen)) == number


def test_what_was_granted_before_it_was_switched_on_again_is_proof() -> None:
    assert len(said(NAME, switched(), token(10), switched(NOW + 40 * MINUTE, on=True), token(50))) == 1


def test_two_switches_are_two_alerts_and_one_deed_in_two_records_is_one() -> None:
    again: list[Event] = [switched(NOW + 2 * HOUR, on=True), switched(NOW + 3 * HOUR), token(190)]
    assert len(said(NAME, switched(), token(10), again)) == 2
    deed = [switched(correlation_id="c1"), switched(NOW + 1, correlation_id="c1")]
    assert len(said(NAME, deed, token(10))) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The record of the change comes after the tokens as often as before."""
    story: list[Event] = [
        switched(NOW + 20),
        token(6),
        token(7, CREW[1]),
        token(8, error=INVALID),
        token(25),
        token(90, LONER),
    ]
    assert len(same_however_told(story, NAME)) == 1
    told_later: list[Event] = [token(1), switched(NOW + 70), token(9), token(17, CREW[3]), token(90, LONER)]
    assert len(same_however_told(told_later, NAME)) == 1
    undone: list[Event] = [switched(), token(2), switched(NOW + 30 * MINUTE, on=True), token(31), token(90, LONER)]
    assert same_however_told(undone, NAME) == []


def test_other_sequences_are_left_alone_and_a_single_token_reads_well() -> None:
    assert KillSwitchFailed().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
    facts: dict[str, Fact] = {
        "sequence": NAME,
        "step_1_time": NOW,
        "step_2_time": NOW + 330,
        "others_until": NOW + 330,
        "others": ("a",),
    }
    finding = KillSwitchFailed().judge(signal("sequence", facts=facts))
    assert finding is not None
    assert finding.explanation == (
        "unknown was switched off by somebody unknown at 2026-03-12 00:00 UTC, but a was granted tokens 6 minutes "
        "after it."
    )
