"""From the outbox to the sink: at least once, in fair order, without mercy for noise and with patience for outages."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.domain.alerts import Alert, Subject
from detector.domain.findings import SEVERITIES
from detector.sinks.allowance import HELD_BACK, Allowance, hour_of
from detector.sinks.backoff import Backoff
from detector.sinks.breaker import Breaker
from detector.sinks.dispatch import Dispatch
from detector.sinks.encoding import alert_document, json_line
from detector.sinks.facts import Silent
from detector.sinks.fairness import RANKS, Turns, subject_of
from detector.sinks.outcome import Refused, Retry
from detector.sinks.relay import Clock, Pace, Relay
from detector.sinks.sink import Terms
from tests.sinks.alerts import alert
from tests.sinks.outboxes import Heard, Hours, MemoryOutbox, ScriptedSink, numbered

ROOT = Path(__file__).resolve().parents[2]


class Scene:
    """One relay with everything around it."""

    def __init__(self, *alerts: Alert, terms: Terms | None = None, pace: Pace | None = None) -> None:
        self.outbox = MemoryOutbox(alerts)
        self.sink = ScriptedSink(terms=terms)
        self.heard = Heard()
        self.hours = Hours()
        self.relay = Relay(self.sink, self.outbox, self.heard, self.hours.clock(), pace)

    async def play(self, seconds: float = 1e6) -> None:
        """Runs until nothing is left to do, or so much of the scene's own time is over."""
        self.relay.finish(seconds)
        await asyncio.wait_for(self.relay.run(), 60)

    @property
    def taken(self) -> list[str]:
        return [each.id for each in self.sink.taken]


def ids(alerts: list[Alert]) -> list[str]:
    return [each.id for each in alerts]


# ------------------------------------------------------------------------------------------ delivery


@pytest.mark.asyncio
async def test_everything_pending_is_delivered_and_marked() -> None:
    alerts = numbered(7)
    scene = Scene(*alerts, terms=Terms(batch=3))
    await scene.play()
    assert sorted(scene.taken) == sorted(scene.outbox.sent) == sorted(ids(alerts))
    assert not scene.outbox.waiting
    assert [len(batch) for batch in scene.sink.offered] == [3, 3, 1]
    told = [fact[1] for fact in scene.heard.of("delivered")]
    assert [len(which) for which in told if isinstance(which, tuple)] == [3, 3, 1]


@pytest.mark.asyncio
async def test_a_commit_wakes_a_relay_that_sleeps() -> None:
    scene = Scene()
    task = asyncio.create_task(scene.relay.run())
    while not scene.outbox.fetches:
        await asyncio.sleep(0.001)
    (late,) = numbered(1)
    scene.outbox.add(late)
    scene.relay.notify()
    while not scene.taken:
        await asyncio.sleep(0.001)
    assert scene.taken == [late.id]
    fetches = scene.outbox.fetches
    await asyncio.sleep(0.02)
    assert scene.outbox.fetches <= fetches + 1, "an idle relay does not poll"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.asyncio
async def test_what_was_not_taken_is_tried_again_later_and_later() -> None:
    (one,) = numbered(1)
    scene = Scene(one, pace=Pace(threshold=99, sink_base=0.001))
    scene.sink.script = [Retry("unavailable")] * 4
    await scene.play()
    assert scene.taken == [one.id]
    assert [fact[3] for fact in scene.heard.of("retried")] == [2.0, 4.0, 8.0, 16.0]
    assert scene.hours.time == pytest.approx(1030.0, abs=0.1)


@pytest.mark.asyncio
async def test_retry_after_is_honoured() -> None:
    scene = Scene(*numbered(2))
    scene.sink.script = [Retry("throttled", 700.0)]
    await scene.play()
    assert len(scene.taken) == 2
    assert scene.hours.time == pytest.approx(1700.0)
    assert scene.heard.of("retried")[0][2:] == ("throttled", 700.0)


