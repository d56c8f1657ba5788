"""What is over the budget is kept and sent to nobody, unless alerts of another family support it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import msgpack
from msgspec.structs import replace as replace_struct

from detector.domain.alerts import Alert
from detector.domain.events import Credential, Event, Grant
from detector.domain.keys import Key
from detector.domain.signals import occurrence
from detector.engine import budgeting, pending
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.budget import BudgetSettings
from detector.features.declarations import Declarations, Declared
from tests.stories import ADMIN, DAY, HOUR, MINUTE, START, Agent, Tenant, engine_of, network, settings, tell

NEW_API, NEW_NETWORK, SECRET = "api_novelty", "network_novelty", "credential_added"
DETECTORS = (NEW_API, NEW_NETWORK, SECRET)


def chosen(**rates: float) -> EngineSettings:
    """A budget of one, and what kinds cost by themselves; every other detector is silent."""
    shipped = {kind: ((0, rate),) for kind, rate in rates.items()}
    quiet = {each.name: {"enabled": False} for each in settings().detectors if each.name not in DETECTORS}
    return settings(
        budget=BudgetSettings(rate=1.0, planned=1.0, shipped=shipped, always=frozenset({"critical"})), thresholds=quiet
    )


class Story:
    """Two weeks of an agent that gets the same token every hour from the same place."""

    def __init__(self) -> None:
        self.tenant = Tenant()
        self.agent: Agent = self.tenant.agent("courier")
        self.now = START
        self.events: list[Event] = []
        for hour in range(14 * 24):
            self.now = START + hour * HOUR
            self.events.append(self.tenant.sign_in(self.agent, self.now))

    def strange_api(self, after: float = HOUR) -> None:
        """A token for something that nobody in the tenant asked for before."""
        self.now += after
        self.events.append(self.tenant.sign_in(self.agent, self.now, resource="vault"))

    def strange_place(self, after: float = HOUR) -> None:
        """From a network that nobody in the tenant used before."""
        self.now += after
        self.events.append(self.tenant.sign_in(self.agent, self.now, origin=network(99, asn=99)))

    def later(self, seconds: float) -> None:
        """Time passes, as another agent's record shows."""
        self.now += seconds
        self.events.append(self.tenant.sign_in(self.tenant.agent("clock", blueprint="clocks"), self.now))


