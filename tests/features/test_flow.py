"""The flow of log categories: silences among active buckets, the same in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.features.flow import BLOCK, SHORTEST, Flow, Silence, came, fold

A, B = "AuditLogs", "ServicePrincipalSignInLogs"


def told(buckets: dict[str, list[int]]) -> dict[str, Flow]:
    flows: dict[str, Flow] = {}
    for category, each in buckets.items():
        for bucket in each:
            came(flows, category, bucket)
    return flows


def test_nothing_is_found_before_anything_came() -> None:
    assert fold({}, 100) == ([], [])


def test_a_bucket_is_news_once_and_not_when_it_is_folded() -> None:
    flows: dict[str, Flow] = {}
    assert came(flows, A, 5)
    assert not came(flows, A, 5)
    assert came(flows, B, 5)
    assert fold(flows, 6) == ([], ["", A, B])
    assert not came(flows, A, 5)
    assert not came(flows, "RiskyAgents", 4)
    assert "RiskyAgents" not in flows
    assert fold(flows, 9) == ([], [])


def test_a_silence_is_told_while_it_lasts_and_as_it_was() -> None:
    flows = told({A: [1, 2, 10], B: list(range(1, 11))})
    found, _ = fold(flows, 9)
    assert found == [Silence(A, 2, 8, False, 6, 0, 7)]
    found, _ = fold(flows, 10)
    assert found == [Silence(A, 2, 9, False, 7, 0, 8)]
    found, _ = fold(flows, 11)
    assert found == [Silence(A, 2, 10, True, 7, 0, 9)]
    assert flows[A].usual == 7


def test_where_nothing_comes_no_time_passes() -> None:
    flows = told({A: [1, 2, 500], B: [1, 2, 3, 4, 499, 500]})
    assert fold(flows, 501)[0] == []
    assert flows[A].usual == 3


def test_a_silence_teaches_five_times_the_usual_at_most() -> None:
    flows = told({A: [1, 102, 303], B: list(range(1, 304))})
    fold(flows, 304)
    assert flows[A].usual == 5 * 5 * SHORTEST
    assert flows[B].usual == 0


def test_the_longest_silence_of_the_stretch_before_counts_too_and_no_older_one() -> None:
    flows = told({A: [1, 9, *range(10, 3 * BLOCK)], B: list(range(1, 3 * BLOCK))})
    fold(flows, BLOCK + 3)
    assert flows[A].usual == 7
    fold(flows, 2 * BLOCK)
    assert flows[A].usual == 7
    fold(flows, 3 * BLOCK)
    assert flows[A].usual == 0


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.lists(st.integers(0, 61), max_size=6))
def test_it_does_not_matter_when_it_is_folded(first: set[int], second: set[int], stops: list[int]) -> None:
    """What is found of silences that are over is the same; one that lasts is the same at the end."""
    flows, whole = told({A: sorted(first), B: sorted(second)}), told({B: sorted(second), A: sorted(first)[::-1]})
    piecewise = [silence for stop in sorted(stops) for silence in fold(flows, stop)[0]]
    piecewise += fold(flows, 62)[0]
    at_once = fold(whole, 62)[0]
    assert {each for each in piecewise if each.over} == {each for each in at_once if each.over}
    assert flows == whole
