"""What the attacks on rhythm look like in the records, and that a stealthier one differs by degree."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from detector.runtime.simulation import LEVELS, Simulation
from tests.simulation.reading import event_time, of, records, staged

SIGN_INS = ("ServicePrincipalSignInLogs", "NonInteractiveUserSignInLogs")


def test_a_fleet_rises_by_a_fraction_all_over(attacked: Simulation) -> None:
    label, found = staged(attacked, "fleet_rise")
    agents = {record["properties"]["appId"] for record in found}
    assert agents <= set(label.subject_ids)
    assert len(agents) >= 2
    assert event_time(found[-1]) - event_time(found[0]) <= timedelta(hours=6)


def test_a_tightened_interval_stays_regular(attacked: Simulation) -> None:
    for level in LEVELS:
        _, found = staged(attacked, "tightened_interval", level)
        moments = [event_time(record) for record in found]
        between = sorted((after - before).total_seconds() for before, after in pairwise(moments))
        # One pause may be longer: another attack lets the export stand still for a while.
        assert between[-2] <= 1.2 * between[0]


def test_a_mix_shifts_to_what_the_agent_has_but_hardly_used(attacked: Simulation) -> None:
    _, found = staged(attacked, "resource_mix")
    [agent] = {record["properties"]["appId"] for record in found}
    [resource] = {record["properties"]["resourceId"] for record in found}
    mine = [each["resourceId"] for each in of(attacked, *SIGN_INS) if each["appId"] == agent]
    assert mine.count(resource) - len(found) < 0.2 * len(mine)


@pytest.mark.parametrize("story", ["silent_agent", "mass_disable"])
def test_a_stopped_agent_does_not_work_on(attacked: Simulation, twin: Simulation, story: str) -> None:
    label, found = staged(attacked, story)
    malicious = {record_id for each in attacked.labels for record_id in each.record_ids}
    start, end = datetime.fromisoformat(label.start), datetime.fromisoformat(label.end)
    last = start + timedelta(minutes=10)

    def at_work(simulation: Simulation) -> list[str]:
        return [
            record["properties"]["id"]
            for record in records(simulation)
            if record["category"] in SIGN_INS
            and record["properties"]["appId"] in label.subject_ids
            and last <= event_time(record) < end
            and record["properties"]["id"] not in malicious
        ]

    assert at_work(attacked) == []
    assert at_work(twin)
    assert bool(found) == (story == "mass_disable")


def test_a_mass_disable_comes_one_after_the_other_from_a_person(attacked: Simulation) -> None:
    for level, pause in (("obvious", 20), ("moderate", 90), ("stealthy", 900)):
        _, found = staged(attacked, "mass_disable", level)
        switches = [record for record in found if record["category"] == "AuditLogs"]
        assert all("user" in record["properties"]["initiatedBy"] for record in switches)
        moments = [event_time(record) for record in switches]
        assert all((after - before).total_seconds() == pause for before, after in pairwise(moments))


def test_a_poisoned_agent_never_did_otherwise(attacked: Simulation) -> None:
    for level in LEVELS:
        label, found = staged(attacked, "poisoned_start", level)
        agent = label.subject_ids[-1]
        [made] = [record for record in found if record["category"] == "AuditLogs"]
        assert made["operationName"] == "Add service principal"
        assert "app" in made["properties"]["initiatedBy"]
        ids = {each["id"] for each in of(attacked, *SIGN_INS) if each["appId"] == agent}
        assert ids
        assert ids <= set(label.record_ids)
