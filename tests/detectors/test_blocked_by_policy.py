"""D34: Conditional Access or Identity Protection refused an agent a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.events import Event
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, everything, said, same_however_told
from tests.stories import BLOCKED, HOUR, INVALID, MINUTE, NOWHERE, defaults, guid, in_order, network, refused_by

NAME = "blocked_by_policy"
POLICY = refused_by("Block strangers")
STRANGE = network(1)


def block(at: float = NOW, agent: object = AGENT, **words: object) -> Event:
    told = {"error": BLOCKED, "origin": STRANGE, "policies": POLICY} | words
    return TENANT.sign_in(agent, at, **told)  # type: ignore[arg-type]


def test_a_block_is_said_with_who_what_where_and_the_policy() -> None:
    (alert,) = said(NAME, block())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D34",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.blueprint) == ("agent", AGENT.id, AGENT.blueprint)
    assert alert.title == "Blocked: invoices"
    assert alert.explanation == (
        "invoices was refused a token for graph from 198.51.100.7 by the Conditional Access policy Block strangers "
        "(error 53003)."
    )
    assert alert.evidence.addresses == ("198.51.100.7",)
    assert alert.evidence.details["policy_ids"] == (guid("policy", "Block strangers"),)


def test_several_policies_are_all_named() -> None:
    (alert,) = said(NAME, block(policies=refused_by("A", "B")))
    assert "by the Conditional Access policies " in alert.explanation
    assert " and " in alert.explanation


def test_a_policy_that_the_record_does_not_name_is_said_to_be_that() -> None:
    (alert,) = said(NAME, block(policies=(), origin=NOWHERE))
    assert alert.explanation == (
        "invoices was refused a token for graph by a Conditional Access policy that the record does not name (error "
        "53003)."
    )


def test_a_policy_that_only_reports_refuses_nothing_and_is_not_named() -> None:
    """It stands beside the one that does."""
    reports = refused_by("Rehearsal", result="reportOnlyFailure")
    (alert,) = said(NAME, block(policies=(*reports, *POLICY)))
    assert "the Conditional Access policy Block strangers" in alert.explanation
    (alert,) = said(NAME, block(policies=reports))
    assert "that the record does not name" in alert.explanation


@pytest.mark.parametrize("error", [53003, 530032, 530035, 53000, 53001, 53002, 53011, 530034])
def test_every_kind_of_block_is_said(error: int) -> None:
    assert len(said(NAME, block(error=error))) == 1


def test_a_block_for_risk_is_said_to_be_one() -> None:
    (alert,) = said(NAME, block(error=53011, policies=()))
    assert (
        alert.explanation
        == "invoices was refused a token for graph from 198.51.100.7 because of its risk (error 53011)."
    )


@pytest.mark.parametrize("error", [50076, 70043, 70044, 50097, INVALID, 424242])
def test_what_conditional_access_writes_in_normal_work_is_no_block(error: int) -> None:
    """Status failure on these is a question to a person, the end of a session, or a report-only device grant."""
    assert said(NAME, [block(NOW + n * MINUTE, error=error, ca_status="failure") for n in range(5)]) == []


def test_a_device_check_of_a_report_only_policy_is_no_failure_at_all() -> None:
    """Each is followed by a token one second later."""
    pairs = [(block(NOW + n * 60, error=50097), TENANT.sign_in(AGENT, NOW + n * 60 + 1)) for n in range(30)]
    assert {each.detector for each in everything([event for pair in pairs for event in pair])} == {"token_spike"}


def test_which_code_is_a_block_is_data() -> None:
    chosen = defaults()
    failures = replace(chosen.failures, classes={**chosen.failures.classes, 50097: "blocked_by_ca"})
    assert len(said(NAME, block(error=50097), chosen=replace(chosen, failures=failures))) == 1


def test_a_granted_token_is_no_block() -> None:
    assert said(NAME, TENANT.sign_in(AGENT, NOW, ca_status="failure", policies=POLICY)) == []


def test_one_agent_policy_and_day_is_one_alert() -> None:
    assert len(said(NAME, [block(NOW + n) for n in range(100)])) == 1
    assert len(said(NAME, block(NOW), block(NOW + DAY - 1), block(NOW + DAY))) == 2
    assert len(said(NAME, block(), block(NOW + 1, policies=refused_by("Other")))) == 2
    assert len(said(NAME, [block(agent=agent) for agent in (*CREW, LONER)])) == 5


def test_rows_of_one_sign_in_are_one_block_however_many_policies_they_list() -> None:
    """One sign-in becomes several rows when there are many policies."""
    rows = [block(record_id="row", policies=refused_by(f"P{n}")) for n in range(34)]
    assert len(said(NAME, rows)) == 1


def test_a_blueprint_that_is_blocked_is_the_subject() -> None:
    (alert,) = said(NAME, block(agent=BLUEPRINT))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(block(), [block(NOW + n * 20) for n in range(1, 40)], TENANT.sign_ins(AGENT, NOW, 20, every=HOUR))
    assert len(same_however_told(story, NAME)) == 1
