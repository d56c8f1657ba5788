"""Sign-ins that are written by forms are those that are written one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.runtime.simulation import LEVELS, SimulationSettings, simulate
from detector.runtime.simulation.delivery import deliver
from detector.runtime.simulation.press import Press
from detector.runtime.simulation.records import SignIn


@pytest.fixture(scope="module")
def copies() -> list[tuple[int, SignIn]]:
    settings = SimulationSettings(
        seed=5, days=2, agents=12, attack_after_days=1, attack_levels=LEVELS, mean_requests_per_agent_day=40
    )
    found = simulate(settings)._copies
    return [(copy.received, copy.draft) for copy in found if isinstance(copy.draft, SignIn)]


def test_every_record_is_the_same_by_either_way(copies: list[tuple[int, SignIn]]) -> None:
    press = Press("99999999-0000-4000-8000-00000000aaaa")
    assert len({draft.category for _, draft in copies}) == 5
    assert any(draft.user and draft.error for _, draft in copies)
    for received, draft in copies:
        assert press.write(draft, received) == draft.render("99999999-0000-4000-8000-00000000aaaa", received)


def test_a_name_may_hold_what_forms_are_made_of(copies: list[tuple[int, SignIn]]) -> None:
    received, draft = copies[0]
    odd = replace(draft, caller=replace(draft.caller, name="100 % %(id)s %s agent"))
    press = Press("t")
    for _ in range(2):
        assert press.write(odd, received) == odd.render("t", received)


def test_what_is_no_sign_in_is_written_as_ever() -> None:
    simulation = simulate(SimulationSettings(seed=5, days=0.5, agents=2, blueprints=1, attacks=False))
    press = Press("t")
    for copy in deliver([each.draft for each in simulation._copies[-50:]], seed=1, duplicates=0.0):
        assert press.write(copy.draft, copy.received) == copy.draft.render("t", copy.received)
