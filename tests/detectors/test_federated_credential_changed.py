"""D70: a federated credential was added, or trusts somebody else now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.federated_credential_changed import FederatedCredentialChanged
from detector.domain.events import Change, FederatedTrust
from detector.engine.settings import EngineSettings
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import HOUR, MINUTE, RELEASE, Tenant, defaults, guid, in_order, tell
from tests.stories import engine_of as fresh_engine

NAME = "federated_credential_changed"
KIND = "federated_credential_changed"
GITHUB = "https://token.actions.githubusercontent.com"
EVIL = FederatedTrust("build", "https://evil.example/oidc", "anything")
OWN = FederatedTrust("mi", f"https://login.microsoftonline.com/{TENANT.id}/v2.0", guid("managed identity"))
FOREIGN = FederatedTrust("mi", f"https://login.microsoftonline.com/{guid('elsewhere')}/v2.0", guid("x"))
BUILD = FederatedTrust("build", GITHUB, "repo:example/agents:ref:refs/heads/main")


def added(*trusts: FederatedTrust, at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change(KIND, at, target, federated_added=trusts, **fields)


def trusting(**words: Any) -> EngineSettings:
    """The settings of the product with issuers and subjects that are ours."""
    product = with_pipeline()
    detectors = tuple(replace(each, **words) if each.name == NAME else each for each in product.detectors)  # type: ignore[type-var]
    return replace(product, detectors=detectors)


def test_a_foreign_issuer_is_said_with_issuer_and_subject() -> None:
    (alert,) = said(NAME, added(EVIL))
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "Federated credential for evil.example"
    assert alert.explanation == (
        "admin@example.com added a federated credential to crew from 198.51.100.20, which trusts "
        "https://evil.example/oidc (subject anything); evil.example is not among the trusted issuers."
    )
    assert alert.evidence.details["issuers"] == ("https://evil.example/oidc",)


def test_another_tenant_is_named_as_such() -> None:
    (alert,) = said(NAME, added(FOREIGN))
    assert alert.severity == "high"
    assert alert.explanation.endswith(f"; the issuer is another tenant, {guid('elsewhere')}.")


def test_a_public_issuer_trusts_whoever_the_subject_names() -> None:
    (alert,) = said(NAME, added(BUILD))
    assert alert.severity == "high"
    assert alert.explanation.endswith(
        "; anybody may have an account at token.actions.githubusercontent.com, so the subject decides who gets in."
    )


def test_an_identity_of_the_own_tenant_is_medium_by_hand() -> None:
    """A managed identity as the credential is what Microsoft recommends; by hand it still deserves a look."""
    (alert,) = said(NAME, added(OWN))
    assert alert.severity == "medium"


@pytest.mark.parametrize(
    ("trust", "words", "severity"),
    [
        (EVIL, {"trusted_issuers": frozenset({"https://evil.example/oidc"})}, "low"),
        (EVIL, {"trusted_issuers": frozenset({"evil.example"})}, "low"),
        (EVIL, {"trusted_issuers": frozenset({"example"})}, "high"),
        (EVIL, {"trusted_issuers": frozenset({"https://evil.example"})}, "high"),
        (FOREIGN, {"trusted_issuers": frozenset({str(FOREIGN.issuer)})}, "low"),
        (BUILD, {"trusted_issuers": frozenset({GITHUB})}, "high"),
        (BUILD, {"trusted_subjects": frozenset({"repo:example/agents:*"})}, "high"),
        (BUILD, {"trusted_issuers": frozenset({GITHUB}), "trusted_subjects": frozenset({"repo:example/*"})}, "low"),
        (BUILD, {"trusted_issuers": frozenset({GITHUB}), "trusted_subjects": frozenset({"repo:example/"})}, "high"),
        (
            FederatedTrust("build", GITHUB, "repo:example/agents"),
            {"trusted_issuers": frozenset({GITHUB}), "trusted_subjects": frozenset({"repo:example/agents"})},
            "low",
        ),
        (FederatedTrust("x", "https://[bad", None), {}, "high"),
        (FederatedTrust("x", None, None), {}, "high"),
    ],
)
def test_only_what_is_declared_is_trusted(trust: FederatedTrust, words: dict[str, Any], severity: str) -> None:
    (alert,) = said(NAME, added(trust), chosen=trusting(**words))
    assert alert.severity == severity


def test_the_gravest_of_several_counts() -> None:
    chosen = trusting(trusted_issuers=frozenset({"good.example"}))
    good = FederatedTrust("a", "https://good.example", "s")
    (alert,) = said(NAME, added(good, EVIL), chosen=chosen)
    assert alert.severity == "high"
    assert alert.title == "Federated credential for good.example and evil.example"


def test_an_edited_credential_is_said_to_be_changed() -> None:
    (alert,) = said(NAME, added(EVIL, federated_removed=(OWN,)))
    assert alert.explanation.startswith("admin@example.com changed a federated credential of crew from 198.51.100.20,")


def test_a_record_that_does_not_say_whom_it_trusts_is_read_as_the_worst() -> None:
    (alert,) = said(NAME, added())
    assert (alert.severity, alert.title) == ("high", "Federated credential for an unknown issuer")
    assert alert.explanation == (
        "admin@example.com added a federated credential to crew from 198.51.100.20; the record does not say whom it "
        "trusts."
    )


def test_a_removed_federated_credential_is_nothing() -> None:
    assert said(NAME, added(federated_removed=(EVIL,))) == []
    assert said(NAME, TENANT.change("credential_added", NOW, BLUEPRINT)) == []


def test_one_deed_in_two_records_is_one_alert_and_a_second_trust_is_another() -> None:
    """The correlation id is the client's word: a harmless trust before must not hide a harmful one after."""
    story = [
        added(OWN, correlation_id="c1"),
        added(OWN, at=NOW + 1, correlation_id="c1"),
        added(EVIL, at=NOW + 2, correlation_id="c1"),
    ]
    assert [alert.severity for alert in said(NAME, story)] == ["medium", "high"]


def test_what_a_declared_pipeline_adds_is_no_news_unless_wanted() -> None:
    assert said(NAME, added(EVIL, actor=RELEASE), chosen=with_pipeline()) == []
    (alert,) = said(NAME, added(EVIL, actor=RELEASE), chosen=trusting(in_pipeline=True))
    assert alert.severity == "info"


def test_a_refused_attempt_is_low() -> None:
    (alert,) = said(NAME, added(EVIL, succeeded=False))
    assert alert.severity == "low"
    assert "tried in vain to add a federated credential to crew" in alert.explanation


def test_a_platform_actor_lowers_the_severity() -> None:
    finding = FederatedCredentialChanged().judge(change(KIND, platform_actor=True))
    assert finding is not None
    assert finding.severity == "low"


def test_the_own_tenant_is_the_one_of_the_record() -> None:
    """The same issuer is foreign to the tenant next door."""
    other, engine = Tenant("fabrikam"), fresh_engine(defaults())
    blueprint = other.agent("crew", role="blueprint")
    told = tell(
        engine,
        [other.sign_in(blueprint, NOW), other.change(KIND, NOW + 1, blueprint, federated_added=(OWN,))],
    )
    assert [alert.severity for alert in told if alert.detector == NAME] == ["high"]


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 3), added(EVIL, at=NOW + MINUTE), added(OWN, at=NOW + 5 * HOUR, target=AGENT)
    )
    assert len(same_however_told(story, NAME)) == 2
