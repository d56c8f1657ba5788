"""Finished hours: whose rows are made, when, and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from detector.engine.closing import Closing
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.hours import PARTS, Judged, Row
from tests.stories import HOUR, INVALID, MINUTE, START, Tenant, in_order, network, settings, tell

TENANT = Tenant()
AGENT = TENANT.agent("invoices", blueprint="crew")
SIBLING = TENANT.agent("orders", blueprint="crew")
LONER = TENANT.agent("loner", blueprint=None)
NOW = START + 48 * HOUR


class Listener:
    """Keeps what it is told and finds nothing."""

    name = "listener/1"
    min_seen = 3.0
    shadow = False

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:  # noqa: ARG002 -- the interface
        self.told += [(hour, dict(zip(PARTS, row, strict=True))) for row in rows]
        return [Judged(1.0, ())] * len(rows)

    def stability(self) -> Mapping[str, float]:
        return {}


def chosen(listener: Listener) -> EngineSettings:
    return replace(settings(), model=listener)


def calm() -> list[object]:
    return [TENANT.calm(each, hours=48, per_hour=2) for each in (AGENT, SIBLING)]


def last(listener: Listener, hour: float = NOW) -> list[dict[str, float]]:
    return [row for at, row in listener.told if at == int(hour // HOUR)]


def test_every_active_hour_of_every_agent_is_told_once_and_in_order() -> None:
    listener = Listener()
    playing = Engine(chosen(listener))
    tell(playing, in_order(*calm()))  # type: ignore[arg-type]
    playing.finish()
    told = [hour for hour, _ in listener.told]
    assert told == sorted(told)
    assert len(told) == 2 * (48 - 4)
    assert playing.finish() == []
    assert len(listener.told) == len(told)


def test_an_agent_without_blueprint_is_compared_with_itself() -> None:
    listener = Listener()
    playing = Engine(chosen(listener))
    tell(playing, in_order(TENANT.calm(LONER, hours=30), TENANT.sign_ins(LONER, START + 30 * HOUR, 9, every=1.0)))
    playing.finish()
    (row,) = last(listener, START + 30 * HOUR)
    assert row["volume"] > 1.0
    assert row["apart"] == row["volume"]


def test_what_is_new_is_told_and_less_of_it_when_siblings_begin_it_too() -> None:
    def novelty(*agents: object) -> dict[str, float]:
        listener = Listener()
        playing = Engine(chosen(listener))
        begun = [
            TENANT.sign_in(agent, NOW + MINUTE, resource="vault", origin=network(9), credential="certificate")  # type: ignore[arg-type]
            for agent in agents
        ]
        others = [TENANT.sign_in(agent, NOW + 2 * MINUTE) for agent in (AGENT, SIBLING)]
        tell(playing, in_order(*calm(), *begun, others))  # type: ignore[arg-type]
        playing.finish()
        return max(last(listener), key=lambda row: row["new_resources"])

    alone, together = novelty(AGENT), novelty(AGENT, SIBLING)
    for part in ("new_resources", "new_networks", "new_means"):
        assert alone[part] > 0.5, part
        assert together[part] == 0.0, part


def test_what_a_sibling_has_known_for_long_is_less_new() -> None:
    def novelty(*before: object) -> float:
        listener = Listener()
        playing = Engine(chosen(listener))
        new = TENANT.sign_in(AGENT, NOW + MINUTE, resource="vault", origin=network(9))
        tell(playing, in_order(*calm(), *before, new))  # type: ignore[arg-type]
        playing.finish()
        return sum(row["new_resources"] + row["new_networks"] for row in last(listener))

    known = TENANT.sign_in(SIBLING, START + 30 * HOUR, resource="vault", origin=network(9))
    assert novelty(known) < novelty()


def test_failures_of_the_hour_are_told() -> None:
    listener = Listener()
    playing = Engine(chosen(listener))
    failing = TENANT.sign_ins(AGENT, NOW, 6, error=INVALID)
    earlier = TENANT.sign_ins(AGENT, START + 20 * HOUR, 1, error=INVALID)
    tell(playing, in_order(*calm(), earlier, failing))  # type: ignore[arg-type]
    playing.finish()
    (row,) = last(listener)
    assert row["failing"] > 2.0


def test_a_restart_goes_on_where_it_was() -> None:
    listener = Listener()
    first = Engine(chosen(listener))
    story = in_order(*calm())  # type: ignore[arg-type]
    half = len(story) // 2
    tell(first, story[:half])
    second = Engine(chosen(listener), State.load(first.snapshot()))
    tell(second, story[half:])
    second.finish()
    assert len(listener.told) == 2 * (48 - 4)


def test_nobody_who_listens_means_that_nothing_is_unusual() -> None:
    listener = Listener()
    silent = replace(chosen(listener), detectors=())
    playing = Engine(silent)
    (closing,) = [part for part in playing.parts if isinstance(part, Closing)]
    assert closing.least == 0.0
