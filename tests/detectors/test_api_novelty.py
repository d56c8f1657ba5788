"""D10, D11: the first token for a resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.api_novelty import ApiNovelty
from detector.domain.findings import Finding
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, HOUR, MINUTE, defaults, guid, in_order

NAME = "api_novelty"
VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
"""Azure Key Vault, a sensitive resource by default."""


def first_token(**words: Any) -> list[Any]:
    return [TENANT.sign_in(AGENT, NOW + 5 * MINUTE, **({"resource": "payroll"} | words))]


def judged(detector: ApiNovelty | None = None, **fields: Any) -> Finding | None:
    facts: dict[str, Fact] = {"resource_id": "r", "resource_name": "payroll", "agent_name": "invoices", "kinds": 2}
    facts |= {"siblings": 3} | fields.pop("facts", {})
    return (detector or ApiNovelty()).judge(signal("api_novelty", **({"p_value": 1e-5, "facts": facts} | fields)))


def test_a_resource_that_nobody_of_the_blueprint_used_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, first_token())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D11",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", AGENT.blueprint)
    assert alert.title == "First token for payroll"
    assert alert.explanation == (
        "invoices got its first token for payroll, which had not been used by any of the 3 other agents of its "
        "blueprint either; it had used 1 resource in 188 active hours (p = 2e-05)."
    )
    assert ("resource", guid("resource", "payroll")) in {(entity.kind, entity.id) for entity in alert.entities}


def test_a_sensitive_resource_is_high() -> None:
    (alert,) = said(NAME, first_token(resource="Azure Key Vault", resource_id=VAULT))
    assert alert.severity == "high"
    assert alert.evidence.details["sensitive"] is True


def test_what_siblings_use_is_no_surprise() -> None:
    """The others of the blueprint have used it for days; the agent follows."""
    siblings = [TENANT.calm(agent, hours=24, at=NOW, resources=["payroll"]) for agent in CREW[1:]]
    followed = TENANT.sign_in(AGENT, NOW + 30 * HOUR, resource="payroll")
    alerts = said(NAME, *siblings, followed)
    assert [alert.time[:13] for alert in alerts] == ["2026-03-12T00"]  # when the first sibling began


def test_a_sensitive_resource_that_siblings_use_is_low() -> None:
    """Two weeks without a break make even that remarkable."""
    settled = TENANT.calm(AGENT, hours=14 * 24, at=NOW)
    siblings = TENANT.calm(CREW[1], hours=14 * 24, at=NOW, resource_id=VAULT, resources=["Azure Key Vault"])
    followed = TENANT.sign_in(AGENT, NOW + 14 * DAY, resource="Azure Key Vault", resource_id=VAULT)
    alerts = said(NAME, settled, siblings, followed)
    assert [(alert.severity, alert.catalogue_ids, alert.subject.kind) for alert in alerts] == [
        ("high", ("D11",), "blueprint"),
        ("low", ("D10",), "agent"),
    ]
    assert "Azure Key Vault, which other agents of its blueprint do use; it had used" in alerts[1].explanation


def test_a_refused_request_is_no_token() -> None:
    assert said(NAME, first_token(error=BLOCKED)) == []


def test_failing_at_a_resource_does_not_make_it_familiar() -> None:
    failed = TENANT.sign_ins(AGENT, NOW, 9, every=3 * HOUR, resource="payroll", error=BLOCKED)
    granted = TENANT.sign_in(AGENT, NOW + 30 * HOUR, resource="payroll")
    assert len(said(NAME, failed, granted)) == 1


def test_a_record_without_a_resource_is_no_new_resource() -> None:
    assert said(NAME, first_token(resource=None)) == []


def test_a_resource_is_said_once() -> None:
    again = TENANT.sign_ins(AGENT, NOW, 30, every=2 * HOUR, resource="payroll")
    assert len(said(NAME, again)) == 1


def test_several_agents_of_a_blueprint_that_start_together_are_one_alert() -> None:
    together = [TENANT.sign_in(agent, NOW + place, resource="payroll") for place, agent in enumerate(CREW)]
    assert len(said(NAME, together)) == 1


def test_the_principal_of_the_blueprint_is_compared_with_its_agents() -> None:
    (alert,) = said(NAME, TENANT.sign_in(BLUEPRINT, NOW, resource="payroll"))
    assert alert.explanation.startswith("crew got its first token for payroll, which had not been used by")


@pytest.mark.parametrize(("hours", "alerts"), [(20, 0), (40, 1)])
def test_a_newborn_finds_everything_new(hours: int, alerts: int) -> None:
    newborn = TENANT.agent("newborn")
    calm = TENANT.calm(newborn, hours=hours, at=NOW)
    assert len(said(NAME, calm, TENANT.sign_in(newborn, NOW + (hours + 2) * HOUR, resource="payroll"))) == alerts


def test_an_agent_without_siblings_has_a_threshold_of_its_own() -> None:
    """What halves in a fortnight cannot make one agent alone more than three in a thousand sure."""
    (alert,) = same_however_told([TENANT.sign_in(LONER, NOW, resource="payroll")], NAME)
    assert (alert.severity, alert.catalogue_ids) == ("medium", ("D10",))
    assert (alert.subject.kind, alert.subject.id) == ("agent", LONER.id)
    assert alert.explanation == (
        "loner got its first token for payroll; it had used 1 resource in 188 active hours (p = 0.008)."
    )
    (alert,) = said(NAME, TENANT.sign_in(LONER, NOW, resource="Azure Key Vault", resource_id=VAULT))
    assert alert.severity == "high"
    assert alert.explanation.startswith("loner got its first token for Azure Key Vault; it had used 1 resource in")


@pytest.mark.parametrize(("hours", "alerts"), [(60, 0), (96, 1)])
def test_an_agent_without_siblings_is_heard_after_some_days(hours: int, alerts: int) -> None:
    young = TENANT.agent("young", blueprint="alone")
    calm = TENANT.calm(young, hours=hours, at=NOW)
    assert len(said(NAME, calm, TENANT.sign_in(young, NOW + (hours + 2) * HOUR, resource="payroll"))) == alerts


@pytest.mark.parametrize(
    ("p_value", "resource", "sensitive", "found"),
    [
        (0.02, "r", 0.01, False),
        (0.0199, "r", 0.01, True),
        (0.02, "grave", 0.01, False),
        (0.0199, "grave", 0.01, True),
        (0.05, "grave", 0.05, False),
        (0.0499, "grave", 0.05, True),
        (0.0499, "r", 0.05, False),
    ],
)
def test_alone_the_more_generous_threshold_counts(p_value: float, resource: str, sensitive: float, found: bool) -> None:
    detector = ApiNovelty(sensitive=frozenset({"grave"}), p_value_sensitive=sensitive)
    facts: dict[str, Fact] = {"resource_id": resource, "siblings": 0, "known_to_siblings": False}
    assert (judged(detector, p_value=p_value, facts=facts) is not None) == found


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(CREW[1], NOW, 5), first_token(), TENANT.sign_ins(CREW[2], NOW + 600, 5))
    assert len(same_however_told(story, NAME)) == 1
    assert same_however_told(TENANT.calm(AGENT, hours=2, at=NOW), NAME) == []


def test_one_sibling_is_named_as_one() -> None:
    finding = judged(facts={"siblings": 1, "known_to_siblings": False})
    assert finding is not None
    assert "which had not been used by the other agent of its blueprint either" in finding.explanation


@pytest.mark.parametrize(
    ("p_value", "seen", "resource", "found"),
    [
        (1e-3, 24.0, "r", False),
        (9.9e-4, 24.0, "r", True),
        (9.9e-4, 23.9, "r", False),
        (1e-2, 24.0, "grave", False),
        (9.9e-3, 24.0, "grave", True),
    ],
)
def test_surprise_and_experience_have_their_thresholds(p_value: float, seen: float, resource: str, found: bool) -> None:
    detector = ApiNovelty(sensitive=frozenset({"grave"}))
    assert (judged(detector, p_value=p_value, seen=seen, facts={"resource_id": resource}) is not None) == found


def test_a_detector_that_is_switched_off_says_nothing() -> None:
    others = tuple(replace(each, enabled=each.name != NAME) for each in defaults().detectors)  # type: ignore[type-var]
    assert said(NAME, first_token(), chosen=replace(defaults(), detectors=others)) == []


def test_what_hardly_any_other_blueprint_uses_either_is_another_sort_and_says_so() -> None:
    known = judged(facts={"blueprints_elsewhere": 4, "used_elsewhere": 1})
    strayed = judged(facts={"blueprints_elsewhere": 40, "used_elsewhere": 2, "siblings": 0})
    strange = judged(facts={"blueprints_elsewhere": 4, "used_elsewhere": 0})
    few = judged(facts={"blueprints_elsewhere": 2, "used_elsewhere": 0})
    assert known is not None
    assert strange is not None
    assert few is not None
    assert (known.sort, strange.sort, few.sort) == ("", "rare in the tenant", ""), "two others say little"
    assert "either, nor by any of 4 other blueprints; it had" in strange.explanation
    assert "other blueprints" not in known.explanation
    assert strayed is not None
    assert strayed.sort == "rare in the tenant", "few that strayed do not make it usual"
    assert "which had not been used by more than 2 of 40 other blueprints; it had" in strayed.explanation
    followed = judged(p_value=1e-9, facts={"blueprints_elsewhere": 4, "used_elsewhere": 0, "known_to_siblings": True})
    assert followed is None or followed.sort == ""


def test_other_blueprints_of_the_tenant_are_asked_whether_they_use_it() -> None:
    others = [TENANT.agent(f"other-{number}", blueprint=f"other-{number}") for number in range(3)]
    calm = [TENANT.calm(agent, hours=30, at=NOW, resources=["ledger"]) for agent in others]
    used = TENANT.sign_in(AGENT, NOW + 31 * HOUR, resource="ledger")
    unheard_of = TENANT.sign_in(AGENT, NOW + 31 * HOUR, resource="payroll")
    story = in_order(*calm, used, unheard_of)
    sorts = {alert.title: alert.sort for alert in same_however_told(story, NAME) if alert.subject.id == AGENT.blueprint}
    assert sorts == {"First token for ledger": "", "First token for payroll": "rare in the tenant"}


def test_a_resource_that_the_others_have_just_begun_to_use_is_still_rare_in_the_tenant() -> None:
    """What is known of them must be final, or the order of arrival would decide."""
    others = [TENANT.agent(f"other-{number}", blueprint=f"other-{number}") for number in range(3)]
    calm = [TENANT.calm(agent, hours=30, at=NOW) for agent in others]
    began = [TENANT.sign_in(agent, NOW + 31 * HOUR + MINUTE, resource="payroll") for agent in others]
    story = in_order(*calm, *began, TENANT.sign_in(AGENT, NOW + 31 * HOUR + 5 * MINUTE, resource="payroll"))
    (alert,) = [each for each in same_however_told(story, NAME) if each.subject.id == AGENT.blueprint]
    assert alert.sort == "rare in the tenant"
