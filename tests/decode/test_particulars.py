"""Particulars: the policies that refused a token and how a person signed in, read of few sign-ins only."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode import particulars
from detector.decode.decoder import Decoder
from detector.domain.events import Policy, SignIn
from tests.decode.builders import AGENT, AGENT_USER, BLUEPRINT, HUMAN, dumps, only_sign_in, sign_in

BLOCK = {"id": "22220003-AAAA-4bbb-8ccc-0000000000ca", "displayName": "Block risky agents", "result": "failure"}
TRIAL = {"id": "22220004-aaaa-4bbb-8ccc-0000000000ca", "displayName": "Trial", "result": "reportOnlyFailure"}
PASSED = {"id": "22220005-aaaa-4bbb-8ccc-0000000000ca", "displayName": "All", "result": "success"}
BLOCKED_BY = Policy("22220003-aaaa-4bbb-8ccc-0000000000ca", "Block risky agents", "failure")
TRIED_BY = Policy("22220004-aaaa-4bbb-8ccc-0000000000ca", "Trial", "reportOnlyFailure")


def blocked(*policies: Any, number: int = 1, **changes: Any) -> dict[str, Any]:
    words: dict[str, Any] = {
        "id": f"11110000-0000-4000-8000-00000000000{number}",
        "status": {"errorCode": 53003},
        "conditionalAccessStatus": "failure",
        "appliedConditionalAccessPolicies": list(policies),
    }
    return sign_in(**(words | changes))


def interactive(**changes: Any) -> dict[str, Any]:
    agent = {"agentType": "notAgentic", "agentSubjectType": "agentIDuser", "agentSubjectParentId": AGENT}
    details = [
        {"authenticationMethod": "Password", "succeeded": True},
        {"authenticationMethod": "Previously satisfied", "succeeded": False},
        {"authenticationMethod": None, "succeeded": True},
    ]
    words: dict[str, Any] = {"userId": AGENT_USER, "agent": agent, "authenticationDetails": details}
    return sign_in("SignInLogs", **(words | changes))


def policies_of(event: Any) -> tuple[Policy, ...]:
    assert isinstance(event, SignIn)
    return event.policies


def test_a_refused_sign_in_names_the_policies_that_refused_it(sign_in_of: Any) -> None:
    assert sign_in_of(blocked(PASSED, TRIAL, BLOCK)).policies == (BLOCKED_BY, TRIED_BY)


def test_a_granted_one_names_none(sign_in_of: Any) -> None:
    assert sign_in_of(sign_in(appliedConditionalAccessPolicies=[BLOCK])).policies == ()


@pytest.mark.parametrize("wrap", [dumps, lambda *records: orjson.dumps(list(records))], ids=["body", "array"])
def test_every_form_of_message_is_read_again_record_by_record(decoder: Decoder, wrap: Any) -> None:
    told = [sign_in(), blocked(BLOCK), sign_in("SignInLogs", userId=HUMAN), blocked(TRIAL, number=2), blocked(number=3)]
    for _ in range(2):  # the second time every access is known
        events = decoder.body(wrap(*told)).events
        assert [policies_of(event) for event in events] == [(), (BLOCKED_BY,), (), (TRIED_BY,), ()]


def test_json_lines_are_read_again_line_by_line(decoder: Decoder) -> None:
    told = [sign_in(), blocked(BLOCK), blocked(TRIAL, number=2)]
    for ending in (b"\n", b"\n\n"):
        data = ending.join(map(orjson.dumps, told))
        for events in (decoder.lines(data).events, decoder.lines(data + b"\n").events):
            assert [policies_of(event) for event in events] == [(), (BLOCKED_BY,), (TRIED_BY,)]


def test_a_record_over_several_lines_is_read_again(decoder: Decoder) -> None:
    odd = orjson.dumps([{"odd": 1}, blocked(BLOCK)], option=orjson.OPT_INDENT_2)
    (event,) = decoder.body(odd).events
    assert policies_of(event) == (BLOCKED_BY,)


def test_a_sign_in_that_was_cut_into_several_records_is_put_together(decoder: Decoder) -> None:
    """With many policies Entra writes several records under one id."""
    events = decoder.body(dumps(blocked(BLOCK), blocked(TRIAL))).events
    assert [policies_of(event) for event in events] == [(BLOCKED_BY, TRIED_BY)] * 2


def test_a_row_of_log_analytics_carries_the_lists_as_text(decoder: Decoder) -> None:
    row = {
        "Type": "AADServicePrincipalSignInLogs",
        "TimeGenerated": "2026-03-02T08:02:11Z",
        "CreatedDateTime": "2026-03-02T08:00:01Z",
        "Id": "11110000-0000-4000-8000-000000000001",
        "AppId": AGENT,
        "ServicePrincipalId": AGENT,
        "ServicePrincipalName": "invoice-agent",
        "IPAddress": "203.0.113.10",
        "ResultType": "53003",
        "ConditionalAccessStatus": "failure",
        "ConditionalAccessPolicies": orjson.dumps([BLOCK, {"Id": TRIAL["id"], "Result": "reportOnlyFailure"}]).decode(),
    }
    for event in (only_sign_in(decoder.rows([row]).events), only_sign_in(decoder.body(dumps(row)).events)):
        assert event.policies == (BLOCKED_BY, Policy(TRIED_BY.id, None, "reportOnlyFailure"))


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        "",
        7,
        {},
        [None, 7, [], {"id": 4, "result": "failure"}, {"result": "failure"}, {"id": "x", "result": 3}],
        [{"id": "x", "result": "somethingNew"}, {"id": "x"}],
        "[not json",
    ],
)
def test_lists_of_no_use_cost_the_policies_and_never_the_sign_in(decoder: Decoder, broken: Any) -> None:
    for record in (blocked(appliedConditionalAccessPolicies=broken), blocked(appliedConditionalAccessPolicies=...)):
        for data in (dumps(record), dumps(record | {"tenantId": None, "resourceId": "/tenants/t/"}), dumps({}, record)):
            assert policies_of(decoder.body(data).events[-1]) == ()


def test_only_so_many_policies_are_kept_those_that_refused_first(sign_in_of: Any) -> None:
    many = [{"id": f"p{number:03}", "result": "reportOnlyFailure"} for number in range(100)]
    found = sign_in_of(blocked(*many, {"id": "z", "result": "Failure"}, {"id": "z", "result": "reportOnlyFailure"}))
    assert len(found.policies) == 32
    assert found.policies[0] == Policy("z", None, "failure")
    assert sum(policy.id == "z" for policy in found.policies) == 1


def test_a_refusal_by_a_policy_is_one_by_its_code_too(sign_in_of: Any) -> None:
    assert sign_in_of(blocked(BLOCK, conditionalAccessStatus=...)).policies == (BLOCKED_BY,)
    assert sign_in_of(blocked(BLOCK, conditionalAccessStatus=..., status={"errorCode": 7000215})).policies == ()
    assert sign_in_of(blocked(BLOCK, status={"errorCode": -5})).policies == (), "such accesses are not kept"


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (None, ()),
        ({"agentType": "agenticAppInstance"}, (BLOCKED_BY,)),
        ({"agentType": "notAgentic", "agentSubjectType": "agentIDuser"}, (BLOCKED_BY,)),
        ({"agentType": "notAgentic", "parentAppId": BLUEPRINT}, (BLOCKED_BY,)),
    ],
)
def test_of_people_only_those_that_concern_an_agent_are_read_again(sign_in_of: Any, agent: Any, wanted: Any) -> None:
    record = blocked(BLOCK, agent=agent) | {"category": "NonInteractiveUserSignInLogs"}
    assert sign_in_of(record).policies == wanted


def test_an_interactive_sign_in_of_an_agents_user_account_says_how(sign_in_of: Any) -> None:
    event = sign_in_of(interactive(authenticationProtocol="ropc"))
    assert event.methods == ("Password",)
    assert event.access.protocol == "ropc"
    assert event.access.subject_role == "agent_user"


def test_a_person_is_not_asked_how(sign_in_of: Any) -> None:
    assert sign_in_of(interactive(agent=None)).methods == ()
    assert sign_in_of(interactive(authenticationProtocol="none")).access.protocol is None


def test_a_full_table_does_not_forget_to_ask() -> None:
    decoder = Decoder(max_interned=1)
    told = [blocked(BLOCK, appId=f"a9e00000-0000-4000-8000-0000000000a{number}", number=number) for number in range(5)]
    for _ in range(2):
        assert [policies_of(event) for event in decoder.body(dumps(*told)).events] == [(BLOCKED_BY,)] * 5
    assert len(decoder._flyweights.asking) <= 1


def test_what_cannot_be_read_a_second_time_gives_nothing() -> None:
    for reading in (particulars.of_message, particulars.of_record, particulars.of_lines):
        assert reading(b'{"records":7, "id":"a"', ["a"]) == {}
    assert particulars.of_message(b'{"records":[null,{}]}', ["a"]) == {}
    assert particulars.of_members("text", ["a"]) == {}


def test_a_list_that_is_not_utf8_costs_itself_only(decoder: Decoder) -> None:
    """The first reading skips it without looking inside."""
    body = dumps(blocked({"id": "HERE", "result": "failure"}), blocked(BLOCK, number=2)).replace(b"HERE", b"\xff\xfe")
    assert [policies_of(event) for event in decoder.body(body).events] == [(), (BLOCKED_BY,)]


@pytest.mark.untraced
@given(st.recursive(st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3), lambda inner: st.lists(inner) |
       st.dictionaries(st.sampled_from(("id", "result", "displayName", "x")), inner), max_leaves=12))  # fmt: skip
def test_nothing_in_a_list_can_break_a_sign_in(listed: Any) -> None:
    result = Decoder().body(dumps(blocked(appliedConditionalAccessPolicies=listed)))
    assert len(result.events) == 1
    assert not result.quarantined
