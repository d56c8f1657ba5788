"""The guard against times that cannot be: no event is later than its export, nor than the moment it was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode.categories import BY_NAME
from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.decode.flows import OWN
from detector.decode.times import CLOCK_SKEW, EARLIEST, LATEST
from tests.decode.builders import (
    HUMAN,
    Json,
    agent_risk,
    audit,
    deployment,
    dumps,
    inventory,
    plain,
    principal_risk,
    request,
    sign_in,
)

EXPORT = 1772438400.0
EXPORTED = "2026-03-02T08:00:00Z"
LIMIT = EXPORT + 1.0 + CLOCK_SKEW
"""An export time is known to the second, so the whole of that second is allowed."""
TICK = 1e-6

Builder = Callable[[str, Json], Json]

KINDS: dict[str, Builder] = {
    "ServicePrincipalSignInLogs": lambda when, top: sign_in(createdDateTime=when, top=top),
    "ManagedIdentitySignInLogs": lambda when, top: sign_in("ManagedIdentitySignInLogs", createdDateTime=when, top=top),
    "MicrosoftServicePrincipalSignInLogs": lambda when, top: sign_in(
        "MicrosoftServicePrincipalSignInLogs", createdDateTime=when, top=top
    ),
    "NonInteractiveUserSignInLogs": lambda when, top: sign_in(
        "NonInteractiveUserSignInLogs", createdDateTime=when, userId=HUMAN, top=top
    ),
    "SignInLogs": lambda when, top: sign_in("SignInLogs", createdDateTime=when, userId=HUMAN, top=top),
    "AuditLogs": lambda when, top: audit("Update application", activityDateTime=when, top=top),
    "CustomSecurityAttributeAuditLogs": lambda when, top: audit(
        "x", category="CustomSecurityAttributeAuditLogs", activityDateTime=when, top=top
    ),
    "AgentRiskEvents": lambda when, top: agent_risk(detectedDateTime=when, top=top),
    "RiskyAgents": lambda when, top: agent_risk(
        "RiskyAgents", detectedDateTime=..., riskLastModifiedDateTime=when, top=top
    ),
    "ServicePrincipalRiskEvents": lambda when, top: principal_risk(detectedDateTime=when, top=top),
    "RiskyServicePrincipals": lambda when, top: principal_risk(
        "RiskyServicePrincipals", detectedDateTime=..., riskLastUpdatedDateTime=when, top=top
    ),
    "MicrosoftGraphActivityLogs": lambda when, top: request(timeGenerated=when, top=top),
    "AgentInventory": lambda when, top: inventory(observedDateTime=when, top=top),
    "DeploymentRecords": lambda when, top: deployment(recordedDateTime=when, top=top),
}
every_kind = pytest.mark.parametrize("build", KINDS.values(), ids=KINDS.keys())


def at(seconds: float) -> str:
    """A moment to the microsecond, in RFC 3339."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def exported(build: Builder, when: float, time: str | None) -> Json:
    """A record with that time of export, or with none at all."""
    record = build(at(when), {"time": time})
    if time is None:
        del record["time"]
    return record


def reasons(result: Decoded) -> list[str]:
    return [piece.reason for piece in result.quarantined]


def taken(result: Decoded) -> bool:
    """Whether the one record of a message became an event; if not, it is quarantined for the future."""
    assert reasons(result) == ["future_time"] * (1 - len(result.events))
    return bool(result.events)


def test_the_table_names_every_category() -> None:
    assert KINDS.keys() == {name for name, _ in BY_NAME.values()}


@every_kind
@pytest.mark.parametrize("export", [EXPORTED, "2026-03-02T08:00:00.9999999Z", "2026-03-02T09:00:00+01:00"])
def test_no_event_is_later_than_its_export(build: Builder, export: str) -> None:
    decoder = Decoder()
    top = {"time": export}
    (event,) = decoder.body(dumps(build(at(LIMIT), top))).events
    assert event.time == LIMIT
    result = decoder.body(dumps(build(at(LIMIT + TICK), top)), "hub/3/17")
    (piece,) = result.quarantined
    assert (piece.reason, piece.place) == ("future_time", "hub/3/17")
    assert piece.detail == "the event time is later than the time of export"
    assert not result.events


