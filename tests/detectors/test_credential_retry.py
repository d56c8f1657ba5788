"""D31: an identity keeps asking with a credential that has expired or is wrong."""

from __future__ import annotations

import pytest

from detector.detectors.credential_retry import CredentialRetry
from tests.detectors.stage import AGENT, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, EXPIRED, HOUR, INVALID, MINUTE, THROTTLED, in_order

NAME = "credential_retry"


def test_an_expired_credential_in_a_loop_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, TENANT.sign_ins(AGENT, NOW, 9, every=5 * MINUTE, error=EXPIRED))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D31",)
    assert alert.attack.v18_1 == ()
    assert alert.title == "Keeps asking with an expired credential"
    assert alert.explanation == (
        "3 token requests with an expired credential were refused within 6 hours, the latest with error 7000222; "
        "nothing but a new credential will end it."
    )
    assert alert.score == 0.0


def test_a_wrong_credential_is_another_alert() -> None:
    story = [
        *TENANT.sign_ins(AGENT, NOW, 6, every=MINUTE, error=INVALID),
        *TENANT.sign_ins(AGENT, NOW + HOUR, 3, every=MINUTE, error=EXPIRED),
    ]
    wrong, expired = said(NAME, story)
    assert "6 token requests with a wrong credential were refused" in wrong.explanation
    assert "3 token requests with an expired credential were refused" in expired.explanation


@pytest.mark.parametrize(
    ("error", "tries", "alerts"), [(EXPIRED, 2, 0), (EXPIRED, 3, 1), (INVALID, 5, 0), (INVALID, 6, 1)]
)
def test_a_few_tries_are_nothing_to_say(error: int, tries: int, alerts: int) -> None:
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, tries, every=MINUTE, error=error))) == alerts


@pytest.mark.parametrize("error", [BLOCKED, THROTTLED, 99999])
def test_other_failures_are_no_matter_of_the_credential(error: int) -> None:
    assert said(NAME, TENANT.sign_ins(AGENT, NOW, 50, every=MINUTE, error=error)) == []


def test_tries_of_two_windows_do_not_add_up() -> None:
    story = TENANT.sign_ins(AGENT, NOW + 6 * HOUR - 90, 4, every=60, error=EXPIRED)
    assert said(NAME, story) == []


def test_it_is_said_once_in_six_hours() -> None:
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, 100, every=3 * MINUTE, error=EXPIRED))) == 1
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, 300, every=3 * MINUTE, error=EXPIRED))) == 3


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(TENANT.sign_ins(AGENT, NOW, 4, every=MINUTE, error=EXPIRED), NAME)) == 1
    assert same_however_told(TENANT.sign_ins(AGENT, NOW, 2, every=MINUTE, error=EXPIRED), NAME) == []


def test_tries_that_come_late_belong_to_their_own_window() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW + 6 * HOUR - 180, 3, every=60, error=EXPIRED),
        TENANT.sign_ins(AGENT, NOW + 6 * HOUR, 4),
    )
    (alert,) = same_however_told(story, NAME)
    assert alert.evidence.details["window_end"] == "2026-03-12T06:00:00.000Z"


def test_a_signal_of_another_class_is_left_alone() -> None:
    told = signal("credential_failure", value=100.0, facts={"class": "disabled"})
    assert CredentialRetry().judge(told) is None
