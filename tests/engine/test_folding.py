"""The compiled fold says and remembers what the plain one does, whatever it is told: a shortcut and nothing else."""

from __future__ import annotations

import importlib
import os
import sys
from math import inf
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import Event, Origin, SignIn
from detector.engine import compiled, folding
from detector.engine.engine import Engine
from detector.engine.novelties import MAX_ORIGINS
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features import mix
from detector.features.apis import ApiSettings
from tests.laws.streams import Stream, delayed, encoded, few, fixed, remembered, streams
from tests.stories import HOME, INVALID, NOWHERE, START, Tenant, network, settings, tell

if not compiled.COMPILED:
    if os.environ.get("CI"):
        pytest.fail("CI has no compiled fold: install a C compiler, and the package anew.", pytrace=False)
    pytest.skip(
        "the fold was not compiled: install a C compiler, and the package anew, to hold it against the plain one",
        allow_module_level=True,
    )


def plain(chosen: EngineSettings, state: State | None = None) -> Engine:
    """An engine in which nothing is compiled but the look-up of copies."""
    with patch.object(compiled, "COMPILED", False):
        return Engine(chosen, state)


def check(chosen: EngineSettings, events: list[Event], size: int | None) -> None:
    """Both engines say the same, body by body, and remember the same."""
    usual, quick = plain(chosen), Engine(chosen)
    assert encoded(tell(quick, events, size=size)) == encoded(tell(usual, events, size=size))
    assert encoded(quick.finish()) == encoded(usual.finish())
    assert remembered(quick) == remembered(usual)
    assert State.load(quick.snapshot()) == State.load(usual.snapshot())


