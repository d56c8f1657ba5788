"""What a report is made of: counts, bands, lanes and chains, from events told as stories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.events import CredentialKey, Event
from detector.features.timeline import Horizon
from detector.runtime.dossier import following, gathering
from detector.runtime.dossier.expectations import UNKNOWN, expected
from detector.runtime.dossier.following import Seeds, follow
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.panels import Panels, series, span_of
from detector.runtime.dossier.trail import Trail
from tests.stories import ADMIN, HOUR, START, Tenant, guid, in_order, network

TENANT = Tenant()
INVOICES = TENANT.agent("invoices", blueprint="finance")
SIBLING = TENANT.agent("sibling", blueprint="finance")
HOURLY = Horizon.of(3600, 1200.0)


def gathered(story: list[Event]) -> Gathering:
    found = Gathering(Trail(), everybody=True)
    for event in story:
        found.take(event)
    return found


def key_of(name: str) -> tuple[str, str]:
    agent = TENANT.sign_in({"invoices": INVOICES, "sibling": SIBLING}[name], START).access
    return agent.tenant_id, agent.agent_id


def test_copies_count_once() -> None:
    calm = TENANT.sign_ins(INVOICES, START, 30, every=60.0)
    twice = [event for event in calm for _ in range(2)]
    found = gathered(twice)
    assert found.kinds == {"SignIn": 30}
    assert found.agents[key_of("invoices")].touch.use.requests == 30


def test_counts_lanes_and_totals_agree() -> None:
    story = in_order(
        TENANT.sign_ins(INVOICES, START, 10, every=60.0, resource="vault", origin=network(1)),
        TENANT.sign_ins(INVOICES, START + 5 * HOUR, 4, every=60.0, resource="mail", origin=network(2)),
    )
    found = gathered(story)
    span = span_of(found)
    counts = series(found.agents[key_of("invoices")].hours, span)
    assert (sum(counts), counts[0], counts[5], span.buckets) == (14, 10, 4, 6)
    (panel,) = Panels(found, span, [], lateness=1200.0, trusted=lambda _: False).chosen(frozenset(), 10)
    assert sorted(lane.runs for lane in panel.resources) == [(0, 1), (5, 6)]
    assert sum(lane.requests for lane in panel.resources) == panel.requests == 14


@pytest.mark.parametrize(
    ("days", "seconds"), [(3, 3600), (30, 21_600), (200, 86_400), (900, 604_800), (9_000, 604_800)]
)
def test_plots_are_bounded_however_long_ago_a_record_is_dated(days: int, seconds: int) -> None:
    old = TENANT.sign_ins(INVOICES, START, 3, every=60.0)
    found = gathered([*old, *TENANT.sign_ins(INVOICES, START + days * 24 * HOUR, 5, every=60.0)])
    span = span_of(found)
    counts = series(found.agents[key_of("invoices")].hours, span)
    assert span.seconds == seconds
    assert len(counts) == span.buckets <= 240
    assert sum(counts) == (8 if days < 1_000 else 5)
    (panel,) = Panels(found, span, [], lateness=1200.0, trusted=lambda _: False).chosen(frozenset(), 1)
    assert all(0 <= each <= span.buckets for lane in panel.resources for each in lane.runs)
    assert panel.requests == 8


def test_agents_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_AGENTS", 1)
    found = gathered(in_order(TENANT.sign_ins(INVOICES, START, 3), TENANT.sign_ins(SIBLING, START + 9, 2)))
    assert (len(found.agents), found.unlisted) == (1, 2)


def test_a_band_expects_nothing_before_it_has_seen_something() -> None:
    band = expected([6] * 24, int(START) // 3600, HOURLY)
    assert band.low[:5] == (UNKNOWN,) * 5
    assert band.low[-1] <= 6 <= band.high[-1]


def test_a_spike_does_not_teach_the_band_that_it_is_compared_with() -> None:
    calm, first = [6] * 48, int(START) // 3600
    spiked = [*calm[:40], 600, *calm[41:]]
    before, after = expected(calm, first, HOURLY), expected(spiked, first, HOURLY)
    assert before.high[:41] == after.high[:41]
    assert after.high[40] < 600
    assert after.high[-1] < 3 * before.high[-1], "a burst teaches at most three times the usual"


def test_a_chain_goes_from_the_actor_to_what_was_reached_and_knows_what_lay_within_reach() -> None:
    calm = TENANT.sign_ins(SIBLING, START, 5, every=HOUR, resource="mail", key="old")
    added = TENANT.change(
        "credential_added", START + 6 * HOUR, INVOICES, keys_added=(CredentialKey(guid("key", "stolen"), "Password"),)
    )
    used = TENANT.sign_ins(INVOICES, START + 7 * HOUR, 3, resource="vault", key="stolen")
    found = gathered(in_order(calm, [added], used))
    followed = follow(found.trail, Seeds(agents=frozenset((key_of("invoices"),)), since=START + 6 * HOUR))
    kinds = [(edge.source.split(":")[0], edge.target.split(":")[0]) for edge in followed.chain.edges]
    assert set(kinds) >= {("actor", "credential"), ("credential", "agent"), ("agent", "resource")}
    assert all(edge.new and edge.records for edge in followed.chain.edges)
    assert followed.added == [added]
    assert followed.chain.radius.agents == (key_of("invoices")[1],)
    assert followed.chain.radius.within_reach == (key_of("sibling")[1],)
    assert followed.chain.radius.requests == 3


def test_what_a_pipeline_added_is_told_and_not_followed() -> None:
    keys = [CredentialKey(guid("key", name), "Password") for name in ("one", "two")]
    added = [
        TENANT.change("credential_added", START + n, agent, actor=ADMIN, keys_added=(key,))
        for n, (agent, key) in enumerate(zip((INVOICES, SIBLING), keys, strict=True))
    ]
    story = in_order(
        added,
        TENANT.sign_ins(INVOICES, START + HOUR, 2, resource="vault", key="one"),
        TENANT.sign_ins(SIBLING, START + HOUR + 9, 2, resource="mail", key="two"),
    )
    trail = gathered(story).trail
    seeds = Seeds(agents=frozenset((key_of("invoices"),)), since=START)
    assert len(follow(trail, seeds).chain.radius.agents) == 2
    assert len(follow(trail, replace(seeds, trusted=lambda _: True)).chain.radius.agents) == 1


def test_a_chain_that_is_too_wide_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SHOWN", 2)
    monkeypatch.setattr(following, "LISTED", 2)
    story = in_order(*(TENANT.sign_ins(INVOICES, START + n, 1, resource=f"r{n}") for n in range(5)))
    chain = follow(gathered(story).trail, Seeds(agents=frozenset((key_of("invoices"),)))).chain
    assert len([node for node in chain.nodes if node.kind == "resource"]) == 2
    assert (chain.not_shown, len(chain.radius.resources), chain.radius.not_listed) == (3, 2, 3)
