"""The benchmark stream: as many records as ordered, of the ordered size, disordered and repeated like the real ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import orjson
import pytest

from detector.runtime.simulation.workload import Padding, sign_in_bodies


def records(bodies: list[bytes]) -> list[dict[str, Any]]:
    return [record for body in bodies for record in orjson.loads(body)["records"]]


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return sign_in_bodies(records=4_000, agents=200, span=3_600, seed=1)


def test_there_are_as_many_records_as_ordered(bodies: list[bytes]) -> None:
    assert [len(orjson.loads(body)["records"]) for body in bodies] == [50] * 80
    assert len(records(sign_in_bodies(records=101, agents=3, span=60, seed=1))) == 101


def test_equal_arguments_give_equal_bytes(bodies: list[bytes]) -> None:
    assert sign_in_bodies(records=4_000, agents=200, span=3_600, seed=1) == bodies
    assert sign_in_bodies(records=4_000, agents=200, span=3_600, seed=2) != bodies


@pytest.mark.parametrize(
    ("padding", "low", "high"), [("lean", 1_800, 2_200), ("typical", 3_000, 3_500), ("wide", 7_000, 9_000)]
)
def test_padding_decides_the_size(padding: Padding, low: int, high: int) -> None:
    sizes = [
        len(orjson.dumps(item))
        for item in records(sign_in_bodies(records=200, agents=20, span=60, seed=1, padding=padding))
    ]
    assert low <= sum(sizes) / len(sizes) <= high
    assert padding in get_args(Padding)


def test_some_records_come_twice_and_some_fail(bodies: list[bytes]) -> None:
    found = records(bodies)
    assert len({item["properties"]["id"] for item in found}) == 3_880
    assert 0.002 < sum(item["resultType"] != "0" for item in found) / len(found) < 0.03


def test_event_times_fill_the_span_and_arrive_in_disorder(bodies: list[bytes]) -> None:
    latest, behind, seen = 0.0, 0.0, set()
    moments = []
    for item in records(bodies):
        if item["properties"]["id"] in seen:
            continue
        seen.add(item["properties"]["id"])
        moments.append(datetime.fromisoformat(item["properties"]["createdDateTime"]).timestamp())
        latest = max(latest, moments[-1])
        behind = max(behind, latest - moments[-1])
    assert 3_400 < max(moments) - min(moments) <= 3_600
    assert 180 < behind <= 17 * 60


def test_activity_is_uneven_and_each_agent_keeps_its_blueprint(bodies: list[bytes]) -> None:
    blueprints: dict[str, set[str]] = {}
    resources: dict[str, set[str]] = {}
    for item in records(bodies):
        properties = item["properties"]
        blueprints.setdefault(properties["appId"], set()).add(properties["agent"]["parentAppId"])
        resources.setdefault(properties["appId"], set()).add(properties["resourceId"])
    assert len(blueprints) > 150
    assert all(len(found) == 1 for found in blueprints.values())
    assert all(1 <= len(found) <= 5 for found in resources.values())


def test_a_record_has_no_gap_left_to_fill(bodies: list[bytes]) -> None:
    assert all(b"%" not in body for body in bodies)
