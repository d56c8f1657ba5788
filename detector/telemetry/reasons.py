"""The closed sets that metrics and log lines draw from."""

from __future__ import annotations

from typing import Final, get_args

from detector.detectors.registry import DETECTORS
from detector.domain.findings import SEVERITIES
from detector.domain.quarantine import FilterReason, Reason
from detector.engine.budgeting import COMBINED

DROPPED: Final[tuple[str, ...]] = (
    "duplicate",
    "late",
    "replayed_sequence",
    *get_args(FilterReason),
    *get_args(Reason),
)
"""Fates of a record that is not judged."""
RULES: Final[tuple[str, ...]] = tuple(detector.name for detector in DETECTORS)
ENVIRONMENTS: Final = ("production", "non_production", "undeclared")
"""Where the manifest says that something belongs to."""
KINDS: Final = (*RULES, COMBINED)
"""Detectors, and what the budget counts alerts that support each other as."""
BOOLEANS: Final = ("false", "true")
LEVELS: Final = ("debug", "info", "warning", "error")
SEVERITY: Final[tuple[str, ...]] = SEVERITIES
SUPPRESSIONS: Final = ("below_severity", "budget", "canary", "held_back", "recovery_cut", "suppression")
"""Why an alert is stored and not sent."""
OF_MODELS: Final = frozenset({"model_judged", "model_unusual"})
"""Counters of the engine that are metrics by the same name."""

EVICTIONS: Final = {
    "awaited_dropped": "awaited",
    "environments_dropped": "environments",
    "evicted_actors": "actors",
    "evicted_blueprints": "blueprints",
    "evicted_credentials": "credentials",
    "evicted_evidences": "evidence",
    "departures_dropped": "departures",
    "evicted_handshakes": "handshakes",
    "evicted_identities": "identities",
    "evicted_ledgers": "ledgers",
    "evicted_objects": "objects",
    "evicted_people": "people",
    "evicted_runs": "runs",
    "evicted_sources": "sources",
    "firsts_dropped": "firsts",
    "forgotten_record_ids": "record_ids",
    "held_sequences_dropped": "held_sequences",
    "outages_dropped": "outages",
    "parked_changes_dropped": "parked_changes",
    "presences_dropped": "presences",
    "refused_tenants": "tenants",
    "removals_dropped": "removals",
    "supports_dropped": "supports",
}
"""The engine's own name of each bound it keeps, and the label that stands for it."""
LIBRARIES: Final = ("aiohttp", "asyncio", "azure", "msal", "urllib3")
"""Packages whose log lines are routed in."""
OUTCOMES: Final = ("delivered", "retried", "refused")
"""How an attempt to hand alerts to a sink ended."""
SNAPSHOTS: Final = ("made", "failed", "ignored")
"""How an attempt to copy the store ended; `ignored` when the copy was needed and was not good."""
FORGOTTEN: Final = ("stored_alerts", "stored_quarantine")
"""What the store gives up when it is full."""
ENDINGS: Final = (
    "client",
    "closed",
    "connection",
    "detached",
    "gap",
    "handler",
    "new_hub",
    "not_found",
    "offset",
    "refresh",
    "stalled",
    "stolen",
    "throttled",
    "timeout",
    "unauthorized",
    "unheard",
)
"""Why a receiver ended; `other` stands for what is not among them."""
PROBLEMS: Final = (
    "client_replaced",
    "exception_caught",
    "held",
    "left_behind",
    "management_failed",
    "mirror_failed",
    "offset_refused",
    "stalled",
    "unreadable",
)
"""What can go wrong at a source and is no end of a receiver."""
SDK_WARNINGS: Final = ("receiver_shut_down", "link_refused", "keep_alive_failed", "callback_failed")
"""Lines of the SDK behind which it may have stopped silently."""
ROUNDS: Final = ("full", "delta")
"""Everything in the directory, or what has changed."""
ROUND_OUTCOMES: Final = ("finished", "failed")
INVENTORY_PROBLEMS: Final = (
    "connection_lost",
    "credential_failed",
    "deletions_unconfirmed",
    "delta_refused",
    "forbidden",
    "gone",
    "left_origin",
    "malformed",
    "not_found",
    "redirected",
    "rejected",
    "throttled",
    "timed_out",
    "too_large",
    "too_many_pages",
    "unauthorized",
    "unavailable",
    "unreadable",
)
"""Why part of the directory could not be read."""
DELIVERIES: Final = ("accepted", "ignored", "refused")
"""What became of deployment evidence."""
CHANGES: Final = (
    "failed",
    "found",
    "grown_late",
    "line_cut",
    "line_ended",
    "lost",
    "moved",
    "refused",
    "rotated",
    "truncated",
    "vanished",
)
"""What happens to followed files."""
