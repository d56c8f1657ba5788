"""D24, D25: several blueprints hold or use one and the same credential."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from detector.detectors.credential_shared import CredentialShared
from tests.detectors.stage import AGENT, BLUEPRINT, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import HOUR, MINUTE, defaults, engine_of, guid, ids, in_order, tell

NAME = "credential_shared"
KEY = guid("key", "shared")
SOLO = TENANT.agent("solo", role="blueprint")
CLASSIC = TENANT.agent("classic", role="none", blueprint=None)


def use(agent: Any, at: float = NOW, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, **({"key": "shared"} | words))


def test_a_key_that_two_blueprints_use_is_said_with_both() -> None:
    (alert,) = said(NAME, use(AGENT), use(SOLO, NOW + MINUTE))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D24",)
    second = max(BLUEPRINT.id, SOLO.id)
    names = ["crew", "solo"] if second == BLUEPRINT.id else ["solo", "crew"]
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", second)
    assert names == ["solo", "crew"]
    assert alert.explanation == (
        "solo and crew got tokens with one and the same credential, 9cdce31b-e6a7-5a6c-a720-8abae5aa5fe9."
    )
    assert {BLUEPRINT.id, SOLO.id} <= {entity.id for entity in alert.entities}


def test_an_agent_and_its_own_blueprint_share_what_is_theirs() -> None:
    assert said(NAME, use(AGENT), use(BLUEPRINT), use(AGENT, NOW + 5 * HOUR)) == []


@pytest.mark.parametrize("words", [{"key": None}, {"error": 7000215}])
def test_records_without_a_key_and_refused_ones_share_nothing(words: dict[str, Any]) -> None:
    assert said(NAME, use(AGENT, **words), use(LONER, **words)) == []


def test_who_does_not_name_its_blueprint_may_belong_to_either() -> None:
    silent = TENANT.agent("silent", blueprint=None)
    assert said(NAME, use(AGENT), use(silent)) == []


def test_whoever_comes_last_the_same_ones_are_told() -> None:
    """Each that shares is told of but one, which is the first in the alphabet."""
    users = [TENANT.agent(f"sharing-{number}", role="blueprint") for number in range(3)] + [TENANT.agent("child")]
    found = set()
    for order in permutations(users):
        story = [use(user, NOW + place * MINUTE) for place, user in enumerate(order)]
        found.add(frozenset(ids(each for each in tell(engine_of(defaults()), story) if each.detector == NAME)))
    (told,) = found
    assert len(told) == 3


def test_a_classic_principal_holds_its_own_credential() -> None:
    chosen = defaults()
    story = [use(CLASSIC), use(SOLO, NOW + MINUTE)]
    engine = engine_of(type(chosen)(**{**{f: getattr(chosen, f) for f in chosen.__slots__}, "scope": "workloads"}))
    (alert,) = [each for each in tell(engine, story) if each.detector == NAME]
    assert {"classic", "solo"} <= {entity.name for entity in alert.entities}
    assert alert.subject.id == max(CLASSIC.id, SOLO.id)


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 5, every=15 * MINUTE, key="shared"),
        TENANT.sign_ins(LONER, NOW + 5 * MINUTE, 5, every=15 * MINUTE, key="shared"),
    )
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(
    ("facts", "row", "words"),
    [
        (
            {"issue": "certificate_shared", "holders": ("crew", "solo"), "thumbprint": "ab12"},
            "D25",
            "crew and solo hold one and the same certificate, ab12.",
        ),
        (
            {"issue": "federated_subject_shared", "holders": ("a", "b", "crew"), "subject": "repo:x"},
            "D24",
            "a, b and crew hold one and the same federated subject, repo:x.",
        ),
    ],
)
def test_an_inventory_shows_what_is_shared_too(facts: dict[str, Any], row: str, words: str) -> None:
    finding = CredentialShared().judge(signal("inventory", facts=facts))
    assert finding is not None
    assert finding.catalogue_ids == (row,)
    assert finding.explanation == words


def test_other_signals_are_left_alone() -> None:
    assert CredentialShared().judge(signal("credential_use", facts={"issue": "secret"})) is None
    assert CredentialShared().judge(signal("inventory", facts={"issue": "no_sponsor"})) is None