def shuffled(stream: Stream, dice: Random) -> list[Event]:
    """In disorder, some too late, some twice. None comes before its time: one from the end makes all others late."""
    events = delayed(stream, dice)
    for _ in range(len(events) // 20):
        place = dice.randrange(len(events))
        moved = events[place] if dice.random() < 0.5 else events.pop(place)
        events.insert(dice.randint(place, len(events)), moved)
    return events


@few
@given(streams())
def test_whatever_happens_both_folds_agree(stream: Stream) -> None:
    dice = Random(stream.seed)
    check(stream.settings, list(stream.events), None)
    check(stream.settings, shuffled(stream, dice), dice.randint(1, 60))


@pytest.mark.parametrize("seed", [7])
@pytest.mark.parametrize(
    "lateness",
    [pytest.param(0.0, marks=pytest.mark.untraced), 1200.0, pytest.param(3600.0, marks=pytest.mark.untraced)],
)
def test_when_everything_happens_both_folds_agree(seed: int, lateness: float) -> None:
    stream = fixed(seed, lateness=lateness)
    check(stream.settings, list(stream.events), 50)
    disorder = shuffled(stream, Random(seed))
    engine = Engine(stream.settings)
    tell(engine, disorder)
    applied = engine.accounting.applied
    assert applied > engine.accounting.late > 0, "or little is shown by it"
    check(stream.settings, disorder, 50)


@pytest.mark.parametrize("capacity", [3, 256])
def test_a_crowd_at_work_for_two_days_is_looked_at_the_same(capacity: int) -> None:
    """Some have no blueprint, address or id of a key; resources and networks are many, and few may be remembered."""
    tenant, dice = Tenant("contoso"), Random(5)
    agents = [
        tenant.agent(f"agent-{number}", blueprint=f"crew-{number % 3}" if number % 7 else None) for number in range(45)
    ]
    events: list[Event] = []
    for _ in range(5_000):
        agent, moment = dice.choice(agents), START + float(dice.randrange(40 * 3_600))
        events.append(
            tenant.sign_in(
                agent,
                moment,
                resource=dice.choice(("graph", "graph", "mail", "sites", f"api-{dice.randrange(30)}", None)),
                origin=dice.choice((HOME, HOME, NOWHERE, network(dice.randrange(80)))),
                error=INVALID if dice.random() < 0.03 else 0,
                credential=dice.choice(("clientAssertion", "clientAssertion", "managedIdentity", "clientSecret", None)),
                key=dice.choice((None, None, None, "")),
            )
        )
    events.sort(key=lambda event: event.time)
    check(settings(apis=ApiSettings(capacity=capacity)), events, 50)


def test_more_addresses_in_an_hour_than_are_remembered_are_looked_at_the_same() -> None:
    """Two of each network."""
    tenant = Tenant("contoso")
    agent = tenant.agent("wanderer")
    events: list[Event] = [
        tenant.sign_in(
            agent,
            START + 3_600.0 * hour + 5.0 * number,
            origin=Origin(f"198.51.{number // 2}.{number % 2}", f"198.51.{number // 2}.0/24", 64496, "SE"),
        )
        for hour in range(3)
        for number in range(MAX_ORIGINS + 6)
    ]
    check(settings(), events, 50)


def test_what_is_no_sign_in_on_its_route_is_refused() -> None:
    engine = Engine(settings())
    observe = compiled.observing(engine.novelties)
    route: Any = object()
    event: Any = object()
    with pytest.raises(TypeError):
        observe(route, event, 0)
    for look in (compiled.looking(engine.habits), compiled.greeting(engine.early)):
        with pytest.raises(TypeError):
            look(route, event, 0)
    with pytest.raises(TypeError):
        engine.fold.fold([SignIn("a", START, event, event)], START, 1200.0)


def test_copies_are_found_either_way_whether_or_not_they_come_twice_in_one_stretch() -> None:
    for digests, places in (([5, 6], []), ([1, 5, 2], [0, 2]), ([5, 1, 5, 1], [1, 2, 3])):
        for copies in (compiled.copies, folding.copies):
            known = {1, 2, 3}
            assert copies(known, digests) == places
            assert known == {1, 2, 3, *digests}


def test_the_times_of_sign_ins_are_the_first_and_the_last() -> None:
    tenant = Tenant("contoso")
    agent = tenant.agent("worker")
    events: list[Event] = [tenant.sign_in(agent, START + after) for after in (5.0, 0.0, 9.0)]
    assert folding.times_of(events) == (START, START + 9.0)
    assert folding.times_of([]) is None
    assert folding.times_of([*events, tenant.change("credential_added", START, agent)]) is None


@given(st.sets(st.integers(0, 40)), st.lists(st.integers(0, 40), max_size=30))
def test_copies_are_the_same_either_way(known: set[int], digests: list[int]) -> None:
    usual, quick = set(known), set(known)
    assert compiled.copies(quick, digests) == folding.copies(usual, digests)
    assert quick == usual


@given(st.lists(st.floats(0, 9e9) | st.none(), max_size=9))
def test_the_times_of_sign_ins_are_the_same_either_way(told: list[float | None]) -> None:
    tenant = Tenant("contoso")
    agent = tenant.agent("worker")
    other = tenant.change("credential_added", START, agent)
    events: list[Event] = [other if each is None else tenant.sign_in(agent, each) for each in told]
    known = [each for each in told if each is not None]
    expected = (min(known), max(known)) if known and len(known) == len(told) else None
    assert compiled.times_of(events) == folding.times_of(events) == compiled.times_of(tuple(events)) == expected


@pytest.mark.untraced
@given(
    st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, unique=True), max_size=200),
    st.integers(1, mix.WINDOW + 1),
    st.sampled_from((0.0, 3.0, 20.0, inf)),
)
def test_a_mix_of_resources_is_taken_in_the_same_either_way(hours: list[list[str]], floor: int, seen: float) -> None:
    usual, quick = mix.MixMemory(), mix.MixMemory()
    for used in [*hours, ["a"], *[["b"]] * 130, *[["a"]] * 6]:
        # Names that are equal and not the same object, as after a restart.
        again = tuple("-".join((each, each))[:1] for each in used)
        assert compiled.mixing()(quick, again, floor, seen) == mix.take_in(usual, tuple(used), floor, seen)
        assert quick == usual


def test_without_a_compiler_the_plain_fold_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detector.engine.steady", None)
    try:
        importlib.reload(compiled)
        assert not compiled.COMPILED
        assert compiled.copies is folding.copies
        assert isinstance(Engine(settings()).fold, folding.Plain)
    finally:
        monkeypatch.undo()
        importlib.reload(compiled)
    assert compiled.COMPILED
    assert not isinstance(Engine(settings()).fold, folding.Plain)
