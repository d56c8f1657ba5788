"""D33: a token is granted after a run of guesses."""

from __future__ import annotations

import pytest

from detector.detectors.success_after_failures import SuccessAfterFailures
from detector.domain.events import Event
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import BLOCKED, EXPIRED, HOME, HOUR, INVALID, MINUTE, THROTTLED, in_order, network, tell

NAME = "success_after_failures"
STRANGE = network(1)


def guesses(number: int = 8, *, at: float = NOW, error: int = INVALID) -> list[Event]:
    return TENANT.sign_ins(AGENT, at, number, every=10, error=error, origin=STRANGE)


def success(after: float, agent: object = AGENT) -> Event:
    assert agent in CREW
    return TENANT.sign_in(agent, NOW + after, origin=STRANGE)  # type: ignore[arg-type]


def test_a_token_after_a_run_of_guesses_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, guesses(), success(5 * MINUTE))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D33",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "A token was granted after a run of failed attempts"
    assert alert.explanation == (
        "A token was granted from 198.51.100.7, 4 minutes after 8 attempts with wrong credentials had been refused "
        "within one hour."
    )
    assert (alert.evidence.first_seen, alert.evidence.last_seen) == (
        "2026-03-12T00:01:10.000Z",
        "2026-03-12T00:05:00.000Z",
    )


@pytest.mark.parametrize(("number", "alerts"), [(7, 0), (8, 1)])
def test_a_run_has_a_length(number: int, alerts: int) -> None:
    assert len(said(NAME, guesses(number), success(5 * MINUTE))) == alerts


@pytest.mark.parametrize(("after", "alerts"), [(70.0, 0), (71.0, 1), (2 * HOUR - 1, 1), (2 * HOUR, 0)])
def test_a_success_follows_soon_or_not_at_all(after: float, alerts: int) -> None:
    assert len(said(NAME, guesses(), success(after))) == alerts


def test_guesses_without_a_success_are_another_matter() -> None:
    assert said(NAME, guesses(50)) == []


def test_a_success_of_somebody_else_is_another_matter() -> None:
    assert said(NAME, guesses(), success(5 * MINUTE, CREW[1])) == []


@pytest.mark.parametrize("error", [BLOCKED, EXPIRED, THROTTLED])
def test_only_guesses_make_a_run(error: int) -> None:
    assert said(NAME, guesses(50, error=error), success(HOUR / 2)) == []


def test_a_usual_token_in_the_middle_of_the_run_is_nothing() -> None:
    """The agent itself goes on while somebody guesses: it is the success after the run that is said."""
    assert said(NAME, guesses(7), success(5), success(65)) == []


def test_a_run_is_said_once() -> None:
    successes = [success(5 * MINUTE + n) for n in range(30)]
    assert len(said(NAME, guesses(30), successes)) == 1


def test_a_run_in_the_next_hour_is_another_alert() -> None:
    story = [*guesses(), success(5 * MINUTE), *guesses(at=NOW + 3 * HOUR), success(3 * HOUR + 5 * MINUTE)]
    assert len(said(NAME, story)) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """Guesses that arrive behind the success included."""
    assert len(same_however_told([*guesses(), success(5 * MINUTE), success(6 * MINUTE)], NAME)) == 1
    assert same_however_told([*guesses(7), success(5 * MINUTE)], NAME) == []


def test_a_success_in_the_next_hour_follows_a_run_that_comes_late() -> None:
    story = in_order(guesses(at=NOW + HOUR - 100), success(HOUR + 60))
    (alert,) = same_however_told(story, NAME)
    assert alert.explanation.startswith("A token was granted from 198.51.100.7, 2 minutes after 8 attempts")


def test_a_record_without_an_address_reads_well() -> None:
    finding = SuccessAfterFailures().judge(signal("success_after_failures", value=8.0))
    assert finding is not None
    assert finding.explanation.startswith("A token was granted 1 second after 8 attempts")


def test_a_guess_that_comes_late_does_not_say_where_the_token_went() -> None:
    """The guesses are from a strange network, the success is from home; of it only the time is remembered."""
    *early, last = guesses()
    playing = engine()
    told = tell(playing, [*early, TENANT.sign_in(AGENT, NOW + 5 * MINUTE), last])
    (alert,) = [alert for alert in told if alert.detector == NAME]
    assert alert.explanation == (
        "A token was granted 4 minutes after 8 attempts with wrong credentials had been refused within one hour."
    )
    assert alert.evidence.addresses == ()
    assert "address" not in alert.evidence.details
    assert not {entity.kind for entity in alert.entities} & {"network", "resource", "credential"}
    assert alert.evidence.record_ids == (last.record_id,)
    assert (alert.subject.id, alert.subject.blueprint, alert.subject.tenant) == (AGENT.id, AGENT.blueprint, TENANT.id)
    plain = said(NAME, guesses(), TENANT.sign_in(AGENT, NOW + 5 * MINUTE))
    assert [(each.id, each.evidence.addresses) for each in plain] == [(alert.id, (HOME.ip,))]
