"""D92: a log category is silent for longer than ever while others flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from random import Random

import pytest

from detector.decode.decoded import Decoded
from detector.detectors.log_gap import LogGap
from detector.domain.alerts import Alert
from detector.engine.engine import Engine
from detector.engine.state import State
from tests.detectors.stage import LATENESS, signal
from tests.stories import MINUTE, START, Tenant, defaults, ids

NAME = "log_gap"
STEP = 10 * MINUTE
WEEK = 1008
"""Ten-minute stretches."""

TENANT = Tenant()
AGENT = TENANT.agent("invoices")
SIGN_INS, AUDIT = "ServicePrincipalSignInLogs", "AuditLogs"


def body(step: int, *categories: str) -> Decoded:
    """A body with a sign-in, so that the watermark moves, and records of these categories."""
    event = TENANT.sign_in(AGENT, START + step * STEP)
    return Decoded([event], flows={(TENANT.id, each): {int(event.time) // 600} for each in (SIGN_INS, *categories)})


def told(silent: Callable[[int], bool], steps: Iterable[int]) -> list[Decoded]:
    """A body for each of the steps, with audit records but where they are silent."""
    return [body(step, *(() if silent(step) else (AUDIT,))) for step in steps]


@cache
def learned() -> bytes:
    """The memory of a week and a half with records of both categories in every ten minutes."""
    engine = Engine(defaults())
    assert of(engine, told(lambda _: False, range(WEEK + 500))) == []
    return engine.snapshot()


LATER = WEEK + 500


def of(engine: Engine, bodies: Iterable[Decoded]) -> list[Alert]:
    return [alert for each in bodies for alert in engine.process(each) if alert.detector == NAME]


def everything(bodies: Iterable[Decoded], memory: bytes | None = None) -> list[Alert]:
    engine = Engine(defaults(), State.load(learned() if memory is None else memory))
    return of(engine, bodies) + [alert for alert in engine.finish() if alert.detector == NAME]


def gap(length: int, *, then: int = 12) -> list[Decoded]:
    """Audit records are missing in `length` stretches, and come again in those after them."""
    return told(lambda step: LATER <= step < LATER + length, range(LATER, LATER + length + then))


def test_a_category_that_stops_while_others_flow_is_said() -> None:
    (alert,) = everything(gap(40, then=0))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D92",)
    assert (alert.subject.kind, alert.subject.id) == ("tenant", TENANT.id)
    assert alert.title == "No records of AuditLogs"
    assert alert.explanation == (
        "No record of AuditLogs has come for 1 hour while other categories flowed; in the weeks before, it was never "
        "silent."
    )


def test_a_silence_that_is_over_before_it_is_judged_is_said_as_it_was() -> None:
    """A body that comes late in one piece, as an archive does."""
    bodies = gap(40)
    whole = Decoded([event for each in bodies for event in each.events], flows={})
    for each in bodies:
        for place, buckets in each.flows.items():
            whole.flows.setdefault(place, set()).update(buckets)
    (alert,) = everything([whole])
    assert ids([alert]) == ids(everything(bodies))


@pytest.mark.parametrize(("length", "alerts"), [(6, 0), (7, 1)])
def test_an_hour_is_no_gap_and_a_little_more_is(length: int, alerts: int) -> None:
    assert len(everything(gap(length))) == alerts


@pytest.mark.untraced
@pytest.mark.parametrize(("length", "alerts"), [(50, 0), (51, 1)])
def test_what_was_usual_is_said_from_five_times_on(length: int, alerts: int) -> None:
    engine = Engine(defaults())
    nights = told(lambda step: step % 144 < 10, range(WEEK + 500))
    assert of(engine, nights) == []
    start = WEEK + 500 - (WEEK + 500) % 144 + 144
    bodies = told(lambda step: step % 144 < 10, range(WEEK + 500, start + 10))
    bodies += told(lambda step: step < start + length, range(start + 10, start + length + 12))
    found = everything(bodies, engine.snapshot())
    assert len(found) == alerts
    for alert in found:
        assert alert.explanation.endswith("in the weeks before, it was never silent for more than 1.7 hours.")


@pytest.mark.parametrize("seen", [WEEK - 1, WEEK])
def test_a_category_must_have_been_seen_for_a_week(seen: int) -> None:
    finding = LogGap().judge(
        signal("log_gap", seen=seen, value=7200.0, window=(0.0, 7200.0), facts={"category": AUDIT})
    )
    assert (finding is not None) == (seen == WEEK)
    assert everything(told(lambda step: step >= 200, range(300)), Engine(defaults()).snapshot()) == []


def test_an_export_that_stops_as_a_whole_is_no_gap_of_a_category() -> None:
    assert everything(told(lambda _: False, range(LATER + 200, LATER + 230))) == []


def test_the_end_of_an_archive_is_no_gap() -> None:
    assert everything(told(lambda _: False, range(LATER, LATER + 20))) == []


@pytest.mark.parametrize(("first", "second", "alerts"), [(8, 40, 1), (8, 41, 2), (40, 150, 1), (40, 151, 2)])
def test_a_silence_that_was_said_makes_the_next_less_remarkable(first: int, second: int, alerts: int) -> None:
    """It teaches how long it was, but five times what was usual at most: here five hours."""

    def silent(step: int) -> bool:
        return LATER + 5 <= step < LATER + 5 + first or LATER + 100 <= step < LATER + 100 + second

    assert len(everything(told(silent, range(LATER, LATER + 300)))) == alerts


def test_a_category_that_never_came_is_not_missed() -> None:
    assert everything([body(LATER + step, AUDIT, "RiskyAgents" if step == 0 else AUDIT) for step in range(90)]) == []


def same_however_told(bodies: list[Decoded]) -> set[str]:
    """The ids, once it is sure that order, copies, batches and a restart make no difference."""
    expected = ids(everything(bodies))
    dice = Random(7)
    for _ in range(3):
        late = sorted(bodies, key=lambda each: each.events[0].time + dice.choice((0.0, LATENESS - 1)))
        assert ids(everything(late)) == expected
    assert ids(everything([copy for each in bodies for copy in (each, each)])) == expected
    half = len(bodies) // 2
    first = Engine(defaults(), State.load(learned()))
    before = of(first, bodies[:half])
    assert ids(before) | ids(everything(bodies[half:], first.snapshot())) == expected
    return expected


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(gap(9))) == 1
    assert len(same_however_told(gap(7, then=3))) == 1
    assert len(same_however_told(gap(6))) == 0


def test_tenants_beyond_their_number_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.engine.state._MAX_TENANTS", 0)
    engine = Engine(defaults())
    engine.process(body(0, AUDIT))
    assert engine.state.tenants == {}
