"""Who gets in."""

from __future__ import annotations

from collections import Counter

import pytest

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.engine.admission import Admission
from tests.stories import HOUR, MINUTE, START, Tenant, engine_of, settings, tell


@pytest.mark.parametrize(("behind", "late"), [(0.0, 0), (1200.0, 0), (1200.5, 1), (HOUR, 1), (10 * HOUR, 1)])
def test_a_record_is_late_when_it_is_more_than_the_lateness_behind_the_newest(behind: float, late: int) -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, [tenant.sign_in(agent, START), tenant.sign_in(agent, START - behind)])
    assert engine.accounting.late == late
    assert engine.accounting.applied == 2 - late


def test_a_copy_is_a_duplicate_even_when_it_comes_too_late_to_be_applied() -> None:
    tenant, engine = Tenant(), engine_of()
    first = tenant.sign_in(tenant.agent("a"), START)
    tell(engine, [first, tenant.sign_in(tenant.agent("a"), START + HOUR), first])
    assert (engine.accounting.duplicate, engine.accounting.late) == (1, 0)


def test_a_deployment_record_that_comes_too_late_is_late_as_others_are() -> None:
    tenant, engine = Tenant(), engine_of()
    runs = tenant.run(START)
    tell(engine, [tenant.sign_in(tenant.agent("a"), START + 2 * HOUR), *runs])
    assert (engine.accounting.applied, engine.accounting.late) == (1, len(runs))


def test_whatever_decoding_left_out_is_accounted_for() -> None:
    engine = engine_of()
    refused = Decoder().body(b'{"records":[{"category":"AuditLogs"}]}').quarantined
    engine.process(Decoded([], quarantined=refused, filtered=Counter({"other_category": 3})))
    accounting = engine.accounting
    assert accounting.received == 4
    assert accounting.balanced()
    assert (accounting.quarantined.total(), accounting.filtered.total()) == (1, 3)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_copies_of_a_record_from_long_ago_are_late_each_time_wherever_bodies_end(size: int) -> None:
    tenant, engine = Tenant(), engine_of()
    old = tenant.sign_in(tenant.agent("a"), START - 9 * HOUR)
    tell(engine, [tenant.sign_in(tenant.agent("a"), START), old, old, old], size=size)
    assert (engine.accounting.duplicate, engine.accounting.late) == (0, 3)


def test_the_same_id_in_another_family_of_records_is_another_record() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(
        engine, [tenant.sign_in(agent, START, record_id="x"), tenant.change("owner_added", START, agent, record_id="x")]
    )
    assert engine.accounting.applied == 2


def test_record_ids_beyond_the_bound_are_forgotten_the_oldest_hour_first_and_counted() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_record_ids=10))
    agent = tenant.agent("a")
    tell(engine, tenant.sign_ins(agent, START, 8), size=1)
    tell(engine, tenant.sign_ins(agent, START + HOUR, 8), size=1)
    assert engine.counters["forgotten_record_ids"] == 8
    assert list(engine.state.admission.generations) == [(START + HOUR) // HOUR]


def test_hours_that_have_passed_are_forgotten() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, [tenant.sign_in(agent, START), tenant.sign_in(agent, START + 3 * HOUR)])
    assert list(engine.state.admission.generations) == [(START + 3 * HOUR) // HOUR]
    assert list(engine.state.admission.buckets) == [(START + 3 * HOUR) // (10 * MINUTE)]


def test_one_object_stands_for_a_bucket() -> None:
    admission = Admission(1200.0)
    assert admission.shared(int("2954160")) is admission.shared(int("2954160"))


def test_copies_within_one_body_and_of_earlier_ones_are_told_apart_from_the_first() -> None:
    admission = Admission(1200.0, watermark=START)
    hour = int(START // HOUR)
    assert admission.copies(hour, [1, 2, 3]) == []
    assert sorted(admission.copies(hour, [4, 3, 1])) == [1, 2]
    assert admission.copies(hour, [5, 1, 5, 6, 5, 1]) == [1, 2, 4, 5]
    assert admission.copies(hour + 1, [1]) == [], "copies carry the same time"
    assert admission.copies(hour - 9, [7, 7]) == [], "all of that hour are late"
    assert set(admission.generations) == {hour, hour + 1}


def test_a_body_of_several_hours_and_kinds_loses_its_copies_only() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    first = [tenant.sign_in(agent, START + minute * MINUTE) for minute in (50, 55, 65)]
    change = tenant.change("owner_added", START + 58 * MINUTE, agent)
    tell(engine, [*first, change, first[1], first[2], change, tenant.sign_in(agent, START + 59 * MINUTE)], size=50)
    assert (engine.accounting.applied, engine.accounting.duplicate) == (5, 3)
