"""D41, D42: an agent goes through another OAuth flow than it ever did, or than the manifest declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.flow_changed import FlowChanged
from detector.engine.settings import EngineSettings
from detector.features.declarations import Declarations, Declared, Flow
from detector.features.habits import TOKEN_EXCHANGE
from tests.detectors.stage import AGENT, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, START, Agent, defaults, engine_of, in_order, tell

NAME = "flow_changed"
HELPER = TENANT.agent("helper", blueprint="desk")
"""It has acted on behalf of people for ten days."""


def for_people(agent: Agent = AGENT, at: float = NOW, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, user="kim", kind="non_interactive_user", **words)


def declared(flow: Flow) -> EngineSettings:
    return replace(defaults(), declarations=Declarations(declared={AGENT.id: Declared(id=AGENT.id, flow=flow)}))


def interactive() -> list[Any]:
    return TENANT.calm(HELPER, hours=240, per_hour=1, user="kim", kind="non_interactive_user")


def alerts(*events: Any) -> list[Any]:
    engine = engine_of(defaults())
    return [each for each in tell(engine, in_order(*events)) + engine.finish() if each.detector == NAME]


def test_an_autonomous_agent_that_begins_to_act_for_people_is_said() -> None:
    (alert,) = said(NAME, for_people())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D42",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.explanation == (
        "invoices got a token for graph on behalf of a person; in 188 active hours it had done so in its own name "
        "(app-only) only (p = 0.008)."
    )


def test_an_interactive_agent_that_gets_app_only_tokens_is_said() -> None:
    (alert,) = alerts(interactive(), TENANT.sign_in(HELPER, NOW))
    assert alert.catalogue_ids == ("D41",)
    assert alert.title == "App-only tokens of an agent that acts for people"
    assert alert.explanation.startswith(
        "helper got a token for graph in its own name (app-only); in 188 active hours it had done so on behalf of a "
        "person only"
    )


def test_an_agent_that_works_seldom_is_judged_by_its_siblings() -> None:
    seldom = TENANT.agent("seldom", blueprint="desk")
    rare = [for_people(seldom, START + day * DAY) for day in range(1, 6)]
    (alert,) = alerts(interactive(), rare, TENANT.sign_in(seldom, NOW))
    assert (alert.catalogue_ids, alert.subject.name) == (("D41",), "seldom")
    assert "active hours the agents of its blueprint had done so on behalf of a person only" in alert.explanation


def test_a_flow_that_siblings_go_through_is_none_for_an_agent_that_works_seldom() -> None:
    seldom = TENANT.agent("seldom", blueprint="desk")
    both = TENANT.calm(TENANT.agent("other", blueprint="desk"), hours=230)
    rare = [for_people(seldom, START + day * DAY) for day in range(1, 6)]
    assert alerts(interactive(), both, rare, TENANT.sign_in(seldom, NOW)) == []


def test_siblings_too_must_have_shown_something() -> None:
    seldom = TENANT.agent("seldom", blueprint="desk")
    few = TENANT.calm(HELPER, hours=20, per_hour=1, user="kim", kind="non_interactive_user")
    assert alerts(few, for_people(seldom, START + 9 * HOUR), TENANT.sign_in(seldom, START + 30 * HOUR)) == []


def test_an_agent_that_does_both_is_none() -> None:
    assert alerts(interactive(), TENANT.calm(HELPER, hours=230), TENANT.sign_in(HELPER, NOW)) == []


def test_the_exchange_that_precedes_another_flow_is_no_flow() -> None:
    """Agents that act through their user account first get a token for the exchange, app-only."""
    exchange: tuple[dict[str, Any], ...] = (
        {"resource_id": next(iter(TOKEN_EXCHANGE))},
        {"resource_name": "AAD Token Exchange Endpoint"},
    )
    for words in exchange:
        assert alerts(interactive(), TENANT.sign_in(HELPER, NOW, **words)) == []


def test_its_own_user_account_is_no_person() -> None:
    account = TENANT.sign_in(AGENT, NOW, user="bot", kind="non_interactive_user", subject_role="agent_user")
    assert said(NAME, account) == []
    through = TENANT.calm(HELPER, hours=240, kind="non_interactive_user", subject_role="agent_user", user="bot")
    assert alerts(through, TENANT.sign_in(HELPER, NOW)) == []


def test_a_newborn_and_a_refused_request_are_none() -> None:
    fresh = TENANT.agent("fresh")
    assert alerts(TENANT.calm(fresh, hours=10), for_people(fresh, START + 10 * HOUR)) == []
    assert said(NAME, for_people(error=65001)) == []


@pytest.mark.parametrize(("flow", "says"), [("autonomous", True), ("on_behalf_of", False), ("both", False)])
def test_what_is_declared_needs_no_experience(flow: Flow, says: bool) -> None:
    found = said(NAME, for_people(), chosen=declared(flow))
    assert len(found) == says
    if says:
        assert found[0].severity == "high"
        assert found[0].explanation == (
            "invoices got a token for graph on behalf of a person; it is declared to act in its own name only."
        )


def test_app_only_tokens_of_an_agent_that_is_declared_to_act_for_people_are_said() -> None:
    (alert,) = said(NAME, TENANT.sign_in(AGENT, NOW), chosen=declared("on_behalf_of"))
    assert alert.catalogue_ids == ("D41",)
    assert alert.explanation.endswith("; it is declared to act on behalf of people only.")
    assert said(NAME, TENANT.sign_in(LONER, NOW), chosen=declared("on_behalf_of")) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        [for_people(AGENT, NOW + 30 * MINUTE + place * 10 * MINUTE) for place in range(12)],
        TENANT.sign_ins(AGENT, NOW + 35 * MINUTE, 8, every=10 * MINUTE),
    )
    assert len(same_however_told(story, NAME)) == 1
    assert len(same_however_told(story, NAME, declared("autonomous"))) == 1


@pytest.mark.parametrize(("p_value", "seen", "says"), [(0.0999, 12.0, True), (0.1, 12.0, False), (0.0999, 11.9, False)])
def test_exactly_at_each_threshold(p_value: float, seen: float, says: bool) -> None:
    facts: dict[str, Any] = {"flow": "app_only", "known_flows": ("agent_user", "on_behalf_of")}
    found = FlowChanged().judge(signal("flow", p_value=p_value, seen=seen, facts=facts))
    assert (found is not None) is says
    if found is not None:
        assert "it had done so as its user account and on behalf of a person only" in found.explanation


def test_other_flows_are_left_alone() -> None:
    assert FlowChanged().judge(signal("flow", facts={"flow": "agent_user", "known_flows": ("app_only",)})) is None
    assert FlowChanged().judge(signal("flow", facts={"flow": "app_only", "known_flows": ("agent_user",)})) is None
