"""The worker judges in batches, commits each once, insists while the disk refuses, and tells what happened."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.config.settings import Settings
from detector.domain.accounting import Accounting
from detector.domain.delivery import Delivery, Position
from detector.runtime.live.memory import counters_of
from detector.stores.errors import Fenced, StoreCorrupted
from tests.decode.builders import AGENT, dumps, sign_in
from tests.live.stream import Stream, stream, undisturbed
from tests.runtime.live.parts import FULL, WALL, Bench, deliveries, running


def settings_of(told: Stream) -> Settings:
    return load(text=json.dumps(told.configuration))


TOLD = stream(days=0.5, agents=6)
SETTINGS = settings_of(TOLD)


def test_what_a_store_holds_at_the_end_is_what_an_undisturbed_engine_says(tmp_path: Path) -> None:
    wanted = undisturbed(TOLD, SETTINGS)
    messages = deliveries(TOLD)

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*messages)
        await at.work()
        assert at.store.load().counters == wanted.counters
        assert {row.alert_id for row in at.store.outbox.pending("one", 10_000)} == wanted.alerts
        assert {row.alert_id for row in at.store.outbox.pending("two", 10_000)} == wanted.alerts
        assert at.worker.positions() == at.store.load().positions == _last(messages)
        assert at.ticks >= len(messages)
        at.store.close()

    assert len(wanted.alerts) > 5
    running(work)


def _last(messages: list[Delivery]) -> dict[str, Position]:
    return {each.partition: each.position for each in messages}


@pytest.mark.parametrize("size", [1, 4_000, 10**9])
def test_a_batch_is_one_transaction_and_as_large_as_it_was_told(tmp_path: Path, size: int) -> None:
    messages = deliveries(TOLD)[:40]

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, batch_bytes=size)
        await at.put(*messages)
        await at.work()
        whole = sum(len(each.body) for each in messages)
        commits = at.refusing.commits
        assert {1: 40, 10**9: 1}.get(size, len(commits)) == len(commits)
        assert len(commits) >= whole / (size + max(len(each.body) for each in messages))
        assert at.refusing.asked == ["begin", "commit"] * len(commits), "the mark comes before the work"
        assert at.committed == [dict(commit.positions) for commit in commits]
        at.store.close()

    running(work)


def test_the_mark_of_a_batch_names_what_is_in_work(tmp_path: Path) -> None:
    messages = deliveries(TOLD)[:7]

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        at.refusing.refuse = [None, Fenced("taken over")]
        await at.put(*messages)
        with pytest.raises(Fenced):
            await at.work()
        rows = at.store._reader.rows("SELECT partition, begun_first, begun_last FROM inflight ORDER BY partition")
        assert rows == [("0", 0, 2), ("1", 0, 1), ("2", 0, 1)]
        at.store.close()

    running(work)


def test_a_commit_is_tried_again_until_the_disk_takes_it_and_nothing_is_judged_twice(tmp_path: Path) -> None:
    messages = deliveries(TOLD)[:30]

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, batch_bytes=1)
        seen: list[bool] = []
        at.refusing.refuse = [FULL, FULL, None, FULL, FULL, FULL, None]
        at.worker._ticked = lambda: seen.append(at.worker.store_refuses)  # type: ignore[misc]
        await at.put(*messages)
        await at.work()
        assert at.refusing.asked[:7] == ["begin"] * 3 + ["commit"] * 4
        assert len(at.refusing.commits) == 30
        assert at.read_bodies == [each.body for each in messages], "each was decoded once"
        assert any(seen), "it says so while the disk refuses"
        assert not at.worker.store_refuses, "and no longer"
        at.store.close()

    running(work)


def test_who_is_abandoned_leaves_the_batch_to_the_next_process(tmp_path: Path) -> None:
    messages = deliveries(TOLD)[:10]

    async def first() -> None:
        at = Bench(tmp_path, SETTINGS, first_retry=600.0, longest_retry=600.0)
        at.refusing.refuse = [None, FULL]
        await at.put(*messages)
        working = asyncio.create_task(at.work())
        while "commit" not in at.refusing.asked:
            await asyncio.sleep(0.005)
        at.worker.abandon()
        await asyncio.wait_for(working, 60)
        assert at.worker.positions() == {}
        assert at.committed == []
        at.store.close()

    async def second() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*messages)
        await at.work()
        assert at.store.load().counters == undisturbed(_only(10), SETTINGS).counters
        at.store.close()

    running(first)
    running(second)


def _only(count: int) -> Stream:
    return replace(TOLD, messages=TOLD.messages[:count])


def test_what_the_store_has_is_not_judged_again(tmp_path: Path) -> None:
    messages = deliveries(TOLD)[:30]

    async def first() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*messages[:20])
        await at.work()
        at.store.close()

    async def second() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*messages)
        await at.work()
        assert at.read_bodies == [each.body for each in messages[20:]]
        assert sum(values[0] for values in at.facts.of("sequence_replayed")) == 20
        assert at.store.load().counters == undisturbed(_only(30), SETTINGS).counters
        assert at.inbox.held == 0
        at.store.close()

    running(first)
    running(second)


@pytest.mark.parametrize("error", [Fenced("taken over"), StoreCorrupted("damaged")])
@pytest.mark.parametrize("written", [0, 1])
def test_a_store_that_is_lost_ends_the_worker(tmp_path: Path, error: Exception, written: int) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        at.refusing.refuse = [*[None] * written, error]
        await at.put(*deliveries(TOLD)[:5])
        with pytest.raises(type(error)):
            await at.work()
        assert at.committed == []
        at.store.close()

    running(work)


# Errands


def test_errands_are_run_between_two_batches_and_answered(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)

        def wrong() -> None:
            raise ValueError("no")

        right, failed = at.worker.call(lambda: "done"), at.worker.call(wrong)
        await at.put(*deliveries(TOLD)[:3])
        await at.work()
        assert right.result(0) == "done"
        with pytest.raises(ValueError, match="no"):
            failed.result(0)
        assert len(at.refusing.commits) == 1
        at.store.close()

    running(work)


def test_an_errand_that_nobody_waits_for_any_more_harms_nobody(tmp_path: Path) -> None:
    """A source that is stopped while it waits for the store cancels what it asked for."""

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        done: list[int] = []
        at.worker.call(lambda: done.append(1)).cancel()
        later = at.worker.call(lambda: done.append(2))
        await at.put(*deliveries(TOLD)[:3])
        await at.work()
        assert done == [2]
        assert later.done()
        assert len(at.refusing.commits) == 1
        at.store.close()

    running(work)


def test_an_errand_that_finds_the_store_lost_ends_the_worker(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        at.refusing.refuse = [Fenced("taken over")]
        asked = at.worker.call(lambda: at.worker.remember("hub", "h@1", {"0": Position(1, "1")}))
        with pytest.raises(Fenced):
            await at.work()
        assert isinstance(asked.exception(0), Fenced)
        at.store.close()

    running(work)


def test_an_idle_worker_answers_an_errand_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, patience=600.0)
        working = asyncio.create_task(asyncio.to_thread(at.worker.run))
        await asyncio.sleep(0.05)
        answer: Future[object] = at.worker.call(lambda: 7)
        assert await asyncio.wait_for(asyncio.wrap_future(answer), 60) == 7
        at.inbox.close()
        await asyncio.wait_for(working, 60)
        at.store.close()

    running(work)


# Positions that no message taught


def test_a_position_is_remembered_without_a_message_even_a_lower_one(tmp_path: Path) -> None:
    messages = deliveries(TOLD, partitions=2)[:20]

    async def first() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*messages)
        at.worker.call(lambda: at.worker.remember("hub", "h@1", {"7": Position(4, "x")}))
        await at.work()
        at.worker.remember("hub", "h@1", {"0": Position(3, "o3")})
        assert at.worker.positions() == {"0": Position(3, "o3"), "1": Position(9, "o9"), "7": Position(4, "x")}
        assert at.refusing.asked.count("forget") == 1, "only where one is lowered"
        at.store.close()

    async def second() -> None:
        at = Bench(tmp_path, SETTINGS)
        loaded = at.store.load()
        assert loaded.positions == {"0": Position(3, "o3"), "1": Position(9, "o9"), "7": Position(4, "x")}
        assert loaded.identities == {"hub": "h@1"}
        await at.put(*messages)
        await at.work()
        assert at.read_bodies == [each.body for each in messages if each.partition == "0"][4:]
        at.store.close()

    running(first)
    running(second)


def test_positions_of_a_hub_that_is_no_more_are_void(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(*deliveries(TOLD)[:9])
        await at.work()
        at.worker.remember("hub", "h@2", {"0": Position(-1, "-1")}, void=["0", "1", "unheard-of"])
        assert at.worker.positions() == {"0": Position(-1, "-1"), "2": Position(2, "o2")}
        assert at.store.load().positions == at.worker.positions()
        at.store.close()

    running(work)


def test_another_engine_works_on_with_the_same_memory(tmp_path: Path) -> None:
    messages = deliveries(TOLD)

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, batch_bytes=1)
        half = len(messages) // 2
        await at.put(*messages[:half])

        def change() -> None:
            old = at.worker.engine
            at.worker.change(type(old)(old.settings, old.state, old.journal), at.worker.read)

        at.worker.call(change)
        await at.put(*messages[half:])
        await at.work()
        wanted = undisturbed(TOLD, SETTINGS)
        assert at.store.load().counters == wanted.counters
        assert {row.alert_id for row in at.store.outbox.pending("one", 10_000)} == wanted.alerts
        at.store.close()

    running(work)


# Facts


def test_what_is_told_adds_up_to_what_is_stored(tmp_path: Path) -> None:
    messages = deliveries(TOLD)

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, batch_bytes=4_000)
        await at.put(*messages)
        await at.work()
        told = at.facts.named("batch_committed")
        total = Accounting()
        for each in (named["accounting"] for named in told):
            assert each.balanced()
            total.received += each.received
            total.applied += each.applied
            total.duplicate += each.duplicate
            total.late += each.late
            total.filtered += each.filtered
            total.quarantined += each.quarantined
        assert counters_of(total) == at.store.load().counters == undisturbed(TOLD, SETTINGS).counters
        assert sum(sum(named["applied"].values()) for named in told) == total.applied
        assert {partition for named in told for partition in named["applied"]} == {"0", "1", "2"}
        assert sum(values[1] for values in at.facts.of("batch_received")) == total.received
        assert sum(values[2] for values in at.facts.of("batch_received")) == sum(len(each.body) for each in messages)
        latencies = [latency for named in told for latency in named["latencies"]]
        assert sorted(latencies) == sorted(max(0.0, WALL - each.enqueued) for each in messages)
        marks = [named["watermark"] for named in told]
        assert marks == sorted(marks)
        raised = {values[3] for values in at.facts.of("alert_raised")}
        assert raised == undisturbed(TOLD, SETTINGS).alerts
        assert len(at.facts.of("alert_raised")) == len(raised), "each is told once"
        classed = at.facts.of("alert_classed")
        assert [severity for _, severity in classed] == [values[1] for values in at.facts.of("alert_raised")]
        assert {environment for environment, _ in classed} >= {"production", "undeclared"}
        assert 0 < len(at.facts.of("incident_begun")) < len(raised)
        assert len(at.facts.of("engine_counted")) == len(told)
        at.store.close()

    running(work)


def test_how_the_budget_stands_is_told_from_the_start_and_what_days_brought_once(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, batch_bytes=4_000)
        await at.put(*deliveries(TOLD))
        await at.work()
        seen = at.facts.named("budget_seen")
        budget = at.worker.engine.budgeting
        assert budget is not None
        assert seen[0] == {"false_alerts": 1.0, "limit": seen[0]["limit"], "exposure": 0, "days": 0}
        assert seen[-1] == budget.standing()._asdict()
        assert seen[-1]["days"] > 0
        assert len(seen) == 1 + len(at.facts.named("batch_committed"))
        days = at.facts.of("budget_settled")
        assert sum(expected["token_spike"] for expected, _ in days) > 0
        assert budget.take_settled() == ({}, {}), "it was told"
        at.store.close()

    running(work)


def test_without_a_budget_there_is_none_to_tell_of_also_after_a_change(tmp_path: Path) -> None:
    nothing = {"false_alerts": 0.0, "limit": 0.0, "exposure": 0.0, "days": 0}

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.work()
        old = at.worker.engine
        chosen = engine_settings(load(text="budget: {enabled: false}"))
        at.worker.change(type(old)(chosen, old.state, old.journal), at.worker.read)
        first, second = at.facts.named("budget_seen")
        assert first["false_alerts"] == 1.0
        assert second == nothing
        at.store.close()

    running(work)


def test_a_record_that_cannot_be_used_is_told_with_its_place_and_stored(tmp_path: Path) -> None:
    body = b'{"records":[' + dumps(sign_in())[12:-2] + b', {"id": 7 ]}'

    async def work() -> None:
        at = Bench(tmp_path, SETTINGS)
        await at.put(Delivery("3", Position(77, "x"), WALL, body))
        await at.work()
        ((reason, place),) = at.facts.of("quarantined")
        assert (reason, place) == ("malformed_json", "3:77")
        assert at.store.load().counters["quarantined:malformed_json"] == 1
        assert at.store._reader.rows("SELECT reason, place FROM quarantine") == [("malformed_json", "3:77")]
        at.store.close()

    running(work)


# The canary, and what is not sent

SEEN = 1_789_948_801.0
"""2026-09-21T00:00:01Z."""
CANARY = dumps(sign_in(createdDateTime="2026-09-21T00:00:00Z", top={"time": "2026-09-21T00:00:01Z"}))


def twice() -> tuple[Delivery, Delivery]:
    """A sign-in of the canary and its copy, as they come minutes apart from another partition."""
    return Delivery("0", Position(0, "0"), SEEN, CANARY), Delivery("1", Position(0, "0"), SEEN, CANARY)


def test_a_sign_in_of_the_canary_becomes_an_alert_of_its_own_once(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, canary=AGENT)
        await at.put(*twice())
        await at.work()
        (row,) = at.store.outbox.pending("one", 10)
        assert b'"canary"' in row.document
        assert [values[0] for values in at.facts.of("alert_raised")] == ["canary"]
        at.store.close()

    running(work)


def test_a_suppressed_alert_is_told_as_one_and_not_sent(tmp_path: Path) -> None:
    async def work() -> None:
        at = Bench(tmp_path, SETTINGS, canary=AGENT)
        at.store.alerts.suppress(AGENT, owner="me", reason="a test", starts=SEEN - 60, expires=SEEN + 200_000)
        await at.put(*twice())
        await at.work()
        assert at.store.outbox.pending("one", 10) == []
        assert at.facts.of("alert_raised") == []
        ((reason, alert_id),) = at.facts.of("alert_suppressed")
        assert reason == "suppression"
        assert at.store.alerts.get(alert_id).detector == "canary"
        at.store.close()

    running(work)
