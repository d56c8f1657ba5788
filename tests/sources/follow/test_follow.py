"""Growing files: everything that happens to them in practice, one at a time."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.domain.delivery import Delivery, Position
from detector.errors import SourceError
from detector.sources.follow.family import Family
from detector.sources.follow.plain import Piece
from detector.sources.follow.source import FollowOptions, FollowSource
from tests.sources.follow.directory import WAIT, Clock, Follower, append, copy_and_truncate, pack, rotate

pytestmark = pytest.mark.asyncio


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path)
    yield made
    made.close()


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


async def test_whole_lines_are_handed_over_and_an_unfinished_one_waits(follower: Follower, live: Path) -> None:
    append(live, "1\n2\n3")
    assert await follower.look() == ["1", "2"]
    assert await follower.look() == []
    append(live, "3\n")
    assert await follower.look() == ["33"]
    (first, second) = follower.deliveries
    assert (first.partition, first.position.sequence, first.enqueued) == ("a.jsonl", 4, 42.0)
    assert second.position.sequence == 7


async def test_new_files_are_noticed_and_read_from_their_beginning(follower: Follower, tmp_path: Path) -> None:
    await follower.look()
    append(tmp_path / "b.ndjson", "b\n")
    append(tmp_path / ".hidden.jsonl", "no\n")
    append(tmp_path / "notes.txt", "no\n")
    (tmp_path / "folder.jsonl").mkdir()
    assert await follower.look() == ["b"]
    assert follower.facts.told == [("file_found", "b.ndjson", 2)]


async def test_a_pattern_chooses_files(tmp_path: Path) -> None:
    follower = Follower(tmp_path, "sign*")
    append(tmp_path / "signins", "1\n")
    append(tmp_path / "audit.jsonl", "2\n")
    assert await follower.look() == ["1"]
    follower.close()


async def test_a_pattern_for_directories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Only the last part may be a pattern"):
        Follower(tmp_path, "*/x.jsonl")


async def test_a_rotated_file_is_read_to_its_end_before_its_successor(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    assert await follower.look() == ["1"]
    append(live, "2\n")
    rotate(live)
    append(live, "3\n")
    assert await follower.look() == ["2"]
    append(live.with_name("a.jsonl.1"), "2b\n")  # its writer still has it open
    follower.clock.at += WAIT - 1
    assert await follower.look() == ["2b"]
    assert await follower.look() == []
    follower.clock.at += WAIT
    assert await follower.look() == ["3"]
    assert [delivery.position.sequence for delivery in follower.deliveries] == [2, 4, 7, 9]
    assert follower.facts.names() == ["file_found", "file_rotated"]


async def test_many_rotations_while_nobody_reads_are_caught_up_in_order(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    append(live, "2\n")
    follower.restart()
    for number in range(3, 7):
        rotate(live)
        append(live, f"{number}\n")
    pack(live.with_name("a.jsonl.2"))
    pack(live.with_name("a.jsonl.3"), "zst")
    assert await follower.settle() == ["2", "3", "4", "5", "6"]
    assert "file_lost" not in follower.facts.names()


async def test_earliest_reads_what_rotation_left_and_nothing_twice(follower: Follower, live: Path) -> None:
    for number in range(3):
        append(live, f"{number}\n")
        rotate(live)
    append(live, "3\n")
    pack(live.with_name("a.jsonl.3"))
    assert await follower.settle() == ["0", "1", "2", "3"]
    follower.restart()
    assert await follower.settle() == []


async def test_a_file_that_was_packed_meanwhile_is_recognised_by_its_content(follower: Follower, live: Path) -> None:
    append(live, "1\n2\n")
    await follower.look()
    append(live, "3\n")
    rotate(live)
    pack(live.with_name("a.jsonl.1"))
    append(live, "4\n")
    follower.restart()
    assert await follower.settle() == ["3", "4"]


async def test_a_living_file_that_is_packed_after_it_was_read_is_not_read_again(follower: Follower, live: Path) -> None:
    append(live, "1\n2\n")
    await follower.look()
    pack(live)
    assert await follower.settle() == []
    follower.restart()
    assert await follower.settle() == []
    assert "file_lost" not in follower.facts.names()


async def test_a_finished_packed_file_is_not_unpacked_again_after_a_restart(
    follower: Follower, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read packed, or read as it grew and packed later: its beginning is enough to know it again."""
    append(live, "1\n2\n")
    append(live.with_name("b.jsonl"), "3\n4\n")
    pack(live)
    assert await follower.settle() == ["1", "2", "3", "4"]
    pack(live.with_name("b.jsonl"))
    follower.restart()
    monkeypatch.setattr("detector.sources.follow.packed._skipped", None)
    assert await follower.settle() == []
    assert len(follower.deliveries) == 2


