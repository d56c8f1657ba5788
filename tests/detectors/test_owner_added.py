"""D80: somebody became owner or sponsor of an agent or blueprint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.owner_added import OwnerAdded
from detector.domain.events import Change, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import ADMIN, HOUR, RELEASE, Agent, guid, in_order

NAME = "owner_added"
EVE = Identity(id=guid("user", "eve"), type="User", name="eve@example.com")
GUEST = Identity(id=guid("user", "guest"), type="User", name="eve_evil.example#EXT#@example.com", guest=True)


def added(
    *owners: Identity, at: float = NOW, target: Agent = AGENT, kind: str = "owner_added", **fields: Any
) -> Change:
    """As Entra logs it: the owner is the first target, and the object stands in modified properties."""
    told: dict[str, Any] = {"targets": (*(owners or (EVE,)), target.target), "grantee_object_id": target.object_id}
    return TENANT.change(kind, at, **(told | fields))


def test_a_new_owner_is_said_with_who_made_it_one() -> None:
    (alert,) = said(NAME, added())
    assert alert.severity == "medium"
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Owner added: eve@example.com"
    assert alert.explanation == "admin@example.com made eve@example.com owner of invoices from 198.51.100.20."
    assert ("user", EVE.id) in {(entity.kind, entity.id) for entity in alert.entities}


def test_a_guest_is_graver() -> None:
    (alert,) = said(NAME, added(GUEST))
    assert alert.severity == "high"
    assert alert.explanation.endswith("; eve_evil.example#EXT#@example.com is a guest of the tenant.")


def test_an_agent_as_owner_is_graver() -> None:
    (alert,) = said(NAME, added(CREW[1].target))
    assert alert.severity == "high"
    assert (alert.subject.id, alert.title) == (AGENT.id, "Owner added: orders")
    assert alert.explanation.endswith("; orders is an agent itself.")


def test_an_agent_that_only_the_record_calls_one_counts() -> None:
    (alert,) = said(NAME, added(Identity(id=guid("stranger"), type="ServicePrincipal", role="agent")))
    assert alert.explanation.endswith(f"; {guid('stranger')} is an agent itself.")


def test_who_makes_themselves_owner_is_said_to_do_so() -> None:
    themselves = Identity(id=ADMIN.id, type="User", name=ADMIN.name)
    (alert,) = said(NAME, added(themselves))
    assert alert.explanation == "admin@example.com made themselves owner of invoices from 198.51.100.20."


def test_a_sponsor_is_less_grave_than_an_owner() -> None:
    """A sponsor answers for an agent and cannot change it."""
    alerts = said(NAME, added(kind="sponsor_added"), added(GUEST, at=NOW + 1, kind="sponsor_added"))
    assert [(alert.severity, alert.title) for alert in alerts] == [
        ("low", "Sponsor added: eve@example.com"),
        ("medium", "Sponsor added: eve_evil.example#EXT#@example.com"),
    ]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("activity", ["add owner to application", "add owner to service principal"])
def test_the_owner_is_found_in_any_order_and_without_modified_properties(activity: str, turned: bool) -> None:
    thing = Identity(id=BLUEPRINT.object_id, type="Application", name="crew", app_id=BLUEPRINT.id)
    targets = (thing, EVE) if turned else (EVE, thing)
    (alert,) = said(NAME, TENANT.change(activity, NOW, targets=targets))
    assert (alert.subject.id, alert.title) == (BLUEPRINT.id, "Owner added: eve@example.com")


def test_several_owners_in_one_record_are_named() -> None:
    (alert,) = said(NAME, added(EVE, GUEST, CREW[1].target))
    assert alert.explanation == (
        "admin@example.com made eve@example.com, eve_evil.example#EXT#@example.com and orders owners of invoices from "
        "198.51.100.20; eve_evil.example#EXT#@example.com is a guest of the tenant; orders is an agent itself."
    )


def test_a_record_that_names_no_owner_is_said() -> None:
    (alert,) = said(NAME, TENANT.change("owner_added", NOW, AGENT))
    assert alert.explanation == "admin@example.com made somebody owner of invoices from 198.51.100.20."


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    """Entra makes the same person owner of the application and of its service principal."""
    application = Identity(id=guid("application"), type="Application", name="crew", app_id=BLUEPRINT.id)
    story = [
        added(target=BLUEPRINT, correlation_id="c1"),
        TENANT.change("add owner to application", NOW + 1, targets=(EVE, application), correlation_id="c1"),
        added(GUEST, at=NOW + 2, target=BLUEPRINT, correlation_id="c1"),
    ]
    assert [alert.title for alert in said(NAME, story)] == [
        "Owner added: eve@example.com",
        "Owner added: eve_evil.example#EXT#@example.com",
    ]


def test_a_removed_owner_is_left_to_others() -> None:
    assert said(NAME, added(kind="owner_removed")) == []


def test_an_owner_of_something_that_is_no_agent_is_nothing() -> None:
    other = Identity(id=guid("object", "payroll"), type="ServicePrincipal", name="payroll")
    assert said(NAME, TENANT.change("owner_added", NOW, targets=(EVE, other))) == []


def test_an_agent_that_comes_to_own_something_that_is_none_is_not_whom_the_change_is_about() -> None:
    other = Identity(id=guid("object", "payroll"), type="ServicePrincipal", name="payroll")
    story = TENANT.change("owner_added", NOW, targets=(AGENT.target, other))
    assert said(NAME, story) == []


def test_what_a_declared_pipeline_adds_is_no_news_unless_wanted() -> None:
    chosen = with_pipeline()
    assert said(NAME, added(actor=RELEASE), chosen=chosen) == []
    wanted = tuple(replace(each, in_pipeline=True) if each.name == NAME else each for each in chosen.detectors)  # type: ignore[type-var]
    (alert,) = said(NAME, added(GUEST, actor=RELEASE), chosen=replace(chosen, detectors=wanted))
    assert alert.severity == "info"


def test_a_refused_attempt_is_low() -> None:
    (alert,) = said(NAME, added(GUEST, succeeded=False))
    assert (alert.severity, alert.title) == ("low", "Owner refused: eve_evil.example#EXT#@example.com")
    assert "tried in vain to make eve_evil.example#EXT#@example.com owner of invoices" in alert.explanation


def test_a_platform_actor_lowers_the_severity() -> None:
    finding = OwnerAdded().judge(change("owner_added", platform_actor=True))
    assert finding is not None
    assert finding.severity == "low"


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), added(at=NOW + 70), added(GUEST, at=NOW + 5 * HOUR))
    assert len(same_however_told(story, NAME)) == 2
