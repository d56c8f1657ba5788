"""One agent on a new network while its siblings stay is a theft; all of them there is a move."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.budget import BudgetSettings
from tests.stories import HOUR, MINUTE, START, Tenant, engine_of, network, settings, tell

NAME = "network_novelty"
TENANT = Tenant()
CREW = [TENANT.agent(f"crew {number}", blueprint="crew") for number in range(4)]
HOME = network(1, asn=64500, country="NL")
AWAY = network(77, asn=64500, country="NL")
THEN = START + 14 * 24 * HOUR
"""An hour begins."""


def chosen(followed: float = 5.0, stayed: float = 0.01) -> EngineSettings:
    """A new prefix is over the budget by itself; what it costs when it is seen what siblings did."""
    quiet = {each.name: {"enabled": False} for each in settings().detectors if each.name != NAME}
    rates = {"prefix": 5.0, "prefix, siblings followed": followed, "prefix, siblings stayed": stayed}
    shipped = {f"{NAME}/{sort}": ((0, rate),) for sort, rate in rates.items()}
    return settings(budget=BudgetSettings(rate=1.0, planned=1.0, shipped=shipped), thresholds=quiet)


def calm() -> list[Event]:
    return [
        TENANT.sign_in(each, START + hour * HOUR + number * MINUTE, origin=HOME)
        for hour in range(14 * 24)
        for number, each in enumerate(CREW)
    ]


def stranger(at: float = THEN + 20 * MINUTE) -> Event:
    return TENANT.sign_in(CREW[0], at, origin=AWAY)


def others(origin: object, at: float = THEN + 40 * MINUTE) -> list[Event]:
    return [TENANT.sign_in(each, at + number, origin=origin) for number, each in enumerate(CREW[1:])]  # type: ignore[arg-type]


def clock(at: float) -> Event:
    return TENANT.sign_in(TENANT.agent("clock", blueprint="clocks"), at, origin=HOME)


def told(*events: Event, by: EngineSettings | None = None) -> list[Alert]:
    engine = engine_of(by or chosen())
    return fresh([*tell(engine, [*calm(), *events]), *engine.finish()])


def fresh(alerts: Sequence[Alert]) -> list[Alert]:
    """Those about a network that no sibling had used."""
    return [each for each in alerts if each.detector == NAME and each.severity != "low"]


def test_an_agent_whose_siblings_stay_is_told() -> None:
    (alert,) = told(stranger(), *others(HOME))
    assert alert.held is None
    assert alert.sort == "prefix, siblings stayed"
    assert alert.rate is not None
    assert alert.rate <= 0.01


def test_a_move_of_all_is_held_back() -> None:
    (alert,) = told(stranger(), *others(AWAY))
    assert alert.held is not None
    assert alert.sort == "prefix, siblings followed"


def test_one_that_follows_is_enough() -> None:
    (alert,) = told(stranger(), *others(HOME)[:2], *others(AWAY)[2:])
    assert alert.held is not None


def test_where_nobody_else_was_at_work_nothing_is_known() -> None:
    (alert,) = told(stranger())
    assert alert.held is not None
    assert alert.sort == "prefix"


@pytest.mark.parametrize(("after", "held"), [(2 * HOUR - 1, True), (2 * HOUR, False)])
def test_the_hour_of_the_news_and_the_next_one_count(after: float, held: bool) -> None:
    """Who follows later is no witness."""
    (alert,) = told(stranger(), others(HOME)[0], others(AWAY, THEN + after - 1)[1])
    assert (alert.held is not None) is held


def test_it_is_told_once_both_hours_are_final() -> None:
    engine = engine_of(chosen())
    lateness = chosen().lateness
    assert tell(engine, [*calm(), stranger(), *others(HOME), clock(THEN + 2 * HOUR + lateness)]) == []
    (alert,) = tell(engine, [clock(THEN + 2 * HOUR + lateness + 10 * MINUTE + 1)])
    assert alert.held is None


def test_the_rates_of_what_was_witnessed_decide() -> None:
    (alert,) = told(stranger(), *others(HOME), by=chosen(stayed=5.0))
    assert alert.held is not None
    (alert,) = told(stranger(), *others(AWAY), by=chosen(followed=0.01))
    assert alert.held is None


def _ids(events: Sequence[Event], every: int) -> set[tuple[str, bool]]:
    engine, found = engine_of(chosen()), list[Alert]()
    for start in range(0, len(events), every):
        found += tell(engine, events[start : start + every])
        engine = Engine(chosen(), State.load(engine.snapshot()))
    return {(each.id, each.held is None) for each in fresh([*found, *engine.finish()])}


def test_order_copies_and_restarts_change_nothing() -> None:
    late = [stranger(), *others(HOME), *others(AWAY, THEN + 3 * HOUR), clock(THEN + 6 * HOUR)]
    mixed = [*late[:4], *late[:4]]
    Random(3).shuffle(mixed)
    wanted = _ids([*calm(), *late], 10**6)
    assert len(wanted) == 1
    assert _ids([*calm(), *mixed, *late[4:], *late[-1:]], 97) == wanted
