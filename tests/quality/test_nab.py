"""The adapter of the public benchmark: what it counts on a hand-made example, and a scorer that does not look ahead."""

from __future__ import annotations

from math import exp, inf
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.nab import choosing, corpus, scoring
from bench.nab.__main__ import Counted
from bench.nab.corpus import Series
from bench.nab.scorer import ALARM, Scorer, Settings, Silence, combined
from bench.nab.streams import STREAMS, DayProfile, Mean, Streams

MINUTES = 300.0
PER_DAY = 288

TOP = 2.0 / (1.0 + exp(-5.0)) - 1.0


def series(rows: int = 100, windows: tuple[tuple[int, int], ...] = ((40, 59),), name: str = "a/one.csv") -> Series:
    return Series(name, tuple(MINUTES * row for row in range(rows)), tuple(float(row) for row in range(rows)), windows)


def scored(one: Series, alarms: dict[int, float]) -> list[scoring.Point]:
    return scoring.points(one, [alarms.get(row, 0.0) for row in range(len(one.times))])


def test_a_window_is_worth_the_more_the_earlier_it_is_found() -> None:
    one = series()
    assert scoring.total(scored(one, {40: 1.0}), 0.5) == pytest.approx(1.0)
    middle = scoring.total(scored(one, {50: 1.0}), 0.5)
    assert middle == pytest.approx((2.0 / (1.0 + exp(-2.5)) - 1.0) / TOP)
    assert 0.0 < scoring.total(scored(one, {59: 1.0}), 0.5) < middle
    assert scoring.total(scored(one, {50: 1.0, 45: 1.0, 59: 0.6}), 0.5) > middle


def test_a_missed_window_costs_as_much_as_one_found_brings() -> None:
    assert scoring.total(scored(series(), {}), 0.5) == -1.0


def test_a_false_alarm_costs_less_just_after_a_window_and_all_of_it_before() -> None:
    one = series()
    before, after = (scoring.total(scored(one, {row: 1.0}), 0.5) + 1.0 for row in (39, 60))
    assert before == pytest.approx(-0.11)
    assert after == pytest.approx(0.11 * (2.0 / (1.0 + exp(5.0 / 19)) - 1.0))
    assert scoring.total(scored(series(300), {299: 1.0}), 0.5) + 1.0 == pytest.approx(-0.11)


@pytest.mark.parametrize(("rows", "quiet"), [(100, 15), (4_032, 604), (5_000, 750), (22_695, 750)])
def test_the_start_of_a_series_counts_for_nothing(rows: int, quiet: int) -> None:
    assert scoring.probation(rows) == quiet
    assert len(scored(series(rows, ()), {})) == rows - quiet


def test_a_window_in_the_probation_is_neither_found_nor_missed() -> None:
    assert scoring.total(scored(series(windows=((2, 9),)), {5: 1.0}), 0.5) == 0.0


def test_there_must_be_a_score_for_each_row() -> None:
    with pytest.raises(ValueError, match="zip"):
        scoring.points(series(), [0.0] * 99)


def test_silence_is_0_and_perfection_100() -> None:
    one = series(200, ((40, 59), (80, 99)))
    silence, perfect = scoring.total(scored(one, {}), 0.5), scoring.total(scored(one, {40: 1.0, 80: 1.0}), 0.5)
    assert scoring.normalised(silence, silence, 2) == 0.0
    assert scoring.normalised(perfect, silence, 2) == pytest.approx(100.0)


@settings(max_examples=50)
@given(st.dictionaries(st.integers(0, 199), st.sampled_from([0.2, 0.4, 0.6, 0.8]), max_size=30))
def test_the_sweep_finds_the_best_threshold(alarms: dict[int, float]) -> None:
    points = scored(series(200, ((40, 59), (80, 99))), alarms)
    threshold, most = scoring.sweep(points)
    assert most == pytest.approx(scoring.total(points, threshold))
    assert most == pytest.approx(max(scoring.total(points, each) for each in (0.0, 0.2, 0.4, 0.6, 0.8, inf)))


@given(st.sets(st.integers(0, 199), max_size=20))
def test_counting_alarms_alone_comes_to_the_same(alarms: set[int]) -> None:
    one = series(200, ((10, 25), (40, 59), (80, 99)))
    points = scored(one, dict.fromkeys(alarms, 1.0))
    assert choosing.won(scoring.gains(200, one.windows), sorted(alarms)) == pytest.approx(
        scoring.total(points, 0.5) - scoring.total(points, inf)
    )


def test_a_threshold_for_a_category_is_chosen_on_the_others() -> None:
    """In `a` the anomaly scores 0.9 and noise 0.6; in `b` the anomaly scores 0.6: each chooses badly for the other."""
    first, second = series(name="a/one.csv"), series(name="b/two.csv")
    loud = [0.9 if row == 40 else 0.6 if row in range(20, 40) else 0.0 for row in range(100)]
    faint = [0.6 if row == 40 else 0.0 for row in range(100)]
    counted = Counted([first, second], [loud, faint])
    assert counted.at(0.9) == pytest.approx(50.0)
    assert counted.at(0.6) == pytest.approx(100.0 * (4.0 - 20 * 0.11) / 4.0)
    assert counted.elsewhere() == pytest.approx(100.0 * (2.0 - 20 * 0.11) / 4.0)


