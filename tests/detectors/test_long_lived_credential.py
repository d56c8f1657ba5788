"""D71: a credential lives for longer than the policy allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.long_lived_credential import LongLivedCredential
from detector.domain.events import Credential, CredentialKey, InventoryObject
from tests.detectors.stage import BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, defaults, guid

NAME = "long_lived_credential"
KEY = guid("key", "ci")


def secret(days: float, start: float | None = NOW - 10 * DAY, **fields: Any) -> Credential:
    end = None if start is None else start + days * DAY
    return Credential(**({"key_id": KEY, "kind": "secret", "name": "ci", "start": start, "end": end} | fields))


def shown(*held: Credential, at: float = NOW, about: Any = BLUEPRINT, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, credentials=held, **fields)


def test_a_secret_that_lives_too_long_is_said() -> None:
    (alert,) = said(NAME, shown(secret(730)))
    assert (alert.severity, alert.catalogue_ids) == ("high", ("D71",))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "A secret is valid for 730 days"
    assert alert.explanation == (
        "A secret (ci) of crew is valid for 730 days, from 2026-03-02 to 2028-03-01; 180 days are allowed."
    )
    assert ("credential", KEY) in {(entity.kind, entity.id) for entity in alert.entities}


def test_who_added_it_is_said_where_an_audit_record_told() -> None:
    added = TENANT.change("credential_added", NOW, BLUEPRINT, keys_added=(CredentialKey(KEY, "Password"),))
    (alert,) = said(NAME, added, shown(secret(365), at=NOW + HOUR))
    assert alert.severity == "medium"
    assert alert.explanation.endswith("180 days are allowed. admin@example.com added it on 2026-03-12.")


@pytest.mark.parametrize(
    ("held", "severity"),
    [
        (secret(180), None),
        (secret(180.1), "medium"),
        (secret(719), "medium"),
        (secret(720), "high"),
        (secret(366, kind="certificate"), None),
        (secret(367, kind="certificate", name=None), "medium"),
        (secret(366 * 4, kind="certificate"), "high"),
    ],
)
def test_secrets_and_certificates_have_limits_of_their_own(held: Credential, severity: str | None) -> None:
    assert [alert.severity for alert in said(NAME, shown(held))] == ([] if severity is None else [severity])


def test_what_is_not_known_or_over_is_nothing() -> None:
    assert said(NAME, shown(secret(730, start=None))) == []
    assert said(NAME, shown(secret(730, end=None))) == []
    assert said(NAME, shown(Credential(KEY, "secret", end=NOW + 900 * DAY))) == []
    assert said(NAME, shown(secret(730, start=NOW - 731 * DAY))) == []
    assert said(NAME, shown(Credential("f", "federated", issuer="https://example.com"))) == []
    assert said(NAME, TENANT.inventory(BLUEPRINT, NOW)) == []


def test_a_classic_application_is_judged_where_workloads_are_watched() -> None:
    payroll = TENANT.agent("payroll", role="none")
    assert said(NAME, shown(secret(730), about=payroll)) == []
    (alert,) = said(NAME, shown(secret(730), about=payroll), chosen=replace(defaults(), scope="workloads"))
    assert alert.subject.id == payroll.id


def test_each_credential_is_said_once() -> None:
    other = secret(365, key_id=guid("key", "other"))
    snapshots = [shown(secret(730), other, at=NOW + hour * HOUR) for hour in range(30)]
    assert len(same_however_told(snapshots, NAME)) == 2


def test_a_singular_reads_well() -> None:
    facts: dict[str, Any] = {"issue": "long_lived", "credential_kind": "secret", "life_days": 2.0, "target_name": "x"}
    finding = LongLivedCredential(secret_days=1.0).judge(signal("inventory", facts=facts))
    assert finding is not None
    assert "1 day is allowed." in finding.explanation


def test_other_issues_are_left_alone() -> None:
    assert LongLivedCredential().judge(signal("inventory", facts={"issue": "expiring"})) is None
