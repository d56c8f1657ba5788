"""The casebook: what is noted of whom, for how long, and what is watched; and the sequences that it tells or holds."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from detector.domain.alerts import Subject
from detector.domain.events import Identity
from detector.domain.keys import Key
from detector.domain.signals import Signal
from detector.engine import casebook, sequencing
from detector.engine.engine import Engine
from detector.engine.state import State
from detector.features.ledger import Entry, Ledger, Sequence, Step
from tests.stories import ADMIN, HOUR, MINUTE, NOWHERE, RELEASE, START, Tenant, guid, network, settings, tell

TENANT = Tenant()
AGENT, SIBLING = TENANT.agent("invoices"), TENANT.agent("orders")
BLUEPRINT = TENANT.agent("crew", role="blueprint")
KEY, CREW = Key("agent", AGENT.id), Key("blueprint", BLUEPRINT.id)
SUBJECT = Subject("agent", AGENT.id, "invoices", tenant=TENANT.id)
NOW = START + 13 * HOUR
LATENESS = 1200.0

PLAIN = Sequence(name="plain", steps=(Step(kinds=frozenset({"a"})), Step(kinds=frozenset({"b"}))))
FRAGILE = Sequence(
    name="fragile", steps=(Step(kinds=frozenset({"a"})), Step(kinds=frozenset({"c"}))), broken_by=frozenset({"x"})
)


def engine(state: State | None = None, **fields: Any) -> Engine:
    """An engine that knows the agent, its sibling and their blueprint."""
    made = Engine(settings(**({"sequences": (PLAIN, FRAGILE)} | fields)), state)
    if state is None:
        tell(made, [TENANT.sign_in(each, START) for each in (AGENT, SIBLING, BLUEPRINT)])
    return made


def signals(made: Engine) -> list[Signal]:
    """The sequences that it tells from now on."""
    told: list[Signal] = []
    made.saying.tell = lambda signal, *_: told.append(signal) if signal.kind == "sequence" else None  # type: ignore[method-assign]
    return told


def note(made: Engine, time: float, kind: str, key: Key = KEY, **fields: Any) -> None:
    made.casebook.note(TENANT.id, key, SUBJECT, Entry(time, kind, **fields))


def ledger(made: Engine, key: Key = KEY) -> Ledger:
    return made.state.tenants[TENANT.id].ledgers[key.id]


def watched(made: Engine, identifier: str = AGENT.id) -> float:
    return made.state.tenants[TENANT.id].identities[identifier].watched


# --------------------------------------------------------------------------------------------- what is told


def test_a_sequence_is_told_with_its_steps_when_the_last_entry_comes() -> None:
    made = engine()
    told = signals(made)
    note(made, NOW + 60, "b", about="thing", name="a thing", address="192.0.2.9", record_id="r2")
    assert told == []
    note(made, NOW, "a", who="eve", record_id="r1", detail="words", by="pipeline")
    (signal,) = told
    assert signal.key == KEY
    assert (signal.time, signal.window) == (NOW + 60, (NOW, NOW + 60))
    assert signal.record_ids == ("r1", "r2")
    assert signal.facts == {
        "sequence": "plain",
        "target_name": "invoices",
        "step_1": "a",
        "step_1_time": NOW,
        "step_1_who": "eve",
        "step_1_detail": "words",
        "step_1_by": "pipeline",
        "step_2": "b",
        "step_2_time": NOW + 60,
        "step_2_about": "thing",
        "step_2_name": "a thing",
        "step_2_address": "192.0.2.9",
        "others": ("a thing",),
        "others_until": NOW + 60,
        "quiet_hour": False,
    }


@pytest.mark.parametrize(
    ("fields", "occasion"),
    [
        ({"record_id": "r", "deed": "d", "about": "k"}, "plain:d:k"),
        ({"record_id": "r", "about": "k"}, "plain:r:k"),
        ({}, f"plain:a:{NOW}:"),
    ],
)
def test_the_first_step_names_the_occasion_and_a_deed_is_one(fields: dict[str, Any], occasion: str) -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a", **fields)
    note(made, NOW + 1, "b")
    assert [signal.occasion for signal in told] == [occasion]


def test_an_entry_that_was_noted_before_tells_nothing_again() -> None:
    made = engine()
    told = signals(made)
    for _ in range(2):
        note(made, NOW, "a")
        note(made, NOW + 1, "b")
    assert len(told) == 1
    note(made, NOW + 2, "d")
    assert len(told) == 1


def test_what_else_is_dated_at_the_last_step_is_a_circumstance() -> None:
    made = engine()
    told = signals(made)
    for kind in ("new_network", "a", "b"):
        note(made, NOW, kind)
    assert told[0].facts["also"] == ("a", "new_network")


def test_a_blueprint_that_seldom_works_at_an_hour_makes_it_quiet() -> None:
    busy = [hour for hour in range(24 * 14) if hour % 24 >= 8]
    made = engine()
    tell(made, [TENANT.sign_in(AGENT, START + hour * HOUR + n * 300) for hour in busy for n in range(9)])
    told = signals(made)
    for number, hour in enumerate((3, 12)):
        note(made, START + (14 * 24 + hour) * HOUR, "a", record_id=str(number))
        note(made, START + (14 * 24 + hour) * HOUR, "b", record_id=str(number))
    quiet = {int(signal.time - START) // 3600 % 24: signal.facts["quiet_hour"] for signal in told}
    assert quiet == {3: True, 12: False}


def test_of_one_who_is_not_known_no_hour_is_quiet() -> None:
    made = engine()
    told = signals(made)
    for kind in "ab":
        note(made, NOW, kind, Key("agent", "stranger"))
    assert told[0].facts["quiet_hour"] is False


# ------------------------------------------------------------------------------------------- what is held back


def test_what_may_be_broken_is_told_when_nothing_can_come_between_any_more() -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a", record_id="r")
    note(made, NOW + 60, "c")
    made.casebook.tick(NOW + 60 + LATENESS)
    assert told == []
    assert len(made.state.held) == 1
    made.casebook.tick(NOW + 60 + LATENESS + 1)
    assert [signal.occasion for signal in told] == ["fragile:r:"]
    assert made.state.held == {}


@pytest.mark.parametrize(("at", "number"), [(NOW - 1, 1), (NOW + 30, 0), (NOW + 61, 1)])
def test_what_came_between_ends_the_matter_however_late_it_is_logged(at: float, number: int) -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a")
    note(made, NOW + 60, "c")
    note(made, at, "x")
    made.casebook.tick(inf)
    assert len(told) == number


def test_an_earlier_last_step_takes_the_place_of_a_later_one() -> None:
    """Only the earlier one was there before the matter ended."""
    made = engine()
    told = signals(made)
    for time, kind in ((NOW, "a"), (NOW + 60, "c"), (NOW + 30, "x"), (NOW + 20, "c"), (NOW + 50, "c")):
        note(made, time, kind)
    made.casebook.tick(inf)
    assert [signal.time for signal in told] == [NOW + 20]


def test_what_is_held_outlives_its_place_in_a_full_ledger_and_a_restart() -> None:
    made = engine()
    note(made, NOW, "a")
    for number in range(60):
        note(made, NOW + number, "c", about=str(number))
    again = engine(State.load(made.snapshot()))
    told = signals(again)
    again.casebook.tick(inf)
    assert [signal.time for signal in told] == [NOW]


def test_what_is_held_of_a_blueprint_is_told_of_it() -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a", CREW)
    note(made, NOW, "c", CREW)
    del made.state.tenants[TENANT.id].ledgers[CREW.id]
    made.casebook.tick(inf)
    assert [signal.key for signal in told] == [CREW]


def test_what_a_release_no_longer_looks_for_is_dropped() -> None:
    made = engine()
    note(made, NOW, "a")
    note(made, NOW, "c")
    again = engine(State.load(made.snapshot()), sequences=(PLAIN,))
    told = signals(again)
    again.casebook.tick(inf)
    assert told == []


def test_no_more_is_held_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencing, "_MAX_HELD", 2)
    made = engine()
    note(made, NOW + 60, "c")
    for number in range(5):
        note(made, NOW + number, "a", record_id=str(number))
    assert len(made.state.held) == 2
    assert made.counters["held_sequences_dropped"] == 3


# ---------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize(
    ("actor", "by"),
    [
        (ADMIN, ""),
        (RELEASE, "pipeline"),
        (type(ADMIN)(kind="app", id="x", name="Managed Service Identity"), "platform"),
    ],
)
def test_a_change_is_an_entry_that_says_who_made_it(actor: Any, by: str) -> None:
    made = engine()
    change = TENANT.change("credential_added", NOW, BLUEPRINT, actor=actor, correlation_id="c")
    tell(made, [change])
    (entry,) = ledger(made, CREW).of("credential_added")
    assert (entry.about, entry.who, entry.by) == (guid("key", "new"), actor.id, by)
    assert (entry.deed, entry.record_id) == ("c", change.record_id)


def test_a_refused_change_is_none() -> None:
    made = engine()
    tell(made, [TENANT.change("credential_added", NOW, BLUEPRINT, succeeded=False)])
    assert CREW.id not in made.state.tenants[TENANT.id].ledgers


def test_a_grant_that_names_no_resource_is_about_nothing() -> None:
    made = engine()
    tell(made, [TENANT.change("consent to application", NOW, AGENT)])
    assert [entry.about for entry in ledger(made).of("consent_granted")] == [""]


@pytest.mark.parametrize(
    ("resource", "about"),
    [
        (Identity(id="object", type="ServicePrincipal", name="Files", app_id="app"), "app"),
        (Identity(id="object", type="ServicePrincipal", name="Files"), "name:files"),
        (Identity(id="object", type="ServicePrincipal"), "object"),
        (Identity(id=None, type="ServicePrincipal", name="Files"), ""),
        (AGENT.target, ""),
    ],
)
def test_a_grant_is_about_the_resource_as_sign_ins_name_it(resource: Identity, about: str) -> None:
    made = engine()
    told: dict[str, Any] = {
        "targets": (resource,),
        "grantee_object_id": AGENT.object_id,
        "permission": "Files.Read.All",
    }
    tell(made, [TENANT.change("app_role_granted", NOW, AGENT, **told)])
    (entry,) = ledger(made).of("app_role_granted")
    assert (entry.about, entry.detail) == (about, "Files.Read.All")


@pytest.mark.parametrize(("before", "about"), [(LATENESS + 600, "app"), (LATENESS, "name:files")])
def test_what_was_known_for_sure_of_an_object_id_counts_and_nothing_else(before: float, about: str) -> None:
    made = engine()
    both = Identity(id="object", type="ServicePrincipal", name="Files", app_id="app")
    bare = Identity(id="object", type="ServicePrincipal", name="Files")
    tell(made, [TENANT.change("service_principal_updated", NOW - before, both)])
    told: dict[str, Any] = {"targets": (bare,), "grantee_object_id": AGENT.object_id, "permission": "Files.Read.All"}
    tell(made, [TENANT.change("app_role_granted", NOW, AGENT, **told)])
    assert [entry.about for entry in ledger(made).of("app_role_granted")] == [about]


# ----------------------------------------------------------------------------------------------------- firsts


def first(made: Engine, kind: str, about: str, at: float, agent: Any = AGENT, **words: Any) -> None:
    event = TENANT.sign_in(agent, at)
    route = made.router.route(event.access, at, int(at) // 3600)
    assert route is not None
    made.casebook.first(route, kind, about, int(at) // 3600, event, **words)


def test_a_first_is_dated_at_the_end_of_its_hour_and_found_by_a_ledger_that_comes_later() -> None:
    made = engine()
    first(made, "b", "thing", NOW + 60, name="a thing", detail="words")
    first(made, "b", "thing", NOW + 120)
    assert made.state.tenants[TENANT.id].ledgers == {}
    note(made, NOW, "a")
    (entry,) = ledger(made).of("b")
    assert entry == Entry(NOW + HOUR - 1, "b", "thing", address="192.0.2.7", name="a thing", detail="words")


def test_a_first_completes_what_a_ledger_waits_for() -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a")
    first(made, "b", "thing", NOW + 60)
    assert len(told) == 1
    assert told[0].event is not None


def test_what_is_new_to_the_blueprint_is_a_first_of_both() -> None:
    made = engine()
    note(made, NOW, "a", CREW)
    first(made, "b", "one", NOW, fleet=True)
    first(made, "b", "two", NOW, fleet=False)
    first(made, "b", "three", NOW, BLUEPRINT, fleet=True)
    assert [entry.about for entry in ledger(made, CREW).of("b")] == ["one", "three"]
    assert [entry.about for entry in made.state.tenants[TENANT.id].firsts[AGENT.id]][-2:] == ["one", "two"]


def test_firsts_are_kept_until_nothing_can_come_for_them() -> None:
    made = engine()
    first(made, "b", "thing", NOW)
    end = NOW + HOUR - 1
    made.casebook.tick(end + 2 * LATENESS + HOUR)
    assert AGENT.id in made.state.tenants[TENANT.id].firsts
    made.casebook.tick(inf)
    assert AGENT.id in made.state.tenants[TENANT.id].firsts
    made.casebook.tick(end + 2 * LATENESS + HOUR + 1)
    assert made.state.tenants[TENANT.id].firsts == {}


def test_firsts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = engine()
    monkeypatch.setattr(casebook, "_MAX_FIRSTS", 1)
    made.state.tenants[TENANT.id].firsts.clear()
    for number in range(50):
        first(made, "b", str(number), NOW)
    first(made, "b", "thing", NOW, SIBLING)
    firsts = made.state.tenants[TENANT.id].firsts
    assert {key: len(each) for key, each in firsts.items()} == {AGENT.id: 32}
    assert made.counters["firsts_dropped"] == 1


# --------------------------------------------------------------------------------------------------- watching


def granted(made: Engine, key: Key = KEY) -> list[tuple[float, str]]:
    return [(entry.time - NOW, entry.name) for entry in ledger(made, key).of("granted")]


def test_tokens_are_noted_while_somebody_watches_and_later_than_since() -> None:
    made = engine()
    made.casebook.watch(TENANT.id, KEY, "risk", NOW)
    tell(made, [TENANT.sign_in(AGENT, NOW + at) for at in (-60.0, 0.0, 60.0, 1500.0)])
    tell(made, [TENANT.sign_in(SIBLING, NOW + 1500.0), TENANT.sign_in(AGENT, NOW + 1500.0, error=7000112)])
    assert granted(made) == [(60.0, "invoices"), (1500.0, "invoices")]
    made.casebook.unwatch(TENANT.id, KEY, "risk")
    tell(made, [TENANT.sign_in(AGENT, NOW + 2500.0)])
    assert len(granted(made)) == 2
    assert watched(made) == inf
    assert made.state.tenants[TENANT.id].identities[AGENT.id].rates.armed == inf


def test_of_ten_minutes_the_earliest_is_enough_and_the_earliest_after_each_watch() -> None:
    made = engine()
    made.casebook.watch(TENANT.id, KEY, "early", NOW)
    made.casebook.watch(TENANT.id, KEY, "late", NOW + 200.0)
    tell(made, [TENANT.sign_in(AGENT, NOW + at) for at in (100.0, 150.0, 200.0, 300.0, 400.0, 650.0)])
    assert [at for at, _ in granted(made)] == [100.0, 300.0, 650.0]


def test_a_watch_that_begins_late_knows_the_latest_token() -> None:
    made = engine()
    tell(made, [TENANT.sign_in(AGENT, NOW + at) for at in (60.0, 120.0)])
    made.casebook.watch(TENANT.id, KEY, "risk", NOW + 60.0)
    assert granted(made) == [(120.0, "invoices")]
    made.casebook.watch(TENANT.id, KEY, "other", NOW + 120.0)
    assert granted(made) == [(120.0, "invoices")]


def test_whoever_watches_a_blueprint_watches_its_agents_newborn_ones_too() -> None:
    made = engine()
    made.casebook.watch(TENANT.id, CREW, "risk", NOW)
    stranger = TENANT.agent("stranger", blueprint="other")
    tell(made, [TENANT.sign_in(each, NOW + 60) for each in (AGENT, TENANT.agent("newborn"), BLUEPRINT, stranger)])
    assert sorted(name for _, name in granted(made, CREW)) == ["crew", "invoices", "newborn"]
    assert AGENT.id not in made.state.tenants[TENANT.id].ledgers
    made.casebook.unwatch(TENANT.id, CREW, "risk")
    assert watched(made) == watched(made, BLUEPRINT.id) == inf


def test_a_ledger_that_does_not_watch_notes_nothing() -> None:
    made = engine()
    note(made, NOW, "a", CREW)
    made.casebook.watch(TENANT.id, KEY, "risk", NOW)
    tell(made, [TENANT.sign_in(AGENT, NOW + 60)])
    assert granted(made, CREW) == []


def test_a_watch_ends_by_itself_and_a_longer_one_later_and_so_it_does_after_a_restart() -> None:
    made = engine()
    made.casebook.watch(TENANT.id, CREW, "off", NOW, NOW + HOUR)
    made.casebook.watch(TENANT.id, CREW, "off", NOW + 60, NOW + 2 * HOUR)
    made.casebook.watch(TENANT.id, CREW, "off", NOW + 70, NOW + 90 * MINUTE)
    made.casebook.tick(NOW + HOUR + LATENESS + 1)
    again = engine(State.load(made.snapshot()))
    again.casebook.tick(NOW + 2 * HOUR + LATENESS)
    assert watched(again) == NOW
    again.casebook.tick(NOW + 2 * HOUR + LATENESS + 1)
    assert watched(again) == inf
    assert ledger(again, CREW).ends == {}


def test_one_cause_that_ends_leaves_the_others() -> None:
    made = engine()
    made.casebook.watch(TENANT.id, KEY, "off", NOW, NOW + HOUR)
    made.casebook.watch(TENANT.id, KEY, "risk", NOW + 60)
    made.casebook.watch(TENANT.id, KEY, "block", NOW + 90, NOW + 2 * HOUR)
    made.casebook.unwatch(TENANT.id, KEY, "off")
    made.casebook.unwatch(TENANT.id, KEY, "never begun")
    made.casebook.unwatch(TENANT.id, CREW, "risk")
    assert watched(made) == NOW + 60
    made.casebook.tick(NOW + 3 * HOUR)
    assert ledger(made).watches == {"risk": NOW + 60}


def test_one_who_is_not_known_yet_may_be_watched() -> None:
    made = engine()
    newborn = TENANT.agent("newborn")
    made.casebook.watch(TENANT.id, Key("agent", newborn.id), "risk", NOW)
    tell(made, [TENANT.sign_in(newborn, NOW + 60)])
    assert granted(made, Key("agent", newborn.id)) == [(60.0, "newborn")]


def test_listeners_are_told_of_firsts_and_of_tokens_that_somebody_waits_for() -> None:
    made = engine()
    heard: list[str] = []
    made.casebook.on_first.append(lambda _route, entry, _event: heard.append(entry.about))
    made.casebook.on_granted.append(lambda _route, event: heard.append(event.record_id))
    first(made, "b", "thing", NOW)
    made.casebook.watch(TENANT.id, KEY, "risk", NOW)
    token = TENANT.sign_in(AGENT, NOW + 60)
    tell(made, [TENANT.sign_in(AGENT, NOW), token])
    assert heard == ["thing", token.record_id]


# ------------------------------------------------------------------------------------------------- full ledgers


def test_the_ledgers_with_the_oldest_news_go_first_and_what_they_watched_with_them() -> None:
    made = engine(max_identities=4)
    made.casebook.watch(TENANT.id, KEY, "off", NOW, NOW + HOUR)
    for number in range(4):
        note(made, NOW + number, "d", Key("agent", f"other-{number}"))
    assert sorted(made.state.tenants[TENANT.id].ledgers) == [f"other-{number}" for number in range(4)]
    assert made.counters["evicted_ledgers"] == 1
    assert watched(made) == inf
    made.casebook.tick(NOW + 3 * HOUR)
    note(made, NOW + 9, "d", Key("agent", "other-4"))
    assert "other-0" not in made.state.tenants[TENANT.id].ledgers


def test_of_a_crowd_the_ends_are_noted() -> None:
    made = engine()
    for at in (3.0, 1.0, 2.0, 5.0):
        made.casebook.note(TENANT.id, KEY, SUBJECT, Entry(NOW + at, "d"), crowd=True)
    assert [entry.time - NOW for entry in ledger(made).of("d")] == [1.0, 5.0]


def test_the_network_of_the_record_is_a_circumstance_before_memory_knows_it() -> None:
    made = engine()
    told = signals(made)
    note(made, NOW, "a")
    event = TENANT.sign_in(AGENT, NOW, origin=network(9))
    made.casebook.note(TENANT.id, KEY, SUBJECT, Entry(NOW, "b", about="x"), event)
    assert told[0].facts["also"] == ("a", "new_network")
    home = TENANT.sign_in(AGENT, NOW + 24 * HOUR)
    made.casebook.note(TENANT.id, KEY, SUBJECT, Entry(NOW, "b", about="y"), home)
    assert told[1].facts["also"] == ("a",)
    nowhere = TENANT.sign_in(AGENT, NOW, origin=NOWHERE)
    made.casebook.note(TENANT.id, KEY, SUBJECT, Entry(NOW, "b", about="z"), nowhere)
    assert told[2].facts["also"] == ("a",)
