"""Which records concern an agent or a blueprint."""

from __future__ import annotations

import pytest

from detector.decode.decoded import Decoded
from detector.domain.events import Access, Actor, Change, Event, GraphActivity, Identity, Origin, Risk, SignIn
from detector.runtime.selection import Selection

NOWHERE = Origin(ip=None, prefix=None, asn=None, country=None)


def sign_in(time: float = 0.0) -> SignIn:
    access = Access(
        tenant_id="t",
        kind="service_principal",
        role="agent",
        subject_role="none",
        agent_id="agent",
        agent_name=None,
        service_principal_id="principal",
        blueprint_id="blueprint",
        parent_id=None,
        resource_id=None,
        resource_name=None,
        credential_type=None,
        credential_key_id=None,
        client_app=None,
        error_code=0,
        ca_status=None,
    )
    return SignIn(record_id="r", time=time, access=access, origin=NOWHERE, user_id="user")


def change() -> Change:
    return Change(
        record_id="r",
        time=0.0,
        received=None,
        tenant_id="t",
        category="AuditLogs",
        activity="a",
        activity_name="A",
        succeeded=True,
        actor=Actor("app", "actor"),
        targets=(Identity("agent", "ServicePrincipal", app_id="app", blueprint_id="blueprint"),),
        grantee_app_id="grantee",
    )


RISK = Risk("r", 0.0, None, "t", "c", Identity("agent", "", blueprint_id="blueprint"), None, None, None, None)
REQUEST = GraphActivity("r", 0.0, None, "t", "agent", "principal", "user", None, None, None, NOWHERE)


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (sign_in(), {"agent", "principal", "user"}),
        (change(), {"agent", "app", "actor", "grantee"}),
        (RISK, {"agent"}),
        (REQUEST, {"agent", "principal", "user"}),
    ],
)
def test_a_record_concerns_whom_it_names(event: Event, names: set[str]) -> None:
    for name in ("agent", "principal", "user", "app", "actor", "grantee", "blueprint", "other"):
        kept = Selection(agents=frozenset({name})).of(Decoded([event]))
        assert bool(kept.events) == (name in names)
        assert len(kept.events) + kept.filtered["not_chosen"] == 1


@pytest.mark.parametrize(("event", "kept"), [(sign_in(), 1), (change(), 1), (RISK, 1), (REQUEST, 0)])
def test_a_record_concerns_the_blueprint_it_names(event: Event, kept: int) -> None:
    assert len(Selection(blueprints=frozenset({"blueprint"})).of(Decoded([event])).events) == kept


def test_a_window_holds_its_start_and_not_its_end() -> None:
    times = [1.0, 2.0, 3.0, 4.0]
    kept = Selection(since=2.0, until=4.0).of(Decoded([sign_in(time) for time in times]))
    assert [event.time for event in kept.events] == [2.0, 3.0]
    assert kept.filtered == {"out_of_window": 2}


def test_what_is_wanted_whole_is_not_copied() -> None:
    decoded = Decoded([sign_in()])
    assert Selection().keeps_all
    assert Selection(since=-1.0).of(decoded) is decoded
