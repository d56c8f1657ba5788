"""Alerts as Slack messages for an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

Everything that is not ours goes into `plain_text` objects, where Slack knows no markup, mentions or emoji, and its
three control characters are escaped all the same.
"""

from __future__ import annotations

from typing import Any, Final

from detector.domain.alerts import Alert
from detector.sinks.chat import facts, plain, runbook_url
from detector.sinks.encoding import json_line
from detector.sinks.wire import Message

_HEADER: Final = 140
_FIELD: Final = 300
_SECTION: Final = 1400
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_DOTS: Final = {
    "info": "\N{LARGE BLUE CIRCLE}",
    "low": "\N{LARGE BLUE CIRCLE}",
    "medium": "\N{LARGE YELLOW CIRCLE}",
    "high": "\N{LARGE ORANGE CIRCLE}",
    "critical": "\N{LARGE RED CIRCLE}",
}


class SlackMessage:
    """Makes the message of an alert.

    Args:
        runbooks: Base URL of the runbooks; `None` for no link.
    """

    def __init__(self, runbooks: str | None = None) -> None:
        self._runbooks = runbooks

    def __call__(self, alert: Alert) -> Message:
        """The message, ready to post."""
        return Message(alert.id, json_line(self.document(alert)), "application/json")

    def document(self, alert: Alert) -> dict[str, Any]:
        """The body of the request."""
        title = f"{_DOTS[alert.severity]} {alert.title}"
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": _text(title, _HEADER)},
            {"type": "section", "text": _text(alert.explanation, _SECTION)},
            {"type": "section", "fields": [_text(f"{name}\n{value}", _FIELD) for name, value in facts(alert)]},
        ]
        if alert.next_steps:
            steps = " ".join(f"{number}. {step}" for number, step in enumerate(alert.next_steps, 1))
            blocks.append({"type": "section", "text": _text(f"Next steps: {steps}", _SECTION)})
        url = runbook_url(self._runbooks, alert)
        if url is not None:
            button = {"type": "button", "text": _text("Runbook", _FIELD), "url": url}
            blocks.append({"type": "actions", "elements": [button]})
        blocks.append({"type": "context", "elements": [_text(f"Alert {alert.id}", _FIELD)]})
        return {
            "text": _escaped(title, _SECTION),
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": blocks,
        }


def _text(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, limit), "emoji": False}


def _escaped(text: str, limit: int) -> str:
    return plain(text, limit).translate(_ESCAPES)
