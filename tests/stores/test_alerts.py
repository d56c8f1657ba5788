"""Finding alerts, and seeing to them; also while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from detector.stores.alerts import Alerts, Filter
from detector.stores.errors import StoreCorrupted, StoreError
from detector.stores.records import Commit, Dispatch
from detector.stores.store import Store
from tests.stores.stage import AGENT, DAY, NOW, OTHER, alert, batch, opened


def found(alerts: Alerts, **wanted: Any) -> list[int]:
    return [int(each.id, 16) for each in alerts.find(Filter(**wanted))]


def filled(store: Store) -> Store:
    store.alerts.suppress(OTHER, owner="o", reason="r", expires=NOW + DAY, starts=NOW - DAY)
    store.commit(
        Commit(
            alerts=[
                alert(1, time=NOW - 50, severity="low"),
                alert(2, time=NOW - 40, detector="api_spread"),
                alert(3, time=NOW - 30, subject=OTHER),
                alert(4, time=NOW - 20, severity="critical"),
            ]
        )
    )
    store.alerts.acknowledge([alert(4).id], who="me", note="done")
    return store


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"least": "high"}, [2, 3, 4]),
        ({"least": "critical"}, [4]),
        ({"detector": "api_spread"}, [2]),
        ({"detector": "x' OR 1 --"}, []),
        ({"subject": OTHER}, [3]),
        ({"since": NOW - 40}, [2, 3, 4]),
        ({"until": NOW - 40}, [1]),
        ({"acknowledged": True}, [4]),
        ({"acknowledged": False}, [1, 2, 3]),
        ({"suppressed": True}, [3]),
        ({"suppressed": False, "acknowledged": False, "subject": AGENT}, [1, 2]),
        ({"limit": 2}, [3, 4]),
    ],
)
def test_filters_choose(tmp_path: Path, wanted: dict[str, Any], numbers: list[int]) -> None:
    with opened(tmp_path) as store:
        assert found(filled(store).alerts, **wanted) == numbers


def test_an_alert_comes_with_everything_that_happened_to_it(tmp_path: Path) -> None:
    times = [NOW]
    with opened(tmp_path, now=lambda: times[0]) as store:
        store.commit(Commit(alerts=[alert(1, sinks=("b", "a"))]))
        times[0] += 5
        store.outbox.mark_sent("a", [alert(1).id])
        store.alerts.acknowledge([alert(1).id, alert(1).id], who=" A ", note=" looked at it ")
        times[0] += 5
        store.alerts.acknowledge([alert(1).id], who="B")
        got = store.alerts.get(alert(1).id)
        assert [(each.who, each.at, each.note) for each in got.acknowledgements] == [
            ("A", NOW + 5, "looked at it"),
            ("B", NOW + 10, ""),
        ]
        assert got.dispatches == (Dispatch("a", "sent", 0, NOW + 5, None), Dispatch("b", "pending", 0, NOW, None))
        assert (got.created, got.document, got.severity) == (NOW, alert(1).document, "high")


def test_an_id_that_is_not_known_is_guessed(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[alert(1, id="ab" * 16), alert(2, id="ac" * 16), alert(3, id="b" * 32)]))
        for wrong, message in (
            ("ABA", f"Did you mean {'ab' * 16}"),
            ("a", "Several begin like this"),
            ("7", "`alerts list` shows the ids"),
            ("%", "That is no alert id"),
            ("", "That is no alert id"),
            ("\x1b[31m", "That is no alert id"),
        ):
            with pytest.raises(UsageError, match=message):
                store.alerts.get(wrong)
        with pytest.raises(UsageError, match="Did you mean"):
            store.alerts.acknowledge(["b" * 32, "ab"], who="me")
        assert store.alerts.get("b" * 32).acknowledgements == ()
        with pytest.raises(UsageError, match="needs a name"):
            store.alerts.acknowledge(["b" * 32], who=" ")
        with pytest.raises(UsageError, match="at most"):
            store.alerts.acknowledge(["b" * 32], who="me", note="x" * 3000)


def test_a_place_without_a_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store here"):
        Alerts.open(tmp_path, now=lambda: NOW)
    (tmp_path / "store.db").write_bytes(b"")
    with pytest.raises(StoreError, match="not a store of this program"):
        Alerts.open(tmp_path, now=lambda: NOW)
    (tmp_path / "store.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreCorrupted):
        Alerts.open(tmp_path, now=lambda: NOW)


def test_reading_from_outside_needs_no_service_and_disturbs_none(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        with Alerts.open(tmp_path, now=lambda: NOW) as outside:
            assert found(outside) == [1]
            store.commit(batch(2))
            assert found(outside) == [1, 2]
    with Alerts.open(tmp_path, now=lambda: NOW) as outside:
        assert found(outside) == [1, 2]
    with Alerts.open(tmp_path, now=lambda: NOW, writable=True) as outside:
        outside.acknowledge([alert(1).id], who="me")
    with opened(tmp_path) as store:
        assert store.opening == "kept"
        assert store.epoch == 2
        assert len(store.alerts.get(alert(1).id).acknowledgements) == 1


def test_an_alert_that_does_not_check_is_not_shown(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        with store._writer.transaction() as connection:
            connection.execute("UPDATE alerts SET document = x'00'")
        with pytest.raises(StoreCorrupted, match="restores a snapshot"):
            store.alerts.get(alert(1).id)
