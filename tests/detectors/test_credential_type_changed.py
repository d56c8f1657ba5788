"""D20: an identity signs in with a type of credential that it never used before."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.credential_type_changed import CredentialTypeChanged
from tests.detectors.stage import BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import HOUR, MINUTE, START, Agent, defaults, engine_of, in_order, tell

NAME = "credential_type_changed"
FEDERATED = TENANT.agent("federated", role="blueprint")
"""It has worked with a federated credential for ten days."""


def habit(agent: Agent = FEDERATED, hours: int = 240, credential: str = "federatedIdentityCredential") -> list[Any]:
    return TENANT.calm(agent, hours=hours, per_hour=1, credential=credential)


def use(credential: str | None, at: float = NOW, agent: Agent = FEDERATED, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, credential=credential, **words)


def alerts(*events: Any) -> list[Any]:
    playing = engine_of(defaults())
    return [each for each in tell(playing, in_order(*events)) + playing.finish() if each.detector == NAME]


def test_a_secret_after_a_federated_credential_is_said_with_both_and_the_experience() -> None:
    (alert,) = alerts(habit(), use("clientSecret"))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D20",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", FEDERATED.id)
    assert alert.title == "Sign-in with a client secret for the first time"
    assert alert.explanation == (
        "federated got a token with a client secret, which is weaker; in 188 active hours it had used a federated "
        "credential only (p = 0.008, 1 type known)."
    )


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ("certificate", "clientSecret", "high"),
        ("managedIdentity", "clientSecret", "high"),
        ("managedIdentity", "certificate", "medium"),
        ("clientSecret", "managedIdentity", "low"),
        ("certificate", "clientAssertion", "low"),
        ("clientSecret", "somethingNew", "medium"),
        ("somethingOld", "clientSecret", "high"),
    ],
)
def test_the_severity_is_that_of_the_direction(before: str, after: str, severity: str) -> None:
    (alert,) = alerts(habit(credential=before), use(after))
    assert alert.severity == severity


def test_a_rotation_within_one_type_is_none() -> None:
    assert alerts(habit(), use("federatedIdentityCredential", key="new")) == []


def test_what_the_log_does_not_state_is_no_change() -> None:
    """`none` and nothing state no type; who never stated one has not changed it."""
    assert alerts(habit(), use(None)) == []
    assert alerts(TENANT.calm(FEDERATED, hours=240, credential=None), use("clientSecret")) == []


def test_both_types_side_by_side_are_known() -> None:
    mixed = TENANT.calm(FEDERATED, hours=200, at=START + 40 * HOUR + MINUTE, per_hour=1, credential="certificate")
    assert alerts(habit(), mixed, use("clientSecret"))[0].explanation.endswith(
        "it had used a certificate and a federated credential only (p = 0.01, 2 types known)."
    )
    assert alerts(habit(), mixed, use("certificate")) == []


def test_a_newborn_is_not_heard_and_neither_is_a_refused_request() -> None:
    assert alerts(habit(hours=20), use("clientSecret", START + 20 * HOUR)) == []
    assert alerts(habit(), use("clientSecret", error=7000215)) == []


def test_a_new_type_is_new_once() -> None:
    later = [use("clientSecret", NOW + hour * HOUR) for hour in range(12)]
    assert len(alerts(habit(), later)) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(BLUEPRINT, NOW + 50 * MINUTE, 3, every=10 * MINUTE, credential="certificate"),
        TENANT.sign_ins(BLUEPRINT, NOW + 45 * MINUTE, 8, every=10 * MINUTE),
    )
    (alert,) = same_however_told(story, NAME)
    assert alert.severity == "low"
    assert said(NAME, TENANT.sign_ins(BLUEPRINT, NOW, 8)) == []


@pytest.mark.parametrize(
    ("p_value", "seen", "says"),
    [(0.0199, 24.0, True), (0.02, 24.0, False), (0.0199, 23.9, False), (1e-9, 1e4, True)],
)
def test_exactly_at_each_threshold(p_value: float, seen: float, says: bool) -> None:
    facts: dict[str, Any] = {
        "issue": "type_changed",
        "credential_type": "clientSecret",
        "known_types": ("certificate",),
    }
    told = signal("credential_use", p_value=p_value, seen=seen, facts=facts)
    assert (CredentialTypeChanged().judge(told) is not None) is says


def test_other_uses_are_left_alone() -> None:
    assert CredentialTypeChanged().judge(signal("credential_use", facts={"issue": "secret"})) is None