async def test_a_copied_and_emptied_file_goes_on_in_the_copy(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    append(live, "2\n")
    copy_and_truncate(live)
    append(live, "3\n")
    assert await follower.settle() == ["2", "3"]
    assert "file_lost" not in follower.facts.names()


async def test_an_emptied_file_that_outgrew_its_position_is_recognised(follower: Follower, live: Path) -> None:
    append(live, "old\n")
    await follower.look()
    live.write_text("new one\nnew two\n")
    assert await follower.settle() == ["new one", "new two"]
    assert "file_truncated" in follower.facts.names()
    follower.restart(1)
    assert await follower.settle() == ["new one", "new two"]


async def test_emptying_a_file_with_unread_lines_is_told_as_a_loss(follower: Follower, live: Path) -> None:
    append(live, "old\nhalf")
    await follower.look()
    os.truncate(live, 0)
    append(live, "n\n")
    assert await follower.settle() == ["n"]
    assert follower.facts.names() == ["file_found", "file_truncated", "file_lost"]


async def test_a_replaced_file_is_drained_although_it_has_no_name(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    append(live, "2\nlast without an end")
    other = live.with_name("new.tmp")
    append(other, "3\n")
    other.replace(live)
    assert await follower.settle() == ["2", "last without an end", "3"]
    assert ("line_ended", "a.jsonl", 19) in follower.facts.told


async def test_a_deleted_file_is_a_fact_and_its_name_can_come_back(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    live.unlink()
    assert await follower.settle() == []
    assert follower.facts.names() == ["file_found", "file_vanished"]
    append(live, "2\n")
    assert await follower.settle() == ["2"]
    assert follower.deliveries[-1].position.sequence == 4


async def test_a_file_deleted_unread_while_nobody_looked_is_a_loss(follower: Follower, live: Path) -> None:
    append(live, "1\n2")
    await follower.look()
    follower.restart()
    live.unlink()
    await follower.settle()
    assert follower.facts.names().count("file_lost") == 1


async def test_a_file_deleted_after_it_was_read_is_no_loss(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    follower.restart()
    live.unlink()
    await follower.settle()
    assert follower.facts.names() == ["file_found"]


async def test_a_late_writer_is_noticed(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    rotate(live)
    append(live, "2\n")
    assert await follower.settle() == ["2"]
    append(live.with_name("a.jsonl.1"), "late\n")
    assert await follower.settle() == []
    assert ("file_grown_late", "a.jsonl", 5) in follower.facts.told


async def test_a_file_moved_to_a_name_of_its_own_is_read_on_not_again(follower: Follower, live: Path) -> None:
    append(live, "1\n")
    await follower.look()
    append(live, "2\n")
    live.rename(live.with_name("a-20261126.jsonl"))
    append(live, "3\n")
    assert sorted(await follower.settle()) == ["2", "3"]
    follower.restart()
    assert await follower.settle() == []
    assert ("file_moved", "a-20261126.jsonl", "a.jsonl") in follower.facts.told


async def test_latest_begins_behind_what_is_there_and_remembers_it(tmp_path: Path, live: Path) -> None:
    append(live, "old\nha")
    follower = Follower(tmp_path, start="latest")
    assert await follower.look() == []
    assert [delivery.body for delivery in follower.deliveries] == [b""]
    append(live, "lf\nnew\n")
    append(live.with_name("b.jsonl"), "later file\n")
    follower.restart()
    assert await follower.settle() == ["half", "new", "later file"]
    follower.close()


@pytest.mark.parametrize("packed", [False, True])
async def test_a_line_beyond_the_limit_is_cut_and_the_next_is_read(tmp_path: Path, live: Path, packed: bool) -> None:
    follower = Follower(tmp_path, chunk_bytes=16, max_line_bytes=100)
    append(live, "1\n" + "x" * 5_000 + "\n" + "y" * 80 + "\n2\n")
    if packed:
        pack(live)
    assert await follower.settle() == ["1", "x" * 101, "y" * 80, "2"]
    assert ("line_cut", "a.jsonl", 5_001) in follower.facts.told
    follower.restart(2)
    assert await follower.settle() == ["y" * 80, "2"]
    follower.close()


async def test_a_packed_line_that_is_longer_than_what_is_unpacked_at_once_is_cut(tmp_path: Path, live: Path) -> None:
    follower = Follower(tmp_path, max_line_bytes=1_000)
    append(live, "1\n" + "x" * 3_000_000 + "\n2\n" + "y" * 2_500_000)
    pack(live)
    assert await follower.settle() == ["1", "x" * 1_001, "2", "y" * 1_001]
    assert [fact for fact in follower.facts.told if fact[0] == "line_cut"] == [
        ("line_cut", "a.jsonl", 3_000_001),
        ("line_cut", "a.jsonl", 2_500_000),
    ]
    follower.restart(2)
    assert await follower.settle() == ["2", "y" * 1_001]
    follower.close()


@pytest.mark.parametrize(("unended", "fact"), [("2", "file_lost"), ("", "file_vanished")])
async def test_a_file_that_was_not_held_open_and_is_deleted_is_a_loss_when_more_was_known_of_it(
    follower: Follower, live: Path, monkeypatch: pytest.MonkeyPatch, unended: str, fact: str
) -> None:
    monkeypatch.setattr("detector.sources.follow.source.MAX_OPEN", 0)
    append(live, f"1\n{unended}")
    await follower.look()
    live.unlink()
    await follower.settle()
    assert follower.facts.names() == ["file_found", fact]
    append(live, "3\n")
    assert await follower.settle() == ["3"]


async def test_a_file_renamed_between_two_looks_is_found_again(
    follower: Follower, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not held open, renamed after the look and before the read: nothing is decided before another look."""
    monkeypatch.setattr("detector.sources.follow.source.MAX_OPEN", 0)
    append(live, "1\n")
    await follower.look()
    append(live, "2\n")
    follower.source._look()
    rotate(live)
    append(live, "3\n")
    monkeypatch.setattr(follower.source, "_look", lambda: None)
    assert await follower.look() == []
    monkeypatch.undo()
    assert await follower.settle() == ["2", "3"]
    assert "file_lost" not in follower.facts.names()


async def test_a_file_copied_and_emptied_between_two_looks_is_found_again(
    follower: Follower, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy came after the look, so it is not known of yet when the file turns out to be emptied."""
    append(live, "1\n")
    await follower.look()
    append(live, "2\n")
    follower.source._look()
    copy_and_truncate(live)
    append(live, "3\n")
    monkeypatch.setattr(follower.source, "_look", lambda: None)
    assert await follower.look() == []
    monkeypatch.undo()
    assert await follower.settle() == ["2", "3"]
    assert "file_lost" not in follower.facts.names()


async def test_a_file_that_may_not_be_read_is_told_once_and_tried_again(
    follower: Follower, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(live, "1\n")
    opened = os.open

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    await follower.look(3)
    assert follower.facts.told[-1] == ("follow_failed", "a.jsonl", "It cannot be read (Permission denied).")
    assert follower.facts.names().count("follow_failed") == 1
    monkeypatch.setattr(os, "open", opened)
    assert await follower.look() == ["1"]


async def test_files_at_rest_are_not_read_at_every_look(
    tmp_path: Path, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        append(tmp_path / f"{number}.jsonl", "1\n2")
    await follower.settle()
    taken: list[str] = []
    take = follower.source._take

    def noted(family: Family) -> tuple[Piece | None, float]:
        taken.append(family.name)
        return take(family)

    monkeypatch.setattr(follower.source, "_take", noted)
    await follower.look(3)
    assert taken == []
    append(tmp_path / "3.jsonl", "3\n")
    assert await follower.look() == ["23"]
    assert set(taken) == {"3.jsonl"}


async def test_an_endless_line_is_looked_at_once_and_holds_up_nobody(
    tmp_path: Path, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(tmp_path, chunk_bytes=64, max_line_bytes=1_000)
    append(live, "x" * 3_000_000)
    append(live.with_name("b.jsonl"), "1\n")
    assert await follower.look() == ["1"]
    read: list[int] = []
    pread = os.pread

    def counted(descriptor: int, size: int, at: int) -> bytes:
        data = pread(descriptor, size, at)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    append(live, "x" * 10)
    await follower.look()
    assert sum(read) < 1_000
    append(live, "\n2\n")
    assert await follower.look() == ["x" * 1_001, "2"]
    follower.close()


async def test_files_take_turns(tmp_path: Path) -> None:
    follower = Follower(tmp_path, chunk_bytes=10)
    append(tmp_path / "a.jsonl", "123456789\n" * 5)
    append(tmp_path / "b.jsonl", "123456789\n" * 2)
    await follower.look()
    assert [delivery.partition[0] for delivery in follower.deliveries] == ["a", "b", "a", "b", "a", "a", "a"]
    follower.close()


async def test_a_packed_file_that_is_still_being_written_waits(follower: Follower, live: Path) -> None:
    data = gzip.compress(b"".join(b"%d %d\n" % (number, hash(number * 7919)) for number in range(20_000)))
    packed = live.with_name("a.jsonl.gz")
    packed.write_bytes(data[: len(data) // 2])
    first = await follower.settle()
    assert ("follow_failed", "a.jsonl", "The gzip file is cut off; records before were read. Copy it again.") in (
        follower.facts.told
    )
    packed.write_bytes(data)
    second = await follower.settle()
    assert len(first) + len(second) == 20_000
    assert [int(line.split()[0]) for line in first + second] == list(range(20_000))


async def test_a_packed_file_that_stays_damaged_is_a_loss_and_its_successor_is_read(
    follower: Follower, live: Path
) -> None:
    live.with_name("a.jsonl.1.gz").write_bytes(gzip.compress(b"1\n2\n")[:-6])
    append(live, "3\n")
    lines: list[str] = []
    for _ in range(15):
        lines += await follower.settle()
    assert lines[-1] == "3"
    assert "file_lost" in follower.facts.names()


async def test_many_packed_files_are_unpacked_two_at_a_time_within_one_look(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    for number in range(9):
        append(tmp_path / f"{number}.jsonl", f"{number}\n")
        pack(tmp_path / f"{number}.jsonl")
    assert sorted(await follower.look()) == [str(number) for number in range(9)]
    follower.close()


async def test_few_files_are_held_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.sources.follow.source.MAX_OPEN", 3)
    follower = Follower(tmp_path)
    for number in range(20):
        append(tmp_path / f"{number}.jsonl", f"{number}\n")
    assert len(await follower.look()) == 20
    readers = [family.reader for family in follower.source._families.values()]
    assert sum(reader is not None and reader.is_open for reader in readers) == 3
    for number in range(20):
        append(tmp_path / f"{number}.jsonl", "more\n")
        rotate(tmp_path / f"{number}.jsonl")
    assert await follower.settle() == ["more"] * 20
    assert "file_lost" not in follower.facts.names()
    follower.close()


async def test_more_files_than_are_followed_are_told_and_the_first_are_read(tmp_path: Path) -> None:
    follower = Follower(tmp_path, max_files=3)
    for number in range(5):
        append(tmp_path / f"{number}.jsonl", f"{number}\n")
    assert await follower.look(2) == ["0", "1", "2"]
    assert [fact for fact in follower.facts.told if fact[0] == "files_refused"] == [("files_refused", 2)]
    follower.close()


async def test_a_directory_that_is_not_there_is_told_once_and_looked_for_again(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    follower = Follower(directory, "*.jsonl")
    await follower.look(3)
    assert follower.facts.names() == ["follow_failed"]
    directory.mkdir()
    append(directory / "a.jsonl", "1\n")
    assert await follower.look() == ["1"]
    follower.close()


async def test_a_position_of_another_source_is_refused(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    with pytest.raises(SourceError, match="not one of a followed file"):
        follower.made({"0": Position(5, "12345")})


async def test_state_says_how_far_each_file_is(follower: Follower, live: Path) -> None:
    append(live, "1\n22")
    await follower.look()
    assert follower.source.state()["a.jsonl"] == (2, 2, True)
    live.unlink()
    await follower.settle()
    assert follower.source.state()["a.jsonl"] == (4, 0, False)


async def test_reading_waits_for_whoever_takes_over_and_ends_when_told(tmp_path: Path, live: Path) -> None:
    append(live, "123456789\n" * 5)
    taken: list[Delivery] = []
    two, go = asyncio.Event(), asyncio.Event()

    async def deliver(delivery: Delivery) -> None:
        taken.append(delivery)
        if len(taken) == 2:
            two.set()
            await go.wait()

    source = FollowSource(
        str(tmp_path),
        positions={},
        deliver=deliver,
        now=Clock(),
        monotonic=Clock(),
        options=FollowOptions(chunk_bytes=10),
    )
    running = asyncio.create_task(source.run())
    await asyncio.wait_for(two.wait(), 60)
    await source.stop()
    go.set()
    await asyncio.wait_for(running, 60)
    assert len(taken) == 2
    reader = source._families["a.jsonl"].reader
    assert reader is not None
    assert not reader.is_open


async def test_what_the_taker_raises_ends_the_run(tmp_path: Path, live: Path) -> None:
    append(live, "1\n")

    async def deliver(_: Delivery) -> None:
        raise RuntimeError("full")

    source = FollowSource(str(tmp_path), positions={}, deliver=deliver, now=Clock(), monotonic=Clock())
    with pytest.raises(RuntimeError, match="full"):
        await source.run()


async def test_a_busy_file_does_not_keep_others_from_being_noticed(tmp_path: Path, live: Path) -> None:
    """A file that grows faster than it is read: after `poll_seconds` there is another look all the same."""
    clock = Clock()
    follower = Follower(tmp_path, chunk_bytes=10)

    async def deliver(delivery: Delivery) -> None:
        follower.deliveries.append(delivery)
        clock.at += 0.3
        append(live, "123456789\n" * 2)

    append(live, "123456789\n" * 2)
    source = FollowSource(
        str(tmp_path), positions={}, deliver=deliver, now=clock, monotonic=clock, options=follower.options
    )
    assert await source.poll()
    append(live.with_name("b.jsonl"), "b\n")
    assert await source.poll()
    assert {delivery.partition for delivery in follower.deliveries} == {"a.jsonl", "b.jsonl"}
    for family in source._families.values():
        family.close()
