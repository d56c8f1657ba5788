"""The report as one HTML page that asks for nothing: no network, no foreign script, nothing out of a record is markup.

Three walls, each enough alone. Text is escaped by the template engine, whatever it is. Data for the plots are JSON that
cannot end their element, and plots draw text on a canvas. The content security policy allows one script and one style
sheet, each by the hash of its text, and no request at all.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.domain.printing import printable
from detector.report.facts import Dossier, Lane, Panel
from detector.report.layout import picture_of

_ASSETS: Final = "assets"
OPEN_PANELS: Final = 12
"""Agents whose plots are shown at once; the others are folded."""
WHOLE_PANELS: Final = 50
"""Agents whose tables stand in the page; those of the others are made when they are opened, or it would be slow."""
_FEW_ROWS: Final = 3
"""Rows of the tables of the others."""
_CELL: Final = 2_000
"""Characters of one text out of a record that are shown."""


def page(dossier: Dossier) -> str:
    """The report. Equal dossiers give equal text."""
    script = f"{_asset('uplot.min.js')}\n{_asset('page.js')}"
    style = f"{_asset('uplot.min.css')}\n{_asset('page.css')}"
    return (
        _environment()
        .get_template("page.html")
        .render(
            d=dossier,
            script=Markup(script),  # noqa: S704 -- our own files
            style=Markup(style),  # noqa: S704
            policy=_policy(script, style),
            data=Markup(_data(dossier)),  # noqa: S704 -- see `_json`
            pictures=[picture_of(story.chain) for story in dossier.stories],
            alert_numbers={alert.id: place for place, alert in enumerate(dossier.alerts)},
            agent_names={panel.id: panel.name or panel.id for panel in dossier.panels},
            severities=SEVERITIES[::-1],
            open_panels=OPEN_PANELS,
            whole_panels=WHOLE_PANELS,
        )
    )


def _policy(script: str, style: str) -> str:
    """The content security policy: what is not named is forbidden."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (files("detector.report") / _ASSETS / name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("detector.report", _ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(when=_when, number=_number, evidence=_evidence, fact=_fact)
    return environment


def _shown(value: Any) -> Any:  # noqa: ANN401 -- whatever a template names
    """Every text that a template prints, before it is escaped."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clipped(value)
    return value


def clipped(text: str) -> str:
    """Printable, and no longer than can be looked at."""
    shown = printable(text[: _CELL + 1])
    return shown if len(text) <= _CELL else f"{shown[:_CELL]}…"


def _when(time: str | None) -> str:
    """A time for people, UTC, to the second."""
    return "not known" if time is None else time[:19].replace("T", " ")


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _evidence(alert: Alert) -> list[tuple[str, str]]:
    """Name and value of every fact of an alert's evidence."""
    return [(name, _fact(value)) for name, value in alert.evidence.details.items()]


def _fact(value: object) -> str:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return ", ".join(str(each) for each in value)


# ------------------------------------------------------------------------------------------------ data of the plots


def _data(dossier: Dossier) -> str:
    span = dossier.span
    return _json(
        {
            "start": span.start,
            "step": span.seconds,
            "n": span.buckets,
            "counts": dossier.counts,
            "failures": dossier.failures,
            "alerts": [
                [round(datetime.fromisoformat(alert.time).timestamp()), SEVERITIES.index(alert.severity)]
                for alert in dossier.alerts
            ],
            "severities": SEVERITIES,
            "panels": [_panel(panel, place) for place, panel in enumerate(dossier.panels)],
        }
    )


def _panel(panel: Panel, place: int) -> dict[str, object]:
    tables = {} if place < WHOLE_PANELS else {"m": _tables(panel)}
    return {
        **tables,
        "c": panel.counts,
        "f": panel.failures if any(panel.failures) else 0,
        "l": [_short(each) for each in panel.low],
        "h": [_short(each) for each in panel.high],
        "r": _lanes(panel.resources),
        "w": _lanes(panel.networks, whole=True),
    }


def _tables(panel: Panel) -> list[list[object]]:
    """Title and rows of each table of an agent that is folded."""
    tables = (
        ("Resources", panel.resources),
        ("Credentials", panel.credentials),
        ("Addresses", panel.addresses),
    )
    told: list[list[object]] = [
        [
            title,
            ["What", "Requests", "Refused", "First (UTC)", "Last", "Record"],
            [
                [
                    clipped(f"{lane.name or ''} {lane.id}".strip())[:200] + (" (new)" if lane.new else ""),
                    lane.requests,
                    lane.refused,
                    _when(lane.first),
                    _when(lane.last),
                    clipped(lane.records[0])[:100] if lane.records else "",
                ]
                for lane in lanes[:_FEW_ROWS]
            ],
        ]
        for title, lanes in tables
    ]
    deeds = [
        [_when(deed.time), clipped(deed.activity)[:200], clipped(deed.actor)[:200], clipped(deed.record)[:100]]
        for deed in panel.deeds[:_FEW_ROWS]
    ]
    told.append(["Changes of it or of its blueprint", ["Time (UTC)", "What", "By", "Record"], deeds])
    return [table for table in told if table[2]]


def _lanes(lanes: Sequence[Lane], *, whole: bool = False) -> list[list[object]]:
    """What stands at the left of a lane, its runs, and whether it is new; `whole` shows id and name."""

    def title(lane: Lane) -> str:
        return clipped(f"{lane.id} {lane.name or ''}".strip() if whole else lane.name or lane.id)[:60]

    return [[title(lane), _steps(lane.runs), int(lane.new)] for lane in lanes]


def _steps(runs: Sequence[int]) -> list[int]:
    """Each number less the one before: shorter to write."""
    return [after - before for before, after in pairwise((0, *runs))]


def _short(number: float) -> float | int:
    return round(number) if number >= 5 or number == int(number) else number


def _json(document: object) -> str:
    """JSON that can stand in a script element of any kind: no character of it opens or ends markup."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
