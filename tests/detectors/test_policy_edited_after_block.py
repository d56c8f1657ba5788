"""D103: blocked by a policy, which was then edited, and let in."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.policy_edited_after_block import PolicyEditedAfterBlock
from detector.domain.events import Event
from detector.domain.events import PolicyTerms as Terms
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, said, same_however_told, signal, with_pipeline
from tests.stories import BLOCKED, HOUR, MINUTE, RELEASE, guid, in_order, network, refused_by

NAME = "policy_edited_after_block"
POLICY = refused_by("Block strangers")
ON, OFF = Terms(state="enabled", workloads=True), Terms(state="disabled", workloads=True)


def block(at: float = NOW + 5 * MINUTE, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, at, **{"error": BLOCKED, "origin": network(1), "policies": POLICY} | words)


def edit(at: float = NOW + 15 * MINUTE, name: str = "Block strangers", **fields: Any) -> Event:
    return TENANT.policy_edit(name, at, ON, OFF, **fields)


def relabelled(at: float = NOW + 15 * MINUTE, agent: Any = AGENT, **fields: Any) -> Event:
    return TENANT.change("update attribute values assigned to a serviceprincipal", at, agent, **fields)


def token(at: float = NOW + 25 * MINUTE, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, at, **words)


def test_the_story_is_told_in_one_sentence() -> None:
    (alert,) = said(NAME, block(), edit(), token())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D103",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Blocked, then let in by an edit: invoices"
    assert alert.explanation == (
        "invoices was refused a token for graph by the policy Block strangers; 10 minutes "
        "later admin@example.com edited "
        "the policy or location Block strangers, and 10 minutes after that it was granted a token."
    )
    assert len(alert.evidence.record_ids) == 3


def test_an_edited_attribute_of_the_agent_is_another_key_to_the_same_door() -> None:
    (alert,) = said(NAME, block(), relabelled(), token())
    assert alert.explanation == (
        "invoices was refused a token for graph by the policy Block strangers; 10 minutes "
        "later admin@example.com edited "
        "a security attribute of it, and 10 minutes after that it was granted a token."
    )


@pytest.mark.parametrize(
    "story",
    [
        (block(), token()),
        (edit(), token()),
        (block(), edit()),
        (edit(NOW + MINUTE), block(), token()),
        (block(), token(NOW + 10 * MINUTE), edit()),
        (block(), edit(name="Other"), token()),
        (block(agent=CREW[1]), edit(), token()),
        (block(), edit(), token(agent=CREW[1])),
        (block(), edit(succeeded=False), token()),
        (block(), relabelled(succeeded=False), token()),
        (block(), relabelled(agent=CREW[1]), token()),
        (relabelled(NOW + MINUTE), block(), token()),
        (block(), edit(), token(error=BLOCKED)),
    ],
)
def test_every_step_is_needed_and_in_this_order(story: tuple[Event, ...]) -> None:
    assert said(NAME, *story) == []


@pytest.mark.parametrize(
    ("edited", "granted", "alerts"),
    [
        (DAY, DAY + HOUR, 1),
        (DAY + 1, DAY + HOUR, 0),
        (HOUR, HOUR + DAY, 1),
        (HOUR, HOUR + DAY + 1, 0),
        (HOUR, HOUR, 0),
        (HOUR, HOUR + 1, 1),
    ],
)
@pytest.mark.parametrize("make", [edit, relabelled])
def test_a_day_may_pass_between_two_steps(edited: float, granted: float, alerts: int, make: Any) -> None:
    assert len(said(NAME, block(NOW), make(NOW + edited), token(NOW + granted))) == alerts


def test_a_block_without_a_policy_is_joined_by_any_edit_and_a_location_joins_any_block() -> None:
    assert len(said(NAME, block(policies=()), edit(name="Other"), token())) == 1
    (alert,) = said(NAME, block(), edit(name="Offices", location=True), token())
    assert "edited the policy or location Offices" in alert.explanation
    (alert,) = said(NAME, block(), TENANT.change("update security defaults", NOW + 900), token())
    assert "edited a policy, and" in alert.explanation


def test_a_pipeline_that_repairs_a_policy_is_low() -> None:
    (alert,) = said(NAME, block(), edit(actor=RELEASE), token(), chosen=with_pipeline())
    assert alert.severity == "low"


def test_an_agent_and_day_is_one_alert() -> None:
    blocks = [block(NOW + n * 20, resource=f"api-{n % 3}") for n in range(90)]
    tokens = [token(NOW + HOUR + n * 600) for n in range(9)]
    assert len(said(NAME, blocks, edit(NOW + 35 * MINUTE), edit(NOW + 40 * MINUTE), tokens)) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """Whichever of the three arrives last."""
    story = in_order(block(), edit(), token(NOW + 16 * MINUTE), token(NOW + 17 * MINUTE))
    assert len(same_however_told(story, NAME)) == 1
    assert len(same_however_told(in_order(block(), relabelled(), token(NOW + 16 * MINUTE)), NAME)) == 1
    odd = in_order(token(NOW), block(), edit(), token(NOW + 16 * MINUTE))
    assert len(same_however_told(odd, NAME)) == 1
    assert same_however_told(in_order(block(), edit(), token(NOW + 10 * MINUTE)), NAME) == []


def test_a_nameless_actor_goes_by_the_id() -> None:
    facts = {"sequence": NAME, "target_name": "invoices", "step_1_time": NOW, "step_2_time": NOW + 60}
    facts |= {"step_3_time": NOW + 120, "step_2_who": guid("somebody")}
    finding = PolicyEditedAfterBlock().judge(signal("sequence", facts=facts))  # type: ignore[arg-type]
    assert finding is not None
    assert f"1 minute later {guid('somebody')} edited a policy" in finding.explanation


def test_other_sequences_are_left_alone() -> None:
    assert PolicyEditedAfterBlock().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
