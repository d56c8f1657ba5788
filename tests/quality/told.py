"""Hand-made truths and alerts: an agent, its blueprint, one attack at noon, one benign story in the evening."""

from __future__ import annotations

from typing import Any

from bench.quality.corpus import Truth, seconds
from bench.quality.running import Told
from detector.runtime.simulation import Label

NOON = seconds("2026-10-20T12:00:00Z")
HOUR = 3_600.0
DAY = 24 * HOUR

ATTACK = Label(
    story="foreign_network",
    family="network",
    level="obvious",
    subject_ids=("agent-1",),
    start="2026-10-20T12:00:00Z",
    end="2026-10-20T13:00:00Z",
    record_ids=("bad-1", "bad-2", "bad-3"),
    expected=("D13",),
    description="",
)
GRANT = Label(
    story="permission_grant",
    family="change",
    level="stealthy",
    subject_ids=("agent-2",),
    start="2026-10-20T08:00:00Z",
    end="2026-10-20T08:00:00Z",
    record_ids=("bad-4",),
    expected=("D75",),
    description="",
)
OUTAGE = Label(
    story="outage",
    family="benign",
    level="benign",
    subject_ids=("blueprint-9",),
    start="2026-10-20T18:00:00Z",
    end="2026-10-20T18:30:00Z",
    record_ids=(),
    expected=(),
    description="",
)


def truth(**changes: Any) -> Truth:
    given: dict[str, Any] = {
        "seed": 1,
        "agents": 500,
        "start": NOON - 10 * DAY,
        "attacked_from": NOON - 2 * DAY,
        "end": NOON + 10 * DAY,
        "records": 1_000,
        "labels": [ATTACK, GRANT],
        "benign": [OUTAGE],
        "times": {"bad-1": NOON, "bad-2": NOON + 600, "bad-3": NOON + HOUR, "bad-4": NOON - 4 * HOUR},
        "blueprint_of": {"agent-1": "blueprint-1"},
    }
    return Truth(**(given | changes))


def told(at: float, **changes: Any) -> Told:
    """An alert of medium severity about `agent-1`, an hour after noon by default."""
    subject = changes.pop("about", "agent-1")
    given: dict[str, Any] = {
        "id": f"alert-{at}-{subject}-{changes.get('detector', '')}",
        "time": NOON + at,
        "since": NOON + at,
        "detector": "network_novelty",
        "kind": "network_novelty",
        "catalogue_ids": ("D13", "D14"),
        "severity": 2,
        "score": 4.0,
        "subject": f"agent:{subject}",
        "blueprint": "blueprint-1",
        "ids": frozenset({subject}),
        "record_ids": (),
        "incident": "day-1",
        "explanation": "",
    }
    return Told(**(given | changes))
