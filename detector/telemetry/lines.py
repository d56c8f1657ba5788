"""Every log line there is: event, level, members and meaning; and the one JSON Schema that they all keep.

`docs/log.schema.json` is `schema()` as a file, `docs/telemetry.md` shows the same table for people.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from detector.telemetry.reasons import LEVELS

Level = Literal["info", "warning", "error"]
Type = Literal["text", "integer", "number", "boolean", "object", "texts"]

MAX_TEXT: Final = 1_024
"""Longest text in a line, in characters; a longer one ends in `...`."""


class Line(NamedTuple):
    """One kind of line."""

    level: Level
    members: dict[str, Type]
    """What follows `time`, `level` and `event`; all of it, always."""
    meaning: str
    """A sentence."""


LINES: Final[dict[str, Line]] = {
    # Commands
    "file_failed": Line("warning", {"failure": "text"}, "A file could not be read, or not to its end."),
    "replay_finished": Line("info", {"summary": "object"}, "A replay came to its end."),
    "command_failed": Line("error", {"message": "text", "exit_code": "integer"}, "A command gave up."),
    # The service
    "service_started": Line("info", {"version": "text", "epoch": "integer"}, "The service runs."),
    "telemetry_opened": Line(
        "info", {"host": "text", "port": "integer"}, "Metrics and probes are served at this address."
    ),
    "service_stopping": Line("info", {"cause": "text"}, "The service drains before it ends."),
    "service_stopped": Line("info", {"exit_code": "integer"}, "The service has ended in order."),
    "worker_failed": Line(
        "error", {"error": "text", "problem": "text", "where": "text"}, "The worker met an error nobody foresaw."
    ),
    "check_failed": Line("error", {"check": "text", "error": "text"}, "A readiness check could not be made."),
    "configuration_reloaded": Line("info", {}, "A changed configuration is in use."),
    "configuration_refused": Line(
        "error", {"problems": "integer", "first": "text"}, "A changed configuration is wrong; the old one stays in use."
    ),
    "model_loaded": Line(
        "info",
        {"version": "text", "sha256": "text", "shadow": "boolean"},
        "A model is in use, or only tried (`shadow`).",
    ),
    "canary_seen": Line("info", {}, "The canary record came through from end to end."),
    "alert_raised": Line(
        "info",
        {"rule": "text", "severity": "text", "alert_id": "text"},
        "An alert was raised and committed; what it says is in the sinks and the store.",
    ),
    "alert_suppressed": Line("info", {"reason": "text", "alert_id": "text"}, "An alert was stored, but is not sent."),
    "record_quarantined": Line("warning", {"reason": "text", "place": "text"}, "A record could not be used."),
    "state_evicted": Line("warning", {"kind": "text", "count": "integer"}, "Memory reached a bound and gave way."),
    "source_stalled": Line(
        "error", {"reason": "text"}, "No step helped the source: the process ends to be started anew."
    ),
    # The store
    "store_opened": Line("info", {"opening": "text", "epoch": "integer", "seconds": "number"}, "The store is ready."),
    "log_cut": Line(
        "error", {"commits": "integer"}, "The end of the log did not check: so many commits are undone and read again."
    ),
    "store_corrupted": Line("error", {"reason": "text", "moved_to": "text"}, "The damaged store was moved aside."),
    "store_restored": Line("error", {"snapshot": "text", "age_seconds": "number"}, "A snapshot took its place."),
    "store_lost": Line("error", {}, "Nothing could be restored: the store starts empty."),
    "store_migrated": Line("info", {"before": "integer", "after": "integer"}, "The format of the store was raised."),
    "snapshot_taken": Line(
        "info", {"snapshot": "text", "size": "integer", "seconds": "number"}, "A checked copy of the store was made."
    ),
    "snapshot_failed": Line("error", {"reason": "text"}, "No copy of the store was made; the older ones are kept."),
    "snapshot_ignored": Line("warning", {"snapshot": "text", "reason": "text"}, "A copy was not fit to restore from."),
    "commit_failed": Line("error", {"reason": "text"}, "A batch could not be stored, and is tried again."),
    "commit_fenced": Line("error", {"epoch": "integer", "owner": "integer"}, "A newer owner has the store."),
    "position_kept": Line("warning", {"partition": "text"}, "A commit brought an older position; the newer one stays."),
    "checkpoint_failed": Line("warning", {"reason": "text"}, "The write-ahead log could not be carried over."),
    # The source
    "source_connected": Line("info", {"partitions": "integer"}, "The hub answered, or a client was replaced."),
    "partition_found": Line("info", {"partition": "text"}, "A partition is read from now on."),
    "receiver_opened": Line("info", {"partition": "text"}, "A receiver was started from an explicit position."),
    "receiver_ended": Line("warning", {"partition": "text", "ending": "text"}, "A receiver ended; another is opened."),
    "client_replaced": Line("warning", {"ending": "text"}, "Connections and credentials were all made anew."),
    "events_lost": Line(
        "error", {"partition": "text", "messages": "integer"}, "Messages left the hub before they were read."
    ),
    "message_unreadable": Line("warning", {"partition": "text", "part": "text"}, "Part of a message cannot be read."),
    "offset_refused": Line("warning", {"partition": "text"}, "The hub does not know an offset; the number is used."),
    "management_failed": Line("warning", {"ending": "text"}, "The management endpoint did not answer."),
    "partition_stalled": Line(
        "error", {"partition": "text", "behind": "integer"}, "No progress although messages wait in the hub."
    ),
    "message_held": Line(
        "warning", {"partition": "text", "seconds": "number"}, "A message waits for the rest of the service."
    ),
    "hub_accepted": Line("warning", {}, "The hub was made anew and is read from its beginning, as configured."),
    "source_exception_caught": Line("error", {"stage": "text", "error": "text"}, "An error that should not have come."),
    "source_left_behind": Line("warning", {"what": "text"}, "A receiver or question did not end when told to."),
    "sdk_warned": Line("warning", {"warning": "text"}, "The SDK may have stopped silently."),
    "mirror_failed": Line("warning", {"error": "text"}, "Positions could not be copied to the mirror."),
    # Followed files
    "file_found": Line("info", {"partition": "text", "size": "integer"}, "A file is followed from now on."),
    "file_rotated": Line("info", {"partition": "text"}, "A file was read to its end and its successor begun."),
    "file_moved": Line("info", {"partition": "text", "before": "text"}, "A file has another name, and is read on."),
    "file_truncated": Line("warning", {"partition": "text"}, "A file was emptied or rewritten in place."),
    "file_lost": Line(
        "error", {"partition": "text"}, "A file is gone before all of it was read, or nobody can tell whether it was."
    ),
    "file_vanished": Line("info", {"partition": "text"}, "A file that was read to its end is gone."),
    "file_grown_late": Line(
        "error", {"partition": "text", "size": "integer"}, "A rotated file grew after it was left; this is not read."
    ),
    "follow_failed": Line("warning", {"partition": "text", "problem": "text"}, "A file cannot be read now."),
    "line_cut": Line(
        "warning", {"partition": "text", "size": "integer"}, "A line beyond the limit was handed over cut."
    ),
    "line_ended": Line("warning", {"partition": "text", "size": "integer"}, "A finished file ended within a line."),
    "files_refused": Line("error", {"count": "integer"}, "There are more files than are followed."),
    # The directory and deployments
    "inventory_read": Line(
        "info",
        {"round": "text", "seconds": "number", "requests": "integer", "objects": "integer", "deleted": "integer"},
        "A round through the directory has ended.",
    ),
    "inventory_failed": Line(
        "error", {"round": "text", "error": "text"}, "A round through the directory ended by an error nobody foresaw."
    ),
    "inventory_incomplete": Line(
        "warning", {"part": "text", "reason": "text"}, "Part of the directory could not be read, and is not known."
    ),
    "inventory_retried": Line(
        "info", {"reason": "text", "seconds": "number"}, "A request to Microsoft Graph is made again."
    ),
    "inventory_begun_anew": Line("warning", {}, "Graph forgot what was read when: the whole directory is read."),
    "inventory_doubted": Line(
        "warning", {"objects": "integer"}, "A list left out objects that still exist; they are not told as deleted."
    ),
    "evidence_opened": Line("info", {"port": "integer"}, "Deployment evidence is taken at this port."),
    "evidence_accepted": Line(
        "info", {"sender": "text", "records": "integer"}, "A delivery of deployment evidence is in the store."
    ),
    "evidence_ignored": Line(
        "info", {"sender": "text", "reason": "text"}, "A genuine delivery says nothing that counts."
    ),
    "evidence_refused": Line(
        "warning", {"sender": "text", "reason": "text"}, "A delivery of deployment evidence was not taken."
    ),
    # Sinks
    "alerts_delivered": Line(
        "info", {"sink": "text", "count": "integer", "alert_ids": "texts"}, "A sink has these alerts."
    ),
    "alerts_retried": Line(
        "warning",
        {"sink": "text", "count": "integer", "reason": "text", "seconds": "number"},
        "A sink did not take alerts; they are tried again.",
    ),
    "alerts_refused": Line(
        "error",
        {"sink": "text", "count": "integer", "reason": "text", "alert_ids": "texts"},
        "A sink will never take these alerts; they stay stored.",
    ),
    "alerts_left_out": Line(
        "info", {"sink": "text", "count": "integer", "reason": "text"}, "Alerts are not offered to a sink."
    ),
    "alerts_rolled_up": Line(
        "warning", {"sink": "text", "alert_id": "text", "count": "integer"}, "One alert stands for many held back."
    ),
    "breaker_opened": Line("error", {"sink": "text", "seconds": "number"}, "A failing sink is left alone for a while."),
    "breaker_closed": Line("info", {"sink": "text"}, "A sink works again."),
    "outbox_failed": Line("error", {"sink": "text", "error": "text"}, "The outbox could not be read or written."),
    # Telemetry itself
    "library_line": Line(
        "warning",
        {"logger": "text", "library_level": "text", "message": "text"},
        "A library warned; secrets are taken out.",
    ),
    "sdk_timeout": Line("warning", {"logger": "text"}, "The SDK closed a receiver without telling anybody else."),
    "lines_suppressed": Line(
        "warning",
        {"suppressed": "text", "count": "integer"},
        "Lines of one kind came too fast; this many were left out.",
    ),
}
"""By event."""

_TYPES: Final[dict[Type, dict[str, Any]]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "texts": {"type": "array", "items": {"type": "string"}},
}


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A log line of entra-agent-detector",
        "description": "One JSON object a line, ASCII. Further members depend on the event alone.",
        "type": "object",
        "required": ["time", "level", "event"],
        "properties": {
            "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"},
            "level": {"enum": list(LEVELS)},
            "event": {"enum": list(LINES)},
        },
        "oneOf": [_line_schema(event, line) for event, line in LINES.items()],
    }


def _line_schema(event: str, line: Line) -> dict[str, Any]:
    members = {name: _TYPES[kind] for name, kind in line.members.items()}
    return {
        "description": line.meaning,
        "properties": {"time": True, "level": {"const": line.level}, "event": {"const": event}, **members},
        "required": ["time", "level", "event", *members],
        "additionalProperties": False,
    }
