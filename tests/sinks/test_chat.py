"""Nothing that an agent is called can call, link, format or fool anybody in a chat program."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.alerts import Alert
from detector.sinks.chat import plain, runbook_url
from detector.sinks.slack import SlackMessage
from detector.sinks.teams import TeamsCard
from tests.sinks.alerts import HOSTILE, alert

INJECTIONS = [
    *HOSTILE,
    "<!channel>",
    "<!here> urgent",
    "<!everyone>",
    "<@U012AB3CD>",
    "<#C123ABC>",
    "<https://evil.example|Microsoft>",
    "&lt;!channel&gt;",
    "@all",
    "@channel @here @everyone @team",
    "@ALL",
    "<at>everyone</at>",
    "<at id='0'>Security team</at>",
    "[click](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "**bold** _it_ ~no~ `code` ```block```",
    "> quote\n# heading",
    "{{DATE(2026-01-01)}}",
    "${subject}",
    "javascript://alert(1)",
    "\u202e<!channel>",
    "@\u200ball",
    "\uff20all",
    "a\rb\x00c\x1b[2J",
]

ODD = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def strings(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for value in document.values():
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


def objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from objects(value)


def slack(told: Alert) -> Any:
    message = SlackMessage("https://docs.example.com/agent")(told)
    assert all(byte < 0x7F for byte in message.body)
    return json.loads(message.body)


def teams(told: Alert) -> Any:
    return json.loads(TeamsCard("https://docs.example.com/agent")(told).body)


def test_there_are_enough_injections() -> None:
    assert len(INJECTIONS) >= 50


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("make", [slack, teams])
def test_no_name_calls_links_or_hides(make: Any, name: str) -> None:
    document = make(alert(name))
    for text in strings(document):
        assert not {char for char in text if unicodedata.category(char) in ODD}
        assert not re.search(r"@(all|channel|everyone|here|team)\b", text, re.IGNORECASE)
        assert not re.search(r"<[!@#a-z/]", text)
        if make is teams:  # templates mean nothing to Slack
            assert not {"{", "}"} & set(text)
        if "docs.example.com" not in text and text != "http://adaptivecards.io/schemas/adaptive-card.json":
            assert "://" not in text


@pytest.mark.parametrize("name", INJECTIONS)
def test_slack_gets_no_text_in_which_it_knows_markup(name: str) -> None:
    document = slack(alert(name))
    assert document["mrkdwn"] is False
    assert document["link_names"] is False
    assert document["parse"] == "none"
    texts = [each for each in objects(document["blocks"]) if "emoji" in each or each.get("type") == "mrkdwn"]
    assert texts
    assert all(each["type"] == "plain_text" and each["emoji"] is False for each in texts)
    for each in texts:
        assert re.fullmatch(r"(?:[^&<>]|&(?:amp|lt|gt);)*", each["text"], re.DOTALL)


@pytest.mark.parametrize("name", INJECTIONS)
def test_teams_gets_text_runs_only_and_no_mention(name: str) -> None:
    (attachment,) = teams(alert(name))["attachments"]
    card = attachment["content"]
    assert {each["type"] for each in objects(card["body"])} == {"RichTextBlock", "TextRun"}
    assert "entities" not in card["msteams"]


def test_the_shape_of_a_card_does_not_depend_on_names() -> None:
    def shape(document: Any) -> Any:
        if isinstance(document, dict):
            return {key: shape(value) for key, value in document.items() if key != "text"}
        return [shape(value) for value in document] if isinstance(document, list) else None

    for make in (slack, teams):
        plain_shape = shape(make(alert("plain")))
        assert all(shape(make(alert(name))) == plain_shape for name in INJECTIONS)


@given(name=st.text(max_size=5000))
def test_no_message_is_larger_than_a_chat_program_takes(name: str) -> None:
    told = alert(name, next_steps=(name,) * 4)
    document = slack(told)
    assert len(json.dumps(document["blocks"][0]["text"]["text"], ensure_ascii=False)) <= 5 * 150
    assert len(document["blocks"]) <= 50
    assert all(
        len(each["text"]) <= 3000 for each in objects(document) if each.get("type") == "plain_text" and len(name) < 500
    )
    assert len(json.dumps(teams(told), ensure_ascii=False).encode()) <= 28_000


@given(text=st.text())
def test_what_is_plain_stays_so(text: str) -> None:
    assert plain(plain(text, 100), 100) == plain(text, 100)
    assert len(plain(text, 100)) <= 100


def test_a_person_sees_what_happened_to_whom_and_what_to_do() -> None:
    told = alert("Invoice triage")
    for make in (slack, teams):
        text = "\n".join(strings(make(told)))
        for wanted in (
            told.title,
            told.explanation,
            told.subject.id,
            "high",
            "203.0.113.7",
            "Ask the sponsor.",
            told.id,
        ):
            assert wanted in text
        assert "https://docs.example.com/agent/docs/detectors/token_spike.md" in text


def test_without_a_base_there_is_no_link() -> None:
    assert runbook_url(None, alert()) is None
    assert "actions" not in json.loads(TeamsCard()(alert()).body)["attachments"][0]["content"]
    assert all(block["type"] != "actions" for block in json.loads(SlackMessage()(alert()).body)["blocks"])
