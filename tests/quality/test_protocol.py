"""Training and test tenants do not meet."""

from __future__ import annotations

import pytest

from bench.quality.protocol import RANGES, Protocol, twin
from detector.runtime.simulation import LEVELS


def test_no_test_range_meets_its_training_range() -> None:
    assert set(RANGES["train"]) == set(RANGES["test"])
    for name, (low, high) in RANGES["train"].items():
        other_low, other_high = RANGES["test"][name]
        assert low <= high
        assert other_low <= other_high
        assert high <= other_low or other_high <= low, name


def test_tenants_are_drawn_from_the_ranges_and_differ() -> None:
    train, test = Protocol(seeds=3, split="train").tenants(), Protocol(seeds=3).tenants()
    assert len({tenant.seed for tenant in train + test}) == 6
    assert len({tenant.traits for tenant in train + test}) == 6
    for split, tenants in (("train", train), ("test", test)):
        for tenant in tenants:
            for name, (low, high) in RANGES[split].items():  # type: ignore[index]
                assert low <= getattr(tenant.traits, name) <= high


def test_the_default_is_the_protocol_of_the_bars() -> None:
    tenants = Protocol().tenants()
    assert [(each.agents, each.days, each.attack_after_days) for each in tenants] == [(1_000, 28, 14)] * 5
    assert all(each.attack_levels == LEVELS for each in tenants)
    assert Protocol().tenants() == tenants


def test_a_twin_differs_in_the_attacks_alone() -> None:
    [tenant] = Protocol(seeds=1).tenants()
    other = twin(tenant)
    assert not other.attacks
    assert (other.seed, other.traits, other.days) == (tenant.seed, tenant.traits, tenant.days)


def test_logs_alone_leave_out_what_is_no_log() -> None:
    [bare], [full] = Protocol(seeds=1).tenants(), Protocol(seeds=1, inputs="all").tenants()
    assert {bare.inventory, bare.deployments, bare.manifest} == {False}
    assert {full.inventory, full.deployments, full.manifest} == {True}


@pytest.mark.parametrize("wrong", [{"quiet_days": 28}, {"quiet_days": 0}, {"seeds": 0}])
def test_an_impossible_protocol_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Protocol(**wrong)  # type: ignore[arg-type]
