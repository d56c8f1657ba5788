"""Whether its alerts are worth reading: how many there are, who raises them, and what it could not judge."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from bench.dashboards.parts import Section, Target, board, lines, number, ranking, rate, recorded, series

_1D: Final = "job_rule_severity:agent_detector_alerts:increase1d"
_SEEN: Final = "job_rule:agent_detector_budget_alerts_seen:increase7d"
_EXPECTED: Final = "job_rule:agent_detector_budget_alerts_expected:increase7d"
_JUDGED: Final = "job:agent_detector_model_judged:increase1d"
_UNUSUAL: Final = "job:agent_detector_model_unusual:ratio1d"


def quality() -> Dashboard:
    """The board `agent-detector-quality`."""
    return board(
        "agent-detector-quality",
        "Entra agent detector / Quality",
        "The budget of false alerts, calibration and drift, the model of hours, alerts for 1,000 agents, what could "
        "not be judged.",
        [_budget(), _calibration(), _model(), _amount(), _noise(), _blind()],
    )


def _budget() -> Section:
    ends = series("suppression_expiry_timestamp_seconds")
    return Section(
        "The budget of false alerts",
        [
            number(
                "Bearable",
                "False alerts for 1,000 agents and day, as configured. 0: the budget is switched off.",
                "short",
                Target(f"max({series('budget_false_alerts')})", "bearable"),
            ),
            number(
                "Learned from",
                "Time that the budget has learned from, in whole days. In the first fortnight it learns freely.",
                "s",
                Target(f"min({series('budget_learned_seconds')})", "learned"),
            ),
            number(
                "Exposure",
                "1,000 agents times days that were learned from, faded. The shipped rates weigh as much as 14.",
                "short",
                Target(f"sum({series('budget_exposure')})", "exposure"),
            ),
            number(
                "Held back in a day",
                "Part of the alerts that the budget held back.",
                "percentunit",
                Target(f"max({recorded('job:agent_detector_alerts_held:ratio1d')})", "held back"),
            ),
            number(
                "Suppressions",
                "Subjects of which an operator wants no alerts sent.",
                "short",
                Target(f"sum({series('suppressions_in_force')})", "in force"),
            ),
            number(
                "Next suppression to end",
                "Time until the first of those ends that were made for more than a week; empty when there is none.",
                "s",
                Target(f"min({ends} > 0) - time()", "left"),
            ),
            lines(
                "Limit",
                "How rare an alert must be to be sent by itself: alerts like it for 1,000 agents and day. It falls "
                "when many kinds become frequent.",
                "short",
                Target(f"min by (job) ({series('budget_limit')})", "{{job}}"),
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


def _calibration() -> Section:
    return Section(
        "Calibration and drift",
        [
            lines(
                "Seen against expected",
                "Alerts of the last seven days that are over, for each that the budget expected. 1 is as learned.",
                "short",
                Target(f"max by (job) ({recorded('job:agent_detector_budget_alerts:ratio7d')})", "{{job}}"),
            ),
            lines(
                "Expected and seen in seven days",
                "What the budget learned to expect, and what came: alerts, one a subject and hour.",
                "short",
                Target(f"sum({recorded(_EXPECTED)})", "expected"),
                Target(f"sum({recorded(_SEEN)})", "seen"),
            ),
            ranking(
                "What has drifted",
                "Alerts in seven days beyond what was expected, by detector; `combined` are those with support.",
                "short",
                Target(
                    f"topk(15, sum by (rule) ({recorded(_SEEN)}) - sum by (rule) ({recorded(_EXPECTED)}))", "{{rule}}"
                ),
            ),
        ],
    )


def _model() -> Section:
    """Without a model there is no `model_info`, and 0 of all else: only the panel Model shows nothing then."""
    loaded = series("model_info")
    moved = series("model_stability")
    return Section(
        "The model of hours",
        [
            number(
                "Models in use",
                "Detectors that judge finished hours by a model and tell what it finds.",
                "short",
                Target(f"""sum({series("model_info", 'shadow="false"')}) or vector(0)""", "in use"),
            ),
            number(
                "Models in shadow",
                "Detectors whose model is only tried: what it finds is counted and told to nobody.",
                "short",
                Target(f"""sum({series("model_info", 'shadow="true"')}) or vector(0)""", "in shadow"),
            ),
            number(
                "Hours judged in a day",
                "Finished hours of agents. An agent counts once it was active in 24 hours.",
                "short",
                Target(f"sum({recorded(_JUDGED)})", "judged"),
            ),
            number(
                "Unusual of them",
                "Part of the hours that the model found unusual, also in shadow. 0 where none was judged.",
                "percentunit",
                Target(f"max({recorded(_UNUSUAL)}) or vector(0)", "unusual"),
            ),
            number(
                "Farthest from training",
                "The part of an hour that has moved most: below 0.1 as before, above 0.25 something else. 0 until 500 "
                "hours were judged after the model was loaded.",
                "short",
                Target(f"max({moved})", "stability"),
                orange=0.1,
                red=0.25,
            ),
            number(
                "Models loaded in a day",
                "How many different models were in use within a day, by version, content and shadow.",
                "short",
                Target(
                    f"count(max by (job, version, sha256, shadow) (last_over_time({loaded}[1d]))) or vector(0)",
                    "loaded",
                ),
            ),
            lines(
                "Model",
                "Version of the model in use, by detector; `shadow` is true where it is only tried.",
                "short",
                Target(f"max by (job, version, sha256, shadow) ({loaded})", "{{job}}: {{version}}, shadow {{shadow}}"),
            ),
            lines(
                "Found unusual",
                "Part of the hours of a day that the model found unusual. A jump is an attack, or a model that no "
                "longer fits.",
                "percentunit",
                Target(f"max by (job) ({recorded(_UNUSUAL)}) or vector(0)", "{{job}}"),
            ),
            lines(
                "Moved from training",
                "Population stability index of each part of an hour. One above 0.25 for a day raises "
                "AgentDetectorModelStale.",
                "short",
                Target(f"max by (part) ({moved})", "{{part}}"),
            ),
        ],
    )


def _amount() -> Section:
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
