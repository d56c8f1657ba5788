"""A reading that is put down anywhere and taken up by another source gives what was left, chunk for chunk."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.sources.chunk import Chunk
from detector.sources.files import FileSource, Manner, SourcePosition
from detector.sources.layout import Wanted
from tests.sources.records import START, record, seconds_of
from tests.sources.test_capture import captured
from tests.sources.test_ordering import written

HOURS = 6


def archive(folder: Path, moments: list[int], seed: int) -> list[str]:
    """Two logs by the hour, one hour of them grown late, and files of every other form."""
    chance = random.Random(seed)
    parts: dict[str, list[float]] = {}
    for moment in moments:
        hour = f"h={moment // 3600:02}/m=00/PT1H.json"
        name = chance.choice([f"insights-logs-{log}/tenantId=t/y=2026/m=10/d=05/{hour}" for log in "ab"] + list("cde"))
        parts.setdefault(name, []).append(float(moment))
    for number, (name, seconds) in enumerate(sorted(parts.items())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "c":
            path.write_bytes(captured([record(second) for second in seconds]))
        elif name == "d":
            written(folder, name, seconds[::-1], "array")
        else:
            late = seconds[5:] + seconds[:5] if number == 0 else seconds
            path.write_bytes(b"\r\n".join(map(record, late)) + b"\r\n")
    return [str(folder)]


def told(chunk: Chunk) -> tuple[bytes, str, str, int]:
    return chunk.data, chunk.place, chunk.form, chunk.line


@given(
    moments=st.lists(st.integers(0, HOURS * 3600 - 1), min_size=1, max_size=150, unique=True).map(sorted),
    seed=st.integers(0, 2**16),
    stops=st.lists(st.integers(0, 40), max_size=4),
    tolerance=st.sampled_from([0.0, 600.0]),
)
def test_a_reading_goes_on_where_it_stopped(moments: list[int], seed: int, stops: list[int], tolerance: float) -> None:
    with TemporaryDirectory() as name:
        paths = archive(Path(name), moments, seed)
        wanted = [told(chunk) for chunk in FileSource(paths, manner=Manner(tolerance=tolerance))]
        found: list[tuple[bytes, str, str, int]] = []
        position: SourcePosition | None = None
        for stop in [*stops, 10**6]:
            source = FileSource(paths, manner=Manner(tolerance=tolerance, position=position))
            held: list[tuple[bytes, str, str, int]] = []
            chunks = iter(source)
            for number, chunk in enumerate(chunks):
                held.append(told(chunk))
                if source.position is not None:
                    found += held
                    held = []
                    position = msgspec.msgpack.decode(msgspec.msgpack.encode(source.position), type=SourcePosition)
                if number >= stop:
                    break
            chunks.close()  # type: ignore[attr-defined] -- a generator
        assert found == wanted
        assert not source.failures


def test_records_are_cut_as_before_although_files_are_gone(tmp_path: Path) -> None:
    """A place to go on from counts pieces: they must be of the size that they had then."""
    seconds = [float(second) for second in range(0, 50_000, 5)]
    (tmp_path / "a.json").write_bytes(b"\n".join(record(second, "x" * 300) for second in seconds))
    for number in range(60):
        (tmp_path / f"b{number}.json").write_bytes(record(-10.0 - number))
    source = FileSource([str(tmp_path)])
    found, position = [], None
    for number, chunk in enumerate(source):
        found.append(chunk)
        if number > 65 and (position := source.position) is not None:
            break
    assert position is not None
    for path in tmp_path.glob("b*"):
        path.unlink()
    again = FileSource([str(tmp_path)], manner=Manner(position=position))
    assert [second for second in seconds_of([*found, *again]) if second >= 0] == seconds


def test_the_hours_of_two_logs_are_merged_and_only_few_are_open_at_once(tmp_path: Path) -> None:
    moments = list(range(0, HOURS * 3600, 40))
    for log, part in (("a", moments[::2]), ("b", moments[1::2])):
        for hour in range(HOURS):
            path = tmp_path / f"insights-logs-{log}/tenantId=t/y=2026/m=10/d=05/h={hour:02}/m=00/PT1H.json"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"\r\n".join(record(float(at)) for at in part if at // 3600 == hour))
    source = FileSource([str(tmp_path)])
    most = 0
    found: list[float] = []
    for chunk in source:
        found += seconds_of([chunk])
        most = max(most, sum(each.status == "partly" for each in source.readings))
    assert found == [float(moment) for moment in moments]
    assert most <= 2 * 3 + 1


def test_what_was_appended_late_to_an_hour_is_put_in_order(tmp_path: Path) -> None:
    path = tmp_path / "insights-logs-a/tenantId=t/y=2026/m=10/d=05/h=00/m=00/PT1H.json"
    path.parent.mkdir(parents=True)
    usual, late = [float(second) for second in range(0, 3600, 2)], [float(second) for second in range(1, 900, 60)]
    path.write_bytes(b"\r\n".join(map(record, usual + late)))
    source = FileSource([str(tmp_path)])
    assert seconds_of(source) == sorted(usual + late)
    assert source.sorted_inputs == [str(path)]


def test_hours_that_are_not_wanted_are_not_opened(tmp_path: Path) -> None:
    paths = []
    for hour in range(10):
        path = tmp_path / f"insights-logs-a/tenantId=t/y=2026/m=10/d=05/h={hour:02}/m=00/PT1H.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(record(hour * 3600.0))
        paths.append(str(path))
    at = START.timestamp()
    source = FileSource(
        [str(tmp_path)], manner=Manner(wanted=Wanted(since=at + 4 * 3600, until=at + 5 * 3600, spread=0))
    )
    assert seconds_of(source) == [4 * 3600.0]
    assert source.left_out == 9
    assert [each.place for each in source.readings] == [paths[4]]


def test_a_file_that_changed_since_the_interruption_is_a_failure_and_a_new_one_is_left_out(tmp_path: Path) -> None:
    for name in "ab":
        written(tmp_path, f"{name}.json", [float(second) for second in range(0, 50_000, 50)], "records")
    source = FileSource([str(tmp_path)])
    chunks = iter(source)
    while source.position is None:
        next(chunks)
    position = source.position
    (tmp_path / "a.json").write_bytes(record(5.0))
    (tmp_path / "c.json").write_bytes(record(5.0))
    again = FileSource([str(tmp_path)], manner=Manner(position=position))
    list(again)
    assert [failure.place for failure in again.failures] == [str(tmp_path / "a.json")]
    assert again.appeared == [str(tmp_path / "c.json")]
    grown = tmp_path / "b.json"
    grown.write_bytes(grown.read_bytes() + record(60_000.0))
    longer = FileSource([str(tmp_path)], manner=Manner(position=position))
    assert 60_000.0 not in seconds_of(longer), "what was appended since belongs to another replay"
