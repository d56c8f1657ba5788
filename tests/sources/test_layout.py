"""What the names of archived files say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detector.sources.layout import HOUR, Wanted, slot_of


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "start", "hours", "category", "tenant"),
    [
        (
            "https://a.blob.core.windows.net/insights-logs-auditlogs/tenantId=AbC/y=2026/m=07/d=16/h=13/m=00/PT1H.json",
            "2026-07-16T13:00",
            1.0,
            "auditlogs",
            "abc",
        ),
        (
            "copy/insights-logs-SignInLogs/resourceId=/SUBSCRIPTIONS/X/y=2026/m=12/d=31/h=23/m=00/PT1H.json",
            "2026-12-31T23:00",
            1.0,
            "signinlogs",
            None,
        ),
        ("tenantId=t/y=2026/m=07/d=16/h=13/m=00/PT1H.json", "2026-07-16T13:00", 1.0, None, "t"),
        (
            "am-auditlogs/WorkspaceResourceId=/y=2026/m=07/d=16/h=13/m=05/PT05M.json",
            "2026-07-16T13:05",
            1.0,
            "auditlogs",
            None,
        ),
        ("/insights-logs-a/tenantId=t/y=2026/", "2026-01-01T00:00", 365 * 24.0, "a", "t"),
        ("/insights-logs-a/tenantId=t/y=2026/m=12/", "2026-12-01T00:00", 31 * 24.0, "a", "t"),
        ("/insights-logs-a/tenantId=t/y=2026/m=02/d=28/", "2026-02-28T00:00", 24.0, "a", "t"),
        ("ns/hub/3/2026/07/16/13/05/27.avro", "2026-07-16T13:05:27", 0.25, None, None),
    ],
)
def test_a_name_says_its_time_its_log_and_its_tenant(
    name: str, start: str, hours: float, category: str | None, tenant: str | None
) -> None:
    slot = slot_of(name)
    assert slot is not None
    assert (slot.start, slot.end - slot.start) == (moment(start), hours * HOUR)
    assert (slot.category, slot.tenant) == (category, tenant)


@pytest.mark.parametrize(
    "name",
    [
        "logs/a.json",
        "y=2026",
        "x/y=2026/m=13/d=01/h=00/m=00/PT1H.json",
        "y=0000/m=01/d=01/h=01/m=00/x",
        "3/2026/13/01/00/00/00.avro",
    ],
)
def test_a_name_that_says_no_time_is_none(name: str) -> None:
    assert slot_of(name) is None


def test_hours_around_the_window_are_read_and_no_others() -> None:
    wanted = Wanted(since=moment("2026-07-16T10:00"), until=moment("2026-07-16T12:00"), spread=HOUR)
    kept = [
        hour
        for hour in range(24)
        if (slot := slot_of(f"tenantId=t/y=2026/m=07/d=16/h={hour:02}/m=00/PT1H.json")) is not None
        and wanted.keeps(slot)
    ]
    assert kept == [9, 10, 11, 12]


def test_logs_and_tenants_are_chosen_by_name() -> None:
    slot = slot_of("insights-logs-auditlogs/tenantId=T/y=2026/m=07/d=16/h=00/m=00/PT1H.json")
    bare = slot_of("y=2026/m=07/d=16/h=00/m=00/PT1H.json")
    assert slot is not None
    assert bare is not None
    assert Wanted(categories={"auditlogs"}, tenants={"t"}).keeps(slot)
    assert not Wanted(categories={"signinlogs"}).keeps(slot)
    assert not Wanted(tenants={"u"}).keeps(slot)
    assert Wanted(categories={"signinlogs"}, tenants={"u"}).keeps(bare), "what a name does not say is no reason"
