"""D93: a credential was added, signed in, and a network never seen before was used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.credential_takeover import CredentialTakeover
from detector.domain.events import Actor, Change, CredentialKey, Event, FederatedTrust, SignIn
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told, signal, with_pipeline
from tests.stories import DAY, HOME, HOUR, MINUTE, NOWHERE, RELEASE, defaults, guid, network

NAME = "credential_takeover"
KEY = guid("key", "new")
ABROAD = network(4)


def added(at: float = NOW + 20 * MINUTE, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, BLUEPRINT, **fields)


def used(at: float = NOW + 30 * MINUTE, **words: Any) -> SignIn:
    told: dict[str, Any] = {"key": "new", "origin": ABROAD}
    return TENANT.sign_in(BLUEPRINT, at, **(told | words))


def test_a_new_key_that_is_used_from_a_new_network_is_said_with_who_when_and_where() -> None:
    (alert,) = said(NAME, added(), used())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D93",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.explanation == (
        "admin@example.com added the credential fc047038-02f2-5f61-8b68-df91d5fac365 to crew from 198.51.100.20 at "
        "2026-03-12 00:20 UTC; the key signed in for the first time by 2026-03-12 01:00 UTC, and crew came from the "
        "country JP, where it was never seen before, by 2026-03-12 01:00 UTC."
    )
    assert {("credential", KEY), ("network", "JP")} <= {(entity.kind, entity.id) for entity in alert.entities}


@pytest.mark.parametrize(
    "story",
    [
        [added(), used(origin=HOME)],
        [added(), used(origin=NOWHERE)],
        [used()],
        [added(), used(key="key-1")],
        [added(succeeded=False), used()],
        [added(), used(error=7000215)],
    ],
    ids=["a known network", "no address", "no addition", "another key", "refused addition", "refused sign-in"],
)
def test_without_one_of_the_steps_nothing_is_said(story: list[Any]) -> None:
    assert said(NAME, story) == []


def test_a_key_used_before_it_was_added_is_another_matter() -> None:
    assert said(NAME, used(NOW + 30 * MINUTE), added(NOW + 5 * HOUR)) == []


@pytest.mark.parametrize(
    ("after", "severity"),
    [(2 * HOUR, "high"), (DAY, "high"), (DAY + HOUR, "medium"), (7 * DAY, "medium"), (7 * DAY + HOUR, None)],
)
def test_the_network_comes_within_a_week_and_counts_most_within_a_day(after: float, severity: str | None) -> None:
    alerts = said(NAME, added(), used(origin=HOME), used(NOW + 30 * MINUTE + after))
    assert [alert.severity for alert in alerts] == ([severity] if severity else [])


@pytest.mark.parametrize(("after", "number"), [(29 * DAY, 1), (31 * DAY, 0)])
def test_the_key_is_used_within_a_month(after: float, number: int) -> None:
    calm = TENANT.calm(BLUEPRINT, hours=31 * 24, at=NOW, per_hour=1)
    assert len(said(NAME, calm, added(), used(NOW + 20 * MINUTE + after))) == number


def test_a_rotation_by_the_pipeline_within_its_network_is_silent_and_a_new_network_is_not() -> None:
    assert said(NAME, added(actor=RELEASE), used(origin=HOME), chosen=with_pipeline()) == []
    (alert,) = said(NAME, added(actor=RELEASE), used(), chosen=with_pipeline())
    assert alert.severity == "medium"


@pytest.mark.parametrize(("about", "found"), [("2001:db8:af::/48", False), ("AS64506", True), ("BR", True)])
def test_after_a_rotation_by_the_pipeline_a_new_prefix_alone_is_a_move(about: str, found: bool) -> None:
    """Unless one wants to hear of it; and a key that somebody added by hand is another matter."""
    facts: dict[str, Fact] = {"sequence": "credential_takeover", "step_3_about": about}
    told = signal("sequence", facts=facts | {"step_1_by": "pipeline"})
    assert (CredentialTakeover().judge(told) is not None) == found
    assert CredentialTakeover(prefixes_after_pipelines=True).judge(told) is not None
    assert CredentialTakeover().judge(signal("sequence", facts=facts)) is not None


def test_a_platform_actor_lowers_the_severity() -> None:
    platform = Actor(kind="app", id=guid("msi"), name="Managed Service Identity")
    (alert,) = said(NAME, added(actor=platform), used())
    assert alert.severity == "low"


def test_one_deed_that_is_logged_twice_is_one_alert() -> None:
    """Under one correlation id, with the same key."""
    twice = [added(correlation_id="c1"), added(NOW + 20 * MINUTE + 1, correlation_id="c1")]
    assert len(said(NAME, twice, used())) == 1


def test_two_keys_of_one_deed_are_two() -> None:
    keys = (CredentialKey(KEY, "Password"), CredentialKey(guid("key", "other"), "Password"))
    assert len(said(NAME, added(keys_added=keys), used(), used(NOW + 40 * MINUTE, key="other"))) == 2


def test_a_federated_credential_is_joined_by_its_id() -> None:
    trust = FederatedTrust(name="ci", issuer="https://token.example.com", subject="repo:a", id=KEY)
    story = TENANT.change(
        "update application",
        NOW + 20 * MINUTE,
        BLUEPRINT,
        properties_changed=("FederatedIdentityCredentials",),
        federated_credentials_changed=True,
        federated_added=(trust,),
    )
    assert len(said(NAME, story, used(credential="federatedIdentityCredential"))) == 1


def test_the_first_use_alone_is_said_when_wanted() -> None:
    chosen = defaults()
    wanted = replace(
        chosen,
        detectors=tuple(replace(each, first_use=True) if each.name == NAME else each for each in chosen.detectors),  # type: ignore[type-var]
    )
    (alert,) = said(NAME, added(), used(origin=HOME), chosen=wanted)
    assert alert.severity == "low"
    assert alert.explanation == (
        "admin@example.com added the credential fc047038-02f2-5f61-8b68-df91d5fac365 to crew from 198.51.100.20 at "
        "2026-03-12 00:20 UTC; the key signed in for the first time by 2026-03-12 01:00 UTC, within 40 minutes."
    )
    pipeline = replace(with_pipeline(), detectors=wanted.detectors)
    assert said(NAME, added(actor=RELEASE), used(origin=HOME), chosen=pipeline) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The audit record comes last as often as first."""
    story: list[Event] = [
        added(),
        used(),
        used(NOW + 35 * MINUTE),
        TENANT.sign_in(AGENT, NOW + 37 * MINUTE),
        used(NOW + 70 * MINUTE),
    ]
    assert len(same_however_told(story, NAME)) == 1
    assert len(same_however_told([used(NOW + 21 * MINUTE), added(), used(NOW + 90 * MINUTE)], NAME)) == 1


def test_a_record_that_says_little_reads_well() -> None:
    facts: dict[str, Fact] = {"sequence": NAME, "step_1_time": NOW, "step_2_time": NOW, "step_3_time": NOW}
    finding = CredentialTakeover().judge(signal("sequence", facts=facts))
    assert finding is not None
    assert finding.explanation == (
        "somebody unknown added the credential unknown to unknown from an unknown address at 2026-03-12 00:00 UTC; the "
        "key signed in for the first time by 2026-03-12 00:00 UTC, and unknown came from unknown, where it was never "
        "seen before, by 2026-03-12 00:00 UTC."
    )


def test_other_sequences_are_left_alone() -> None:
    assert CredentialTakeover(first_use=True).judge(signal("sequence", facts={"sequence": "grant_used"})) is None
