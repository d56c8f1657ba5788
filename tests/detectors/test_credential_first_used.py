"""D21: the first token with a credential whose key id was never seen in use before."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.credential_first_used import CredentialFirstUsed
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine import first_uses
from detector.engine.engine import Engine
from detector.engine.naming import rfc3339
from tests.detectors import stage
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, NOWHERE, START, defaults, engine_of, guid, in_order, tell

NAME = "credential_first_used"
KEY = guid("key", "new")


def use(at: float = NOW, agent: Any = BLUEPRINT, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, **({"key": "new"} | words))


def test_the_first_use_of_a_key_is_said_with_where_and_what_is_known_of_it() -> None:
    (alert,) = said(NAME, use())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D21",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.explanation == (
        "crew got its first token with the credential fc047038-02f2-5f61-8b68-df91d5fac365 (a client secret) from "
        "192.0.2.7; nothing is known of its addition; it had used 1 credential in 188 active hours (p = 0.008)."
    )
    assert ("credential", KEY) in {(entity.kind, entity.id) for entity in alert.entities}


def test_who_added_it_and_when_is_said_when_it_is_known() -> None:
    (alert,) = said(NAME, TENANT.change("credential_added", NOW, BLUEPRINT), use(NOW + 30 * MINUTE))
    assert "; admin@example.com had added it 30 minutes before; it had" in alert.explanation
    (alert,) = said(NAME, TENANT.change("credential_added", NOW, BLUEPRINT), use(NOW + 3 * DAY))
    assert "; admin@example.com had added it 3 days before; it had" in alert.explanation


def test_the_addition_of_another_key_says_nothing_of_this_one() -> None:
    (alert,) = said(NAME, TENANT.change("credential_added", NOW, BLUEPRINT), use(NOW + 30 * MINUTE, key="other"))
    assert "; nothing is known of its addition; it had" in alert.explanation


def test_a_key_that_its_blueprint_used_is_not_new_to_an_agent_and_the_other_way_round() -> None:
    """Where records of agents carry the key, a rotation is said once for the blueprint and not for every agent."""
    (alert,) = said(NAME, *(use(NOW + number * MINUTE, agent) for number, agent in enumerate((*CREW, BLUEPRINT))))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    later = [use(NOW + 5 * HOUR, agent) for agent in CREW]
    assert len(said(NAME, use(), later)) == 1


def test_the_usual_key_an_empty_one_and_a_refused_request_are_none() -> None:
    for words in ({"key": ""}, {"key": None}, {"error": 7000215}):
        assert said(NAME, use(**words)) == []


def test_a_managed_identity_has_neither_key_nor_address() -> None:
    worker = TENANT.agent("worker", role="none", kind="managed_identity")
    assert said(NAME, use(agent=worker, key=None, origin=NOWHERE)) == []


def test_a_newborn_is_not_heard() -> None:
    fresh = TENANT.agent("fresh", role="blueprint")
    story = in_order(TENANT.calm(fresh, hours=20), TENANT.sign_in(fresh, START + 20 * HOUR, key="new"))
    assert tell(engine_of(defaults()), story) == []


def test_who_rotates_every_day_is_not_surprising() -> None:
    rotating = TENANT.agent("rotating", blueprint=None)
    story = [
        TENANT.sign_in(rotating, START + day * DAY + hour * HOUR, key=f"day-{day}")
        for day in range(20)
        for hour in (1, 9)
    ]
    playing = engine_of(defaults())
    assert [each for each in tell(playing, story) if each.detector == NAME] == []


def test_an_agent_that_does_not_name_its_blueprint_speaks_for_itself() -> None:
    silent = TENANT.agent("silent", blueprint=None)
    story = [*TENANT.calm(silent, hours=240), use(agent=silent)]
    engine = engine_of(defaults())
    (alert,) = [each for each in [*tell(engine, story), *engine.finish()] if each.detector == NAME]
    assert (alert.subject.kind, alert.subject.id) == ("agent", silent.id)


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(BLUEPRINT, NOW + 30 * MINUTE, 9, every=10 * MINUTE, key="new"),
        TENANT.sign_ins(AGENT, NOW + 35 * MINUTE, 9, every=10 * MINUTE),
        TENANT.change("credential_added", NOW + 20 * MINUTE, BLUEPRINT),
    )
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(
    ("p_value", "seen", "says"), [(0.0199, 24.0, True), (0.02, 24.0, False), (0.0199, 23.9, False)]
)
def test_exactly_at_each_threshold(p_value: float, seen: float, says: bool) -> None:
    told = signal("credential_use", p_value=p_value, seen=seen, facts={"issue": "first_use", "key_id": KEY})
    assert (CredentialFirstUsed().judge(told) is not None) is says


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"added_time": NOW + 60.0, "added_by": "admin"}, "; admin added it later;"),
        ({"added_time": NOW - 60.0}, "; somebody unknown had added it 1 minute before;"),
    ],
)
def test_a_record_that_says_little_reads_well(facts: dict[str, Any], words: str) -> None:
    told = signal("credential_use", p_value=1e-3, facts={"issue": "first_use", "key_id": KEY, **facts})
    finding = CredentialFirstUsed().judge(told)
    assert finding is not None
    assert words in finding.explanation
    assert f"the credential {KEY} from an unknown address" in finding.explanation


def test_other_uses_are_left_alone() -> None:
    assert CredentialFirstUsed().judge(signal("credential_use", facts={"issue": "secret"})) is None


# ------------------------------------------------------------------------------------------- what is told late

LATE = 20 * MINUTE
"""By how much records may be late."""


def test_a_use_whose_addition_is_on_record_is_told_at_once() -> None:
    assert sorts(added(NOW), use(NOW + MINUTE)) == ["by hand"]


def test_a_use_of_whose_addition_nothing_is_known_waits_for_the_record_of_it() -> None:
    """Audit records come later than sign-ins."""
    assert sorts(use(NOW + MINUTE), added(NOW)) == []
    assert sorts(use(NOW + MINUTE), added(NOW), clock(NOW + LATE + 21 * MINUTE)) == ["by hand"]


def test_it_waits_no_longer_than_that_record_may_be_late() -> None:
    assert sorts(use(NOW), clock(NOW + LATE + 10 * MINUTE)) == []
    assert sorts(use(NOW), clock(NOW + LATE + 20 * MINUTE)) == ["unannounced"]
    assert sorts(use(NOW), clock(NOW + LATE + 20 * MINUTE), added(NOW)) == ["unannounced"]


def test_what_is_added_after_its_use_is_another_story_unless_clocks_differ() -> None:
    assert sorts(added(NOW + 10 * MINUTE), use(NOW), end=True) == ["by hand"]
    assert sorts(added(NOW + 10 * MINUTE + 1), use(NOW), end=True) == ["unannounced"]


def test_that_of_the_earliest_hour_is_told_whichever_came_first() -> None:
    uses = (use(NOW + HOUR + MINUTE), use(NOW + HOUR - MINUTE), use(NOW + HOUR + 2 * MINUTE))
    (alert,) = found(*uses, end=True)
    assert alert.evidence.first_seen == alert.evidence.last_seen == rfc3339(NOW + HOUR - MINUTE)
    assert alert.evidence.record_ids == (uses[1].record_id,)
    assert alert.evidence.addresses == ("192.0.2.7",)


def test_it_outlives_a_restart() -> None:
    playing = stage.engine()
    assert told(playing, use(NOW)) == []
    again = stage.engine(memory=playing.snapshot())
    assert [alert.sort for alert in told(again, added(NOW), clock(NOW + LATE + 20 * MINUTE))] == ["by hand"]


def test_a_flood_of_them_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_uses, "_MAX_WAITING", 0)
    assert sorts(use(NOW)) == ["unannounced"]


def added(at: float) -> Any:
    return TENANT.change("credential_added", at, BLUEPRINT)


def clock(at: float) -> Any:
    """A record that shows how late it is."""
    return TENANT.sign_in(AGENT, at)


def told(playing: Engine, *events: Event) -> list[Alert]:
    return [alert for alert in tell(playing, list(events)) if alert.detector == NAME]


def found(*events: Event, end: bool = False) -> list[Alert]:
    """What is said of events in the order of their arrival."""
    playing = stage.engine()
    alerts = told(playing, *events)
    return alerts + [alert for alert in playing.finish() if end and alert.detector == NAME]


def sorts(*events: Event, end: bool = False) -> list[str]:
    return [alert.sort for alert in found(*events, end=end)]
