"""Each fault shows on the right probe, with a reason out of a closed set."""

from __future__ import annotations

import json

import pytest

from detector.telemetry.health import MAX_REASONS, REASONS, Health
from tests.telemetry.facts import Clock
from tests.telemetry.test_hostile import PAYLOADS


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def health(clock: Clock) -> Health:
    made = Health(monotonic=clock)
    made.state_loaded()
    return made


def test_a_service_that_does_its_work_is_alive_started_and_ready(health: Health) -> None:
    assert health.dead() == health.not_started() == health.not_ready() == []


def test_start_up_is_not_ready_but_alive(clock: Clock) -> None:
    health = Health(monotonic=clock)
    assert health.dead() == []
    assert health.not_started() == health.not_ready() == ["state_not_loaded"]


def test_a_loop_that_stands_still_for_ten_seconds_is_dead(health: Health, clock: Clock) -> None:
    clock.at += 9.9
    assert health.dead() == []
    clock.at += 0.1
    assert health.dead() == health.not_ready() == ["loop_stalled"]
    health.loop_ticked()
    assert health.dead() == []


def test_a_worker_that_is_stuck_for_thirty_seconds_is_dead(health: Health, clock: Clock) -> None:
    health.worker_ticked()
    clock.at += 29.9
    health.loop_ticked()
    assert health.dead() == []
    clock.at += 0.1
    assert health.dead() == ["worker_stalled"]
    health.worker_ticked()
    assert health.dead() == []


def test_a_worker_that_has_not_begun_or_has_ended_is_not_stuck(health: Health, clock: Clock) -> None:
    clock.at += 100
    health.loop_ticked()
    assert health.dead() == []
    health.worker_ticked()
    health.worker_ended()
    clock.at += 100
    health.loop_ticked()
    assert health.dead() == []


@pytest.mark.parametrize("reason", sorted(REASONS - {"loop_stalled", "worker_stalled"}))
def test_what_a_check_finds_makes_not_ready_and_never_dead(health: Health, reason: str) -> None:
    health.register("check", lambda: [reason])
    assert health.not_ready() == [reason]
    assert health.dead() == []


def test_reasons_name_partitions_and_come_once_in_order(health: Health) -> None:
    health.register("hub", lambda: ["partition_not_open:11", "partition_not_open:3", "hub_unreachable"])
    health.register("store", lambda: iter(["disk_low", "hub_unreachable"]))
    assert health.not_ready() == ["disk_low", "hub_unreachable", "partition_not_open:11", "partition_not_open:3"]
    health.register("hub", list)
    assert health.not_ready() == ["disk_low", "hub_unreachable"]


def test_draining_is_alive_and_not_ready(health: Health) -> None:
    health.draining()
    assert health.not_ready() == ["draining"]
    assert health.dead() == health.not_started() == []


def test_a_check_that_breaks_is_a_reason_and_is_told(clock: Clock) -> None:
    told: list[tuple[str, Exception]] = []
    health = Health(monotonic=clock, on_check_failed=lambda name, error: told.append((name, error)))
    health.state_loaded()
    health.register("store", lambda: [str(1 // 0)])
    assert health.not_ready() == ["check_failed"]
    assert [(name, type(error)) for name, error in told] == [("store", ZeroDivisionError)]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_text_of_a_record_gets_into_an_answer(health: Health, payload: str) -> None:
    health.register("check", lambda: [payload, f"partition_not_open:{payload}", f"{payload}:3"])
    assert health.not_ready() == ["check_failed", "partition_not_open"]


def test_an_answer_stays_short(health: Health) -> None:
    health.register("hub", lambda: [f"partition_not_open:{number}" for number in range(5_000)])
    assert len(health.not_ready()) == MAX_REASONS
    assert len(json.dumps(health.not_ready())) < 2_000
