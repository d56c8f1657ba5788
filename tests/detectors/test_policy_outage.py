"""D36: an edit of Conditional Access starts to block agents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.domain.events import Event
from detector.domain.events import PolicyTerms as Terms
from tests.detectors.stage import CREW, LONER, NOW, TENANT, said, same_however_told, with_pipeline
from tests.stories import BLOCKED, HOUR, MINUTE, RELEASE, defaults, guid, in_order, refused_by

NAME = "policy_outage"
EVERYBODY = (*CREW, LONER)
ON = Terms(state="enabled", controls=("mfa",), included=("all",))
EDIT = NOW + 2 * HOUR


def edit(at: float = EDIT, name: str = "Block all", **fields: Any) -> Event:
    return TENANT.policy_edit(name, at, Terms(state="disabled"), ON, **fields)


def blocks(number: int = 3, at: float = EDIT + 5 * MINUTE, *, policies: Any = (), every: float = 60.0) -> list[Event]:
    return [
        TENANT.sign_in(agent, at + place * every, error=BLOCKED, policies=policies)
        for place, agent in enumerate(EVERYBODY[:number])
    ]


def test_an_outage_is_said_with_who_made_it_what_was_edited_and_whom_it_blocks() -> None:
    (alert,) = said(NAME, edit(), blocks())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D36",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.tenant) == ("tenant", TENANT.id, TENANT.id)
    assert alert.title == "An edit of Conditional Access blocks agents: Block all"
    assert alert.explanation == (
        "admin@example.com edited the Conditional Access policy Block all (Update conditional access policy) from "
        "198.51.100.20; since then 3 agents were blocked that had not been before, the first 5 minutes after it: "
        "invoices, orders and refunds."
    )
    assert alert.evidence.observed == 3
    assert {entity.kind for entity in alert.entities} == {"tenant", "agent"}


@pytest.mark.parametrize(("number", "alerts"), [(2, 0), (3, 1), (5, 1)])
def test_it_takes_several_agents(number: int, alerts: int) -> None:
    assert len(said(NAME, edit(), blocks(number))) == alerts


def test_how_many_is_a_setting() -> None:
    chosen = defaults()
    one = tuple(replace(d, min_agents=1) if d.name == NAME else d for d in chosen.detectors)  # type: ignore[type-var, call-arg]
    (alert,) = said(NAME, edit(), blocks(1), chosen=replace(chosen, detectors=one))
    assert "since then 1 agent was blocked that had not been before" in alert.explanation


@pytest.mark.parametrize(("after", "alerts"), [(0.0, 0), (1.0, 1), (2 * HOUR, 1), (2 * HOUR + 1, 0)])
def test_it_follows_within_two_hours(after: float, alerts: int) -> None:
    """With an audit record that comes behind the refusals, too: the bounds are those of event time."""
    assert len(said(NAME, edit(), blocks(at=EDIT + after, every=0.0))) == alerts


def test_agents_that_were_blocked_before_do_not_count() -> None:
    assert said(NAME, blocks(at=EDIT - HOUR), edit(), blocks()) == []
    assert len(said(NAME, blocks(at=EDIT - HOUR), edit(), blocks(5), blocks(5, at=EDIT + HOUR))) == 0
    assert len(said(NAME, blocks(2, at=EDIT - HOUR), edit(), blocks(5))) == 1


def test_blocks_by_another_policy_do_not_count() -> None:
    assert said(NAME, edit(), blocks(policies=refused_by("Other"))) == []
    assert len(said(NAME, edit(), blocks(policies=refused_by("Other", "Block all")))) == 1


def test_a_named_location_concerns_every_policy() -> None:
    story = TENANT.policy_edit("Offices", EDIT, Terms(networks=("192.0.2.0/24",)), Terms(), location=True)
    (alert,) = said(NAME, story, blocks(policies=refused_by("Other")))
    assert "edited the named location Offices (Update named location)" in alert.explanation


def test_an_edit_that_was_refused_blocks_nobody() -> None:
    assert said(NAME, edit(succeeded=False), blocks()) == []


def test_an_edit_whose_policy_is_not_named_is_said_too() -> None:
    """Security defaults are switched on: the record names no policy."""
    (alert,) = said(NAME, TENANT.change("update security defaults", EDIT), blocks(policies=refused_by("Other")))
    assert "edited the Conditional Access policy unknown (Update security defaults)" in alert.explanation


def test_blocks_without_an_edit_are_another_matter() -> None:
    assert said(NAME, blocks(5)) == []


def test_a_pipeline_that_breaks_agents_is_said_like_anybody() -> None:
    (alert,) = said(NAME, edit(actor=RELEASE), blocks(), chosen=with_pipeline())
    assert alert.evidence.details["pipeline"] == "release"


def test_each_edit_is_one_alert() -> None:
    assert len(said(NAME, edit(), edit(EDIT + 60, "Block more"), blocks(5))) == 2
    assert said(NAME, edit(record_id="edit"), blocks())[0].evidence.details["policy_id"] == guid("policy", "Block all")


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The audit record arrives behind the refusals, too; so do refusals from before it."""
    story = in_order(edit(), blocks(4), blocks(1, at=EDIT - 30 * MINUTE), TENANT.sign_ins(LONER, EDIT, 9, every=600.0))
    assert len(same_however_told(story, NAME)) == 1
    assert same_however_told(in_order(edit(), blocks(3), blocks(1, at=EDIT - 30 * MINUTE)), NAME) == []