@pytest.mark.asyncio
async def test_one_alert_that_always_fails_holds_up_nobody() -> None:
    bad, *good = numbered(30)
    scene = Scene(bad, *good)
    scene.sink.decide = lambda each: Retry("unavailable") if each.id == bad.id else None
    await scene.play(20)
    assert sorted(scene.taken) == sorted(ids(good))
    assert list(scene.outbox.waiting) == [bad.id]
    assert not scene.heard.of("breaker_opened")


@pytest.mark.asyncio
async def test_a_refused_alert_is_not_offered_again_and_stays_stored() -> None:
    bad, good = numbered(2)
    scene = Scene(bad, good)
    scene.sink.decide = lambda each: Refused("rejected") if each.id == bad.id else None
    await scene.play()
    assert scene.taken == [good.id]
    assert scene.outbox.failed == {bad.id: "rejected"}
    assert scene.heard.of("refused") == [("scripted", (bad.id,), "rejected")]


@pytest.mark.asyncio
async def test_a_sink_that_raises_is_told_as_a_fault_and_tried_again() -> None:
    (one,) = numbered(1)
    scene = Scene(one)
    scene.sink.script = [ZeroDivisionError(), RecursionError(), MemoryError()]
    await scene.play()
    assert scene.taken == [one.id]
    assert {fact[2] for fact in scene.heard.of("retried")} == {"fault"}


@pytest.mark.asyncio
async def test_a_sink_that_never_answers_is_interrupted() -> None:
    scene = Scene(*numbered(1), pace=Pace(patience=0.02))
    answer = scene.sink.deliver
    calls = 0

    async def deliver(batch: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(600)
        return await answer(batch)

    scene.sink.deliver = deliver  # type: ignore[method-assign]
    await scene.play()
    assert scene.heard.of("retried")[0][2] == "timed_out"
    assert len(scene.taken) == 1


@pytest.mark.asyncio
async def test_a_broken_outbox_is_told_and_outlived() -> None:
    scene = Scene(*numbered(3))
    scene.outbox.breaks = 4
    await scene.play()
    assert len(scene.outbox.sent) == 3
    assert scene.heard.of("outbox_failed") == [("scripted", "OSError")] * 4


@pytest.mark.asyncio
async def test_an_alert_whose_mark_was_lost_is_told_again_with_the_same_id() -> None:
    (one,) = numbered(1)
    scene = Scene(one)
    answer = scene.sink.deliver

    async def deliver(batch: Any) -> Any:
        scene.outbox.breaks = len(scene.sink.offered) == 0
        return await answer(batch)

    scene.sink.deliver = deliver  # type: ignore[method-assign]
    await scene.play()
    assert scene.taken == [one.id, one.id]
    assert scene.outbox.sent == [one.id]


@pytest.mark.asyncio
async def test_alerts_below_the_floor_of_a_sink_are_not_offered() -> None:
    low, high = numbered(2, severity="low"), numbered(1, severity="high")
    scene = Scene(*low, *high, terms=Terms(floor="medium"))
    await scene.play()
    assert scene.taken == ids(high)
    assert scene.outbox.failed == dict.fromkeys(ids(low), "below_severity")


# ------------------------------------------------------------------------------------- circuit breaker


@pytest.mark.asyncio
async def test_a_dead_sink_is_left_alone_and_probed_with_one_alert() -> None:
    scene = Scene(*numbered(20), terms=Terms(batch=10))
    scene.sink.script = [Retry("connect_failed")] * 6
    await scene.play()
    assert len(scene.taken) == 20
    assert [len(batch) for batch in scene.sink.offered] == [10, 10, 10, 10, 10, 1, 1, 10, 9]
    assert scene.heard.of("breaker_opened") == [("scripted", 30.0), ("scripted", 60.0)]
    assert scene.heard.of("breaker_closed") == [("scripted",)]


@pytest.mark.asyncio
async def test_news_do_not_wake_a_sink_that_is_left_alone() -> None:
    hours = Hours()
    blocked = asyncio.Event()
    sleeps: list[float] = []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        blocked.set()
        await asyncio.Event().wait()

    sink = ScriptedSink()
    sink.script = [Retry("throttled", 60.0)]
    clock = Clock(monotonic=hours.monotonic, sleep=sleep, random=lambda: 1.0)
    relay = Relay(sink, MemoryOutbox(numbered(2)), Silent(), clock)
    task = asyncio.create_task(relay.run())
    await asyncio.wait_for(blocked.wait(), 60)
    for _ in range(50):
        relay.notify()
        await asyncio.sleep(0)
    assert len(sink.offered) == 1
    assert sleeps == [60.0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.asyncio
async def test_when_a_sink_is_back_nobody_waits_out_a_time_that_was_meant_for_the_outage() -> None:
    scene = Scene(*numbered(2), pace=Pace(threshold=1, rest=10.0, alert_base=900.0, alert_longest=900.0))
    scene.sink.script = [Retry("connect_failed")]
    await scene.play()
    assert len(scene.taken) == 2
    assert scene.hours.time == pytest.approx(1010.0)


def test_a_breaker_opens_rests_longer_each_time_and_closes() -> None:
    breaker = Breaker(threshold=3, rest=10.0, longest=25.0)
    assert [breaker.failed(0.0) for _ in range(3)] == [0.0, 0.0, 10.0]
    assert (breaker.state(9.9), breaker.state(10.0)) == ("open", "half_open")
    assert breaker.remaining(4.0) == 6.0
    assert breaker.failed(10.0) == 20.0
    assert breaker.failed(30.0) == 25.0
    assert breaker.state(54.0) == "open"
    assert breaker.succeeded()
    assert breaker.state(54.0) == "closed"
    assert not breaker.succeeded()
    assert breaker.failed(60.0) == 0.0


@given(failures=st.integers(-5, 10_000), chance=st.floats(0, 1))
def test_no_wait_is_longer_than_its_cap(failures: int, chance: float) -> None:
    wait = Backoff(2.0, 300.0, lambda: chance).after(failures)
    assert 0 <= wait <= min(300.0, 2.0 * 2 ** max(0, min(failures, 40) - 1))


# ------------------------------------------------------------------------------------------ fairness


def agent(alert: Alert) -> str:
    return alert.subject.id


@pytest.mark.asyncio
async def test_the_worst_leave_first_and_equals_take_turns() -> None:
    alerts = [*numbered(4, "a"), *numbered(2, "b"), *numbered(2, "c", "low"), *numbered(1, "c", "critical")]
    scene = Scene(*alerts)
    await scene.play()
    assert [(agent(each), each.severity) for each in scene.sink.taken] == [
        ("c", "critical"),
        ("a", "medium"),
        ("b", "medium"),
        ("a", "medium"),
        ("b", "medium"),
        ("a", "medium"),
        ("a", "medium"),
        ("c", "low"),
        ("c", "low"),
    ]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(SEVERITIES)), max_size=40))
