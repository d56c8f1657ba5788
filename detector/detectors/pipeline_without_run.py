"""D83: the identity of a pipeline made a change and no run of it did; or a run made none.

Catches: a stolen deployer that keeps to the pipeline's addresses and hours; a run whose changes went elsewhere.
Misses: pipelines that give no evidence (set `evidence: required` to have them treated as if they did); theft during a
run.
Noisy on: webhooks that are lost; runs that are recorded only when they are over.
Reads: deployment.
ATT&CK: T1078.004, T1195.002. Runbook: docs/detectors/pipeline_without_run.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, duration, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_UNLISTED = "A pipeline's identity beyond its run"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineWithoutRun:
    """Thresholds; how long evidence is waited for is set under `deployments`."""

    name: ClassVar[str] = "pipeline_without_run"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D83",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("deployment",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1195.002")
    innocent: ClassVar[tuple[str, ...]] = (
        "The webhook of the run was lost or came too late.",
        "Somebody runs the deployment scripts by hand with the pipeline's identity.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Look for the run in the CI system: who started it, from which commit.",
        "If there is none, revoke the sessions and credentials of the pipeline's identity now.",
        "List every change by that identity since its last run, and revert those that nobody owns.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        issue = facts.get("issue")
        if issue == "change_missing":
            severity: Severity = "low"
            title = "A run without its change"
            explanation = (
                f"Run {text(facts.get('run'))} of pipeline {text(facts.get('pipeline'))} succeeded and declares "
                f"{_kinds(facts)}, and no such change by the pipeline's identity was seen."
            )
        elif issue == "run_missing":
            unlisted = facts.get("unlisted_in")
            severity, title = (
                ("high", "A pipeline's identity without a run") if unlisted is None else ("medium", _UNLISTED)
            )
            explanation = (
                f"{actor(facts)}, the identity of pipeline {text(facts.get('pipeline'))}, changed "
                f"{text(facts.get('target_name'))} ({text(facts.get('activity'))}) from {address(facts)}; "
                f"{_absence(facts)}."
            )
        else:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=title,
            explanation=explanation,
            signal=signal,
        )


def _kinds(facts: Mapping[str, Fact]) -> str:
    return listed([kind.replace("_", " ") for kind in several(facts.get("changes"))])


def _absence(facts: Mapping[str, Fact]) -> str:
    waited = duration(number(facts.get("waited")))
    if facts.get("unlisted_in") is not None:
        return f"run {text(facts.get('unlisted_in'))} was at work then, but does not list it"
    since = facts.get("since_last_run")
    last = "none is on record" if since is None else f"the last one had ended {duration(number(since))} before"
    return f"no run of it was recorded within {waited}, {last}"
