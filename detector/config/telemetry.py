"""Settings of metrics, log and probes."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import StringConstraints

from detector.config.blocks import Block


class TelemetrySettings(Block):
    """Metrics, log and probes."""

    host: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)] = "127.0.0.1"
    """Address on which /metrics, /livez, /readyz and /startupz are served; in a container 0.0.0.0 or ::."""
    port: Annotated[int, Ge(0), Le(65_535)] = 9464
    """Their port; 0 for any free one, which the log then names."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the lines that are written."""
    lines_per_minute: Annotated[int, Ge(1), Le(100_000)] = 100
    """Log lines of one kind in a minute; what comes beyond is counted and told once."""
    max_partitions: Annotated[int, Ge(1), Le(1_024)] = 32
    """Partitions that get series of their own; those beyond share the label "other"."""
    loop_limit_seconds: Annotated[float, Ge(1), Le(300)] = 10.0
    """How long the event loop may stand still before /livez says so."""
    worker_limit_seconds: Annotated[float, Ge(5), Le(600)] = 30.0
    """How long the worker may be at one piece of work before /livez says so."""
