"""What a store has seen and said, at a glance."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted, StoreError
from detector.stores.overview import Raised, overview
from detector.stores.records import Commit, StateRow
from tests.stores.stage import NOW, alert, opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with opened(tmp_path / "data") as store:
        store.commit(
            Commit(
                state=[StateRow("flow", "t", "AuditLogs", b"x"), StateRow("identity", "t", "a", b"y")],
                counters={"received": 12, "applied": 10},
                alerts=[
                    alert(1),
                    alert(2, time=NOW, severity="low"),
                    alert(3, time=NOW - 1),
                    alert(4, detector="api_spread"),
                ],
            )
        )
    return tmp_path / "data"


def test_it_tells_the_account_the_last_alert_of_each_detector_and_the_rows_asked_for(data: Path) -> None:
    found = overview(data, ["flow"])
    assert found.counters == {"applied": 10, "received": 12}
    assert found.raised == {
        "token_spike": Raised("token_spike", 3, NOW, f"{2:032x}", "low"),
        "api_spread": Raised("api_spread", 1, NOW - 60 + 0.004, f"{4:032x}", "high"),
    }
    assert found.rows == [StateRow("flow", "t", "AuditLogs", b"x")]


def test_of_two_alerts_of_one_moment_the_greater_id_is_the_last(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.commit(Commit(alerts=[alert(number, time=NOW) for number in (3, 9, 5)]))
    assert overview(tmp_path / "data", ["flow"]).raised["token_spike"].last_id == f"{9:032x}"


def test_a_store_at_work_is_looked_at_without_disturbing_it(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as store:
        store.commit(Commit(alerts=[alert(1)]))
        assert overview(tmp_path / "data", ["flow"]).raised["token_spike"].alerts == 1
        store.commit(Commit(alerts=[alert(2)]))
        assert overview(tmp_path / "data", ["flow"]).raised["token_spike"].alerts == 2


def test_where_there_is_no_store_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store here"):
        overview(tmp_path, ["flow"])
    (tmp_path / "store.db").touch()
    with pytest.raises(StoreError, match="not a store of this program"):
        overview(tmp_path, ["flow"])


@pytest.mark.parametrize("damage", ["UPDATE state SET payload = x'00'", "UPDATE counters SET value = 99"])
def test_a_damaged_row_is_not_believed(data: Path, damage: str) -> None:
    database = Database(data / "store.db", "rw")
    with database.transaction() as connection:
        connection.execute(damage)
    database.close()
    with pytest.raises(StoreCorrupted, match="does not match its checksum"):
        overview(data, ["flow"])
