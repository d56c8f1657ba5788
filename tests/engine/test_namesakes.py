"""The application of a blueprint is recognised by the name under which the blueprint signs in."""

from __future__ import annotations

import pytest

from detector.domain.alerts import Alert
from detector.domain.events import Change, Identity
from tests.detectors.stage import BLUEPRINT, NOW, TENANT, engine, everything, said, same_however_told
from tests.stories import HOUR, MINUTE, guid, tell

NAME = "owner_added"
EVE = Identity(id=guid("user", "eve"), type="User", name="eve@example.com")


def added(name: str | None, at: float = NOW + HOUR, kind: str = "Application") -> Change:
    """Somebody becomes owner of an object of which only the object id and the name are known."""
    thing = Identity(id=guid("application", "crew"), type=kind, name=name)
    return TENANT.change("owner_added", at, targets=(EVE, thing), grantee_object_id=thing.id)


def test_the_application_of_a_blueprint_is_known_by_its_name() -> None:
    (alert,) = same_however_told([added("crew")], NAME)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("blueprint", BLUEPRINT.id, "crew")


@pytest.mark.parametrize(("name", "kind"), [("Crew", "Application"), (None, "Application"), ("crew", "User")])
def test_another_name_and_another_kind_of_object_are_not_meant(name: str | None, kind: str) -> None:
    assert said(NAME, added(name, kind=kind)) == []


def test_a_blueprint_that_is_seen_soon_after_is_known_in_time() -> None:
    """The record waits for the lateness."""
    newcomer = TENANT.agent("newcomer", role="blueprint")
    story = [added("newcomer"), TENANT.sign_in(newcomer, NOW + HOUR + 10 * MINUTE)]
    (alert,) = same_however_told(story, NAME)
    assert alert.subject.id == newcomer.id
    late = [added("newcomer"), TENANT.sign_in(newcomer, NOW + 3 * HOUR)]
    assert said(NAME, late) == []


def test_of_two_blueprints_of_one_name_the_first_is_meant() -> None:
    double = TENANT.agent("double", role="blueprint", blueprint="elsewhere")
    renamed = TENANT.sign_in(double, NOW + MINUTE, agent_name="crew")
    (alert,) = everything_of(renamed, added("crew"))
    assert alert.subject.id == BLUEPRINT.id


def everything_of(*story: object) -> list[Alert]:
    return [alert for alert in everything(*story) if alert.detector == NAME]  # type: ignore[arg-type]


def test_a_name_is_known_after_a_restart() -> None:
    first = engine()
    newcomer = TENANT.agent("newcomer", role="blueprint")
    tell(first, [TENANT.sign_in(newcomer, NOW)])
    second = engine(memory=first.snapshot())
    alerts = tell(second, [added("newcomer")]) + second.finish()
    assert [alert.subject.id for alert in alerts if alert.detector == NAME] == [newcomer.id]
