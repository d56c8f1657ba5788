"""D85: a Conditional Access policy that protects agents was weakened, disabled or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from detector.detectors.policy_weakened import PolicyWeakened
from detector.domain.events import Event
from detector.domain.events import PolicyTerms as Terms
from tests.detectors.stage import AGENT, NOW, TENANT, change, everything, said, same_however_told, with_pipeline
from tests.stories import RELEASE, defaults, guid, in_order

NAME = "policy_weakened"
ON = Terms(
    state="enabled",
    controls=("block",),
    included=("all",),
    resources=("all",),
    risk_levels=("medium", "high"),
    workloads=True,
)


def changed(**fields: Any) -> Terms:
    return msgspec.structs.replace(ON, **fields)


def edit(after: Terms | None = None, before: Terms | None = ON, at: float = NOW, **fields: Any) -> Event:
    return TENANT.policy_edit("Block strangers", at, before, after, **fields)


OFF = changed(state="disabled")


def test_a_policy_that_is_switched_off_is_said_with_who_and_what() -> None:
    (alert,) = said(NAME, edit(OFF))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D85",)
    assert (alert.subject.kind, alert.subject.id) == ("tenant", TENANT.id)
    assert alert.title == "Conditional Access policy weakened: Block strangers"
    assert alert.explanation == (
        "admin@example.com edited the Conditional Access policy Block strangers, which protects agents, from "
        "198.51.100.20: it was switched off."
    )
    assert alert.evidence.details["policy_id"] == guid("policy", "Block strangers")
    assert ("policy", guid("policy", "Block strangers")) in {(each.kind, each.id) for each in alert.entities}


@pytest.mark.parametrize(
    ("after", "words", "severity"),
    [
        (changed(state="enabledforreportingbutnotenforced"), "it only reports now", "high"),
        (changed(excluded=("a", "b")), "it makes further exceptions (a and b)", "high"),
        (changed(controls=("mfa",)), "it demands less", "high"),
        (changed(controls=()), "it demands less", "high"),
        (changed(included=("x",)), "it applies to fewer (all)", "medium"),
        (changed(resources=("x",)), "it covers fewer resources", "medium"),
        (changed(resources_excluded=("x",)), "it covers fewer resources", "medium"),
        (changed(risk_levels=("high",)), "it leaves out levels of risk", "medium"),
        (changed(places_excluded=("x",)), "it leaves out places", "medium"),
        (changed(rule="CustomSecurityAttribute.Agents_Stage -eq x"), "its rule over security attributes", "medium"),
        (changed(state="disabled", excluded=("a",)), "it was switched off and it makes further exceptions (a)", "high"),
    ],
)
def test_every_way_to_weaken_is_said(after: Terms, words: str, severity: str) -> None:
    (alert,) = said(NAME, edit(after))
    assert words in alert.explanation
    assert alert.severity == severity


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ON, ON),
        (ON, changed(risk_levels=())),
        (changed(included=("x",)), ON),
        (changed(excluded=("a",)), ON),
        (changed(controls=("mfa", "compliantdevice")), ON),
        (changed(state="disabled"), changed(state="disabled", excluded=("a",))),
        (changed(state="enabledforreportingbutnotenforced"), OFF),
        (OFF, ON),
        (None, ON),
        (ON, None),
        (None, None),
        (changed(workloads=False), changed(workloads=False, state="disabled")),
    ],
)
def test_what_strengthens_or_was_not_in_force_or_is_about_people_is_no_news(before: Any, after: Any) -> None:
    """Nor is what the record does not show."""
    assert said(NAME, edit(after, before)) == []


def test_a_new_policy_takes_nothing_away() -> None:
    assert said(NAME, edit(OFF, None, deed="added")) == []


def test_a_deleted_policy_is_said_even_when_its_terms_are_not_shown() -> None:
    (alert,) = said(NAME, edit(deed="deleted"))
    assert (alert.severity, alert.explanation.rpartition(": ")[2]) == ("high", "it was deleted.")
    (alert,) = said(NAME, edit(None, None, deed="deleted"))
    assert alert.severity == "medium"
    assert ", of which the record does not show whether it protects agents, from" in alert.explanation
    assert said(NAME, edit(before=OFF, deed="deleted")) == []


def test_without_the_old_side_the_graver_reading_holds() -> None:
    (alert,) = said(NAME, edit(OFF, None))
    assert alert.severity == "high"


@pytest.mark.parametrize(
    ("before", "after", "deed", "words"),
    [
        (
            Terms(networks=("192.0.2.0/24",)),
            Terms(networks=("192.0.2.0/24", "203.0.113.0/24")),
            "changed",
            "it has grown",
        ),
        (Terms(trusted=False), Terms(trusted=True), "changed", "it counts as trusted now"),
        (None, Terms(trusted=True), "added", "it counts as trusted now"),
    ],
)
def test_a_named_location_that_grows_or_becomes_trusted_is_said(before: Any, after: Any, deed: Any, words: str) -> None:
    story = TENANT.policy_edit("Offices", NOW, before, after, deed=deed, location=True)
    (alert,) = said(NAME, story)
    assert alert.severity == "medium"
    assert alert.title == "Named location widened: Offices"
    assert alert.explanation.startswith("admin@example.com edited the named location Offices from 198.51.100.20: ")
    assert words in alert.explanation
    chosen = defaults()
    without = tuple(replace(d, locations=False) if d.name == NAME else d for d in chosen.detectors)  # type: ignore[type-var, call-arg]
    assert said(NAME, story, chosen=replace(chosen, detectors=without)) == []


@pytest.mark.parametrize(
    ("before", "after", "deed"),
    [
        (Terms(trusted=True), Terms(trusted=True), "changed"),
        (Terms(networks=("192.0.2.0/24",)), Terms(), "changed"),
        (None, Terms(networks=("192.0.2.0/24",)), "added"),
        (Terms(trusted=True), None, "deleted"),
    ],
)
def test_a_named_location_that_shrinks_or_is_new_is_no_news(before: Any, after: Any, deed: Any) -> None:
    assert said(NAME, TENANT.policy_edit("Offices", NOW, before, after, deed=deed, location=True)) == []


def test_many_exceptions_are_counted() -> None:
    (alert,) = said(NAME, edit(changed(excluded=tuple(f"id-{n:02}" for n in range(20)))))
    assert "it makes further exceptions (id-00, id-01, id-02 and 17 more)." in alert.explanation


def test_a_refused_attempt_and_a_pipeline_are_low() -> None:
    (alert,) = said(NAME, edit(OFF, succeeded=False))
    assert (alert.severity, alert.explanation.partition(" the ")[0]) == (
        "low",
        "admin@example.com tried in vain to edit",
    )
    (alert,) = said(NAME, edit(OFF, actor=RELEASE), chosen=with_pipeline())
    assert alert.severity == "low"


def test_an_edit_of_a_policy_is_no_change_of_an_agent() -> None:
    """No other detector takes it for one, a declared pipeline or not; it waits for no agent either."""
    assert {alert.detector for alert in everything(edit(OFF), chosen=with_pipeline())} == {NAME}


def test_other_changes_are_left_alone() -> None:
    assert PolicyWeakened().judge(change("owner_added")) is None
    assert said(NAME, TENANT.change("update security defaults", NOW), TENANT.change("owner_added", NOW, AGENT)) == []


def test_one_deed_is_one_alert() -> None:
    assert len(said(NAME, edit(OFF, correlation_id="c"), edit(OFF, at=NOW + 1, correlation_id="c"))) == 1
    assert len(said(NAME, edit(OFF), edit(OFF, at=NOW + 1))) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(edit(OFF), TENANT.sign_ins(AGENT, NOW, 5), edit(changed(excluded=("a",)), at=NOW + 900))
    assert len(same_however_told(story, NAME)) == 2
