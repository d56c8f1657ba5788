"""The shipped rates: counted as the engine counts, written so that the engine reads the same."""

from __future__ import annotations

import yaml

from bench.quality import calibrate
from detector.config.tables import calibration
from detector.domain.findings import SEVERITIES
from detector.engine.budgeting import COMBINED
from detector.features.budget import Budget, BudgetSettings, strength
from tests.quality.told import HOUR, NOON, told

MEDIUM = SEVERITIES.index("medium")


def test_one_a_subject_and_hour_counts_the_strongest() -> None:
    alerts = [
        told(NOON, severity=MEDIUM, score=3.0),
        told(NOON + 60, severity=MEDIUM, score=9.0),
        told(NOON + HOUR, severity=MEDIUM, score=4.0),
        told(NOON, severity=MEDIUM, score=4.0, subject="agent:other"),
    ]
    assert sorted(calibrate.counted(alerts)["network_novelty"]) == [
        strength(MEDIUM, 4.0),
        strength(MEDIUM, 4.0),
        strength(MEDIUM, 9.0),
    ]


def test_steps_fall_and_end_below_what_was_seen() -> None:
    steps = calibrate.steps_of([10, 10, 10, 12, 20], exposure=10.0)
    assert steps == [(10, 0.5), (12, 0.2), (20, 0.1), (21, 0.03)]
    assert calibrate.steps_of([], exposure=10.0) == [(0, 0.03)]


def test_names_that_tenants_chose_are_counted_together_and_closed_sorts_apart() -> None:
    told_of = {"blocked_by_policy/A": [1], "blocked_by_policy/B": [1], "token_spike/1 hour": [1, 1], "log_gap": [1]}
    kinds = calibrate.table(told_of, exposure=1.0)
    assert kinds["blocked_by_policy"][0] == (1, 2.0)
    assert kinds["token_spike/1 hour"][0] == (1, 2.0)
    assert kinds["token_spike"] == [(0, 0.3)], "a sort that was never seen is rare"
    assert set(kinds) - set(calibrate.EXPECTED) == {"blocked_by_policy", "token_spike", "token_spike/1 hour", "log_gap"}
    assert calibrate.EXPECTED, "sorts that exist are shipped though they were never seen"
    assert all(kinds[kind] == [(0, calibrate.UNSEEN)] for kind in calibrate.EXPECTED)


def test_the_mean_of_tenants() -> None:
    assert calibrate.mean_steps([{28: 1.0, 30: 0.5}, {28: 0.5}], exposure=30.0) == [(28, 1.0), (30, 0.25), (31, 0.01)]


def test_what_is_written_is_read_again() -> None:
    steps = [(strength(MEDIUM, 3), 0.5), (strength(MEDIUM, 4), 0.01)]
    found = yaml.safe_load(calibrate.written({"token_spike/1 hour": steps}, "About it.\nMore."))
    assert found == {"kinds": {"token_spike/1 hour": [["medium", 3, 0.5], ["medium", 4, 0.01]]}}


def test_the_shipped_rates_fall_and_leave_room_in_the_budget() -> None:
    shipped = calibration()
    assert COMBINED in shipped
    for kind, steps in shipped.items():
        assert [own for own, _ in steps] == sorted({own for own, _ in steps}), kind
        assert [rate for _, rate in steps] == sorted((rate for _, rate in steps), reverse=True), kind
    settings = BudgetSettings(shipped=shipped)
    assert 0.01 < Budget().limit_of(settings) < settings.rate
