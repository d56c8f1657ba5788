"""Alerts on their way: who comes first, what is marked, and what stays."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from detector.stores.errors import StoreCorrupted, StoreUnavailable
from detector.stores.records import Commit, Depth
from detector.stores.store import Store
from tests.stores.stage import AGENT, NOW, OTHER, Facts, alert, batch, opened


def raised(store: Store, *alerts: object) -> None:
    store.commit(Commit(alerts=alerts))  # type: ignore[arg-type]


def order(store: Store, limit: int = 100) -> list[int]:
    return [int(row.alert_id, 16) for row in store.outbox.pending("alertmanager", limit)]


def test_the_most_severe_goes_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        severities = ("low", "critical", "info", "high", "medium", "critical")
        raised(store, *(alert(n, severity=severity) for n, severity in enumerate(severities)))
        rows = store.outbox.pending("alertmanager")
        assert [row.severity for row in rows] == ["critical", "critical", "high", "medium", "low", "info"]
        assert order(store, 2) == [1, 5]


def test_subjects_take_turns_and_within_a_subject_the_oldest_goes_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, *(alert(n) for n in range(5)))
        raised(store, alert(100, subject=OTHER), alert(101, subject=OTHER))
        assert order(store) == [0, 100, 1, 101, 2, 3, 4]
        store.outbox.mark_sent("alertmanager", [f"{n:032x}" for n in (0, 100, 1)])
        raised(store, alert(200, subject="third"))
        # A newcomer stands beside whoever is served now, not behind all that waited before it came.
        assert order(store) == [101, 200, 2, 3, 4]


def test_a_flood_about_one_agent_holds_up_nobody_else(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, *(alert(n) for n in range(2_000)))
        raised(store, alert(5_000, subject=OTHER), alert(5_001, subject=OTHER, severity="critical"))
        assert order(store, 3) == [5_001, 0, 5_000]
        plan = store._reader.rows(
            "EXPLAIN QUERY PLAN SELECT alert_id FROM outbox WHERE sink = 'x' AND status = 'pending' "
            "ORDER BY severity DESC, turn, created, alert_id LIMIT 3"
        )
        assert ["outbox_order" in row[3] for row in plan] == [True], "the order must come from the index, unsorted"


def test_each_sink_has_a_line_of_its_own(tmp_path: Path) -> None:
    facts, moments = Facts(), iter((NOW, NOW + 1, NOW + 2))
    times = [NOW]
    with opened(tmp_path, facts, now=lambda: times[0]) as store:
        for number, moment in enumerate(moments):
            times[0] = moment
            raised(store, alert(number, sinks=("a", "b", "a")))
        assert store.outbox.depths() == {"a": Depth(3, NOW), "b": Depth(3, NOW)}
        store.outbox.mark_sent("a", [alert(0).id, alert(1).id, "unknown"])
        store.outbox.mark_failed("b", [alert(0).id], "400")
        assert store.outbox.depths() == {"a": Depth(1, NOW + 2), "b": Depth(2, NOW + 1)}
        assert store.outbox.dead_letters() == {"b": 1}
        assert facts.of("alerts_sent") == [("a", 2)]
        assert facts.of("alerts_refused") == [("b", 1)]
        assert store.outbox.pending("nobody") == []


def test_what_was_marked_stays_marked_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, *(alert(n) for n in range(4)))
        store.outbox.mark_sent("alertmanager", [alert(0).id])
        store.outbox.mark_failed("alertmanager", [alert(1).id], "no \udc80 text")
        store.outbox.mark_tried("alertmanager", [alert(2).id], "timeout")
        store.outbox.mark_tried("alertmanager", [alert(2).id], "timeout")
        store.outbox.mark_sent("alertmanager", [])
    with opened(tmp_path) as store:
        rows = store.outbox.pending("alertmanager")
        assert [(int(row.alert_id, 16), row.attempts) for row in rows] == [(2, 2), (3, 0)]
        assert [
            (each.sink, each.status, each.attempts, each.reason) for each in store.alerts.get(alert(1).id).dispatches
        ] == [("alertmanager", "dead", 1, "no \\udc80 text")]
        assert store.alerts.get(alert(2).id).dispatches[0].reason == "timeout"


def test_marking_twice_and_marking_the_sent_as_failed_changes_nothing(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts) as store:
        raised(store, alert(1))
        store.outbox.mark_sent("alertmanager", [alert(1).id])
        store.outbox.mark_sent("alertmanager", [alert(1).id])
        store.outbox.mark_failed("alertmanager", [alert(1).id], "late answer")
        assert store.alerts.get(alert(1).id).dispatches[0].status == "sent"
        assert store.outbox.dead_letters() == {}
        assert facts.of("alerts_sent") == [("alertmanager", 1), ("alertmanager", 0)]


def test_dead_letters_can_be_sent_again_and_a_sink_can_be_given_up(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, *(alert(n) for n in range(3)))
        assert store.outbox.abandon("alertmanager", "no longer configured") == 3
        assert store.outbox.abandon("alertmanager", "no longer configured") == 0
        assert order(store) == []
        assert store.outbox.requeue("alertmanager") == 3
        assert order(store) == [0, 1, 2]
        assert store.outbox.dead_letters() == {}


def test_a_roll_up_takes_the_place_of_what_is_held_back(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, *(alert(n, sinks=("a", "b")) for n in range(6)))
        roll_up = alert(99, severity="medium", document=b"2 held back", sinks=("ignored",))
        store.outbox.hold_back("a", [alert(1).id, alert(2).id], roll_up)
        assert [int(row.alert_id, 16) for row in store.outbox.pending("a")] == [0, 3, 4, 5, 99]
        assert len(store.outbox.pending("b")) == 6
        store.outbox.hold_back("a", [alert(3).id], roll_up._replace(document=b"3 held back"))
        assert [row.document for row in store.outbox.pending("a")][-1] == b"3 held back"
        store.outbox.mark_sent("a", [roll_up.id])
        store.outbox.hold_back("a", [alert(4).id], roll_up._replace(document=b"4 held back"))
        assert store.alerts.get(roll_up.id).document == b"3 held back"
        assert [int(row.alert_id, 16) for row in store.outbox.pending("a")] == [0, 5]
        assert store.outbox.dead_letters() == {"a": 4}
        assert store.alerts.get(alert(4).id).dispatches[0].reason == "held_back"
    with opened(tmp_path) as store:
        assert store.opening == "kept"


def test_a_failure_while_holding_back_changes_nothing(tmp_path: Path) -> None:
    trouble = [False]

    def at(point: str) -> None:
        if trouble[0] and point == "in_mark_sent":
            raise StoreUnavailable("disk")

    with opened(tmp_path, at=at) as store:
        raised(store, alert(1), alert(2))
        trouble[0] = True
        with pytest.raises(StoreUnavailable):
            store.outbox.hold_back("alertmanager", [alert(1).id], alert(99))
        with pytest.raises(StoreUnavailable):
            store.outbox.mark_sent("alertmanager", [alert(1).id])
        trouble[0] = False
        assert order(store) == [1, 2]


def test_the_oldest_alerts_make_room_but_none_that_waits(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts, alerts=10) as store:
        for number in range(12):
            raised(store, alert(number))
        assert not facts.of("alerts_forgotten")
        store.outbox.mark_sent("alertmanager", [alert(n).id for n in range(1, 6)])
        store.alerts.acknowledge([alert(1).id], who="me")
        raised(store, alert(12))
        assert facts.of("alerts_forgotten") == [(3,)]
        assert order(store) == [0, *range(6, 13)]
        from detector.stores.alerts import Filter

        assert [int(each.id, 16) for each in store.alerts.find(Filter())] == [0, 4, 5, *range(6, 13)]
    with opened(tmp_path) as store:
        assert store.opening == "kept"


def test_a_row_that_does_not_check_is_not_sent(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        raised(store, alert(1))
        with store._writer.transaction() as connection:
            connection.execute("UPDATE outbox SET attempts = 7")
        with pytest.raises(StoreCorrupted, match="outbox"):
            store.outbox.pending("alertmanager")


def test_threads_deliver_while_the_worker_commits(tmp_path: Path) -> None:
    sent: dict[str, list[str]] = {"alertmanager": [], "webhook": []}

    def deliver(sink: str) -> None:
        while len(sent[sink]) < 60:
            ids = [row.alert_id for row in store.outbox.pending(sink, 7)]
            sent[sink] += ids
            store.outbox.mark_sent(sink, ids)

    with opened(tmp_path, checkpoint_bytes=60_000) as store:
        threads = [Thread(target=deliver, args=(sink,)) for sink in sent]
        for thread in threads:
            thread.start()
        for number in range(60):
            store.commit(batch(number))
            if number % 20 == 0:
                store.snapshot()
        for thread in threads:
            thread.join(60)
        want = sorted(f"{n:032x}" for n in range(60))
        assert {sink: sorted(ids) for sink, ids in sent.items()} == {"alertmanager": want, "webhook": want}
        assert store.outbox.depths() == {}
        assert store.alerts.get(want[0]).subject == AGENT
    with opened(tmp_path) as store:
        assert store.opening == "kept"
