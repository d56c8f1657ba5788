"""D93: a credential was added, signed in, and a network never seen before was used.

Catches: persistence put to use: a rogue key in the hands of somebody elsewhere.
Misses: a thief inside a known network (credential_first_used), and, with a key that a pipeline added, inside a new
prefix of a known system (network_novelty).
Noisy on: a rotation by hand in the week in which the agent moves.
Reads: sequence.
ATT&CK: T1098.001, T1078.004. Runbook: docs/detectors/credential_takeover.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import by_hour, lapse, moment, number, step_actor, step_address, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialTakeover:
    """Thresholds."""

    name: ClassVar[str] = "credential_takeover"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D93",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001", "T1078.004")
    innocent: ClassVar[tuple[str, ...]] = (
        "A rotation by hand while the agent moved to another region or runner.",
        "First set-up of a blueprint: its developer tries the new key from a desk.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor, over another channel, whether they added this key and where it was used.",
        "If nobody owns it, remove the key now, and revoke the sessions of the blueprint and its agents.",
        "List every sign-in with the key id and from the new network.",
    )

    enabled: bool = True
    first_use: bool = False
    """Also say (as low) the first use of a key that no pipeline added, from whatever network; see D21."""
    prefixes_after_pipelines: bool = False
    """Also say that a key of a pipeline was used and then a new prefix of a known system: so does every move of an
    egress within a week after a rotation, and network_novelty knows whether the other agents moved too."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        kind, by = facts.get("sequence"), facts.get("step_1_by")
        if kind == "credential_takeover":
            if by == "pipeline" and _is_prefix(facts) and not self.prefixes_after_pipelines:
                return None
            severity: Severity = "medium" if by == "pipeline" or _days_between(facts) > 1 else "high"
            return self._finding(
                signal,
                "low" if by == "platform" else severity,
                "A new credential was used, and a new network",
                f"{_added(facts)}; the key signed in for the first time by {by_hour(facts.get('step_2_time'))}, and "
                f"{text(facts.get('target_name'))} came from {_network(facts)}, where it was never seen before, by "
                f"{by_hour(facts.get('step_3_time'))}.",
            )
        if kind != "credential_used" or not self.first_use or by is not None:
            return None
        passed = lapse(number(facts.get("step_2_time")) + 1 - number(facts.get("step_1_time")))
        return self._finding(
            signal,
            "low",
            "A credential added by hand was used for the first time",
            f"{_added(facts)}; the key signed in for the first time by {by_hour(facts.get('step_2_time'))}, within "
            f"{passed}.",
        )

    def _finding(self, signal: Signal, severity: Severity, title: str, explanation: str) -> Finding:
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


def _added(facts: dict[str, Fact]) -> str:
    return (
        f"{step_actor(facts, 1)} added the credential {text(facts.get('step_1_about'))} to "
        f"{text(facts.get('target_name'))} from {step_address(facts, 1)} at {moment(facts.get('step_1_time'))}"
    )


def _days_between(facts: dict[str, Fact]) -> float:
    """Days between the first use of the key and the new network."""
    return (number(facts.get("step_3_time")) - number(facts.get("step_2_time"))) / _DAY


def _is_prefix(facts: dict[str, Fact]) -> bool:
    """Whether the new network is a new prefix only, of a system and a country that were known."""
    return "/" in text(facts.get("step_3_about"))


def _network(facts: dict[str, Fact]) -> str:
    """The new network; a country has two letters."""
    named = text(facts.get("step_3_about"))
    return f"the country {named}" if len(named) == 2 else named
