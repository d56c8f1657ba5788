"""Whether its alerts are worth reading: how many there are, who raises them, and what it could not judge."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from bench.dashboards.parts import Section, Target, board, lines, number, ranking, rate, recorded, series

_1D: Final = "job_rule_severity:agent_detector_alerts:increase1d"


def quality() -> Dashboard:
    """The board `agent-detector-quality`."""
    return board(
        "agent-detector-quality",
        "Entra agent detector / Quality",
        "Alerts for 1,000 agents and day, noisy detectors, what was held back, and what could not be judged.",
        [_budget(), _noise(), _blind()],
    )


def _budget() -> Section:
    agents = f"sum({series('agents_tracked')})"
    return Section(
        "How many alerts",
        [
            lines(
                "Alerts for 1,000 agents and day",
                "By severity. All alerts, right or wrong: what people have to read.",
                "short",
                Target(f"1000 * sum by (severity) ({recorded(_1D)}) / on () group_left () {agents}", "{{severity}}"),
                stacked=True,
            ),
            lines(
                "Graver ones for 1,000 agents and day",
                "Medium and above.",
                "short",
                Target(
                    f"""1000 * sum({recorded(_1D, 'severity=~"medium|high|critical"')}) / on () {agents}""",
                    "medium and above",
                ),
            ),
            lines(
                "Held back and suppressed",
                "Alerts that were stored and not sent, by reason.",
                "cps",
                Target(rate("alerts_suppressed_total", "reason"), "{{reason}}"),
                stacked=True,
            ),
        ],
    )


def _noise() -> Section:
    return Section(
        "Who raises them",
        [
            ranking(
                "Noisy detectors",
                "Alerts within a day, by detector.",
                "short",
                Target(f"topk(15, sum by (rule) ({recorded(_1D)}))", "{{rule}}"),
            ),
            lines(
                "Detectors that spoke",
                "How many different ones raised an alert within a day.",
                "short",
                Target(f"count(sum by (rule) ({recorded(_1D)}) > 0) or vector(0)", "detectors"),
            ),
            lines(
                "Share of the noisiest",
                "Part of the day's alerts that one detector raised.",
                "percentunit",
                Target(f"max(sum by (rule) ({recorded(_1D)})) / sum({recorded(_1D)})", "noisiest"),
            ),
        ],
    )


def _blind() -> Section:
    return Section(
        "What it could not judge",
        [
            number(
                "Quarantined",
                "Part of the records that could not be used.",
                "percentunit",
                Target(f"max({recorded('job:agent_detector_events_quarantined:ratio_rate15m')})", "quarantined"),
                orange=0.001,
                red=0.01,
            ),
            number(
                "Late",
                "Part of the records that came too late.",
                "percentunit",
                Target(f"max({recorded('job:agent_detector_events_late:ratio_rate15m')})", "late"),
                orange=0.001,
                red=0.01,
            ),
            lines(
                "Left out",
                "Records that were not judged, by reason.",
                "cps",
                Target(
                    f"sum by (reason) ({recorded('job_reason:agent_detector_events_dropped:rate5m')}) > 0", "{{reason}}"
                ),
                stacked=True,
            ),
            lines(
                "Unknown spellings",
                "Categories, members and values that this version does not know.",
                "cps",
                Target(rate("unknown_spellings_total"), "unknown"),
            ),
            lines(
                "Baselines given up",
                "Memory that was given up because a bound was reached: those agents are strangers again.",
                "cps",
                Target(
                    rate("state_evictions_total", "kind", 'kind=~"identities|blueprints|credentials|actors"'),
                    "{{kind}}",
                ),
            ),
        ],
    )
