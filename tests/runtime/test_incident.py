"""The incident query: who touched it, with what, from where, and what had been changed before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network
from itertools import permutations
from math import inf
from typing import Any

import pytest

from detector.decode.decoded import Decoded
from detector.domain.events import CredentialKey, Event, Identity
from detector.runtime.dossier import trail, uses
from detector.runtime.incident import DAY, Answer, Question, ask
from detector.sources.chunk import Chunk
from tests.stories import ADMIN, HOUR, INVALID, START, Tenant, guid, in_order, network

TENANT = Tenant()
INVOICES = TENANT.agent("invoices", blueprint="finance")
ORDERS = TENANT.agent("orders", blueprint="finance")
MAILS = TENANT.agent("mails", blueprint="office")
FINANCE = TENANT.agent("finance", role="blueprint")
VAULT = guid("resource", "vault")


class Handing:
    """A decoder that hands over events as they are."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = list(events)

    def body(self, _data: bytes, _place: str = "") -> Decoded:
        return Decoded(self._events)


def answered(question: Question, *stories: Iterable[Event] | Event) -> Answer:
    chunk = Chunk(form="body", data=b"", place="archive")
    return ask([chunk], Handing(in_order(*stories)), question)  # type: ignore[arg-type]


def agents(answer: Answer) -> list[str]:
    return [str(agent["name"]) for agent in told(answer)]


def told(answer: Answer) -> list[dict[str, Any]]:
    found: Any = answer.document()["agents"]
    return list(found)


def test_a_resource_is_found_by_id_and_by_name_with_who_when_and_from_where() -> None:
    story = in_order(
        TENANT.sign_ins(INVOICES, START, 3, resource="vault", key="own"),
        TENANT.sign_in(INVOICES, START + HOUR, resource="vault", error=INVALID, origin=network(1), key="own"),
        TENANT.sign_ins(ORDERS, START + 2 * HOUR, 2, resource="graph"),
        TENANT.sign_in(MAILS, START + 3 * HOUR, resource="vault", key=None),
    )
    for name in (VAULT, "vault"):
        answer = answered(Question(resource=name), story)
        assert agents(answer) == ["invoices", "mails"]
        invoices, mails = told(answer)
        assert (invoices["requests"], invoices["refused"]) == (4, 1)
        assert (invoices["first"], invoices["last"]) == ("2026-03-02T00:00:00.000Z", "2026-03-02T01:00:00.000Z")
        assert [use["id"] for use in invoices["resources"]] == [VAULT]
        assert [use["requests"] for use in invoices["addresses"]] == [3, 1]
        assert [use["id"] for use in invoices["credentials"]] == [guid("key", "own")]
        assert invoices["records"] == [event.record_id for event in story[:4]]
        assert mails["credentials"] == []
        assert invoices["blueprint"] == FINANCE.id


def test_a_network_and_a_credential_are_found_and_all_that_is_given_must_hold() -> None:
    story = in_order(
        TENANT.sign_in(INVOICES, START, origin=network(1), key="stolen"),
        TENANT.sign_in(ORDERS, START + 1, origin=network(1)),
        TENANT.sign_in(MAILS, START + 2, key="stolen"),
        TENANT.sign_in(MAILS, START + 3, origin=network(5), key=None),
    )
    inside, stolen = ip_network("198.51.100.0/24"), guid("key", "stolen")
    assert agents(answered(Question(network=inside), story)) == ["invoices", "orders"]
    assert agents(answered(Question(network=ip_network("2001:db8:5::/48")), story)) == ["mails"]
    assert agents(answered(Question(credential=stolen), story)) == ["invoices", "mails"]
    assert agents(answered(Question(network=inside, credential=stolen), story)) == ["invoices"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [(-inf, inf, 4), (START + 60, inf, 3), (-inf, START + 60, 1), (START + 61, START + 120, 0)],
)
def test_only_sign_ins_of_the_window_count(since: float, until: float, expected: int) -> None:
    answer = answered(
        Question(resource=VAULT, since=since, until=until), TENANT.sign_ins(INVOICES, START, 4, resource="vault")
    )
    assert sum(agent["requests"] for agent in told(answer)) == expected


def test_what_had_been_changed_before_is_told_of_the_agent_and_of_its_blueprint() -> None:
    key = CredentialKey(guid("key", "new"), "Password")
    story = in_order(
        TENANT.sign_in(FINANCE, START),  # which says that the application is the blueprint
        TENANT.change("credential_added", START + HOUR, FINANCE, keys_added=(key,)),
        TENANT.change("owner_added", START + 2 * HOUR, INVOICES),
        TENANT.change("owner_added", START + 3 * HOUR, MAILS),
        TENANT.change("owner_added", START + 9 * HOUR, INVOICES),
        TENANT.sign_in(INVOICES, START + 4 * HOUR, resource="vault"),
    )
    (agent,) = told(answered(Question(resource=VAULT), story))
    assert [change["time"][11:16] for change in agent["changes"]] == ["01:00", "02:00"]
    assert agent["changes"][0]["keys_added"] == [key.key_id]
    assert agent["changes"][0]["actor"] == ADMIN.id
    (short,) = told(answered(Question(resource=VAULT, before=2 * HOUR), story))
    assert [change["time"][11:16] for change in short["changes"]] == ["02:00"]