def test_an_order_is_a_permutation_by_falling_severity_and_fair(what: list[tuple[str, Any]]) -> None:
    alerts = [
        alert(f"{number}", severity=severity, subject=Subject("agent", who))
        for number, (who, severity) in enumerate(what)
    ]
    ordered = list(Turns().order(alerts))
    assert Counter(ids(ordered)) == Counter(ids(alerts))
    ranks = [RANKS[each.severity] for each in ordered]
    assert ranks == sorted(ranks, reverse=True)
    for rank in set(ranks):
        served: Counter[str] = Counter()
        waiting = Counter(agent(each) for each in ordered if RANKS[each.severity] == rank)
        for each in ordered:
            if RANKS[each.severity] == rank:
                served[agent(each)] += 1
                behind = min(served[who] for who in waiting if served[who] < waiting[who] or who == agent(each))
                assert served[agent(each)] <= behind + 1


def test_starting_over_favours_nobody() -> None:
    turns = Turns()
    noisy, quiet = numbered(9, "noisy"), numbered(2, "quiet")
    left: list[str] = []
    waiting = [*noisy, *quiet]
    for _ in range(4):
        first = next(turns.order(waiting))
        turns.served(first)
        waiting.remove(first)
        left.append(agent(first))
    assert left == ["noisy", "quiet", "noisy", "quiet"]


