"""A pipeline is who it is, where it comes from and when; its name proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import Actor
from detector.features.pipelines import Pipeline, Provenance, Run, RunRule, Window, pipeline_of, provenance

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = frozenset(range(5))
ROBOT = Actor(kind="app", id="0b0b0000-0000-4000-8000-000000000001", name="deployer", ip="203.0.113.7")


def at(text: str, zone: ZoneInfo | None = None) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp()


def window(start: str, end: str, *, days: frozenset[int] = WEEKDAYS, zone: ZoneInfo = BERLIN) -> Window:
    def minute(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Window(days, minute(start), minute(end), zone)


OFFICE = window("08:00", "18:00")
NIGHT = window("22:00", "02:00", days=frozenset({4}))
"""Opens on Fridays and closes on Saturday mornings."""
PIPELINE = Pipeline("agents-prod", frozenset({ROBOT.id or ""}), (ip_network("203.0.113.0/24"),), (OFFICE,))
MONDAY_NOON = at("2026-03-02T12:00", BERLIN)


# ---------------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T07:59:59", False),
        ("2026-03-02T08:00:00", True),
        ("2026-03-02T17:59:59", True),
        ("2026-03-02T18:00:00", False),
        ("2026-03-07T12:00:00", False),  # Saturday
    ],
)
def test_a_window_opens_with_its_first_minute_and_closes_before_its_last(text: str, expected: bool) -> None:
    assert OFFICE.holds(at(text, BERLIN)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-06T21:59:59", False),
        ("2026-03-06T22:00:00", True),  # Friday
        ("2026-03-07T01:59:59", True),  # Saturday morning belongs to Friday night
        ("2026-03-07T02:00:00", False),
        ("2026-03-06T01:00:00", False),  # Friday morning belongs to Thursday night
        ("2026-03-07T23:00:00", False),  # Saturday night
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_on_which_it_opens(text: str, expected: bool) -> None:
    assert NIGHT.holds(at(text, BERLIN)) is expected


def test_a_window_across_midnight_that_opens_on_sunday_closes_on_monday() -> None:
    night = window("23:00", "01:00", days=frozenset({6}))
    assert night.holds(at("2026-03-01T23:30", BERLIN))
    assert night.holds(at("2026-03-02T00:30", BERLIN))
    assert not night.holds(at("2026-03-02T23:30", BERLIN))


def test_a_window_until_midnight_includes_the_last_minute_of_the_day() -> None:
    evening = Window(WEEKDAYS, 18 * 60, 24 * 60, BERLIN)
    assert evening.holds(at("2026-03-02T23:59:59", BERLIN))
    assert not evening.holds(at("2026-03-03T00:00:00", BERLIN))


@pytest.mark.parametrize(("zone", "expected"), [(BERLIN, True), (NEW_YORK, False), (ZoneInfo("UTC"), False)])
def test_a_window_is_read_in_its_own_zone(zone: ZoneInfo, expected: bool) -> None:
    assert window("08:00", "18:00", zone=zone).holds(at("2026-03-02T07:30")) is expected


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-03-27T06:59:59", False),  # Friday before the clocks go forward: 07:59 in Berlin
        ("2026-03-27T07:00:00", True),
        ("2026-03-30T05:59:59", False),  # Monday after it
        ("2026-03-30T06:00:00", True),
        ("2026-10-26T06:59:59", False),  # Monday after the clocks went back
        ("2026-10-26T07:00:00", True),
    ],
)
def test_a_window_follows_daylight_saving_time(utc: str, expected: bool) -> None:
    assert OFFICE.holds(at(utc)) is expected


def test_the_hour_that_comes_twice_is_inside_twice_and_the_hour_that_never_comes_is_not_missed() -> None:
    small_hours = window("02:00", "03:00", days=frozenset({6}))
    assert small_hours.holds(at("2026-10-25T00:30"))  # 02:30 summer time
    assert small_hours.holds(at("2026-10-25T01:30"))  # 02:30 again, winter time
    assert not any(small_hours.holds(at(f"2026-03-29T{hour:02}:30")) for hour in range(24))


@given(st.integers(0, 1440), st.integers(0, 1439), st.floats(1.7e9, 1.9e9))
def test_a_window_of_every_day_and_its_complement_share_out_the_time(start: int, end: int, time: float) -> None:
    start, all_days = start % 1440, frozenset(range(7))
    if start != end:
        inside = Window(all_days, start, end, BERLIN).holds(time)
        assert inside is not Window(all_days, end, start, BERLIN).holds(time)


# ------------------------------------------------------------------------------------------- provenance


def test_a_change_by_the_pipeline_from_its_address_in_its_hours_fits() -> None:
    assert provenance((PIPELINE,), ROBOT, MONDAY_NOON) == Provenance("agents-prod", None)


@pytest.mark.parametrize("identifier", [None, "0e0e0000-0000-4000-8000-0000000000c1"])
def test_a_display_name_is_not_an_identity(identifier: str | None) -> None:
    impostor = Actor(kind="app", id=identifier, name="deployer", app_id=ROBOT.id, ip="203.0.113.7")
    assert provenance((PIPELINE,), impostor, MONDAY_NOON) == Provenance(None, "actor")


@pytest.mark.parametrize("address", [None, "", "<null>", "not an address", "198.51.100.7", "2001:db8::7"])
def test_a_pipeline_from_elsewhere_or_from_nowhere_deviates(address: str | None) -> None:
    elsewhere = Actor(kind="app", id=ROBOT.id, name="deployer", ip=address)
    assert provenance((PIPELINE,), elsewhere, MONDAY_NOON) == Provenance("agents-prod", "address")


@pytest.mark.parametrize(("address", "fits"), [("2001:db8:1::9", True), ("2001:db8:2::9", False)])
def test_addresses_may_be_of_version_six(address: str, fits: bool) -> None:
    pipeline = Pipeline("six", PIPELINE.object_ids, (ip_network("203.0.113.0/24"), ip_network("2001:db8:1::/48")))
    actor = Actor(kind="app", id=ROBOT.id, ip=address)
    assert (provenance((pipeline,), actor, MONDAY_NOON).deviation is None) is fits


def test_a_pipeline_outside_its_hours_deviates() -> None:
    night = MONDAY_NOON + 12 * 3600
    assert provenance((PIPELINE,), ROBOT, night) == Provenance("agents-prod", "window")


def test_a_pipeline_without_addresses_or_hours_may_come_from_anywhere_at_any_time() -> None:
    free = Pipeline("free", PIPELINE.object_ids)
    nowhere = Actor(kind="app", id=ROBOT.id)
    assert provenance((free,), nowhere, MONDAY_NOON + 12 * 3600) == Provenance("free", None)


def test_one_pipeline_that_fits_is_enough() -> None:
    other = Pipeline("nightly", PIPELINE.object_ids, (), (NIGHT,))
    assert provenance((other, PIPELINE), ROBOT, MONDAY_NOON) == Provenance("agents-prod", None)
    assert provenance((PIPELINE, other), ROBOT, MONDAY_NOON) == Provenance("agents-prod", None)


def test_without_pipelines_everybody_is_outside() -> None:
    assert provenance((), ROBOT, MONDAY_NOON) == Provenance(None, "actor")


# ------------------------------------------------------------------------------------------------- runs

RULE = RunRule(
    provider="github", repository="Example/Agents", workflow="deploy.yml", branch="main", environment="production"
)
RUN = Run(
    provider="github",
    repository="example/agents",
    workflows=("Deploy", "Deploy.yml"),
    branch="main",
    environment="Production",
)


@pytest.mark.parametrize(
    ("run", "fits"),
    [
        (RUN, True),
        (replace(RUN, provider="azure_devops"), False),
        (replace(RUN, repository="mallory/agents"), False),
        (replace(RUN, repository=None), False),
        (replace(RUN, workflows=("other.yml",)), False),
        (replace(RUN, workflows=()), False),
        (replace(RUN, branch="Main"), False),
        (replace(RUN, branch=None), False),
        (replace(RUN, environment="staging"), False),
        (replace(RUN, environment=None), False),
    ],
)
def test_a_run_fits_when_it_says_all_that_is_asked_for(run: Run, fits: bool) -> None:
    assert RULE.fits(run) is fits


def test_what_a_rule_leaves_out_restricts_nothing() -> None:
    assert RunRule(provider="github").fits(RUN)
    assert RunRule(provider="github").fits(Run(provider="github"))


@pytest.mark.parametrize(
    ("branch", "fits"), [("release/7", True), ("release/", True), ("release", False), ("x/release/7", False)]
)
def test_a_star_at_the_end_of_a_branch_stands_for_anything(branch: str, fits: bool) -> None:
    assert RunRule(provider="github", branch="release/*").fits(replace(RUN, branch=branch)) is fits


def test_a_run_belongs_to_the_first_pipeline_with_a_rule_that_it_fits() -> None:
    wide = replace(PIPELINE, name="wide", runs=(RunRule(provider="azure_devops"), RunRule(provider="github")))
    narrow = replace(PIPELINE, name="narrow", runs=(RULE,))
    assert pipeline_of((PIPELINE, narrow, wide), RUN) == narrow
    assert pipeline_of((PIPELINE, narrow, wide), Run(provider="github")) == wide
    assert pipeline_of((PIPELINE, narrow), Run(provider="github")) is None