def test_agents_that_somebody_changed_are_found_by_id_and_by_name() -> None:
    story = in_order(
        TENANT.sign_in(FINANCE, START),
        TENANT.change("credential_added", START + HOUR, FINANCE),
        TENANT.change("owner_added", START + HOUR, MAILS, actor=replace_actor()),
        TENANT.sign_in(INVOICES, START + 2 * HOUR),
        TENANT.sign_in(MAILS, START + 2 * HOUR),
    )
    for name in (ADMIN.id, "admin@example.com"):
        assert agents(answered(Question(actor=name), story)) == ["finance", "invoices"]
    assert agents(answered(Question(actor=ADMIN.id, since=START + 2 * HOUR), story)) == []
    assert agents(answered(Question(actor="nobody"), story)) == []


def replace_actor() -> Any:
    import msgspec

    return msgspec.structs.replace(ADMIN, id=guid("user", "other"), name=None)


def test_a_target_that_states_its_app_id_is_tied_to_it() -> None:
    target = Identity(id=guid("application"), type="Application", app_id=INVOICES.id)
    story = in_order(
        TENANT.change("application_updated", START, target, properties_changed=("AppAddress",)),
        TENANT.sign_in(INVOICES, START + 60, resource="vault"),
    )
    (agent,) = told(answered(Question(resource=VAULT), story))
    assert len(agent["changes"]) == 1


def test_copies_and_the_order_of_arrival_change_nothing() -> None:
    story = in_order(
        TENANT.sign_in(FINANCE, START),
        TENANT.change("credential_added", START + 60, FINANCE),
        TENANT.sign_ins(INVOICES, START + HOUR, 2, resource="vault"),
    )
    expected = answered(Question(resource=VAULT), story).document()["agents"]
    for order in permutations(story):
        chunk = Chunk(form="body", data=b"", place="archive")
        answer = ask([chunk, chunk], Handing(order), Question(resource=VAULT))  # type: ignore[arg-type]
        (agent,), (wanted,) = told(answer), expected  # type: ignore[misc]
        for part in (agent, wanted):
            for listed in (part["resources"], part["credentials"], part["addresses"], [part]):
                for use in listed:
                    use["records"] = sorted(use["records"])
        assert agent == wanted
        assert (answer.records, answer.copies) == (8, 4)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "LISTED", 3)
    monkeypatch.setattr(trail, "MAX_CHANGES", 2)
    story = in_order(
        *(
            TENANT.sign_in(INVOICES, START + n, origin=network(n), key=f"k{n}", resource="vault", user=f"u{n}")
            for n in range(9)
        ),
        *(TENANT.change("owner_added", START + n, INVOICES) for n in range(5)),
    )
    answer = answered(Question(resource=VAULT), story)
    (agent,) = told(answer)
    assert agent["requests"] == 9
    assert (len(agent["addresses"]), len(agent["credentials"]), len(agent["users"])) == (3, 3, 3)
    assert agent["not_listed"] == 12
    assert len(agent["records"]) == 9
    assert answer.dropped_changes == 3


def test_of_many_records_the_first_and_the_last_are_named() -> None:
    story = TENANT.sign_ins(INVOICES, START, 30, resource="vault")
    (agent,) = told(answered(Question(resource=VAULT), story))
    ids = [event.record_id for event in story]
    assert agent["records"] == [*ids[:5], *ids[-5:]]


def test_the_question_stands_in_the_answer() -> None:
    question = Question(resource=VAULT, network=ip_network("192.0.2.0/24"), since=START, before=DAY)
    answer = answered(question, TENANT.sign_in(replace(INVOICES, role="none"), START, resource="vault"))
    assert answer.document()["question"] == {
        "resource": VAULT,
        "network": "192.0.2.0/24",
        "since": "2026-03-02T00:00:00.000Z",
        "changes_before_seconds": DAY,
    }
    assert told(answer)[0]["kind"] == "service_principal"


def test_progress_is_told_now_and_then() -> None:
    calls: list[None] = []
    chunk = Chunk(form="body", data=b"", place="archive")
    ask([chunk] * 70, Handing([]), Question(resource=VAULT), on_progress=lambda: calls.append(None))  # type: ignore[arg-type]
    assert len(calls) == 3
