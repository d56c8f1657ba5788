"""What betrays an agent: its tags, its name, what it talks to, and how."""

from __future__ import annotations

import pytest

from detector.features.signs import Signs
from tests.stories import defaults, guid

SIGNS = Signs(
    audiences={guid("openai"): "Azure AI services", guid("search"): "Azure AI Search"},
    names=frozenset({"bot", "ai", "semantic kernel"}),
    tags=("agenticapp", "power-virtual-agents-*"),
    user_agents=("langchain",),
)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("invoice-bot", "bot"),
        ("InvoiceBot2", "bot"),
        ("invoice_bot", "bot"),
        ("BOT", "bot"),
        ("Payroll AI", "ai"),
        ("PayrollAI", "ai"),
        ("AIPayroll", "ai"),
        ("my Semantic Kernel", "semantic kernel"),
        ("SemanticKernelHost", "semantic kernel"),
        ("robotics", None),
        ("Bottle store", None),
        ("maintenance", None),
        ("semantic search", None),
        ("", None),
        (None, None),
        ("x" * 300 + " bot", None),
    ],
)
def test_words_of_a_name_are_found_however_they_are_written(name: str | None, sign: str | None) -> None:
    assert SIGNS.in_name(name) == sign


def test_without_words_no_name_is_a_sign() -> None:
    assert Signs().in_name("bot") is None


@pytest.mark.parametrize(
    ("tags", "sign"),
    [
        (("AgenticApp",), "AgenticApp"),
        (("power-virtual-agents-123", "HideApp"), "power-virtual-agents-123"),
        (("AgenticApplication",), None),
        ((), None),
    ],
)
def test_a_tag_is_a_sign_as_it_is_or_by_its_beginning(tags: tuple[str, ...], sign: str | None) -> None:
    assert SIGNS.in_tags(tags) == sign


def test_an_audience_is_known_by_its_app_id() -> None:
    assert SIGNS.in_audiences([guid("graph"), None]) is None
    assert SIGNS.in_audiences([guid("openai"), guid("search")]) == "Azure AI Search"


@pytest.mark.parametrize(("user_agent", "sign"), [("LangChain/0.3", "langchain"), ("curl/8", None), (None, None)])
def test_a_user_agent_is_known_by_a_part_of_it(user_agent: str | None, sign: str | None) -> None:
    assert SIGNS.in_user_agent(user_agent) == sign


def test_the_product_knows_signs_of_every_kind() -> None:
    signs = defaults().signs
    assert signs.in_tags(["AgentCreatedBy:CopilotStudio"])
    assert signs.in_name("Support Copilot") == "copilot"
    assert signs.in_audiences(["7d312290-28c8-473c-a0ed-8e53749b6d6d"]) == "Azure AI services"
    assert signs.in_user_agent("openai/python 1.2")