@pytest.mark.asyncio
async def test_a_critical_alert_that_comes_late_overtakes_what_waits() -> None:
    scene = Scene(*numbered(10, severity="low"))
    (late,) = numbered(1, "other", "critical")
    answer = scene.sink.deliver

    async def deliver(batch: Any) -> Any:
        if len(scene.sink.offered) == 2:
            scene.outbox.add(late)
            scene.relay.notify()
        return await answer(batch)

    scene.sink.deliver = deliver  # type: ignore[method-assign]
    await scene.play()
    assert scene.taken.index(late.id) == 3


# ------------------------------------------------------------------------------------------- floods


@pytest.mark.asyncio
@pytest.mark.parametrize("severity", ["medium", "high"])
async def test_ten_thousand_alerts_of_one_agent_do_not_bury_another_one(severity: Any) -> None:
    noise = numbered(10_000, severity=severity)
    (grave,) = numbered(1, "victim", "critical")
    scene = Scene(*noise, grave, terms=Terms(per_hour=20))
    await scene.play()
    assert scene.taken[0] == grave.id
    told = Counter(agent(each) for each in scene.sink.taken)
    (roll_up,) = [each for each in scene.sink.taken if each.detector == HELD_BACK]
    assert told == {"noisy": 21, "victim": 1}
    assert roll_up.title == "9,980 further alerts held back for Noisy"
    assert roll_up.evidence.observed == 9_980
    # Nothing is unaccounted for.
    assert not scene.outbox.waiting
    assert Counter(scene.outbox.failed.values()) == {"held_back": 9_980}
    assert len(set(scene.outbox.sent) | set(scene.outbox.failed)) == 10_000 + 1 + 1
    assert scene.heard.of("rolled_up")[-1] == ("scripted", roll_up.id, 9_980)


@pytest.mark.asyncio
async def test_critical_alerts_are_never_held_back_and_still_take_turns() -> None:
    (grave,) = numbered(1, "victim", "critical")
    scene = Scene(*numbered(400, severity="critical"), grave, terms=Terms(per_hour=20, per_day=30, per_detector=5))
    await scene.play()
    assert grave.id in scene.taken[:2]
    assert len(scene.sink.taken) == 401
    assert not scene.outbox.failed


@pytest.mark.asyncio
async def test_small_alerts_do_not_use_up_the_room_of_grave_ones() -> None:
    scene = Scene(*numbered(30, severity="low"), terms=Terms(per_hour=20))
    await scene.play()
    scene.outbox.add(*numbered(5, severity="critical"))
    await scene.play()
    assert Counter(each.severity for each in scene.sink.taken if each.detector != HELD_BACK) == {
        "low": 20,
        "critical": 5,
    }


@pytest.mark.asyncio
async def test_there_is_one_roll_up_an_hour_with_the_same_id_wherever_it_is_made() -> None:
    first, second = Scene(terms=Terms(per_hour=2)), Scene(terms=Terms(per_hour=2))
    for scene, order in ((first, 1), (second, -1)):
        for hour in ("2026-10-05T07:10:00.000Z", "2026-10-05T07:50:00.000Z", "2026-10-05T08:10:00.000Z"):
            scene.outbox.add(*numbered(5, time=hour)[::order])
            await scene.play()
    rolled = [each for each in first.sink.taken if each.detector == HELD_BACK]
    assert len(rolled) == 2
    assert [each.id for each in rolled] == [each.id for each in second.sink.taken if each.detector == HELD_BACK]
    assert Counter(first.outbox.failed.values()) == {"held_back": 11}


@pytest.mark.asyncio
async def test_the_count_goes_on_after_a_restart_while_the_roll_up_waits() -> None:
    scene = Scene(*numbered(10), terms=Terms(per_hour=4))
    scene.sink.decide = lambda _: Retry("unavailable")
    await scene.play(1)
    assert len(scene.outbox.waiting) == 5
    again = Scene(
        *scene.outbox.waiting.values(), *numbered(8, time="2026-10-05T07:40:00.000Z"), terms=Terms(per_hour=4)
    )
    await again.play()
    (roll_up,) = [each for each in again.sink.taken if each.detector == HELD_BACK]
    assert roll_up.evidence.observed == 6 + 8


