"""The decoder understands everything that the simulator writes."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Change, Deployment, InventoryObject, Risk, SignIn
from detector.runtime.simulation import Simulation
from detector.runtime.simulation.workload import Padding, sign_in_bodies


def test_every_simulated_record_gives_an_event_or_is_filtered_on_purpose(attacked: Simulation) -> None:
    decoder = Decoder()
    kinds, filtered, ids = Counter[type](), Counter[str](), set()
    for body in attacked.bodies():
        decoded = decoder.body(body)
        assert decoded.quarantined == []
        assert not decoded.unknown
        kinds.update(type(event) for event in decoded.events)
        filtered += decoded.filtered
        ids |= {event.record_id for event in decoded.events}
    assert set(kinds) == {SignIn, Change, Risk, InventoryObject, Deployment}
    assert kinds.total() + filtered.total() == attacked.record_count
    assert set(filtered) <= {"not_an_agent", "category_not_read"}
    assert all(ids.issuperset(label.record_ids) for label in attacked.labels)


@pytest.mark.parametrize("padding", get_args(Padding))
def test_every_record_of_a_workload_gives_a_sign_in(padding: Padding) -> None:
    decoder = Decoder()
    for body in sign_in_bodies(records=500, agents=50, span=600, seed=1, padding=padding):
        decoded = decoder.body(body)
        assert [type(event) for event in decoded.events] == [SignIn] * 50
        assert not decoded.quarantined
