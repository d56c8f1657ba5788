"""Suppressions: exact, owned, ended, judged by event time; what they hold back is stored and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from detector.stores.alerts import Alerts
from detector.stores.errors import StoreCorrupted, StoreError
from detector.stores.records import Commit, Committed
from detector.stores.suppressions import LONGEST
from tests.stores.stage import AGENT, DAY, NOW, OTHER, Facts, alert, opened


def suppress(alerts: Alerts, **changes: Any) -> Any:
    options: dict[str, Any] = {"owner": "identity team", "reason": "load test, CHG-1", "expires": NOW + DAY, **changes}
    return alerts.suppress(options.pop("subject", AGENT), **options)


def test_a_suppressed_alert_is_stored_and_counted_and_not_sent(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts) as store:
        suppression = suppress(store.alerts, starts=NOW - DAY)
        done = store.commit(Commit(alerts=[alert(1), alert(2, subject=OTHER)]))
        assert done == Committed((alert(2).id,), (alert(1).id,), ())
        assert [row.alert_id for row in store.outbox.pending("alertmanager")] == [alert(2).id]
        assert store.alerts.get(alert(1).id).suppressed_by == suppression.id
        assert store.alerts.get(alert(2).id).suppressed_by is None
        assert [each.hits for each in store.alerts.suppressions()] == [1]
        assert facts.of("alert_suppressed") == [("token_spike",)]
        # Told again, e.g. after a restore: known, and not counted twice.
        assert store.commit(Commit(alerts=[alert(1)])) == Committed((), (), (alert(1).id,))
        assert [each.hits for each in store.alerts.suppressions()] == [1]


@pytest.mark.parametrize(
    ("changes", "raised", "held"),
    [
        ({}, {}, True),
        ({"subject": f"  {AGENT.upper()} "}, {}, True),
        ({}, {"subject": AGENT.upper()}, True),
        ({}, {"subject": AGENT[:-1] + "2"}, False),
        ({"detector": "token_spike"}, {}, True),
        ({"detector": "api_spread"}, {}, False),
        ({}, {"time": NOW - 3601}, False),
        ({}, {"time": NOW - 3600}, True),
        ({}, {"time": NOW + DAY - 1}, True),
        ({}, {"time": NOW + DAY}, False),
    ],
)
def test_what_falls_under_a_suppression(
    tmp_path: Path, changes: dict[str, Any], raised: dict[str, Any], held: bool
) -> None:
    with opened(tmp_path) as store:
        suppress(store.alerts, starts=NOW - 3600, **changes)
        assert bool(store.commit(Commit(alerts=[alert(1, **raised)])).suppressed) is held


def test_the_clock_does_not_decide_so_a_replay_decides_alike(tmp_path: Path) -> None:
    times = [NOW]
    with opened(tmp_path, now=lambda: times[0]) as store:
        suppress(store.alerts)
        times[0] = NOW + 30 * DAY
        assert store.alerts.suppressions() == []
        assert store.commit(Commit(alerts=[alert(1, time=NOW + 60)])).suppressed == (alert(1).id,)
        assert store.commit(Commit(alerts=[alert(2, time=NOW + 30 * DAY)])).new == (alert(2).id,)
        assert [each.hits for each in store.alerts.suppressions(ended=True)] == [1]


def test_one_is_reminded_of_the_first_end_of_what_was_made_for_more_than_a_week(tmp_path: Path) -> None:
    times = [NOW]
    with opened(tmp_path, now=lambda: times[0]) as store:
        assert store.alerts.in_force() == (0, None)
        suppress(store.alerts, expires=NOW + 7 * DAY)
        assert store.alerts.in_force() == (1, None), "who asks for a week knows when it is over"
        suppress(store.alerts, expires=NOW + 90 * DAY)
        suppress(store.alerts, subject=OTHER, expires=NOW + 30 * DAY)
        assert store.alerts.in_force() == (3, NOW + 30 * DAY)
        times[0] = NOW + 7 * DAY
        assert store.alerts.in_force() == (2, NOW + 30 * DAY), "it still lasts longer than a week"
        times[0] = NOW + 29 * DAY
        assert store.alerts.in_force() == (2, NOW + 30 * DAY)
        store.alerts.lift(3)
        assert store.alerts.in_force() == (1, NOW + 90 * DAY)
        times[0] = NOW + 90 * DAY
        assert store.alerts.in_force() == (0, None)


def test_of_several_the_first_counts(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        suppress(store.alerts, detector="other", starts=NOW - DAY)
        suppress(store.alerts, starts=NOW - DAY)
        suppress(store.alerts, starts=NOW - DAY)
        store.commit(Commit(alerts=[alert(1)]))
        assert [each.hits for each in store.alerts.suppressions()] == [0, 1, 0]


def test_a_lifted_suppression_ends_now(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        number = suppress(store.alerts, starts=NOW - DAY).id
        assert store.alerts.lift(number).expires == NOW
        assert store.commit(Commit(alerts=[alert(1, time=NOW)])).new
        assert store.commit(Commit(alerts=[alert(2, time=NOW - 1)])).suppressed
        with pytest.raises(UsageError, match="ended already"):
            store.alerts.lift(number)
        with pytest.raises(UsageError, match="no suppression 7"):
            store.alerts.lift(7)
        assert store.alerts.suppressions() == []
        assert len(store.alerts.suppressions(ended=True)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "Invoice triage"}, "A display name proves nothing"),
        ({"subject": ""}, "A display name proves nothing"),
        ({"subject": "*"}, "A display name proves nothing"),
        ({"owner": "  "}, "needs its owner"),
        ({"reason": ""}, "needs its reason"),
        ({"detector": " "}, "needs its detector"),
        ({"reason": "x" * 501}, "at most 500"),
        ({"expires": NOW}, "later than now"),
        ({"expires": NOW - 1, "starts": NOW - DAY}, "later than now"),
        ({"expires": NOW + DAY, "starts": NOW + 2 * DAY}, "later than it begins"),
        ({"expires": NOW + LONGEST + 1}, "at most 180 days"),
        ({"expires": NOW + 100, "starts": NOW - LONGEST}, "at most 180 days"),
        ({"expires": float("inf")}, "real times"),
        ({"expires": float("nan")}, "real times"),
    ],
)
def test_what_is_too_broad_or_too_long_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(UsageError, match=message):
            suppress(store.alerts, **changes)
        assert store.alerts.suppressions(ended=True) == []
        suppress(store.alerts, expires=NOW + LONGEST)


def test_a_suppression_made_from_outside_holds_for_the_next_commit(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[alert(1)]))
        with Alerts.open(tmp_path, now=lambda: NOW - 3600, writable=True) as outside:
            suppress(outside)
            outside.acknowledge([alert(1).id], who="outside")
        assert store.commit(Commit(alerts=[alert(2)])).suppressed
        assert store.alerts.get(alert(1).id).acknowledgements[0].who == "outside"
        assert store.epoch == 1


def test_a_suppression_that_does_not_check_is_not_applied(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        suppress(store.alerts)
        with store._writer.transaction() as connection:
            connection.execute("UPDATE suppressions SET expires = expires + 1e9")
        with pytest.raises(StoreCorrupted):
            store.commit(Commit(alerts=[alert(1)]))
        assert store.outbox.pending("alertmanager") == []


def test_reading_alone_cannot_write(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with Alerts.open(tmp_path, now=lambda: NOW) as alerts, pytest.raises(StoreError, match="reading only"):
        suppress(alerts)
