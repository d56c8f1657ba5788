"""D51, D52: a sponsor or owner was disabled or deleted, or the last one was removed."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from detector.detectors.accountability_lost import AccountabilityLost
from detector.domain.alerts import Alert
from detector.domain.events import Change, Event, Identity, InventoryObject
from detector.engine import departures
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, ids, in_order, person, tell, user

NAME = "accountability_lost"
JANE, JOE = user("jane"), user("joe")


def shown(at: float = NOW, about: Any = AGENT, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, **fields)


def change(kind: str, at: float, about: Identity = JANE, **fields: Any) -> Change:
    return TENANT.change(kind, at, about, **fields)


def removed(kind: str, at: float, about: Any, *people: Identity) -> Change:
    return TENANT.change(kind, at, about, targets=(*people, about.target))


def every_order(*story: Event) -> list[Alert]:
    """The alerts of a story, all of which fits into the lateness, once it is sure that no order changes them."""
    plain = said(NAME, in_order(*story))
    for order in permutations(story):
        playing = engine()
        alerts = tell(playing, order, size=1) + playing.finish()
        assert ids(alert for alert in alerts if alert.detector == NAME) == ids(plain)
    return plain


# ------------------------------------------------------------------------------------------------- D51: accounts


def test_an_agent_whose_last_sponsor_is_disabled_is_said_at_once() -> None:
    playing = engine()
    tell(playing, [shown(sponsors=(person("jane"),), owners=(person("jane"), person("joe")))])
    (alert,) = [each for each in tell(playing, [change("user_disabled", NOW + 3 * HOUR)]) if each.detector == NAME]
    assert (alert.severity, alert.catalogue_ids) == ("high", ("D51",))
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("actor", JANE.id, "jane@example.com")
    assert alert.title == "The last sponsor was disabled"
    assert alert.explanation == (
        "admin@example.com disabled the account of jane@example.com from 198.51.100.20, the last sponsor of invoices, "
        "which has no sponsor now; an owner of invoices, where others are left."
    )
    assert {("user", JANE.id), ("agent", AGENT.id)} <= {(entity.kind, entity.id) for entity in alert.entities}
    assert [each for each in playing.finish() if each.detector == NAME] == []


def test_a_blueprint_is_said_with_its_agents() -> None:
    (alert,) = said(NAME, shown(about=BLUEPRINT, owners=(person("jane"),)), change("user_deleted", NOW + HOUR))
    assert alert.title == "The last owner was deleted"
    assert alert.explanation == (
        "admin@example.com deleted the account of jane@example.com from 198.51.100.20, the last owner of crew "
        "(a blueprint of 4), which has no owner now."
    )


def test_an_inventory_that_shows_the_account_disabled_is_enough() -> None:
    (alert,) = said(NAME, shown(sponsors=(person("jane", enabled=False),)))
    assert alert.severity == "high"
    assert alert.explanation == (
        f"The account of {JANE.id} is disabled, as the inventory shows, the last sponsor of invoices, which has "
        "no sponsor now."
    )


def test_an_account_that_was_shown_disabled_is_not_among_those_left() -> None:
    one_out = shown(sponsors=(person("jane"), person("joe", enabled=False)))
    first, second = said(NAME, one_out, change("user_disabled", NOW + 2 * HOUR))
    assert (first.severity, first.title) == ("low", "A sponsor was disabled")
    assert (second.severity, second.title) == ("high", "The last sponsor was disabled")
    back = shown(NOW + HOUR, sponsors=(person("jane"), person("joe")))
    first, second = said(NAME, one_out, back, change("user_disabled", NOW + 2 * HOUR))
    assert (first.severity, second.severity) == ("low", "low")
    assert second.explanation.endswith("a sponsor of invoices, where others are left.")


def test_a_user_of_the_inventory_tells_the_same_as_the_audit_record() -> None:
    sponsored = shown(sponsors=(person("jane", enabled=None),))
    audit = said(NAME, sponsored, change("user_disabled", NOW + HOUR))
    listed = said(NAME, sponsored, TENANT.inventory(JANE, NOW + HOUR, enabled=False))
    gone = said(NAME, sponsored, TENANT.inventory(JANE, NOW + HOUR, deleted=True))
    assert ids(audit) == ids(listed) == ids(gone)
    assert len(audit) == 1
    assert said(NAME, sponsored, TENANT.inventory(JANE, NOW + HOUR, enabled=True)) == []
    assert said(NAME, sponsored, TENANT.inventory(JANE, NOW + HOUR)) == []


def test_the_inventory_may_come_after_the_audit_record() -> None:
    """Weeks later even, when the first snapshot is taken."""
    disabled, sponsored = change("user_disabled", NOW), (person("jane", enabled=None),)
    (alert,) = said(NAME, disabled, shown(NOW + 20 * DAY, sponsors=sponsored))
    assert alert.explanation.startswith(f"The account of {JANE.id} is disabled, as the inventory shows, the last")
    assert len(every_order(disabled, shown(NOW + 60, sponsors=sponsored), shown(NOW + 600, sponsors=sponsored))) == 1


def test_who_was_sponsor_no_more_for_sure_orphans_nothing() -> None:
    was, now = shown(sponsors=(person("jane"),)), shown(NOW + HOUR, sponsors=(person("joe"),))
    assert said(NAME, was, now, change("user_disabled", NOW + 2 * HOUR)) == []
    assert len(every_order(was, shown(NOW + 300, sponsors=(person("joe"),)), change("user_disabled", NOW + 600))) == 1


def test_who_comes_back_is_no_loss_any_more() -> None:
    disabled, back = change("user_disabled", NOW), change("user_enabled", NOW + 5 * HOUR)
    later = shown(NOW + 9 * HOUR, sponsors=(person("jane", enabled=None),))
    assert said(NAME, disabled, back, later) == []
    seen = TENANT.inventory(JANE, NOW + 5 * HOUR, enabled=True)
    assert said(NAME, disabled, seen, later) == []
    stale = TENANT.inventory(JANE, NOW + MINUTE, enabled=True)
    assert len(said(NAME, disabled, stale, later)) == 1
    assert said(NAME, change("user_enabled", NOW), later) == []


def test_the_object_knows_better_when_it_was_read_later() -> None:
    """An account is enabled again and nobody logged it; a snapshot that was read too early proves nothing."""
    disabled = change("user_disabled", NOW)
    assert said(NAME, disabled, shown(NOW + DAY, sponsors=(person("jane"),))) == []
    assert len(every_order(disabled, shown(NOW + 120, sponsors=(person("jane"),)))) == 1


def test_who_was_shown_to_be_gone_and_becomes_a_sponsor_after_that_is_said_whatever_came_first() -> None:
    """The audit record, and the first look at what they are sponsor of, are of one minute."""
    before = shown(NOW, owners=(person("jane", enabled=False), person("joe")))
    later = NOW + 10 * HOUR
    look, loss = shown(later, BLUEPRINT, sponsors=(person("jane"),)), change("user_deleted", later)
    told = [said(NAME, before, *order) for order in ((look, loss), (loss, look))]
    assert len({tuple(sorted(ids(each))) for each in told}) == 1
    assert "crew" in " ".join(alert.explanation for alert in told[0])


def test_an_older_record_that_comes_later_takes_nothing_back() -> None:
    deleted, disabled = change("user_deleted", NOW + 600), change("user_disabled", NOW)
    later = shown(NOW + DAY, sponsors=(person("jane", enabled=None),))
    playing = engine()
    told = tell(playing, [deleted, disabled, later]) + playing.finish()
    (alert,) = [each for each in told if each.detector == NAME]
    assert "is deleted, as the inventory shows" in alert.explanation


def test_only_what_is_watched_is_orphaned() -> None:
    disabled = change("user_disabled", NOW + HOUR)
    classic = TENANT.agent("payroll", role="none")
    assert said(NAME, shown(about=classic, owners=(person("jane"),)), disabled) == []
    assert said(NAME, shown(sponsors=(person("jane"),)), shown(NOW + 60, deleted=True), disabled) == []
    assert said(NAME, shown(sponsors=(person("jane"),)), change("user_disabled", NOW + HOUR, succeeded=False)) == []
    group = change("user_disabled", NOW + HOUR, Identity(id=JANE.id, type="Group"))
    nobody = change("user_disabled", NOW + HOUR, Identity(id=None, type="User"))
    assert said(NAME, shown(sponsors=(person("jane"),)), group, nobody) == []


@pytest.mark.parametrize("gap", [0.0, 1.0, 1199.0, 1200.0])
def test_audit_and_inventory_in_any_order(gap: float) -> None:
    disabled = change("user_disabled", NOW + gap)
    assert len(every_order(shown(NOW + 60, sponsors=(person("jane"),)), disabled)) == 1


# ------------------------------------------------------------------------------------------- D51: many at once

FLEET = tuple(TENANT.agent(f"worker {number:02}") for number in range(30))


def fleet(at: float = NOW, *, of: int = 30, **fields: Any) -> list[Event]:
    """Agents that jane is the only sponsor of, and one of two owners."""
    held = {"sponsors": (person("jane", enabled=None),), "owners": (person("jane", enabled=None), person("joe"))}
    return [shown(at + number, about=each, **(held | fields)) for number, each in enumerate(FLEET[:of])]


def test_who_answers_for_many_is_one_alert_with_all_of_them() -> None:
    (alert,) = said(NAME, fleet(), change("user_disabled", NOW + 3 * HOUR))
    assert alert.severity == "high"
    assert alert.title == "The last sponsor of 30 agents and blueprints was disabled"
    assert alert.explanation == (
        "admin@example.com disabled the account of jane@example.com from 198.51.100.20, the last sponsor of worker 00, "
        "worker 01, worker 02 and 27 more, which have no sponsor now; an owner of worker 00, worker 01, worker 02 and "
        "27 more, where others are left."
    )
    agents = {entity.id for entity in alert.entities if entity.kind == "agent"}
    assert agents >= {each.id for each in FLEET}
    details = alert.evidence.details
    assert (details["objects"], details["orphaned"], details["last_sponsor_of_count"]) == (30, 30, 30)
    assert len(details["last_sponsor_of"]) == 20, "names are bounded, numbers are not"


def test_agents_that_are_switched_off_orphan_nobody() -> None:
    (alert,) = said(NAME, fleet(of=3, enabled=False), change("user_disabled", NOW + 3 * HOUR))
    assert (alert.severity, alert.evidence.details["orphaned"]) == ("low", 0)
    mixed = [*fleet(of=2, enabled=False), shown(NOW + HOUR, about=FLEET[5], sponsors=(person("jane"),))]
    (alert,) = said(NAME, mixed, change("user_disabled", NOW + 3 * HOUR))
    assert (alert.severity, alert.evidence.details["orphaned"]) == ("high", 1)
    assert alert.evidence.details["last_sponsor_of"][0] == FLEET[5].name, "first those that matter"


def test_a_first_snapshot_weeks_later_is_one_alert_too() -> None:
    disabled = change("user_disabled", NOW)
    (alert,) = said(NAME, disabled, fleet(NOW + 20 * DAY))
    assert alert.evidence.details["objects"] == 30
    assert alert.time == "2026-04-01T00:00:00.000Z"


def test_what_is_shown_again_every_day_is_told_once() -> None:
    story = in_order(
        fleet(of=3), change("user_disabled", NOW + HOUR), *(fleet(NOW + day * DAY, of=3) for day in (1, 2))
    )
    assert len(same_however_told(story, NAME)) == 1


def test_what_somebody_is_shown_to_answer_for_long_after_they_left_is_told() -> None:
    """An agent that is made with a sponsor who left months ago is not to be overlooked."""
    story = in_order(fleet(of=3), change("user_disabled", NOW + HOUR), fleet(NOW + 9 * DAY, of=5))
    first, second = same_however_told(story, NAME)
    assert (first.evidence.details["objects"], second.evidence.details["objects"]) == (3, 2)


@pytest.mark.untraced
@pytest.mark.parametrize("gap", [0.0, 60.0, 1199.0])
@pytest.mark.parametrize("kinds", [("user_disabled", "user_deleted"), ("user_deleted", "user_disabled")])
def test_two_records_of_one_departure_are_one_in_any_order(gap: float, kinds: tuple[str, str]) -> None:
    records = [change(kind, NOW + 30 + number * gap) for number, kind in enumerate(kinds)]
    assert len(every_order(*fleet(NOW + 45, of=2), *records)) == 1


def test_a_second_record_of_a_loss_tells_nothing_anew() -> None:
    """They were gone when the agents were first shown, and that was told; later the account is deleted as well."""
    story = in_order(change("user_disabled", NOW), fleet(NOW + 9 * DAY, of=2), change("user_deleted", NOW + 12 * DAY))
    assert len(same_however_told(story, NAME)) == 1


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "_MAX_WAITING", 0)
    playing = engine()
    told = tell(playing, fleet(of=2, sponsors=(person("jane", enabled=False),))) + playing.finish()
    assert [each for each in told if each.detector == NAME] == []
    assert playing.counters["departures_dropped"] == 2


def test_nobody_is_told_of_whose_memory_had_to_go() -> None:
    playing = engine()
    tell(playing, [*fleet(of=2, sponsors=(person("jane", enabled=False),))])
    playing.state.tenants[TENANT.id].people.clear()
    assert [each for each in playing.finish() if each.detector == NAME] == []


# ------------------------------------------------------------------------------------------------ D52: removals


def test_the_removal_of_the_last_sponsor_is_said() -> None:
    (alert,) = said(NAME, shown(sponsors=(person("jane"),)), removed("sponsor_removed", NOW + HOUR, AGENT, JANE))
    assert (alert.severity, alert.catalogue_ids) == ("high", ("D52",))
    assert alert.title == "The last sponsor was removed"
    assert alert.explanation == (
        f"admin@example.com removed {JANE.id} from 198.51.100.20, the last sponsor of invoices; it has no sponsor now."
    )
    assert alert.time == "2026-03-12T01:00:00.000Z"


def test_the_last_owner_of_a_blueprint_is_said_with_its_agents() -> None:
    story = [shown(about=BLUEPRINT, owners=(person("jane"),)), removed("owner_removed", NOW + HOUR, BLUEPRINT, JANE)]
    (alert,) = said(NAME, *story)
    assert alert.explanation.endswith("the last owner of crew; 4 agents of this blueprint lost that owner.")


def test_a_removal_that_leaves_somebody_is_nothing() -> None:
    both = shown(sponsors=(person("jane"), person("joe")))
    assert said(NAME, both, removed("sponsor_removed", NOW + HOUR, AGENT, JANE)) == []
    assert said(NAME, both, removed("owner_removed", NOW + HOUR, AGENT, JANE)) == []
    assert said(NAME, removed("sponsor_removed", NOW + HOUR, AGENT, JANE)) == []


def test_a_hand_over_is_nothing_in_any_order_of_arrival() -> None:
    one = shown(NOW, sponsors=(person("jane"),))
    added = removed("sponsor_added", NOW + 300, AGENT, JOE)
    gone = removed("sponsor_removed", NOW + 310, AGENT, JANE)
    assert every_order(one, added, gone) == []


def test_of_two_removals_the_later_one_is_the_last() -> None:
    both = shown(NOW, sponsors=(person("jane"), person("joe")))
    first = removed("sponsor_removed", NOW + 300, AGENT, JANE)
    second = removed("sponsor_removed", NOW + 305, AGENT, JOE)
    (alert,) = every_order(both, first, second)
    assert alert.evidence.record_ids == (second.record_id,)


def test_who_is_added_only_afterwards_does_not_undo_it() -> None:
    one = shown(NOW, sponsors=(person("jane"),))
    gone = removed("sponsor_removed", NOW + 300, AGENT, JANE)
    added = removed("sponsor_added", NOW + 900, AGENT, JOE)
    assert len(every_order(one, gone, added)) == 1
    later = shown(NOW + 1000, sponsors=(person("joe"),))
    assert len(every_order(one, gone, later)) == 1


def test_without_an_inventory_those_whose_addition_was_seen_are_known() -> None:
    added = removed("sponsor_added", NOW + HOUR, AGENT, JANE)
    gone = removed("sponsor_removed", NOW + 3 * HOUR, AGENT, JANE)
    (alert,) = same_however_told([added, gone], NAME)
    assert alert.severity == "medium"
    assert alert.explanation == (
        f"admin@example.com removed {JANE.id} from 198.51.100.20, the last known sponsor of invoices; it has no "
        "sponsor now; no inventory shows whether there were others before the records began."
    )
    assert said(NAME, added, removed("sponsor_added", NOW + 2 * HOUR, AGENT, JOE), gone) == []


def test_a_removal_that_was_refused_or_names_nobody_is_nothing() -> None:
    one = shown(NOW, sponsors=(person("jane"),))
    refused = TENANT.change("sponsor_removed", NOW + HOUR, AGENT, targets=(JANE, AGENT.target), succeeded=False)
    assert said(NAME, one, refused) == []
    assert said(NAME, one, TENANT.change("sponsor_removed", NOW + HOUR, AGENT)) == []


def test_an_agent_that_signs_in_without_an_inventory_of_its_own_is_named() -> None:
    stranger = TENANT.agent("stranger")
    story = [
        TENANT.sign_in(stranger, NOW),
        removed("owner_added", NOW + HOUR, stranger, JANE),
        removed("owner_removed", NOW + 2 * HOUR, stranger, JANE),
    ]
    (alert,) = said(NAME, *story)
    assert (alert.subject.name, alert.subject.blueprint) == ("stranger", BLUEPRINT.id)


# -------------------------------------------------------------------------------------------------------- both


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        (shown(NOW + hour * HOUR, sponsors=(person("jane", enabled=None), person("joe"))) for hour in range(3)),
        change("user_disabled", NOW + 65 * MINUTE),
        removed("sponsor_removed", NOW + 150 * MINUTE, AGENT, JOE),
        removed("sponsor_removed", NOW + 152 * MINUTE, AGENT, JANE),
    )
    assert len(same_however_told(story, NAME)) == 2


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"issue": "person_lost", "orphaned": 1}, "high"),
        ({"issue": "person_lost", "orphaned": 0}, "low"),
        ({"issue": "last_removed", "shown": True}, "high"),
        ({"issue": "last_removed", "shown": False}, "medium"),
    ],
)
def test_who_is_left_decides(facts: dict[str, Any], severity: str) -> None:
    told = {"role": "owner", "why": "disabled", "target_name": "invoices"} | facts
    told |= {"objects": 1, "owner_of": ("invoices",), "owner_of_count": 1}
    finding = AccountabilityLost().judge(signal("inventory", facts=told))
    assert finding is not None
    assert finding.severity == severity


def test_other_issues_are_left_alone() -> None:
    assert AccountabilityLost().judge(signal("inventory", facts={"issue": "missing"})) is None
    assert said(NAME, shown(sponsors=())) == []
