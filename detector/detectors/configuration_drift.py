"""D82: the live configuration of an agent or blueprint is not what the manifest declares.

Catches: permissions, kinds of credentials, owners, sponsors, environment and state that differ, however and whenever
that came about.
Misses: members that the manifest does not declare or the inventory does not know; delegated and inheritable
permissions.
Noisy on: a manifest that is updated after the deployment instead of before.
Reads: declaration.
ATT&CK: T1098. Runbook: docs/detectors/configuration_drift.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import counted, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_GRAVE = frozenset({"credentials", "environment"})

_ONE = {"permissions": "permission", "credentials": "kind of credential", "owners": "owner", "sponsors": "sponsor"}
_MANY = {"credentials": "kinds of credentials"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationDrift:
    """Thresholds; what is declared stands in the manifest."""

    name: ClassVar[str] = "configuration_drift"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D82",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ("T1098",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The manifest was not updated with the last deployment.",
        "An emergency change by hand that is still to be written down.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the audit record of the change and who made it.",
        "Correct the manifest, or the object.",
        "If nobody owns the change, treat it as an attack: revert it, and look at what was done with it.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "drift":
            return None
        member = str(facts.get("member"))
        extra, missing = number(facts.get("extra_number")), number(facts.get("missing_number"))
        severity: Severity = "low"
        if extra:
            severity = "high" if member in _GRAVE else "medium"
        parts = []
        if extra:
            parts.append(f"it has {_shown(member, facts.get('extra'), extra)} that the manifest does not declare")
        if missing:
            parts.append(f"it lacks {_shown(member, facts.get('missing'), missing)} that the manifest declares")
        if member == "environment":
            parts = [f"its attribute says {text(facts.get('extra'))} and the manifest {text(facts.get('missing'))}"]
        elif member == "state":
            severity = "medium" if "deleted" in several(facts.get("extra")) else "low"
            parts = [f"the manifest declares it and it is {text(facts.get('extra'))}"]
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"Not as declared: {member}",
            explanation=f"{text(facts.get('target_name'))} is not as declared: {', and '.join(parts)}.",
            signal=signal,
        )


def _shown(member: str, values: Fact, number_of: float) -> str:
    """`1 permission (Mail.Read)`."""
    one = _ONE.get(member, member)
    things = counted(number_of, one) if number_of == 1 else f"{number_of:.0f} {_MANY.get(member, f'{one}s')}"
    return f"{things} ({listed(several(values))})"
