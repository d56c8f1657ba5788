"""D87: fields of a blueprint were changed that decide who may use it and where its tokens go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.blueprint_edited import BlueprintEdited
from detector.domain.events import Change, FieldChange
from detector.engine.settings import EngineSettings
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import HOUR, RELEASE, defaults, in_order

NAME = "blueprint_edited"
EVIL = FieldChange("redirect_uris", ("evil.example",))
WIDE = FieldChange("sign_in_audience", ("several tenants",), ("this tenant",))


def edited(*fields: FieldChange, at: float = NOW, target: Any = BLUEPRINT, **more: Any) -> Change:
    return TENANT.change("application_updated", at, target, fields=fields, **more)


def chosen(**words: Any) -> EngineSettings:
    product = defaults()
    detectors = tuple(replace(each, **words) if each.name == NAME else each for each in product.detectors)  # type: ignore[type-var]
    return replace(product, detectors=detectors)


def test_a_redirect_to_a_foreign_host_is_high() -> None:
    (alert,) = said(NAME, edited(EVIL))
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "Blueprint edited: redirect URIs"
    assert alert.explanation == (
        "admin@example.com edited crew from 198.51.100.20: redirect URIs lead to evil.example now."
    )


@pytest.mark.parametrize(
    ("field", "severity", "sentence"),
    [
        (EVIL, "high", "redirect URIs lead to evil.example now"),
        (FieldChange("redirect_uris", ("http://localhost",)), "medium", "redirect URIs lead to http://localhost now"),
        (FieldChange("redirect_uris", ("http://localhost", "a.example")), "high", None),
        (FieldChange("redirect_uris", (), ("a.example",)), "low", "the redirect URIs include a.example no more"),
        (WIDE, "high", "the sign-in audience is several tenants now"),
        (FieldChange("sign_in_audience", ("AzureADandPersonalMicrosoftAccount",)), "high", None),
        (FieldChange("sign_in_audience", ("AzureADMyOrg",)), "low", "the sign-in audience is AzureADMyOrg now"),
        (FieldChange("instance_lock", ("IsEnabled: false",)), "high", "the instance lock is IsEnabled: false now"),
        (FieldChange("instance_lock", ("IsEnabled: true",)), "low", None),
        (FieldChange("instance_lock"), "medium", "the instance lock changed"),
        (FieldChange("identifier_uris", ("api://x",)), "medium", "the identifier URIs include api://x now"),
        (FieldChange("exposed_scopes"), "medium", "the exposed scopes changed"),
        (FieldChange("requested_permissions", ("a/b", "a/c")), "low", "it requests 2 more permissions"),
        (FieldChange("requested_permissions", (), ("a/b",)), "low", None),
        (FieldChange("public_client", ("true",)), "medium", "use without a credential is allowed now"),
        (FieldChange("public_client", ("false",)), "low", "use without a credential is forbidden now"),
    ],
)
def test_severity_and_sentence_of_each_field(field: FieldChange, severity: str, sentence: str | None) -> None:
    (alert,) = said(NAME, edited(field))
    assert alert.severity == severity
    if sentence is not None:
        assert alert.explanation.endswith(f": {sentence}.")


def test_the_gravest_field_comes_first() -> None:
    (alert,) = said(NAME, edited(FieldChange("requested_permissions", ("a/b",)), WIDE))
    assert (alert.severity, alert.title) == ("high", "Blueprint edited: sign-in audience and requested permissions")


@pytest.mark.parametrize(
    ("trusted", "severity"),
    [({"evil.example"}, "low"), ({".example"}, "low"), ({".evil.example"}, "high"), ({"vil.example"}, "high")],
)
def test_hosts_that_are_ours_are_low(trusted: set[str], severity: str) -> None:
    (alert,) = said(NAME, edited(EVIL), chosen=chosen(trusted_hosts=frozenset(trusted)))
    assert alert.severity == severity


def test_fields_may_be_left_to_developers() -> None:
    free = chosen(fields_ignored=frozenset({"redirect_uris"}))
    assert said(NAME, edited(EVIL), chosen=free) == []
    (alert,) = said(NAME, edited(EVIL, WIDE), chosen=free)
    assert alert.title == "Blueprint edited: sign-in audience"


def test_other_edits_and_creations_are_nothing() -> None:
    assert said(NAME, edited()) == []
    assert said(NAME, TENANT.change("add application", NOW, BLUEPRINT, fields=(EVIL,))) == []


def test_what_a_record_of_another_kind_changes_besides_is_said() -> None:
    (alert,) = said(NAME, TENANT.change("agent_disabled", NOW, BLUEPRINT, fields=(EVIL,)))
    assert alert.severity == "high"


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    """The service principal follows its application."""
    story = [
        edited(EVIL, correlation_id="c1"),
        TENANT.change("service_principal_updated", NOW + 1, BLUEPRINT, fields=(EVIL,), correlation_id="c1"),
    ]
    assert len(said(NAME, story)) == 1


def test_a_harmless_edit_hides_no_harmful_one_of_the_same_deed() -> None:
    story = [
        edited(FieldChange("public_client", ("false",)), correlation_id="c1"),
        edited(EVIL, at=NOW + 1, correlation_id="c1"),
    ]
    assert [alert.severity for alert in said(NAME, story)] == ["low", "high"]


def test_what_a_declared_pipeline_changes_is_no_news() -> None:
    assert said(NAME, edited(EVIL, actor=RELEASE), chosen=with_pipeline()) == []


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"pipeline": "release", "deviation": None}, "info"),
        ({"platform_actor": True}, "low"),
        ({"succeeded": False}, "low"),
        ({}, "high"),
    ],
)
def test_who_does_it_and_whether_it_worked_decide_too(facts: dict[str, Any], severity: str) -> None:
    told = {"fields": ("redirect_uris",), "redirect_uris_added": ("evil.example",)}
    finding = BlueprintEdited(in_pipeline=True).judge(change("application_updated", **told, **facts))
    assert finding is not None
    assert finding.severity == severity
    assert ("tried in vain to edit" in finding.explanation) == (facts.get("succeeded") is False)


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), edited(EVIL, at=NOW + 70), edited(WIDE, at=NOW + 5 * HOUR))
    assert len(same_however_told(story, NAME)) == 2