def test_settings_are_chosen_without_the_category_that_they_are_measured_on() -> None:
    here, there = (choosing.Candidate(Settings().tail, 0.2, 180, level) for level in (4.0, 5.0))
    candidates = {here: {"a": 9.0, "b": 0.0, "c": 1.0}, there: {"a": 0.0, "b": 2.0, "c": 2.0}}
    assert choosing.best(candidates) == here
    assert choosing.cross_validated(candidates) == {"a": (there, 0.0), "b": (here, 0.0), "c": (here, 1.0)}
    assert len(set(choosing.tails())) == len(choosing.tails()) > 10


def test_the_benchmark_is_read_from_its_files(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "data" / "realThings").mkdir(parents=True)
    (tmp_path / "results" / "someone" / "realThings").mkdir(parents=True)
    times = [f"2026-03-01 00:{5 * row:02}:00" for row in range(10)]
    rows = "".join(f"{time},{row}\n" for row, time in enumerate(times))
    (tmp_path / "data" / "realThings" / "pump.csv").write_text(f"timestamp,value\n{rows}")
    scores = "".join(f"{time},{row},0.{row},0\n" for row, time in enumerate(times))
    kept = tmp_path / "results" / "someone" / "realThings" / "someone_pump.csv"
    kept.write_text(f"timestamp,value,anomaly_score,label\n{scores}")
    windows = {"realThings/pump.csv": [[f"{times[3]}.000000", f"{times[6]}.000000"]]}
    (tmp_path / "labels" / "combined_windows.json").write_bytes(msgspec.json.encode(windows))
    (pump,) = corpus.read(tmp_path)
    assert (pump.category, pump.windows, pump.values[-1]) == ("realThings", ((3, 6),), 9.0)
    assert pump.times[1] - pump.times[0] == MINUTES
    assert corpus.results(tmp_path, "someone", [pump])[0][9] == 0.9
    with pytest.raises(FileNotFoundError, match="checkout"):
        corpus.read(tmp_path / "data")


def daily(days: int, seed: int = 1) -> list[float]:
    """Busy by day, quiet by night, with noise."""
    source = Random(seed)
    return [
        100.0 + (80.0 if 96 <= row % PER_DAY < 204 else 0.0) + source.gauss(0.0, 5.0) for row in range(days * PER_DAY)
    ]


def scores_of(values: list[float], scorer: Scorer | None = None) -> list[float]:
    scorer = scorer or Scorer()
    return [scorer.update(MINUTES * row, value) for row, value in enumerate(values)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=200), st.integers(1, 199))
def test_a_score_depends_on_nothing_that_comes_later(values: list[float], until: int) -> None:
    scores = scores_of(values)
    assert scores_of(values[:until]) == scores[:until]
    assert all(0.0 <= score < 1.0 for score in scores)


@pytest.mark.parametrize("row", [8 * PER_DAY + 40, 8 * PER_DAY + 150])
def test_a_spike_is_an_alarm_and_the_week_before_it_is_none(row: int) -> None:
    values = daily(10)
    values[row] += 300.0
    alarms = [place for place, score in enumerate(scores_of(values)) if score >= ALARM]
    assert [place for place in alarms if 750 <= place <= row] == [row]


def test_the_level_of_the_day_at_night_is_an_alarm_though_every_value_is_usual() -> None:
    values = daily(12)
    start = 10 * PER_DAY + 20
    values[start : start + 40] = [value + 80.0 for value in values[start : start + 40]]
    alarms = [place for place, score in enumerate(scores_of(values)) if score >= ALARM and place >= 750]
    assert alarms
    assert start <= alarms[0] < start + 40


def test_after_an_alarm_only_what_is_louder_is_another() -> None:
    silence = Silence(level=6.0, rows=10, louder=2.0)
    heard = {0: 5.9, 1: 6.0, 2: 11.9, 3: 12.0, 13: 20.0, 14: 6.0}
    assert [row for row, surprise in heard.items() if silence.speaks(row, surprise)] == [1, 3, 14]


def test_the_most_surprising_stream_counts_whole_and_the_others_a_share() -> None:
    assert combined([1.0, 4.0, 0.0, 2.0], 0.5) == 5.5


def test_there_is_a_value_for_each_stream_once_the_time_of_day_is_known() -> None:
    streams = Streams()
    first = streams.update(0.0, 3.0)
    assert len(first) == len(STREAMS)
    assert first[STREAMS.index("season")] is None
    for row in range(1, PER_DAY + 1):
        last = streams.update(MINUTES * row, 3.0)
    assert last[:5] == (3.0, -3.0, 0.0, 0.0, 0.0)
    assert last[STREAMS.index("season")] == 0.0


def test_a_mean_is_plain_at_first_and_then_forgets() -> None:
    mean = Mean(0.1)
    assert [mean.update(value) for value in (2.0, 4.0, 6.0)] == pytest.approx([2.0, 3.0, 4.0])
    for _ in range(200):
        mean.update(0.0)
    assert mean.value < 1e-6


def test_what_is_usual_at_a_time_of_day_is_interpolated_between_hours() -> None:
    profile = DayProfile()
    for minute in range(0, 24 * 60, 30):
        assert profile.residual(60.0 * minute, 10.0 * (minute // 60)) is None
    day = 86_400.0
    assert profile.residual(day + 1_800.0, 0.0) == pytest.approx(0.0)
    assert profile.residual(day + 3_600.0 * 5, 45.0) == pytest.approx(0.0)
    assert profile.residual(day + 3_600.0 * 5 + 1_800.0, 51.0) == pytest.approx(1.0)
    assert DayProfile().residual(0.0, 1.0) is None
