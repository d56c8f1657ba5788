"""D46: an ordinary service principal or managed identity looks like an agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from detector.detectors.unmanaged_agent import UnmanagedAgent
from detector.domain.events import Event, Grant, InventoryObject
from tests.detectors.stage import AGENT, NOW, TENANT, said, same_however_told, signal
from tests.stories import HOUR, Agent, defaults, guid

NAME = "unmanaged_agent"
BOT = TENANT.agent("invoice-bot", role="none")
PAYROLL = TENANT.agent("payroll", role="none")
MODELS = "7d312290-28c8-473c-a0ed-8e53749b6d6d"
CALLS_MODELS = Grant("app_role", guid("models"), "Cognitive Services User", MODELS)
WORKLOADS = replace(defaults(), scope="workloads")


def shown(about: Agent = BOT, at: float = NOW, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, **fields)


def signs_in(about: Agent = BOT, at: float = NOW, user_agent: str | None = None, **words: Any) -> Event:
    event = TENANT.sign_in(about, at, **({"resource_id": MODELS} | words))
    return msgspec.structs.replace(event, user_agent=user_agent)


def test_a_tag_of_a_maker_of_agents_is_enough() -> None:
    (alert,) = said(NAME, shown(PAYROLL, tags=("AgenticApp", "HideApp")))
    assert (alert.severity, alert.catalogue_ids) == ("medium", ("D46",))
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("agent", PAYROLL.id, "payroll")
    assert alert.title == "An agent outside the framework"
    assert alert.explanation == (
        "payroll is an ordinary service principal and looks like an agent: it carries the tag AgenticApp."
    )


def test_a_name_and_a_permission_together_are_a_hint() -> None:
    (alert,) = said(NAME, shown(grants=(CALLS_MODELS,)))
    assert alert.severity == "low"
    assert alert.explanation == (
        'invoice-bot is an ordinary service principal and looks like an agent: its name says "bot" and it has '
        "permissions for Azure AI services."
    )


def test_one_hint_alone_is_nothing() -> None:
    """People name things after what they hope for, and many an application calls a model."""
    assert said(NAME, shown()) == []
    assert said(NAME, shown(PAYROLL, grants=(CALLS_MODELS,))) == []
    assert said(NAME, shown(PAYROLL)) == []
    assert said(NAME, signs_in(PAYROLL), chosen=WORKLOADS) == []
    assert said(NAME, signs_in(resource_id=guid("graph")), chosen=WORKLOADS) == []
    assert said(NAME, signs_in(PAYROLL, resource_id=guid("graph")), chosen=WORKLOADS) == []


def test_an_agent_of_the_framework_is_none() -> None:
    named = replace(AGENT, name="invoice-bot")
    assert said(NAME, shown(named, grants=(CALLS_MODELS,), tags=("AgenticApp",))) == []
    assert said(NAME, signs_in(named), chosen=WORKLOADS) == []
    assert said(NAME, signs_in(subject_role="agent_user"), chosen=WORKLOADS) == []
    assert said(NAME, signs_in(blueprint_id=guid("crew")), chosen=WORKLOADS) == []
    assert said(NAME, signs_in(kind="non_interactive_user"), chosen=WORKLOADS) == []


def test_a_workload_that_gets_tokens_for_models_is_said_where_workloads_are_watched() -> None:
    (alert,) = said(NAME, signs_in(), signs_in(at=NOW + HOUR), chosen=WORKLOADS)
    assert alert.severity == "low"
    assert alert.explanation == (
        'invoice-bot is an ordinary service principal and looks like an agent: its name says "bot" and it gets tokens '
        "for Azure AI services."
    )
    assert said(NAME, signs_in()) == []


def test_the_user_agent_of_a_framework_makes_it_graver() -> None:
    (alert,) = said(NAME, signs_in(user_agent="langchain/0.3"), chosen=WORKLOADS)
    assert alert.severity == "medium"
    assert alert.explanation.endswith('for Azure AI services and its user agent says "langchain".')


def test_a_managed_identity_is_called_one() -> None:
    identity = TENANT.agent("invoice-bot", role="none", kind="managed_identity")
    (alert,) = said(NAME, signs_in(identity, origin=signs_in().origin), chosen=WORKLOADS)  # type: ignore[union-attr]
    assert "is an ordinary managed identity" in alert.explanation


def test_inventory_and_sign_in_are_one_alert() -> None:
    (alert,) = said(NAME, shown(grants=(CALLS_MODELS,)), signs_in(at=NOW + HOUR), chosen=WORKLOADS)
    assert alert.explanation.endswith("has permissions for Azure AI services.")


def test_nothing_is_said_of_what_was_not_chosen() -> None:
    chosen = replace(defaults(), scope="chosen", identities=frozenset({AGENT.id}))
    assert said(NAME, shown(tags=("AgenticApp",)), chosen=chosen) == []


def test_a_deleted_one_is_nothing() -> None:
    assert said(NAME, shown(tags=("AgenticApp",), deleted=True)) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = [
        *(shown(at=NOW + step * 700.0, tags=("AgenticApp",)) for step in range(3)),
        *(signs_in(at=NOW + 30 + step * 700.0) for step in range(3)),
    ]
    assert len(same_however_told(story, NAME, WORKLOADS)) == 1


@pytest.mark.parametrize(
    ("facts", "hints", "said_so"),
    [
        ({"hints": 1, "name_sign": "bot"}, 1, True),
        ({"hints": 1, "name_sign": "bot"}, 2, False),
        ({"hints": 2, "name_sign": "bot", "audience": "Azure AI Search"}, 2, True),
        ({"hints": 2, "name_sign": "bot", "audience": "Azure AI Search"}, 3, False),
        ({"hints": 1, "tag": "AgenticApp"}, 3, True),
    ],
)
def test_how_many_hints_are_asked_for(facts: dict[str, Any], hints: int, said_so: bool) -> None:
    told = {"issue": "unmanaged", "target_name": "x", "object_type": "service principal"} | facts
    assert (UnmanagedAgent(hints=hints).judge(signal("inventory", facts=told)) is not None) is said_so


def test_other_issues_are_left_alone() -> None:
    assert UnmanagedAgent().judge(signal("inventory", facts={"issue": "missing"})) is None
