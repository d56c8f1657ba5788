"""Times: two formats, any fraction, always a zone, one number for one instant."""

from __future__ import annotations

from typing import Any

import pytest

from detector.decode.times import NotATime, Received, parse, rfc3339
from tests.decode.builders import agent_risk, audit, sign_in

INSTANT = 1772438401.0


@pytest.mark.parametrize(
    ("spelling", "fraction"),
    [
        ("2026-03-02T08:00:01Z", 0),
        ("2026-03-02T08:00:01+00:00", 0),
        ("2026-03-02T09:00:01+01:00", 0),
        ("2026-03-02T03:30:01-04:30", 0),
        ("2026-03-02T09:00:01+0100", 0),
        ("2026-03-02T08:00:01.5Z", 0.5),
        ("2026-03-02T08:00:01.25Z", 0.25),
        ("2026-03-02T08:00:01.250+00:00", 0.25),
        ("2026-03-02T08:00:01.2500000Z", 0.25),
        ("2026-03-02T08:00:01.250000000Z", 0.25),
        ("2026-03-02T08:00:01.2500000001Z", 0.25),
        ("2026-03-02t08:00:01z", 0),
        ("2026-03-02 08:00:01 UTC", 0),
        ("2026-03-02T8:00:01.000Z", 0),
        ("3/2/2026 8:00:01 AM", 0),
        ("03/02/2026 08:00:01 am", 0),
        ("3/2/2026 9:00:01 AM +01:00", 0),
        ("3/2/2026, 8:00:01.250 AM", 0.25),
    ],
)
def test_every_spelling_of_an_instant_is_the_same_number(
    sign_in_of: Any, change_of: Any, spelling: Any, fraction: Any
) -> None:
    assert sign_in_of(sign_in(createdDateTime=spelling)).time == INSTANT + fraction
    assert parse(spelling) == INSTANT + fraction
    exported = audit("x", activityDateTime="2026-03-02T08:00:00Z", top={"time": spelling})
    assert change_of(exported).received == INSTANT


@pytest.mark.parametrize(
    ("spelling", "hour"),
    [("12:00:01 AM", 0), ("1:00:01 AM", 1), ("12:00:01 PM", 12), ("3:00:01 PM", 15), ("11:00:01 PM", 23)],
)
def test_the_halves_of_the_day(spelling: Any, hour: Any) -> None:
    assert parse(f"3/2/2026 {spelling}") == INSTANT + (hour - 8) * 3600


def test_a_time_before_the_epoch_is_negative() -> None:
    assert parse("1969-12-31T23:59:59.5Z") == -0.5


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-03-02T08:00:01", "2026-03-02T08:00:01.5", "2026-03-02", "08:00:01Z", "yesterday", "",
        "2026-13-02T08:00:01Z", "2026-02-30T08:00:01Z", "2026-03-02T25:00:01Z", "2026-03-02T08:00:60Z",
        "2026-03-02T08:00:01+99:00", "3/2/2026 0:00:01 AM", "3/2/2026 13:00:01 PM", "3/2/26 8:00:01 AM",
        "13/2/2026 8:00:01 AM", "2/30/2026 8:00:01 AM", "1772438401",
        "\u0662026-03-02T08:00:01Z", "0000-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(refused: Any, change_of: Any, spelling: Any) -> None:
    """As the time of an event; as the time of export it is only not known."""
    reason, detail = refused(sign_in(createdDateTime=spelling))
    assert reason == "bad_time"
    assert detail.startswith("properties.createdDateTime ")
    assert spelling == "" or spelling not in detail
    assert change_of(audit("x", top={"time": spelling})).received is None


@pytest.mark.parametrize("value", [1772438401, 1.5, True, [], {"a": 1}])
def test_a_time_is_a_text(refused: Any, value: Any) -> None:
    assert refused(sign_in(createdDateTime=value)) == ("bad_time", "properties.createdDateTime is not a text")


@pytest.mark.parametrize("value", [..., None])
def test_a_record_has_a_time(refused: Any, value: Any) -> None:
    assert refused(sign_in(createdDateTime=value)) == ("missing_time", "properties.createdDateTime is missing")
    assert refused(agent_risk(detectedDateTime=value, activityDateTime=value))[0] == "missing_time"


def test_the_time_of_export_may_be_missing(change_of: Any) -> None:
    assert change_of(audit("x", top={"time": None})).received is None
    record = audit("x")
    del record["time"]
    assert change_of(record).received is None


def test_times_of_export_are_remembered_within_bounds(monkeypatch: Any) -> None:
    monkeypatch.setattr("detector.decode.times._MAX_CACHED", 3)
    received = Received()
    for second in range(10):
        assert received.get(f"2026-03-02T08:00:0{second}.9Z") == INSTANT - 1 + second
        assert received.get(f"3/2/2026 8:00:0{second} AM") == INSTANT - 1 + second
        assert received.get(f"nonsense {second}") is None
    for minute in range(10):
        assert received.get(f"2026-03-02T08:0{minute}:01Z") == INSTANT + 60 * minute
    assert len(received.known) <= 3
    assert len(received._minutes) <= 3
    assert len(received._others) <= 3


@pytest.mark.parametrize("seconds", ["00", "07", "59", "60", "99", " 1", "+1", "1."])
@pytest.mark.parametrize("minute", ["2026-03-02T08:00:", "2026-03-02 08:00:", "2026-03-02T8:00:", "2026-02-30T08:00:"])
def test_a_time_of_export_is_read_by_its_minute_or_as_a_whole(minute: str, seconds: str) -> None:
    received, text = Received(), f"{minute}{seconds}.5Z"
    try:
        want = parse(text) // 1
    except NotATime:
        want = None
    assert received.get(text) == received.get(text) == want


def test_a_refusal_says_why() -> None:
    with pytest.raises(NotATime, match="has no time zone"):
        rfc3339("2026-03-02T08:00:01")
    with pytest.raises(NotATime, match="is not a time that exists"):
        parse("2026-02-30T08:00:01Z")
