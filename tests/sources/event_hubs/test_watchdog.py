"""Progress is judged, never silence; and each step of the ladder is tried once in a while only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.config.event_hubs import BackoffSettings, WatchdogSettings
from detector.sources.event_hubs.backoff import Backoff
from detector.sources.event_hubs.watchdog import Step, Watchdog

LIMITS = WatchdogSettings()


def steps_while_behind(watchdog: Watchdog, start: float, end: float) -> list[tuple[float, Step]]:
    """What is due when the hub answers every 30 s that messages wait."""
    found = []
    now = start
    while now <= end:
        watchdog.answered(now, 10, behind=True)
        step = watchdog.due(now)
        if step is not None:
            found.append((now, step))
        now += LIMITS.poll
    return found


def test_an_idle_partition_is_well_however_long_it_is_silent() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    for now in range(0, 86_400, 30):
        watchdog.answered(float(now), 10, behind=False)
        assert watchdog.due(float(now)) is None
        assert watchdog.health(float(now)) == "opened"


def test_messages_after_a_day_of_silence_are_no_stall_at_once() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    watchdog.answered(86_400.0, 10, behind=False)
    watchdog.answered(86_430.0, 11, behind=True)
    assert watchdog.due(86_430.0) is None
    assert watchdog.due(86_430.0 + 119) is None
    watchdog.answered(86_550.0, 11, behind=True)
    assert watchdog.due(86_550.0) == "receiver"


def test_the_ladder_is_receiver_then_client_then_restart() -> None:
    assert steps_while_behind(Watchdog(LIMITS, 0.0), 0.0, 400.0) == [
        (120.0, "receiver"),
        (240.0, "client"),
        (360.0, "restart"),
    ]


def test_stalls_further_apart_than_the_window_start_with_the_receiver_again() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    for start in (0.0, 1_000.0, 2_000.0, 3_000.0):
        assert [step for _, step in steps_while_behind(watchdog, start, start + 150)] == ["receiver"]
        watchdog.progressed(start + 160)
        assert watchdog.health(start + 160) == "opened"


def test_progress_between_stalls_does_not_hide_that_they_come_often() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    found = []
    for start in (0.0, 180.0, 360.0):
        found += [step for _, step in steps_while_behind(watchdog, start, start + 150)]
        watchdog.progressed(start + 160)
    assert found == ["receiver", "client", "restart"]


def test_slow_progress_is_progress() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    for now in range(0, 10_000, 100):
        watchdog.answered(float(now), 10_000, behind=True)
        assert watchdog.due(float(now)) is None
        watchdog.progressed(float(now))


def test_a_receiver_that_waits_for_room_is_not_stalled() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    for now in range(0, 10_000, 30):
        watchdog.answered(float(now), 10, behind=True)
        watchdog.paused(float(now))
        assert watchdog.due(float(now)) is None


def test_a_hub_that_does_not_answer_is_unknown_and_the_ladder_waits() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    watchdog.answered(0.0, 10, behind=False)
    assert watchdog.health(179.0) == "opened"
    assert watchdog.health(180.0) == "unknown"
    behind = Watchdog(LIMITS, 0.0)
    behind.answered(0.0, 10, behind=True)
    steps = [behind.due(float(now)) for now in range(0, 10_000, 30)]
    assert set(steps) == {None, "reopen"}, "an outage of the hub must not end the process"
    behind.answered(10_000.0, 10, behind=True)
    assert behind.due(10_000.0) == "receiver"


def test_without_answers_and_messages_the_receiver_is_opened_anew_once_in_a_while() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    watchdog.answered(0.0, 10, behind=False)
    due = [now for now in range(600) if watchdog.due(float(now)) == "reopen"]
    assert due == [180, 360, 540]


def test_messages_answers_and_want_of_room_each_say_that_the_receiver_is_well() -> None:
    for well in (
        lambda watchdog, now: watchdog.progressed(now),
        lambda watchdog, now: watchdog.paused(now),
        lambda watchdog, now: watchdog.answered(now, 10, behind=False),
    ):
        watchdog = Watchdog(LIMITS, 0.0)
        for now in range(0, 3_600, 179):
            well(watchdog, float(now))
            assert watchdog.due(float(now) + 178.9) is None
        assert watchdog.due(float(now) + 180.0) == "reopen"


def test_it_stays_stalled_after_a_step_until_there_is_progress() -> None:
    watchdog = Watchdog(LIMITS, 0.0)
    steps_while_behind(watchdog, 0.0, 120.0)
    assert watchdog.health(121.0) == "stalled"
    watchdog.progressed(122.0)
    assert watchdog.health(122.0) == "opened"
    assert watchdog.last_progress == 122.0


def always(_: object = None) -> float:
    return 1.0


def test_waits_double_to_a_minute_and_are_a_random_part_of_that() -> None:
    backoff = Backoff(BackoffSettings(), always)
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert Backoff(BackoffSettings(), lambda: 0.25).next() == 0.25


def test_a_receiver_that_worked_waits_a_short_time_and_five_minutes_of_it_start_over() -> None:
    backoff = Backoff(BackoffSettings(), always)
    assert [backoff.next(lived=2.0, served=True) for _ in range(5)] == [1, 2, 4, 4, 4]
    assert backoff.next() == 4
    assert backoff.next(lived=300.0, served=True) == 1


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=200), st.floats(0, 1))
def test_no_wait_is_longer_than_a_minute(attempts: list[tuple[float, bool]], chance: float) -> None:
    backoff = Backoff(BackoffSettings(), lambda: chance)
    for lived, served in attempts:
        assert 0 <= backoff.next(lived=lived, served=served) <= 60
