"""What makes one tenant unlike another: each trait is drawn, and shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields, replace
from random import Random
from statistics import fmean, pvariance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.runtime.simulation import Simulation, SimulationSettings, Traits, drawn, simulate
from detector.runtime.simulation.chance import stream
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE
from detector.runtime.simulation.networks import HOME_PLACES, Registry
from detector.runtime.simulation.traffic import Bursts, bursty, scheduled, week_shape
from tests.simulation.reading import of

BASE = SimulationSettings(
    seed=11, days=3, agents=20, blueprints=5, attacks=False, mean_requests_per_agent_day=60, other_records_per_day=50
)
FLAT = (1.0,) * 168


def living(**traits: Any) -> Simulation:
    return simulate(replace(BASE, traits=Traits(**traits)))


def granted(simulation: Simulation) -> list[dict[str, Any]]:
    found = of(simulation, "ServicePrincipalSignInLogs", "NonInteractiveUserSignInLogs")
    return [each for each in found if each["agent"]["agentType"] == "agenticAppInstance"]


def labels(simulation: Simulation) -> Counter[str]:
    return Counter(label.story for label in simulation.benign_labels)


@given(st.integers(0, 1 << 32))
def test_traits_are_drawn_from_their_ranges_and_whole_where_they_must_be(seed: int) -> None:
    traits = drawn(Random(seed), {"zipf": (0.5, 0.6), "hosts_low": (2, 4), "hosts_high": (5, 9)})
    assert 0.5 <= traits.zipf <= 0.6
    assert traits.hosts_low in range(2, 5)
    assert traits.hosts_high in range(5, 10)
    assert traits.growth == Traits().growth


def test_an_unknown_trait_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="'zip' is not one of zipf, "):
        drawn(Random(1), {"zip": (0, 1)})


@pytest.mark.parametrize(
    "wrong",
    [{"burst_low": 7.0}, {"hosts_low": 0}, {"asleep": 1.5}, {"home_share": -0.1}, {"zipf": 0.0}, {"lag": 1.1}],
)
def test_impossible_traits_are_refused_by_name(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=f"traits.{name}: must be"):
        Traits(**wrong)  # type: ignore[arg-type]


def test_every_trait_is_described() -> None:
    assert Traits.__doc__ is not None
    for field in fields(Traits):
        assert f"        {field.name}: " in Traits.__doc__


def test_a_steeper_rank_concentrates_the_work() -> None:
    shares = []
    for zipf in (0.3, 1.5):
        counts = Counter(each["appId"] for each in granted(living(zipf=zipf)))
        shares.append(max(counts.values()) / counts.total())
    assert shares[1] > 2 * shares[0]


def _dispersion(bursts: Bursts) -> float:
    moments = bursty(stream(3, "test"), 0, 60 * DAY, 240.0, FLAT, bursts, lambda _: 1.0)
    counts = Counter(moment // HOUR for moment in moments)
    hours = [counts[hour] for hour in range(60 * 24)]
    assert fmean(hours) == pytest.approx(10, rel=0.12)
    return pvariance(hours) / fmean(hours)


def test_bursts_and_sessions_make_counts_over_dispersed_and_keep_their_mean() -> None:
    calm, bursty_, sessions = (_dispersion(each) for each in (Bursts(50.0), Bursts(1.0), Bursts(50.0, 2.0, 0.5)))
    assert bursty_ > 3 * calm
    assert sessions > 2 * calm


def test_scheduled_runs_keep_their_clock_within_the_jitter() -> None:
    for longest in (5.0, 40.0):
        runs = scheduled(stream(1, "runs"), 0, 20 * DAY, 36.0, longest, lambda _: 1.0)
        late = [run % (HOUR // 60) / MINUTE * 60 for run in runs]
        assert fmean(late) <= longest


def test_nights_and_weekends_are_as_quiet_as_they_are_said_to_be() -> None:
    quiet, lively = (week_shape("office", 0, Traits(night=each, weekend=each)) for each in (0.01, 0.3))
    saturday_noon, night = 5 * 24 + 12, 2
    assert lively[saturday_noon] > 10 * quiet[saturday_noon]
    assert lively[night] > 10 * quiet[night]


def test_agents_wander_to_resources_that_nobody_rolled_out() -> None:
    def resources(simulation: Simulation) -> int:
        return len({(each["appId"], each["resourceId"]) for each in granted(simulation)})

    assert resources(living(wander=1.0)) > resources(living()) + 10


def test_failovers_go_to_one_network_in_reserve_and_are_labelled() -> None:
    simulation = living(failovers=2.0)
    assert labels(simulation)["failover"] > 10
    assert labels(living())["failover"] == 0
    prefixes: dict[str, set[str]] = defaultdict(set)
    for each in granted(simulation):
        prefixes[each["agent"]["parentAppId"]].add(each["ipAddress"].rpartition("::")[0].rpartition(":")[0])
    usual: dict[str, set[str]] = defaultdict(set)
    for each in granted(living()):
        usual[each["agent"]["parentAppId"]].add(each["ipAddress"].rpartition("::")[0].rpartition(":")[0])
    assert all(len(prefixes[blueprint] - usual[blueprint]) <= 2 for blueprint in prefixes)
    assert any(prefixes[blueprint] - usual[blueprint] for blueprint in prefixes)


def test_flaky_agents_fail_on_bad_days() -> None:
    def spread(simulation: Simulation) -> float:
        failures = Counter(
            (each["appId"], each["createdDateTime"][:10]) for each in granted(simulation) if each["status"]["errorCode"]
        )
        return sum(count * count for count in failures.values()) / max(1, failures.total())

    assert spread(living(failures_low=0.05, failures_high=0.06, flaky=0.2)) > 1.5 * spread(
        living(failures_low=0.05, failures_high=0.06)
    )


def test_a_tenant_of_many_blueprints_has_more_of_each_story() -> None:
    once, often = labels(living()), labels(living(stories=0.8))
    for story in ("egress_change", "autoscaling", "outage", "onboarding", "emergency_stop", "sponsor_change"):
        assert often[story] == 4 * once[story], story
    assert often["late_delivery"] == once["late_delivery"]


def test_a_full_block_of_prefixes_goes_on_without_meeting_another() -> None:
    registry, rng = Registry(0), Random(1)
    many = [registry.network(rng, asn=1, place=HOME_PLACES[0], hosts=3) for _ in range(600)]
    other = [Registry(room).network(rng, asn=1, place=HOME_PLACES[0], hosts=1).cidr for room in (1, 2, 3)]
    assert len({network.cidr for network in many} | set(other)) == 603
    assert many[-1].cidr.startswith("3fff:")
    assert all(address.startswith(many[-1].cidr.partition("::")[0]) for address in many[-1].addresses)
