"""Text for chat programs: names in an alert come from strangers, and a chat program acts on what it reads."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import urljoin

from detector.domain.alerts import Alert
from detector.sinks.encoding import printable

_ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"
_MENTION: Final = re.compile(r"@(?=(?:all|channel|everyone|here|team)\b)", re.IGNORECASE)
_LINK: Final = re.compile(r"(?<=[a-z0-9+.-]):(?=//)", re.IGNORECASE)
_MOST_ADDRESSES: Final = 5


def plain(text: str, limit: int) -> str:
    """Text that is shown and nothing else: no control characters, calls to everybody, or links to click on.

    `@all` and its like get a full-width at sign, and `https://` becomes `https[:]//`, as analysts write addresses that
    must not be followed by accident. Longer texts are cut.
    """
    shown = _LINK.sub("[:]", _MENTION.sub("\N{FULLWIDTH COMMERCIAL AT}", printable(text)))
    return shown if len(shown) <= limit else shown[: limit - 1] + _ELLIPSIS


def facts(alert: Alert) -> list[tuple[str, str]]:
    """What a person wants to see at a glance, as name and raw value."""
    subject, evidence = alert.subject, alert.evidence
    called = f"{subject.name} ({subject.id})" if subject.name else subject.id
    rows = [
        ("Severity", alert.severity),
        (subject.kind.replace("_", " ").capitalize(), called),
        ("Time", f"{datetime.fromisoformat(alert.time):%Y-%m-%d %H:%M:%S} UTC"),
        ("Detector", alert.detector),
    ]
    if subject.blueprint is not None and subject.blueprint != subject.id:
        rows.append(("Blueprint", subject.blueprint_name or subject.blueprint))
    if evidence.addresses:
        more = (
            ""
            if len(evidence.addresses) <= _MOST_ADDRESSES
            else f" and {len(evidence.addresses) - _MOST_ADDRESSES} more"
        )
        rows.append(("Addresses", ", ".join(evidence.addresses[:_MOST_ADDRESSES]) + more))
    if alert.attack.v18_1:
        rows.append(("ATT&CK", ", ".join(alert.attack.v18_1)))
    return rows


def runbook_url(base: str | None, alert: Alert) -> str | None:
    """Where the runbook of an alert can be read; `None` when the configuration does not say where they lie."""
    return None if base is None else urljoin(base if base.endswith("/") else f"{base}/", alert.runbook)
