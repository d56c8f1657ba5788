"""What a person on call looks at first: which alerts, of which kind, and whether the detector sees anything."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from bench.dashboards.parts import Section, Target, board, lines, number, ranking, rate, recorded, series

_15M: Final = "job_rule_severity:agent_detector_alerts:increase15m"
_1H: Final = "job_rule_severity:agent_detector_alerts:increase1h"
_1D: Final = "job_rule_severity:agent_detector_alerts:increase1d"
_FAMILY: Final = "job_family_severity:agent_detector_alerts:increase1h"
_ENVIRONMENT: Final = "job_environment:agent_detector_alerts:increase1h"


def overview() -> Dashboard:
    """The board `agent-detector-overview`."""
    return board(
        "agent-detector-overview",
        "Entra agent detector / Overview",
        "Alerts about agents, by severity, family and detector. Who they are about is in the alerts themselves.",
        [_now(), _alerts(), _changes(), _input()],
    )


def _now() -> Section:
    def raised(severity: str) -> Target:
        matchers = f'severity="{severity}"'
        return Target(f"sum({recorded(_1D, matchers)}) or vector(0)", severity)

    return Section(
        "Now",
        [
            number("Critical in 24 h", "Alerts of severity critical within a day.", "short", raised("critical"), red=1),
            number("High in 24 h", "Alerts of severity high within a day.", "short", raised("high"), orange=1),
            number("Medium in 24 h", "Alerts of severity medium within a day.", "short", raised("medium")),
            number(
                "Agents watched",
                "Agents and blueprints that have a memory.",
                "short",
                Target(f"sum({series('agents_tracked')})", "identities"),
            ),
            number(
                "Behind",
                "How long what waits to be read takes at the present speed.",
                "s",
                Target(f"max({recorded('job:agent_detector_backlog_seconds:current')})", "backlog"),
                orange=60,
                red=300,
            ),
            number(
                "Last record",
                "How long ago a record came in.",
                "s",
                Target(f"time() - max({series('last_received_timestamp_seconds')} > 0)", "age"),
                orange=1800,
                red=7200,
            ),
        ],
    )


def _alerts() -> Section:
    return Section(
        "Alerts",
        [
            lines(
                "Alerts by severity",
                "Raised within the 15 minutes before each moment.",
                "short",
                Target(f"sum by (severity) ({recorded(_15M)})", "{{severity}}"),
                stacked=True,
            ),
            lines(
                "Alerts by family",
                "Raised within the hour before each moment, by family of detectors.",
                "short",
                Target(f"sum by (family) ({recorded(_FAMILY)})", "{{family}}"),
                stacked=True,
            ),
            lines(
                "Grave families",
                "Families with grave alerts within the hour before. Four at once are one attack, or one deployment.",
                "short",
                Target(
                    f"""count(sum by (family) ({recorded(_FAMILY, 'severity=~"high|critical"')}) > 0) or vector(0)""",
                    "families",
                ),
            ),
            lines(
                "Alerts by environment",
                "Raised within the hour before, by where the manifest says that agent or blueprint belongs to.",
                "short",
                Target(f"sum by (environment) ({recorded(_ENVIRONMENT)})", "{{environment}}"),
                stacked=True,
            ),
            lines(
                "Incidents",
                "Incidents that began within the day before: the alerts of one blueprint, or other subject, on a day.",
                "short",
                Target(f"sum({recorded('job:agent_detector_incidents:increase1d')})", "incidents"),
            ),
        ],
    )


def _changes() -> Section:
    return Section(
        "Which detectors",
        [
            ranking(
                "Most alerts in 24 h",
                "The ten detectors that raised most.",
                "short",
                Target(f"topk(10, sum by (rule) ({recorded(_1D)}))", "{{rule}}"),
            ),
            ranking(
                "Top changes",
                "Alerts of the last hour beyond the mean hour of the day: what is different now.",
                "short",
                Target(f"topk(10, sum by (rule) ({recorded(_1H)}) - sum by (rule) ({recorded(_1D)}) / 24)", "{{rule}}"),
            ),
            ranking(
                "Critical and high in 24 h",
                "By detector and severity.",
                "short",
                Target(
                    f"""topk(20, sum by (rule, severity) ({recorded(_1D, 'severity=~"critical|high"')}) > 0)""",
                    "{{rule}} {{severity}}",
                ),
            ),
        ],
    )


def _input() -> Section:
    return Section(
        "What it sees",
        [
            lines(
                "Records",
                "Taken in, and judged.",
                "cps",
                Target(rate("events_received_total"), "received"),
                Target(rate("events_applied_total"), "judged"),
            ),
            lines(
                "Alerts that arrived",
                "Accepted by each sink.",
                "cps",
                Target(rate("alerts_sent_total", "sink"), "{{sink}}"),
            ),
            lines(
                "Alerts not sent",
                "Stored and not sent, by reason.",
                "cps",
                Target(rate("alerts_suppressed_total", "reason"), "{{reason}}"),
                stacked=True,
            ),
        ],
    )