@every_kind
def test_an_export_in_us_format_is_held_against_too(build: Builder) -> None:
    decoder = Decoder()
    for export in ("3/2/2026 8:00:00 AM", "3/2/2026 8:00:00.750 AM", "3/2/2026 9:00:00 AM +01:00"):
        assert taken(decoder.body(dumps(build(at(LIMIT), {"time": export}))))
        assert not taken(decoder.body(dumps(build(at(LIMIT + TICK), {"time": export}))))


@every_kind
def test_no_event_is_later_than_the_moment_it_was_read(build: Builder) -> None:
    """However late the export says it was."""
    decoder = Decoder(not_after=EXPORT)
    for export in ("2026-03-09T08:00:00Z", EXPORTED, "3/9/2026 8:00:00 AM", "?", None):
        top = {"time": export}
        assert taken(decoder.body(dumps(build(at(EXPORT + CLOCK_SKEW), top))))
        assert not taken(decoder.body(dumps(build(at(EXPORT + CLOCK_SKEW + TICK), top))))


@every_kind
def test_the_earlier_of_the_two_moments_counts(build: Builder) -> None:
    top = {"time": EXPORTED}
    for not_after, limit in ((EXPORT + 3600, LIMIT), (EXPORT + 0.5, EXPORT + 300.5), (EXPORT - 60, EXPORT + 240)):
        decoder = Decoder(not_after=not_after)
        assert taken(decoder.body(dumps(build(at(limit), top))))
        assert not taken(decoder.body(dumps(build(at(limit + TICK), top))))


@every_kind
def test_without_an_export_time_only_the_moment_of_reading_counts(build: Builder) -> None:
    when = EXPORT + 86400
    for record in (exported(build, when, None), build(at(when), {"time": None}), exported(build, when, "soon")):
        assert taken(Decoder().body(dumps(record)))
        assert taken(Decoder(not_after=EXPORT + 86100).body(dumps(record)))
        assert not taken(Decoder(not_after=EXPORT + 86099).body(dumps(record)))


@pytest.mark.parametrize("name", [name for name in KINDS if name not in OWN])
def test_a_page_of_graph_has_no_envelope(name: str) -> None:
    build = KINDS[name]
    late, good = (build(at(when), {})["properties"] for when in (EXPORT + 86400, EXPORT))
    page = orjson.dumps({"@odata.context": "https://graph.example/$metadata", "value": [good, late, good]})
    assert len(Decoder().body(page).events) == 3
    result = Decoder(not_after=EXPORT).body(page)
    assert (reasons(result), [event.time for event in result.events]) == (["future_time"], [EXPORT, EXPORT])
    assert orjson.loads(result.quarantined[0].data) == late


@every_kind
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_record_from_the_future_costs_itself_only(build: Builder, place: int) -> None:
    """Behind every door, and wherever it stands."""
    records = [build(at(EXPORT + number), {"time": EXPORTED}) for number in range(3)]
    records[place] = build(at(LIMIT + 60), {"time": EXPORTED})
    expected = [plain(Decoder().body(dumps(each)).events[0]) for each in records[:place] + records[place + 1 :]]
    decoder = Decoder()
    lines = b"\n".join(map(orjson.dumps, records))
    doors = (decoder.body(dumps(*records)), decoder.body(orjson.dumps(records)), decoder.lines(lines))
    for result in (*doors, decoder.body(lines), decoder.body(dumps(*records, {"a": 1}))):
        assert [plain(event) for event in result.events] == expected
        assert reasons(result)[:1] == ["future_time"]
        assert result.quarantined[0].data == orjson.dumps(records[place])[: len(result.quarantined[0].data)]


