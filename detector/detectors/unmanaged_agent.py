"""D46: an ordinary service principal or managed identity is an agent by all appearances, outside the framework.

Catches: agents registered as plain applications, which no blueprint can stop and no policy for agents covers.
Misses: agents under an inconspicuous name that use a service not listed; sign-ins, unless `scope` is `workloads`.
Noisy on: ordinary applications that call a model and are called after it.
Reads: inventory.
ATT&CK: T1136.003. Runbook: docs/detectors/unmanaged_agent.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from detector.detectors.wording import listed, number, text
from detector.domain.findings import Finding
from detector.domain.signals import Fact, Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmanagedAgent:
    """Thresholds."""

    name: ClassVar[str] = "unmanaged_agent"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D46",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ("T1136.003",)
    innocent: ClassVar[tuple[str, ...]] = (
        "An ordinary application that calls a model and takes no decision of its own.",
        "An agent from before the framework, whose move to it is planned.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner of the application whether it is an agent.",
        "If it is, move it to an agent identity under a blueprint.",
        "If nobody owns it, list its grants and sign-ins and disable it.",
    )

    enabled: bool = True
    hints: Annotated[int, Ge(1), Le(3)] = 2
    """Hints (name, audience) that must come together when no tag proves it."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "unmanaged":
            return None
        if "tag" not in facts and number(facts.get("hints")) < self.hints:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if "tag" in facts or "user_agent_sign" in facts else "low",
            title="An agent outside the framework",
            explanation=(
                f"{text(facts.get('target_name'))} is an ordinary {text(facts.get('object_type'))} and looks like an "
                f"agent: {listed(tuple(_reasons(facts)), 4)}."
            ),
            signal=signal,
        )


def _reasons(facts: Mapping[str, Fact]) -> Iterator[str]:
    if "tag" in facts:
        yield f"it carries the tag {text(facts['tag'])}"
    if "name_sign" in facts:
        yield f'its name says "{text(facts["name_sign"])}"'
    if "audience" in facts:
        verb = "has permissions for" if facts.get("granted") else "gets tokens for"
        yield f"it {verb} {text(facts['audience'])}"
    if "user_agent_sign" in facts:
        yield f'its user agent says "{text(facts["user_agent_sign"])}"'