def test_a_roll_up_is_an_alert_like_any_other() -> None:
    import jsonschema

    held = numbered(3, severity="high")
    allowance = Allowance(1)
    assert [allowance.admits(each) for each in held] == [True, False, False]
    roll_up = allowance.roll_up(held[1:], hour_of(held[0]))
    schema = json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json_line(alert_document(roll_up))), schema)
    assert roll_up.severity == "high"
    assert subject_of(roll_up) == subject_of(held[0])
    assert allowance.admits(roll_up)


@settings(max_examples=30, deadline=None)
@given(
    what=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(SEVERITIES)), max_size=60),
    per_hour=st.integers(1, 5),
    batch=st.integers(1, 7),
)
def test_whatever_is_sent_every_alert_is_accounted_for(what: list[tuple[str, Any]], per_hour: int, batch: int) -> None:
    alerts = [
        alert(f"{number}", severity=severity, subject=Subject("agent", who))
        for number, (who, severity) in enumerate(what)
    ]
    scene = Scene(*alerts, terms=Terms(per_hour=per_hour, batch=batch), pace=Pace(window=7))
    asyncio.run(scene.play())
    told = [each for each in scene.sink.taken if each.detector != HELD_BACK]
    assert Counter([*ids(told), *scene.outbox.failed]) == Counter(ids(alerts))
    for who in "ab":
        for rank in range(len(SEVERITIES) - 1):
            ordinary = [each for each in told if agent(each) == who and each.severity != "critical"]
            same_or_worse = [each for each in ordinary if RANKS[each.severity] >= rank]
            assert len(same_or_worse) <= per_hour * (len(SEVERITIES) - 1 - rank)
            alike = [each for each in same_or_worse if RANKS[each.severity] == rank]
            assert len(alike) <= per_hour


# ----------------------------------------------------------------------------------------- together


@pytest.mark.asyncio
async def test_a_dead_sink_delays_nobody_else_and_a_drain_ends_in_time() -> None:
    class Dead(ScriptedSink):
        async def deliver(self, batch: Any) -> Any:
            self.offered.append(list(batch))
            await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    alive, dead = ScriptedSink("alive"), Dead("dead")
    outboxes = MemoryOutbox(numbered(50)), MemoryOutbox(numbered(50))
    clock = Clock(monotonic=loop.time)
    relays = [Relay(sink, outbox, Silent(), clock) for sink, outbox in zip((alive, dead), outboxes, strict=True)]
    async with Dispatch(relays) as dispatch:
        dispatch.notify()
        while len(alive.taken) < 50:
            await asyncio.sleep(0.001)
        start = loop.time()
        assert not await dispatch.drain(0.5)
        assert loop.time() - start < 20, "a sink that never answers is given up after a minute only"
    assert len(alive.taken) == 50
    assert len(outboxes[1].waiting) == 50, "what the dead sink did not take is still in its outbox"
    assert alive.closed
    assert dead.closed


@pytest.mark.asyncio
async def test_a_drain_of_healthy_sinks_ends_as_soon_as_all_is_told() -> None:
    loop = asyncio.get_running_loop()
    sink, outbox = ScriptedSink(terms=Terms(batch=9)), MemoryOutbox(numbered(30))
    async with Dispatch([Relay(sink, outbox, Silent(), Clock(monotonic=loop.time))]) as dispatch:
        start = loop.time()
        assert await dispatch.drain(600.0)
        assert loop.time() - start < 60
    assert not outbox.waiting


@pytest.mark.asyncio
async def test_a_drain_does_not_wait_for_a_sink_that_will_not_be_back_in_time() -> None:
    scene = Scene(*numbered(1))
    scene.sink.script = [Retry("throttled", 600.0)]
    await scene.play(20.0)
    assert scene.hours.time < 1020.0
    assert len(scene.outbox.waiting) == 1
