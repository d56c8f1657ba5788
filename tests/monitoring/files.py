"""The files that a platform team takes: rules, their tests, runbooks, boards, and the metrics they may name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from detector.telemetry.catalogue import METRICS, PREFIX

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "config" / "prometheus" / "rules.yaml"
RULE_TESTS: Final = sorted((ROOT / "tests" / "prometheus").glob("*.test.yaml"))
ALERTMANAGER: Final = ROOT / "config" / "alertmanager" / "alertmanager.yaml"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
BOARDS: Final = ROOT / "config" / "grafana"

SELECTOR: Final = re.compile(r"\b((?:[a-z_]+:)?(?:agent_detector|process)_[a-z0-9_]+(?::[a-z0-9_]+)?)(\{[^}]*\})?")
"""A metric or recorded series in an expression, and its matchers."""

EXPORTED: Final = frozenset(
    PREFIX + metric.name + suffix
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
) | {"process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}


class Panel(NamedTuple):
    """One panel of a board, rows left out."""

    board: str
    document: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.document["title"])

    @property
    def expressions(self) -> list[str]:
        return [target["expr"] for target in self.document["targets"]]

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


@cache
def rules() -> list[dict[str, Any]]:
    """Every rule, recording and alerting, in order."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Alerting rules by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> set[str]:
    """Names of recorded series."""
    return {rule["record"] for rule in rules() if "record" in rule}


@cache
def boards() -> dict[str, dict[str, Any]]:
    """Boards by the name of their file."""
    return {path.stem: json.loads(path.read_text(encoding="ascii")) for path in sorted(BOARDS.glob("*.json"))}


def panels() -> Iterator[Panel]:
    """Every panel that shows something."""
    for name, board in boards().items():
        for panel in board["panels"]:
            if panel["type"] != "row":
                yield Panel(name, panel)


def named(expression: str) -> set[str]:
    """The metrics and recorded series that an expression names."""
    outside = re.sub(r'"[^"]*"', '""', re.sub(r"\b(by|on|group_left|without) \([^)]*\)", "", expression))
    return {match[1] for match in SELECTOR.finditer(outside)}
