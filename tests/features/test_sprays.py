"""Whose secrets one source tries."""

from __future__ import annotations

import pytest

from detector.features import sprays
from detector.features.sprays import Kind, Refusal, SourceMemory, Tries
from detector.features.timeline import SIX_HOURS, Horizon

HORIZON = Horizon.of(SIX_HOURS, 1200.0)
DAY = 4 * 5_000
"""The first six hours of a day."""


def refusal(window: int, second: float = 0.0, record: str = "r") -> Refusal:
    return Refusal(window * SIX_HOURS + second, record, "")


def told(memory: SourceMemory, window: int, targets: int, kind: Kind = "regulars") -> None:
    for number in range(targets):
        sprays.observe(memory, kind, f"target-{number}", refusal(window, number), HORIZON)


def test_a_target_counts_once_with_its_earliest_refusal() -> None:
    memory = SourceMemory()
    assert sprays.observe(memory, "strangers", "a", refusal(DAY, 20), HORIZON)
    assert not sprays.observe(memory, "strangers", "a", refusal(DAY, 30), HORIZON)
    assert not sprays.observe(memory, "strangers", "a", refusal(DAY, 20), HORIZON)
    assert sprays.observe(memory, "strangers", "a", refusal(DAY, 10), HORIZON)
    assert sprays.observe(memory, "strangers", "a", refusal(DAY, 10, "q"), HORIZON)
    assert sprays.observe(memory, "regulars", "a", refusal(DAY, 40), HORIZON)
    tries = memory.open[DAY]
    assert tries == Tries(6, {"a": refusal(DAY, 10, "q")}, {"a": refusal(DAY, 40)})


def test_of_too_many_targets_the_earliest_are_remembered() -> None:
    memory = SourceMemory()
    told(memory, DAY, sprays.CAPACITY)
    assert not sprays.observe(memory, "regulars", "late", refusal(DAY, 1_000), HORIZON)
    assert sprays.observe(memory, "regulars", "early", refusal(DAY, 0.5), HORIZON)
    names = [name for name, _ in sprays.earliest(memory.open[DAY], "regulars")]
    assert names[:3] == ["target-0", "early", "target-1"]
    assert names[-1] == f"target-{sprays.CAPACITY - 2}"


def test_a_source_that_nobody_knows_has_the_prior() -> None:
    memory = SourceMemory()
    told(memory, DAY, 3)
    assert sprays.usual(memory, "regulars", DAY, HORIZON) == (sprays.PRIOR_TARGETS, 0.0)


def test_what_was_final_when_the_day_began_is_learned_and_nothing_later() -> None:
    memory = SourceMemory()
    for window in range(DAY - 5, DAY + 4):
        told(memory, window, 2)
    expected = sprays.usual(memory, "regulars", DAY + 3, HORIZON)
    assert expected == sprays.usual(memory, "regulars", DAY, HORIZON)
    assert expected.seen == pytest.approx(4, rel=0.1)
    learned = sum(2 * 2 ** (-(DAY - window) / 56) for window in range(DAY - 5, DAY - 1))
    assert expected.targets == pytest.approx((0.4 + learned) / (4 + expected.seen))


def test_what_is_folded_says_the_same_as_what_is_not() -> None:
    early, late = SourceMemory(), SourceMemory()
    for window in range(DAY - 30, DAY):
        told(early, window, 3)
        told(late, window, 3)
    sprays.observe(late, "strangers", "x", refusal(DAY + 3), HORIZON)
    assert late.base[1] > early.base[1]
    assert len(late.open) <= HORIZON.keep
    assert len(late.closed) <= 8
    before, after = (sprays.usual(each, "regulars", DAY, HORIZON) for each in (early, late))
    assert after == pytest.approx(before)
    assert before.targets == pytest.approx(3, rel=0.3)


def test_seldom_is_less_than_often() -> None:
    seldom, often = SourceMemory(), SourceMemory()
    told(seldom, DAY - 40, 1)
    for window in range(DAY - 40, DAY):
        told(often, window, 1)
    one, other = (sprays.usual(each, "regulars", DAY, HORIZON) for each in (seldom, often))
    assert one.seen == other.seen
    assert one.targets < 0.1
    assert other.targets > 0.8
    assert sprays.chance(5, one) < sprays.chance(5, other)


def test_strangers_teach_no_more_than_a_few() -> None:
    memory = SourceMemory()
    for window in range(DAY - 40, DAY + 1):
        told(memory, window, 50, "strangers")
    assert 0.8 < sprays.usual(memory, "strangers", DAY, HORIZON).targets < sprays.MOST_TAUGHT
    waiting = SourceMemory()
    told(waiting, DAY - 3, 50, "strangers")
    assert sprays.usual(waiting, "strangers", DAY, HORIZON).targets < 1


@pytest.mark.parametrize(("floor", "found"), [(5, (5, 10, 20, 40)), (64, (64,)), (65, ()), (33, (33,))])
def test_rungs_are_doublings_of_the_floor(floor: int, found: tuple[int, ...]) -> None:
    assert sprays.rungs(floor) == found
