"""An alert that is all text from outside."""

from __future__ import annotations

from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, Subject, alert_id

TIME = "2026-10-05T07:24:49.188Z"


def alert(name: str = "Invoice triage", **changes: object) -> Alert:
    members: dict[str, object] = {
        "id": alert_id("t", "token_spike", "agent", "a", name.encode("utf-8", "replace").decode()),
        "schema": SCHEMA,
        "time": TIME,
        "detector": "token_spike",
        "catalogue_ids": ("D01",),
        "severity": "high",
        "score": 8.14,
        "p_value": 7.2e-9,
        "subject": Subject("agent", "6f1e8a52-0000-4000-8000-000000000001", name, "b-1", name, "t-1"),
        "entities": (
            Entity("agent", "6f1e8a52-0000-4000-8000-000000000001", name),
            Entity("network", "203.0.113.0/24", None),
            Entity("resource", "r-1", name),
        ),
        "title": f"Token-request spike: {name}",
        "explanation": f"{name} made 40 token requests; about 3 were expected.",
        "evidence": Evidence(
            record_ids=tuple(f"record-{number}" for number in range(8)),
            first_seen="2026-10-05T07:00:00.000Z",
            last_seen=TIME,
            observed=40,
            baseline=2.678,
            unit="token requests",
            seen=5.9,
            addresses=("203.0.113.7",),
            details={"actor_name": f"by {name}", "fleet": False, "key_ids": (f"k {name}",), "n": 1.5, "x": None},
        ),
        "attack": Attack(v18_1=("T1562.008",), v19=("T1685.002",)),
        "innocent_explanations": ("A backfill.",),
        "next_steps": ("Ask the sponsor.", "Disable the agent."),
        "runbook": "docs/detectors/token_spike.md",
    }
    return Alert(**{**members, **changes})  # type: ignore[arg-type]


HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31m",
    "\x00null",
    "line\nfeed",
    "carriage\rreturn",
    "tab\tbed",
    "vertical\x0btab\x0cfeed",
    "back\x08\x08\x08space",
    "bell\x07",
    "delete\x7f",
    "next\x85line",
    "line\u2028separator",
    "paragraph\u2029separator",
    "\u202eevil\u202c",
    "\u2066isolate\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "soft\u00adhyphen",
    "z" + "\u0321\u0336\u0351\u0352" * 20 + "algo",
    "[bold red]markup[/]",
    "[link=http://evil.example]click[/link]",
    "[/]",
    ":boom: :skull:",
    '"quotes" and \\backslashes\\',
    "{curly} %s ${jndi:ldap://x} $(id) `id`",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "a" * 300,
    "\U000e0041\U000e0042 tags",
    "\ue000 private \ufffe none",
    "日本語 العربية ไทย é",
]