@pytest.mark.untraced
@every_kind
@pytest.mark.parametrize(
    "neighbour",
    [
        at(EXPORT + 299),  # exported later
        "3/2/2026 8:04:59 AM",
        None,  # no one knows when
        "?",
    ],
)
def test_no_neighbour_lends_its_limit(build: Builder, neighbour: str | None) -> None:
    """A record that is quarantined alone is so in any company, behind each kind of neighbour."""
    future = build(at(LIMIT + 1), {"time": EXPORTED})
    for other in KINDS.values():
        good = exported(other, EXPORT, neighbour)
        result = Decoder().body(dumps(good, future, good))
        assert (len(result.events), reasons(result)) == (2, ["future_time"])


def test_a_record_without_export_time_is_not_held_to_that_of_a_neighbour() -> None:
    for build in KINDS.values():
        good, loose = exported(build, EXPORT, EXPORTED), exported(build, EXPORT + 86400, None)
        assert len(Decoder().body(dumps(good, loose, good, loose)).events) == 4


@pytest.mark.untraced
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KINDS)),
            st.sampled_from([0, 0, 1, 150, 298, 299, None]),
            st.sampled_from([-2, 0, 1, 2, 300, 301, 302, 450, 451, 452, 599, 600, 601]),
        ),
        min_size=2,
        max_size=6,
    ),
    st.sampled_from([LATEST, EXPORT + 1, EXPORT + 150]),
)
def test_the_guard_judges_each_record_by_itself(drawn: Any, not_after: float) -> None:
    """As long as what travels together was exported within the five minutes that clocks may disagree."""
    records = [
        exported(KINDS[category], EXPORT + after, None if lag is None else at(EXPORT + lag))
        for category, lag, after in drawn
    ]
    together = Decoder(not_after=not_after).body(dumps(*records))
    alone = [Decoder(not_after=not_after).body(dumps(record)) for record in records]
    assert [plain(event) for event in together.events] == [plain(event) for each in alone for event in each.events]
    assert together.quarantined == [piece for each in alone for piece in each.quarantined]
    assert len(together.events) + len(together.quarantined) == len(records)


def test_rows_of_log_analytics_are_held_against_the_time_they_were_made() -> None:
    row = {
        "Type": "AADServicePrincipalSignInLogs",
        "TimeGenerated": EXPORTED,
        "Id": "x",
        "AppId": "a",
        "ResultType": "0",
    }
    rows = [row | {"CreatedDateTime": at(when)} for when in (LIMIT + TICK, LIMIT)]
    result = Decoder().rows(rows)
    assert (reasons(result), [event.time for event in result.events]) == (["future_time"], [LIMIT])


@pytest.mark.untraced
@every_kind
@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (at(EARLIEST - TICK), "bad_time"),
        (at(EARLIEST), None),
        (at(LATEST), None),
        (at(LATEST + TICK), "bad_time"),
        ("1970-01-01T00:00:00Z", "bad_time"),
        ("1969-12-31T23:59:59.5Z", "bad_time"),
        ("0001-01-01T00:00:00+14:00", "bad_time"),
        ("9999-12-31T23:59:59.999999Z", "bad_time"),
        ("12/31/1999 11:59:59 PM", "bad_time"),
        ("1/1/2050 12:00:01 AM", "bad_time"),
    ],
)
def test_an_event_is_of_this_half_century(build: Builder, when: str, reason: str | None) -> None:
    """Alone and among others; what is in no year of this program is not called the future."""
    record = build(when, {"time": None})
    good = build(at(EXPORT), {"time": EXPORTED})
    for records in ((record,), (record, good), (good, record, good)):
        result = Decoder().body(dumps(*records))
        assert reasons(result) == ([] if reason is None else [reason])
        assert len(result.events) == len(records) - len(result.quarantined)
    if reason is not None:
        stated = build(when, {"time": EXPORTED})
        (piece,) = Decoder(not_after=EXPORT).body(dumps(good, stated)).quarantined
        assert (piece.reason, piece.detail) == ("bad_time", "the event time is not between the years 2000 and 2050")


def test_an_export_before_every_event_is_held_against_the_first_too() -> None:
    """The first record of a message is looked at even when it is as old as any may be."""
    record = sign_in(createdDateTime=at(EARLIEST), top={"time": "1999-12-31T23:00:00Z"})
    assert not taken(Decoder().body(dumps(record)))
