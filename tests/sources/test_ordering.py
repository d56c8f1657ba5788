"""However records are spread over files, they come in order of event time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.sources.files import FileSource
from tests.sources.records import message, record, seconds_of

MOMENTS = st.lists(st.integers(0, 100_000), min_size=1, max_size=60, unique=True).map(sorted)


def written(folder: Path, name: str, seconds: list[float], form: str) -> str:
    path = folder / name
    if form == "records":
        path.write_bytes(b"".join(record(second) + b"\n" for second in seconds))
    elif form == "messages":
        path.write_bytes(b"".join(message(seconds[at : at + 5]) + b"\n" for at in range(0, len(seconds), 5)))
    else:
        path.write_bytes(b"[" + b",".join(map(record, seconds)) + b"]")
    return str(path)


@given(
    moments=MOMENTS,
    files=st.integers(1, 6),
    seed=st.integers(0, 2**16),
    forms=st.lists(st.sampled_from(["records", "messages", "array"]), min_size=6, max_size=6),
    newest_first=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_split_into_files_in_any_order_gives_the_same_sequence(
    moments: list[int], files: int, seed: int, forms: list[str], newest_first: list[bool]
) -> None:
    chance = random.Random(seed)
    parts: list[list[float]] = [[] for _ in range(files)]
    for moment in moments:
        chance.choice(parts).append(float(moment))
    with TemporaryDirectory() as name:
        paths = []
        for number, part in enumerate(parts):
            far = bool(part) and part[-1] - part[0] > 1200
            ordered = part[::-1] if newest_first[number] and far else part
            paths.append(written(Path(name), f"{chance.random()}.json", ordered, forms[number]))
        chance.shuffle(paths)
        source = FileSource(paths)
        assert seconds_of(source) == moments
        assert not source.failures
        assert not source.disordered


@given(
    moments=st.lists(st.integers(0, 20_000), min_size=2, max_size=80, unique=True).map(sorted),
    seed=st.integers(0, 2**16),
    lag=st.integers(0, 1100),
)
def test_merging_makes_no_record_later_than_it_is_in_its_own_file(moments: list[int], seed: int, lag: int) -> None:
    chance = random.Random(seed)
    parts: list[list[float]] = [[], [], []]
    for moment in sorted(moments, key=lambda moment: moment + chance.randint(0, lag)):
        chance.choice(parts).append(float(moment))
    with TemporaryDirectory() as name:
        paths = [written(Path(name), f"{number}.json", part, "records") for number, part in enumerate(parts)]
        found = seconds_of(FileSource(paths))
    assert sorted(found) == moments
    latest = float("-inf")
    for second in found:
        assert latest - second <= lag
        latest = max(latest, second)


def test_an_archive_tree_is_merged_across_categories_hour_by_hour(tmp_path: Path) -> None:
    expected = []
    for container, shift in (("insights-logs-auditlogs", 7), ("insights-logs-serviceprincipalsigninlogs", 0)):
        for hour in range(4):
            seconds = [hour * 3600.0 + minute * 60 + shift for minute in range(60)]
            folder = tmp_path / container / f"tenantId=x/y=2026/m=10/d=05/h={hour:02}/m=00"
            folder.mkdir(parents=True)
            (folder / "PT1H.json").write_bytes(b"\r\n".join(map(record, seconds)))
            expected += seconds
    assert seconds_of(FileSource([str(tmp_path)])) == sorted(expected)


def test_pages_of_graph_newest_first_are_turned_round(tmp_path: Path) -> None:
    for page in range(3):
        seconds = [90_000.0 - page * 30_000 - step * 300 for step in range(100)]
        (tmp_path / f"page{page}.json").write_text(json.dumps({"value": [json.loads(record(s)) for s in seconds]}))
    found = seconds_of(FileSource([str(tmp_path / "page*.json")]))
    assert len(found) == 300
    assert found == sorted(found)


def test_files_put_one_behind_the_other_are_noticed_and_sorted(tmp_path: Path) -> None:
    """The beginning is in order; only the samples see that the second half begins again."""
    seconds = [float(second) for second in range(0, 100_000, 20)]
    path = written(tmp_path, "f", seconds[::2] + seconds[1::2], "messages")
    source = FileSource([path])
    assert seconds_of(source) == seconds
    assert source.sorted_inputs == [path]


def test_disorder_that_shows_only_on_the_way_is_told(tmp_path: Path) -> None:
    import gzip

    seconds = [float(second) for second in range(0, 400_000, 20)]
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(record, seconds[::2] + seconds[1::2]))))
    source = FileSource([str(path)])
    assert sorted(seconds_of(source)) == seconds
    assert list(source.disordered) == [str(path)]
    assert seconds_of(FileSource([str(path)], sort=True)) == seconds


def test_one_record_from_the_far_future_does_not_hold_up_its_file(tmp_path: Path) -> None:
    first = [float(second) for second in range(0, 6000, 60)]
    odd = written(tmp_path, "a", [*first[:10], 2.3e9, *first[10:]], "records")
    other = written(tmp_path, "b", [second + 1 for second in first], "records")
    found = seconds_of(FileSource([odd, other]))
    assert [second for second in found if second < 1e9] == sorted([*first, *(second + 1 for second in first)])


def test_a_late_delivery_in_one_file_makes_nothing_late_in_the_others(tmp_path: Path) -> None:
    steady = [float(second) for second in range(0, 40_000, 10)]
    late = [second + 5 for second in range(0, 40_000, 1000)]
    behind = [12_001.0, 12_002.0, 12_003.0]
    one = written(tmp_path, "a", steady, "records")
    other = written(tmp_path, "b", [*late[:30], *behind, *late[30:]], "records")
    latest = float("-inf")
    for second in seconds_of(FileSource([one, other])):
        assert second >= latest or second in behind
        latest = max(latest, second)


def test_records_without_a_time_stay_with_their_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\n".join([record(9000), b'{"x":1}', record(100), b"broken"]))
    chunks = list(FileSource([str(path)]))
    assert b"\n".join(chunk.data for chunk in chunks).split(b"\n") == [record(100), b"broken", record(9000), b'{"x":1}']


@pytest.mark.parametrize("bad", ["", "yesterday", "2026-13-45T00:00:00Z"])
def test_a_time_that_is_none_is_none(bad: str) -> None:
    from detector.sources.instants import instant

    assert instant(bad) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-05T14:30:00Z",
        "2026-10-05T16:30:00.0000000+02:00",
        "2026-10-05T14:30:00",
        "10/5/2026 2:30:00 PM",
        "10/5/2026, 2:30:00.000 PM",
    ],
)
def test_every_spelling_of_a_time_is_the_same_moment(text: str) -> None:
    from detector.sources.instants import instant

    assert instant(text) == 1791210600.0