def raised(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """By detector, of the agent."""
    return {alert.detector: alert for alert in alerts if alert.subject.name == "courier"}


def told(story: Story, by: EngineSettings) -> dict[str, Alert]:
    engine = engine_of(by)
    return raised([*tell(engine, story.events), *engine.finish()])


def test_after_a_very_long_pause_the_days_before_it_are_forgotten() -> None:
    """Alerts of a day that is counted no more."""
    story = Story()
    story.strange_api()
    story.later(300 * DAY)
    engine = engine_of(chosen(**{NEW_API: 5.0}))
    tell(engine, story.events)
    (budgets,) = engine.state.weighed.tenants.values()
    assert budgets.open == {}


@pytest.fixture
def story() -> Story:
    return Story()


def test_what_is_within_the_budget_is_told_at_once_and_says_what_it_costs(story: Story) -> None:
    story.strange_api()
    engine = engine_of(chosen(api_novelty=0.5))
    alert = raised(tell(engine, story.events))[NEW_API]
    assert alert.held is None
    assert alert.rate is not None
    assert 0.0 < alert.rate <= 0.5


def test_what_is_over_the_budget_waits_for_support_and_is_then_held_back(story: Story) -> None:
    story.strange_api()
    engine = engine_of(chosen(api_novelty=5.0))
    assert raised(tell(engine, story.events)) == {}
    story.later(2 * HOUR)
    alert = raised(tell(engine, story.events[-1:]))[NEW_API]
    assert alert.held is not None
    assert alert.held.budget == 1.0
    assert alert.rate is not None
    assert alert.rate > alert.held.limit


def test_at_the_end_of_an_archive_nothing_waits(story: Story) -> None:
    story.strange_api()
    assert told(story, chosen(api_novelty=5.0))[NEW_API].held is not None


def test_alerts_of_two_families_support_each_other(story: Story) -> None:
    story.strange_api()
    story.strange_place(10 * MINUTE)
    found = told(story, chosen(api_novelty=5.0, network_novelty=5.0))
    assert found[NEW_API].held is not None, "when it came it was alone"
    assert found[NEW_NETWORK].held is None
    assert found[NEW_NETWORK].supported_by == (found[NEW_API].id,)


def test_where_somebody_was_woken_nobody_is_woken_again(story: Story) -> None:
    story.events.append(story.tenant.change(SECRET, story.now + 60.0, story.agent, actor=ADMIN))
    story.strange_api()
    story.strange_place(10 * MINUTE)
    found = told(story, chosen(api_novelty=5.0, network_novelty=5.0))
    assert found[SECRET].held is None
    assert found[NEW_API].held is not None
    assert found[NEW_NETWORK].held is not None
    assert found[NEW_NETWORK].supported_by == ()


def test_what_people_do_every_day_does_not_hide_what_they_never_do(story: Story) -> None:
    """Both are changes by hand, told by one detector."""
    quiet = {each.name: {"enabled": False} for each in settings().detectors if each.name != "change_outside_pipeline"}
    shipped = {"change_outside_pipeline/owner_removed": ((0, 5.0),)}
    by = settings(budget=BudgetSettings(rate=1.0, planned=1.0, shipped=shipped), thresholds=quiet)
    story.events += [
        story.tenant.change(kind, story.now + number, story.agent, actor=ADMIN)
        for number, kind in enumerate(("owner_removed", "agent_disabled"), 60)
    ]
    engine = engine_of(by)
    held = {alert.sort: alert.held is not None for alert in [*tell(engine, story.events), *engine.finish()]}
    assert held == {"owner_removed": True, "agent_disabled": False}


def test_sorts_beyond_number_are_counted_with_their_detector(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgeting, "_MAX_KINDS", 1)
    quiet = {each.name: {"enabled": False} for each in settings().detectors if each.name != "change_outside_pipeline"}
    engine = engine_of(settings(budget=BudgetSettings(), thresholds=quiet))
    changes = [
        story.tenant.change(kind, story.now + number, story.agent, actor=ADMIN)
        for number, kind in enumerate(("owner_removed", "agent_disabled"), 60)
    ]
    tell(engine, [*story.events, *changes])
    (budget,) = engine.state.weighed.tenants.values()
    counted = {kind for day in budget.open.values() for kind in day}
    assert counted == {"change_outside_pipeline/owner_removed", "change_outside_pipeline"}


def test_a_day_later_they_do_not(story: Story) -> None:
    story.strange_api()
    story.strange_place(DAY + 1)
    found = told(story, chosen(api_novelty=5.0, network_novelty=5.0))
    assert found[NEW_NETWORK].held is not None
    assert found[NEW_NETWORK].supported_by == ()


def test_the_support_has_a_price_too(story: Story) -> None:
    story.strange_api()
    story.strange_place(10 * MINUTE)
    found = told(story, chosen(api_novelty=5.0, network_novelty=5.0, combined=3.0))
    assert found[NEW_NETWORK].held is not None


def test_a_critical_alert_is_never_held_back(story: Story) -> None:
    story.strange_api()
    by = chosen(api_novelty=5.0)
    severities = frozenset({"low", "medium", "high", "critical"})
    assert by.budget is not None
    everything = settings(
        budget=BudgetSettings(rate=1.0, planned=1.0, shipped=by.budget.shipped, always=severities),
    )
    assert told(story, everything)[NEW_API].held is None


@pytest.mark.untraced
def test_copies_and_a_restart_change_nothing(story: Story) -> None:
    story.strange_api()
    story.strange_place(10 * MINUTE)
    by = chosen(api_novelty=5.0, network_novelty=5.0)
    wanted = told(story, by)
    engine, found = engine_of(by), list[Alert]()
    for event in [*story.events, *story.events[-3:]]:
        found += tell(engine, [event])
        engine = Engine(by, State.load(engine.snapshot()))
    found += engine.finish()
    assert raised(found) == wanted


def test_a_tenant_learns_what_is_usual_in_it(story: Story) -> None:
    """Every day a secret is added to another agent; nothing of that is known beforehand."""
    by = replace(chosen(), budget=BudgetSettings(rate=1.0, planned=1.0, weight=0.1, always=frozenset({"critical"})))
    engine = engine_of(by)
    crowd = [story.tenant.agent(f"agent {number}") for number in range(20)]
    alerts = tell(engine, [story.tenant.sign_in(each, START) for each in crowd])
    for day in range(1, 14):
        for each in crowd[:4]:
            at = START + day * DAY + 9 * HOUR
            change = story.tenant.change("credential_added", at, each, actor=ADMIN)
            alerts += tell(engine, [change, story.tenant.sign_in(each, at + MINUTE)])
    alerts += engine.finish()
    held = [alert.held is not None for alert in alerts if alert.detector == SECRET]
    assert held[:4] == [False] * 4
    assert held[-4:] == [True] * 4


def test_how_the_budget_stands_can_be_asked_and_looking_changes_nothing(story: Story) -> None:
    by = chosen(api_novelty=0.5, credential_added=5.0)
    engine = engine_of(by)
    assert engine.budgeting is not None
    fresh = engine.budgeting.standing()
    assert fresh == (1.0, 0.5, 0.0, 0), "before there is a tenant it is as it was shipped"
    tell(engine, story.events)
    story.later(2 * DAY)
    tell(engine, story.events[-1:])
    before = engine.snapshot()
    stood = engine.budgeting.standing()
    assert stood.days == 14
    assert stood.exposure == pytest.approx(0.012, rel=0.2), "fourteen days of one agent, faded; those without one too"
    assert engine.snapshot() == before


def test_of_several_tenants_the_strictest_limit_and_the_youngest_are_told(story: Story) -> None:
    engine = engine_of(chosen(api_novelty=0.5))
    other = Tenant("2" * 8)
    agent = other.agent("other")
    later = [other.sign_in(agent, START + 11 * DAY + hour * HOUR) for hour in range(3 * 24)]
    tell(engine, sorted([*story.events, *later], key=lambda event: event.time))
    assert engine.budgeting is not None
    budgets = [each.now for each in engine.state.weighed.tenants.values()]
    assert len(budgets) == 2
    stood = engine.budgeting.standing()
    assert stood.days == min(each.days for each in budgets) < max(each.days for each in budgets)
    assert stood.exposure == sum(each.exposure for each in budgets)


def test_what_days_brought_is_told_beside_what_they_should_have_brought(story: Story) -> None:
    story.strange_api(8 * HOUR)
    story.later(2 * DAY)
    engine = engine_of(chosen(api_novelty=5.0, credential_added=7.0))
    assert engine.budgeting is not None
    tell(engine, story.events[:-2])
    calm = engine.budgeting.take_settled()
    assert calm.seen.keys() == calm.expected.keys() >= {NEW_API, SECRET}
    assert sum(calm.seen.values()) == 0
    assert calm.expected[SECRET] == pytest.approx(7.0 * 13 * 0.001, rel=0.1), "thirteen days of one agent"
    tell(engine, story.events[-2:])
    told = engine.budgeting.take_settled()
    assert {kind: count for kind, count in told.seen.items() if count} == {NEW_API: 1}, "held back or not"
    assert 0 < told.expected[NEW_API] < 5.0 * 0.003
    assert engine.budgeting.take_settled() == ({}, {})


def test_sorts_of_alerts_are_told_together_by_detector(story: Story) -> None:
    rates = {"network_novelty/prefix": 4.0, "network_novelty/country": 2.0, "network_novelty": 1.0}
    engine = engine_of(chosen(**rates))
    tell(engine, story.events)
    assert engine.budgeting is not None
    told = engine.budgeting.take_settled()
    assert set(told.expected) == {NEW_NETWORK}
    assert told.expected[NEW_NETWORK] == pytest.approx(7.0 * 0.014, rel=0.15), "fourteen days of one agent"


def test_another_budget_holds_from_the_next_start_on_and_the_same_one_changes_nothing(story: Story) -> None:
    """Not only from the next day on, for which the limit would be computed anyway."""
    by = chosen(api_novelty=5.0)
    engine = engine_of(by)
    tell(engine, story.events)
    before = engine.snapshot()
    assert Engine(by, State.load(before)).snapshot() == before
    assert by.budget is not None
    story.strange_api()
    strict = Engine(by, State.load(before))
    assert raised(tell(strict, story.events[-1:])) == {}
    generous = Engine(replace(by, budget=replace(by.budget, rate=10.0)), State.load(before))
    assert raised(tell(generous, story.events[-1:]))[NEW_API].held is None


def test_a_start_within_the_first_day_of_a_tenant_changes_nothing(story: Story) -> None:
    by = chosen(credential_added=5.0)
    engine = engine_of(by)
    change = story.tenant.change(SECRET, START + MINUTE, story.agent, actor=ADMIN)
    tell(engine, [story.events[0], change])
    assert [each.before for each in engine.state.weighed.tenants.values()] == [None]
    assert Engine(by, State.load(engine.snapshot())).snapshot() == engine.snapshot()


def test_memory_is_bounded(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgeting, "_MAX_SUBJECTS", 3)
    monkeypatch.setattr(budgeting, "_MAX_SUPPORTS", 2)
    monkeypatch.setattr(budgeting, "_MAX_WAITING", 4)
    monkeypatch.setattr(budgeting, "_MAX_COUNTED", 5)
    monkeypatch.setattr(budgeting, "_MAX_KINDS", 1)
    engine = engine_of(chosen(credential_added=5.0))
    crowd = [story.tenant.agent(f"agent {number}") for number in range(8)]
    alerts = tell(engine, story.events + [story.tenant.sign_in(each, story.now) for each in crowd])
    for number in range(40):
        alerts += tell(engine, [story.tenant.change(SECRET, story.now + number, crowd[number % 8], actor=ADMIN)])
    weighed = engine.state.weighed
    assert len(weighed.supports) <= 3
    assert all(len(each) <= 2 for each in weighed.supports.values())
    assert len(weighed.waiting) <= 4
    assert engine.counters["supports_dropped"] > 0
    assert all(
        len(each) <= 5 for budget in weighed.tenants.values() for day in budget.open.values() for each in day.values()
    )
    assert alerts, "what finds no room to wait is told"
    story.later(40 * DAY)
    tell(engine, story.events[-1:])
    assert weighed.supports == {}
    assert weighed.waiting == {}


# ----------------------------------------------------------------------------------- what comes before the logs

DRIFT, KEY = "configuration_drift", Key("blueprint", "crew")


class Ahead:
    """A tenant at work; of `at` it is not known what yesterday brought until the logs have come there."""

    def __init__(self, *, weight: float = 0.01, **budget: Any) -> None:
        self.tenant = Tenant()
        self.clerk = self.tenant.agent("clerk", blueprint="crew")
        self.blueprint = self.tenant.agent("crew", role="blueprint")
        quiet = {each.name: {"enabled": False} for each in settings().detectors if each.name != DRIFT}
        weighing = BudgetSettings(rate=1.0, planned=1.0, weight=weight, shipped={DRIFT: ((0, 0.5),)}, **budget)
        declared = Declared(id=self.blueprint.id, permissions=frozenset({"user.read.all"}))
        manifest = Declarations(declared={declared.id: declared})
        self.engine = engine_of(replace(settings(budget=weighing, thresholds=quiet), declarations=manifest))
        self.at = (START // DAY + 3) * DAY + 6 * HOUR
        """When the days up to yesterday are over."""
        (usual,) = self.tell(
            *(self.sign_in(float(time)) for time in range(int(START), int(self.at - DAY), int(HOUR))),
            self.shown(self.at - DAY + HOUR, "Mail.Send"),
            *(self.sign_in(float(time)) for time in range(int(self.at - DAY), int(self.at), int(HOUR))),
        )
        assert usual.held is None, "it was the first of its kind"

    def shown(self, at: float, *more: str) -> Event:
        grants = tuple(Grant("app_role", "r", name) for name in ("User.Read.All", *more))
        return self.tenant.inventory(self.blueprint, at, grants=grants)

    def sign_in(self, at: float) -> Event:
        return self.tenant.sign_in(self.clerk, at)

    def tell(self, *events: Event) -> list[Alert]:
        return tell(self.engine, list(events))


def test_what_comes_before_the_logs_is_weighed_as_if_it_had_come_after_them() -> None:
    """The alert of yesterday makes that of today too usual, and yesterday is over only when the logs have come here."""
    first, second = Ahead(), Ahead()
    assert first.tell(first.shown(first.at + MINUTE, "Mail.Read")) == [], "its budget is not known"
    assert first.tell(first.sign_in(first.at + 2 * MINUTE)) == [], "over it"
    assert second.tell(second.sign_in(second.at + 2 * MINUTE)) == []
    assert second.tell(second.shown(second.at + MINUTE, "Mail.Read")) == []
    (early,), (late,) = first.engine.finish(), second.engine.finish()
    assert early.held is not None
    assert (early.id, early.rate, early.held) == (late.id, late.rate, late.held)


def test_it_is_told_as_soon_as_the_logs_are_there() -> None:
    story = Ahead(weight=50.0)
    assert story.tell(story.shown(story.at + 20 * MINUTE, "Mail.Read")) == []
    (alert,) = story.tell(story.sign_in(story.at))
    assert alert.detector == DRIFT


def test_it_waits_no_longer_for_logs_than_they_may_be_late() -> None:
    """A tenant whose logs have ended is told all the same, when its inventory is read again."""
    story = Ahead()
    assert story.tell(story.shown(story.at + MINUTE, "Mail.Read")) == []
    assert story.tell(story.shown(story.at + 31 * MINUTE, "Mail.Read")) == []
    (alert,) = story.tell(story.shown(story.at + 31 * MINUTE + 1, "Mail.Read"))
    assert alert.detector == DRIFT


def test_it_outlives_a_restart_and_is_told_at_the_end_of_an_archive() -> None:
    story = Ahead()
    assert story.tell(story.shown(story.at + MINUTE, "Mail.Read")) == []
    again = Engine(story.engine.settings, State.load(story.engine.snapshot()))
    assert [alert.detector for alert in again.finish()] == [DRIFT]
    assert again.finish() == []


def test_what_no_budget_holds_back_waits_for_nothing() -> None:
    story = Ahead(always=frozenset({"medium"}))
    (alert,) = story.tell(story.shown(story.at + MINUTE, "Mail.Read"))
    assert alert.severity == "medium"


def test_what_turns_out_to_be_grave_is_told_once_and_at_once() -> None:
    """An alert waits, and a later record of the same occasion makes it one that no budget holds back."""
    story = Ahead()
    assert story.tell(story.shown(story.at + MINUTE, "Mail.Read")) == []
    ((name, kept),) = story.engine.state.weighed.uncertain.items()
    grave = replace_struct(msgpack.decode(kept.alert, type=Alert), severity="critical")
    assert story.engine.budgeting is not None
    story.engine.budgeting.weigh(grave, occurrence("inventory", KEY, kept.time + 1, "again", "issues", {}, None))
    assert [(alert.id, alert.severity) for alert in story.engine.finish()] == [(name, "critical")]


def test_what_waits_for_the_logs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "_MAX_PENDING", 1)
    story = Ahead()
    assert story.tell(story.shown(story.at + MINUTE, "Mail.Read")) == []
    assert len(story.tell(story.shown(story.at + 2 * MINUTE, "Mail.Read", "Files"))) == 1


def test_what_turns_out_to_be_earlier_is_weighed_by_what_was_known_then() -> None:
    """Its first record arrives last, and is from before the hour at which another day counts."""
    first, second = Ahead(), Ahead()
    (sent,) = first.tell(first.shown(first.at - MINUTE, "Mail.Read"))
    assert first.tell(first.sign_in(first.at + 2 * MINUTE), first.shown(first.at + MINUTE, "Mail.Read")) == []
    assert second.tell(second.sign_in(second.at + 2 * MINUTE), second.shown(second.at + MINUTE, "Mail.Read")) == []
    assert second.tell(second.shown(second.at + 2 * MINUTE, "Mail.Read")) == []
    (late,) = second.tell(second.shown(second.at - MINUTE, "Mail.Read"))
    assert (sent.id, sent.time, sent.rate, sent.held) == (late.id, late.time, late.rate, None)


@pytest.mark.parametrize(("after", "waits"), [(20 * MINUTE - 1, True), (20 * MINUTE, False)])
def test_nothing_can_turn_out_to_be_earlier_than_by_the_lateness(after: float, waits: bool) -> None:
    story = Ahead()
    story.tell(story.sign_in(story.at + 21 * MINUTE))
    assert story.tell(story.shown(story.at + after, "Mail.Read")) == []
    (budgets,) = story.engine.state.weighed.tenants.values()
    assert bool(story.engine.state.weighed.uncertain) is waits
    assert bool(story.engine.state.weighed.waiting) is not waits
    assert budgets.now is not budgets.before


def test_what_is_not_urgent_is_told_as_its_earliest_record_tells_it() -> None:
    """Two inventories of the same instant: one knows of another credential, the other does not."""
    ends = START + 21 * DAY
    key, other = Credential("k", "certificate", end=ends), Credential("o", "certificate", end=ends + 90 * DAY)
    told: list[list[Alert]] = []
    for order in ((0, 1), (1, 0)):
        story = Story()
        by = settings(budget=BudgetSettings(shipped={"credential_expiry": ((0, 0.1),)}))
        engine = engine_of(by)
        tell(engine, story.events)
        at = story.now + HOUR
        looks = [story.tenant.inventory(story.agent, at, credentials=held) for held in ((key,), (key, other))]
        looks = [looks[place] for place in order]
        assert [each for each in tell(engine, looks) if each.detector == "credential_expiry"] == []
        told.append([each for each in engine.finish() if each.detector == "credential_expiry"])
    ((first,), (second,)) = told
    assert (first.id, first.severity, first.rate) == (second.id, second.severity, second.rate)


def test_the_first_day_counts_whichever_record_came_first() -> None:
    """The first record is from the end of a day, and may come when another day has begun."""
    tenant, midnight = Tenant(), (START // DAY + 1) * DAY
    early, other = (tenant.agent(name) for name in ("early", "other"))
    events = [tenant.sign_in(early, midnight - MINUTE), tenant.sign_in(other, midnight + MINUTE)]
    after = [tenant.sign_in(early, midnight + hour * HOUR) for hour in range(1, 32)]
    lived: list[float] = []
    for order in (events, events[::-1]):
        engine = engine_of(chosen())
        tell(engine, [*order, *after])
        (budgets,) = engine.state.weighed.tenants.values()
        lived.append(budgets.now.exposure)
    assert lived[0] == lived[1] > 0.002


def test_without_any_logs_the_inventory_is_told_at_once() -> None:
    story = Ahead()
    alone = Engine(story.engine.settings)
    (alert,) = tell(alone, [story.shown(story.at + MINUTE, "Mail.Read")])
    assert (alert.detector, alert.held) == (DRIFT, None)
