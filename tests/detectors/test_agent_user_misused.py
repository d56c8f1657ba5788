"""D44: an agent's user account signs in interactively or with a password."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detector.detectors.agent_user_misused import AgentUserMisused
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, guid, in_order, network

NAME = "agent_user_misused"
PORTAL = TENANT.agent("portal", role="none", blueprint=None)
AWAY = network(1)
WRONG_PASSWORD, MFA = 50126, 50076


def use(at: float = NOW, *, methods: tuple[str, ...] = (), **words: Any) -> Any:
    told: dict[str, Any] = {
        "kind": "interactive_user",
        "subject_role": "agent_user",
        "parent_id": AGENT.id,
        "key": None,
        "credential": None,
        "user": "bot",
        "origin": AWAY,
    }
    event = TENANT.sign_in(PORTAL, at, **(told | words))
    return msgspec.structs.replace(event, methods=methods)


def test_an_interactive_sign_in_is_said_with_account_agent_client_and_place() -> None:
    (alert,) = said(NAME, use(methods=("Password",)))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D44",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.blueprint) == ("agent", AGENT.id, BLUEPRINT.id)
    assert alert.title == "An agent's user account signed in interactively"
    assert alert.explanation == (
        "The user account 486da9cd-bfed-5c18-bcc2-10e0430d6c53 of invoices signed in interactively (password) to "
        "portal from 198.51.100.7; agents never do."
    )
    assert ("user", guid("user", "bot")) in {(entity.kind, entity.id) for entity in alert.entities}


def test_what_the_platform_does_for_the_agent_is_none() -> None:
    assert said(NAME, use(kind="non_interactive_user")) == []
    assert said(NAME, use(kind="non_interactive_user", error=65001)) == []
    assert said(NAME, use(kind="non_interactive_user", protocol="onBehalfOf")) == []


def test_people_are_none() -> None:
    assert said(NAME, TENANT.sign_in(AGENT, NOW, user="kim", kind="interactive_user")) == []
    assert said(NAME, TENANT.sign_in(AGENT, NOW, user="kim", kind="interactive_user", error=WRONG_PASSWORD)) == []


@pytest.mark.parametrize(
    ("words", "severity", "title"),
    [
        ({"kind": "non_interactive_user", "protocol": "ropc"}, "high", "signed in with a password"),
        ({"kind": "non_interactive_user", "protocol": "ROPC", "error": MFA}, "medium", "was tried with a password"),
        ({"error": WRONG_PASSWORD}, "medium", "was tried with a password"),
        ({"kind": "non_interactive_user", "error": WRONG_PASSWORD}, "medium", "was tried with a password"),
        ({"error": MFA}, "medium", "was tried interactively"),
        ({"role": "agent_user", "subject_role": "none"}, "high", "signed in interactively"),
    ],
)
def test_every_way_of_using_it_like_a_person_is_said(words: dict[str, Any], severity: str, title: str) -> None:
    (alert,) = said(NAME, use(**words))
    assert alert.severity == severity
    assert alert.title == f"An agent's user account {title}"


def test_without_a_parent_it_is_said_of_the_client() -> None:
    (alert,) = said(NAME, use(parent_id=None))
    assert (alert.subject.kind, alert.subject.id) == ("agent", PORTAL.id)
    (alert,) = said(NAME, use(parent_id=guid("nobody knows")))
    assert (alert.subject.id, alert.subject.blueprint) == (guid("nobody knows"), None)


def test_it_is_said_once_a_day_and_a_success_apart_from_failures() -> None:
    story = [use(NOW + MINUTE * place, error=WRONG_PASSWORD) for place in range(5)]
    story += [use(NOW + HOUR * place) for place in range(4)]
    assert len(said(NAME, story)) == 2
    assert len(said(NAME, use(), use(NOW + DAY))) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        [use(NOW + place * 10 * MINUTE) for place in range(8)],
        [use(NOW + 5 * MINUTE + place * 10 * MINUTE, error=WRONG_PASSWORD) for place in range(8)],
    )
    assert len(same_however_told(story, NAME)) == 2


def test_a_record_that_says_little_reads_well() -> None:
    found = AgentUserMisused().judge(signal("credential_use", facts={"issue": "agent_user", "way": "password"}))
    assert found is not None
    assert found.explanation == (
        "The user account unknown of unknown was refused when it tried to sign in with a password to unknown from an "
        "unknown address; agents never do."
    )


def test_other_uses_are_left_alone() -> None:
    assert AgentUserMisused().judge(signal("credential_use", facts={"issue": "secret"})) is None
