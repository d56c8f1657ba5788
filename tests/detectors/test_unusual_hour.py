"""D117: an hour that is, as a whole, unlike the agent's others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from detector.detectors.unusual_hour import _WORDS, UnusualHour
from detector.domain.events import Event
from detector.engine.settings import EngineSettings
from detector.features.hours import PARTS, Judged, Row
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, engine, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Tenant, batches, defaults, engine_of, in_order, network, tell

NAME = "unusual_hour"
ELSEWHERE = network(9)


class Toy:
    """Finds an hour strange for new networks and for pauses."""

    name = "toy/1"
    min_seen = 24.0

    def __init__(self, *, shadow: bool = False, decades: float = 6.7) -> None:
        self.shadow = shadow
        self.decades = decades
        self.told: list[tuple[int, Row]] = []

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:
        assert least == UnusualHour().p_value
        self.told += [(hour, row) for row in rows]
        return [self._judged(dict(zip(PARTS, row, strict=True))) for row in rows]

    def _judged(self, row: dict[str, float]) -> Judged:
        if row["new_networks"] <= 0.0:
            return Judged(0.5, ())
        return Judged(
            10.0 ** -(self.decades + (4.0 if row["new_resources"] else 0.0)), (("new_networks", 3.0), ("gap", 1.0))
        )

    def stability(self) -> Mapping[str, float]:
        return {}


def with_model(model: Toy | None = None) -> EngineSettings:
    return replace(defaults(), model=model or Toy(), budget=None, retells=False)


def learned(chosen: EngineSettings) -> bytes:
    """Ten calm days that the model saw: what it compares with is learned only while there is one."""
    playing = engine_of(chosen)
    calm = [TENANT.calm(each, hours=240, per_hour=4) for each in CREW]
    assert [alert for alert in tell(playing, in_order(*calm)) if alert.detector == NAME] == []
    return playing.snapshot()


def said(story: Sequence[Event], chosen: EngineSettings) -> list[str]:
    playing = engine(chosen, learned(chosen))
    alerts = tell(playing, story) + playing.finish()
    return [alert.explanation for alert in alerts if alert.detector == NAME]


def test_a_strange_hour_is_said_with_what_made_it_strange() -> None:
    chosen = with_model()
    playing = engine(chosen, learned(chosen))
    story = TENANT.sign_ins(AGENT, NOW, 3, every=MINUTE, origin=ELSEWHERE)
    (alert,) = [each for each in tell(playing, story) + playing.finish() if each.detector == NAME]
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D117",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "3 token requests in 1 hour; usually about 4. What makes the hour strange: networks it never came from and the "
        "pause before it (p = 2e-07 for an ordinary hour, by model toy/1, from 188 active hours of the agent)."
    )
    assert alert.evidence.details["carried_by"] == ("new_networks", "gap")
    assert alert.evidence.details["carried"] == ("3.00", "1.00")
    assert float(str(alert.evidence.details["part_new_networks"])) > 0.0


def test_it_waits_until_the_hour_is_final() -> None:
    chosen = with_model()
    playing = engine(chosen, learned(chosen))
    assert [a for a in tell(playing, TENANT.sign_ins(AGENT, NOW, 3, origin=ELSEWHERE)) if a.detector == NAME] == []
    assert [a for a in tell(playing, [TENANT.sign_in(CREW[1], NOW + HOUR + 19 * MINUTE)]) if a.detector == NAME] == []
    (alert,) = [a for a in tell(playing, [TENANT.sign_in(CREW[1], NOW + HOUR + 20 * MINUTE)]) if a.detector == NAME]
    assert alert.time == "2026-03-12T01:00:00.000Z"


@pytest.mark.untraced
def test_a_day_is_said_once_unless_an_hour_is_much_stranger() -> None:
    weak = [TENANT.sign_ins(AGENT, NOW + hour * HOUR, 2, origin=network(9 + hour)) for hour in range(3)]
    strong = TENANT.sign_ins(AGENT, NOW + 3 * HOUR, 2, origin=network(20), resource="vault")
    assert len(said(in_order(*weak), with_model())) == 1
    assert len(said(in_order(*weak, strong), with_model())) == 2
    tomorrow = TENANT.sign_ins(AGENT, NOW + DAY, 2, origin=network(21))
    assert len(said(in_order(*weak, tomorrow), with_model())) == 2


def test_in_shadow_it_is_counted_and_told_to_nobody() -> None:
    chosen = with_model(Toy(shadow=True))
    playing = engine(chosen, learned(chosen))
    alerts = tell(playing, TENANT.sign_ins(AGENT, NOW, 3, origin=ELSEWHERE)) + playing.finish()
    assert [alert for alert in alerts if alert.detector == NAME] == []
    assert playing.counters["model_unusual"] == 1
    assert playing.counters["model_judged"] > 240


def test_without_a_model_nothing_is_remembered_of_hours() -> None:
    playing = engine_of(defaults())
    tell(playing, TENANT.calm(AGENT, hours=48, per_hour=2))
    memory = playing.state.tenants[next(iter(playing.state.tenants))]
    assert memory.identities[AGENT.id].hours is None
    assert playing.state.closed_hour == -1


def test_the_young_are_not_judged() -> None:
    model = Toy()
    playing = engine_of(with_model(model))
    story = [*TENANT.calm(AGENT, hours=23, per_hour=2), TENANT.sign_in(AGENT, NOW, origin=ELSEWHERE)]
    assert [a for a in tell(playing, in_order(story)) + playing.finish() if a.detector == NAME] == []
    assert model.told == []


def test_what_siblings_begin_at_the_same_time_is_a_deployment() -> None:
    moved = [TENANT.sign_ins(each, NOW, 3, origin=ELSEWHERE) for each in CREW]
    assert said(in_order(*moved), with_model()) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """A scene of `stage` begins without what the model compares with, so its days are told as well."""
    chosen, tenant = replace(with_model(), model=Toy()), Tenant("fabrikam")
    agent = tenant.agent("reports", blueprint="reports")
    calm = tenant.calm(agent, hours=40, at=NOW, per_hour=2)
    story = in_order(calm, tenant.sign_ins(agent, NOW + 41 * HOUR, 3, origin=ELSEWHERE))
    assert len(same_however_told(story, NAME, chosen)) == 1
    assert same_however_told(calm, NAME, chosen) == []


def test_batches_make_no_difference() -> None:
    chosen = with_model()
    story = TENANT.sign_ins(AGENT, NOW, 3, origin=ELSEWHERE)
    playing = engine(chosen, learned(chosen))
    alerts = [alert for body in batches(story, 1) for alert in playing.process(body)] + playing.finish()
    assert len([alert for alert in alerts if alert.detector == NAME]) == 1


@pytest.mark.parametrize(("p_value", "found"), [(1e-5, False), (9.9e-6, True)])
def test_rarity_has_its_threshold(p_value: float, found: bool) -> None:
    told = signal("unusual_hour", p_value=p_value, facts={"carried_by": ("unheard_of",), "model": "m/1"})
    finding = UnusualHour().judge(told)
    assert (finding is not None) == found
    if finding is not None:
        assert "unheard_of" in finding.explanation


def test_every_part_has_words() -> None:
    assert set(_WORDS) == set(PARTS)
