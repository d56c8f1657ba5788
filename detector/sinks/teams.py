"""Alerts as Adaptive Cards for a Teams workflow webhook.

The body is that of the trigger "When a Teams webhook request is received"
(https://learn.microsoft.com/power-automate/teams/send-a-message-in-teams). Everything that is not ours goes into text
runs of rich text blocks, in which Adaptive Cards know no Markdown (https://adaptivecards.io/explorer/TextRun.html); a
mention needs an entry in `msteams.entities`, which is never written.
"""

from __future__ import annotations

from typing import Any, Final

from detector.domain.alerts import Alert
from detector.sinks.chat import facts, plain, runbook_url
from detector.sinks.encoding import json_line
from detector.sinks.wire import Message

_TITLE: Final = 200
_VALUE: Final = 300
_LONG: Final = 1500
_COLOURS: Final = {
    "info": "default",
    "low": "accent",
    "medium": "warning",
    "high": "attention",
    "critical": "attention",
}
# Angle brackets that no client takes for the beginning of <at> or of HTML; braces that no template engine expands.
_HARMLESS: Final = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "{": "\N{FULLWIDTH LEFT CURLY BRACKET}",
        "}": "\N{FULLWIDTH RIGHT CURLY BRACKET}",
    }
)


class TeamsCard:
    """Makes the card of an alert.

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
        title = _run(alert.title, _TITLE, weight="bolder", size="large", color=_COLOURS[alert.severity])
        body = [_block(title), _block(_run(alert.explanation, _LONG))]
        body += [
            _block(_run(f"{name}: ", _VALUE, weight="bolder"), _run(value, _VALUE)) for name, value in facts(alert)
        ]
        body += [_block(_run(f"{number}. {step}", _VALUE)) for number, step in enumerate(alert.next_steps, 1)]
        body.append(_block(_run(f"Alert {alert.id}", _VALUE, isSubtle=True, size="small")))
        card: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "full"},
            "body": body,
        }
        url = runbook_url(self._runbooks, alert)
        if url is not None:
            card["actions"] = [{"type": "Action.OpenUrl", "title": "Runbook", "url": url}]
        attachment = {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": None,
            "content": card,
        }
        return {"type": "message", "attachments": [attachment]}


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, limit: int, **style: object) -> dict[str, Any]:
    return {"type": "TextRun", "text": plain(text, limit).translate(_HARMLESS), **style}
