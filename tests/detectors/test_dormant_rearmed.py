"""D110: a credential was added to an identity that slept, and then it woke."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.dormant_rearmed import DormantRearmed
from detector.domain.events import Actor, Change, Event, SignIn
from detector.domain.signals import Fact
from tests.detectors.stage import BLUEPRINT, NOW, TENANT, said, same_however_told, signal, with_pipeline
from tests.stories import DAY, HOUR, MINUTE, RELEASE, guid

NAME = "dormant_rearmed"
LATER = NOW + 41 * DAY


def added(at: float = LATER + 20 * MINUTE, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, BLUEPRINT, **fields)


def awake(at: float = LATER + 70 * MINUTE, **words: Any) -> SignIn:
    return TENANT.sign_in(BLUEPRINT, at, **words)


def test_a_sleeper_that_gets_a_key_and_wakes_is_said() -> None:
    (alert,) = said(NAME, added(), awake(key="new"))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D110",)
    assert alert.subject.id == BLUEPRINT.id
    assert alert.explanation == (
        "admin@example.com added the credential fc047038-02f2-5f61-8b68-df91d5fac365 to crew at 2026-04-22 00:20 UTC "
        "from 198.51.100.20; crew had been asleep since 2026-03-12 00:00 UTC and was granted its first token by "
        "2026-04-22 02:00 UTC, after 41 days."
    )


@pytest.mark.parametrize(
    "story",
    [
        [awake()],
        [added()],
        [added(succeeded=False), awake()],
        [added(), awake(error=7000215)],
        [added(LATER + 5 * HOUR), awake()],
        [added(NOW - 1), awake()],
        [TENANT.sign_in(BLUEPRINT, NOW + 20 * DAY), added(), awake()],
    ],
    ids=["no key", "no waking", "refused change", "refused sign-in", "key after", "key before", "no sleep"],
)
def test_without_one_of_the_steps_nothing_is_said(story: list[Any]) -> None:
    assert said(NAME, story) == []


@pytest.mark.parametrize(("days", "number"), [(29.5, 0), (30, 1), (41, 1), (170, 1)])
def test_the_sleep_lasts_a_month_at_least(days: float, number: int) -> None:
    moment = NOW + days * DAY
    assert len(said(NAME, added(moment - HOUR), awake(moment))) == number


@pytest.mark.parametrize(
    ("actor", "severity"),
    [(RELEASE, "medium"), (Actor(kind="app", id=guid("x"), name="Managed Service Identity"), "low")],
    ids=["pipeline", "platform"],
)
def test_who_adds_keys_as_a_matter_of_course_lowers_the_severity(actor: Actor, severity: str) -> None:
    (alert,) = said(NAME, added(actor=actor), awake(), chosen=with_pipeline())
    assert alert.severity == severity


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The audit record comes after the waking as often as before."""
    story: list[Event] = [
        added(LATER + 58 * MINUTE),
        awake(LATER + 59 * MINUTE),
        awake(LATER + 62 * MINUTE),
        awake(LATER + 3 * HOUR),
    ]
    assert len(same_however_told(story, NAME)) == 1
    assert len(same_however_told([awake(LATER + 21 * MINUTE), added(), awake(LATER + 90 * MINUTE)], NAME)) == 1


@pytest.mark.parametrize(("usual", "said_so"), [("49.2", True), ("49.3", False)])
def test_twenty_usual_pauses_are_long(usual: str, said_so: bool) -> None:
    """Forty-one days are 984 hours."""
    hour = int(NOW) // 3600
    facts: dict[str, Fact] = {
        "sequence": NAME,
        "step_1_time": NOW + DAY,
        "step_2_time": NOW + 41 * DAY + HOUR - 1,
        "step_2_about": str(hour),
        "step_2_detail": usual,
    }
    assert (DormantRearmed().judge(signal("sequence", facts=facts)) is not None) == said_so


def test_other_sequences_are_left_alone() -> None:
    assert DormantRearmed().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
