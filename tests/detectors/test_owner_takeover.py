"""D96: somebody was made an owner, added a credential as one, and it signed in."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.owner_takeover import OwnerTakeover
from detector.domain.events import Actor, Change, Event, Identity, SignIn
from tests.detectors.stage import BLUEPRINT, NOW, TENANT, said, same_however_told, signal, with_pipeline
from tests.stories import ADMIN, DAY, HOUR, MINUTE, RELEASE, guid

NAME = "owner_takeover"
MALLORY = Actor(kind="user", id=guid("user", "mallory"), name="mallory@example.com", ip="203.0.113.66")


def made_owner(at: float = NOW + 10 * MINUTE, owner: Actor = MALLORY, **fields: Any) -> Change:
    targets = (Identity(id=owner.id, type="User", name=owner.name), BLUEPRINT.target)
    told = {"targets": targets, "grantee_object_id": BLUEPRINT.object_id}
    return TENANT.change("owner_added", at, BLUEPRINT, **(told | fields))


def added(at: float = NOW + 20 * MINUTE, actor: Actor = MALLORY, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, BLUEPRINT, actor=actor, **fields)


def used(at: float = NOW + 30 * MINUTE, **words: Any) -> SignIn:
    return TENANT.sign_in(BLUEPRINT, at, **({"key": "new"} | words))


def test_a_new_owner_whose_key_is_used_is_said_with_who_made_whom_one() -> None:
    (alert,) = said(NAME, made_owner(), added(), used())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D96",)
    assert alert.subject.id == BLUEPRINT.id
    assert alert.explanation == (
        "admin@example.com made mallory@example.com an owner of crew at 2026-03-12 00:10 UTC; mallory@example.com "
        "added the credential fc047038-02f2-5f61-8b68-df91d5fac365 at 2026-03-12 00:20 UTC from 203.0.113.66, and it "
        "signed in for the first time by 2026-03-12 01:00 UTC."
    )


@pytest.mark.parametrize(
    "story",
    [
        [made_owner(), added(actor=ADMIN), used()],
        [made_owner(owner=ADMIN), added(), used()],
        [made_owner(), added(), used(key="key-1")],
        [made_owner(), used()],
        [made_owner(succeeded=False), added(), used()],
        [made_owner(NOW + 5 * HOUR), added(), used()],
    ],
    ids=["another's key", "another owner", "another key", "no key", "refused", "too late"],
)
def test_without_one_of_the_steps_nothing_is_said(story: list[Any]) -> None:
    assert said(NAME, story) == []


@pytest.mark.parametrize(("after", "number"), [(29 * DAY, 1), (31 * DAY, 0)])
def test_the_credential_comes_within_a_month(after: float, number: int) -> None:
    calm = TENANT.calm(BLUEPRINT, hours=31 * 24, at=NOW, per_hour=1)
    at = NOW + 10 * MINUTE + after
    assert len(said(NAME, calm, made_owner(), added(at), used(at + 10 * MINUTE))) == number


def test_an_owner_that_the_pipeline_made_is_less() -> None:
    (alert,) = said(NAME, made_owner(actor=RELEASE), added(), used(), chosen=with_pipeline())
    assert alert.severity == "medium"


def test_who_makes_themselves_an_owner_is_said_to() -> None:
    (alert,) = said(NAME, made_owner(actor=MALLORY), added(), used())
    assert "mallory@example.com made themselves an owner of crew" in alert.explanation


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story: list[Event] = [made_owner(), added(), used(), used(NOW + 31 * MINUTE), used(NOW + 80 * MINUTE)]
    assert len(same_however_told(story, NAME)) == 1


def test_other_sequences_are_left_alone() -> None:
    assert OwnerTakeover().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
