"""D41, D42: an agent goes through another OAuth flow than it ever did, or than the manifest declares.

Catches: an interactive agent that gets app-only tokens, free of the rights of any person; an autonomous agent that
begins to act for people.
Misses: the first hours of a blueprint that is not declared; agents that always did both.
Noisy on: agents that are given a new way of working.
Reads: flow.
ATT&CK: T1550.001. Runbook: docs/detectors/flow_changed.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, listed, odds, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind

_ROWS: Final = {"app_only": "D41", "on_behalf_of": "D42"}
_OTHER: Final = {"app_only": "on_behalf_of", "on_behalf_of": "app_only"}
_DECLARED: Final = {"app_only": "autonomous", "on_behalf_of": "on_behalf_of"}
_TITLES: Final = {
    "app_only": "App-only tokens of an agent that acts for people",
    "on_behalf_of": "An autonomous agent acts for a person",
}
_DONE: Final = {
    "app_only": "in its own name (app-only)",
    "on_behalf_of": "on behalf of a person",
    "agent_user": "as its user account",
}
_MEANT: Final = {"autonomous": "to act in its own name only", "on_behalf_of": "to act on behalf of people only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChanged:
    """Thresholds for agents whose flow is learned; a declared one is compared at once."""

    name: ClassVar[str] = "flow_changed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D41", "D42")
    reads: ClassVar[tuple[SignalKind, ...]] = ("flow",)
    attack: ClassVar[tuple[str, ...]] = ("T1550.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new release works in another way, and its permissions were reviewed for it.",
        "An operator tests the agent interactively.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner whether the agent is meant to work this way; declare its flow in the manifest.",
        "See which permissions it holds in this flow, and whether they were granted of late.",
        "If it is not meant to, disable the agent and look at what the token was used for.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Surprise from which on a flow that was never seen is said."""
    min_seen: Annotated[float, Gt(0)] = 12.0
    """Active hours the agent, or else the agents of its blueprint together, must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        flow, declared, before = text(facts.get("flow")), facts.get("declared"), several(facts.get("known_flows"))
        if flow not in _ROWS:
            return None
        agent, resource = text(facts.get("agent_name")), text(facts.get("resource_name"))
        said = f"{agent} got a token for {resource} {_DONE[flow]}"
        if declared is not None:
            if declared in {"both", _DECLARED[flow]}:
                return None
            said += f"; it is declared {_MEANT[text(declared)]}."
        else:
            if _OTHER[flow] not in before or signal.seen < self.min_seen or signal.p_value >= self.p_value:
                return None
            known = listed([_DONE[each] for each in before])
            whose = "the agents of its blueprint" if facts.get("siblings") else "it"
            said += (
                f"; in {amount(signal.seen)} active hours {whose} had done so {known} only ({odds(signal.p_value)})."
            )
        return Finding(
            detector=self.name,
            catalogue_ids=(_ROWS[flow],),
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if declared is not None else "medium",
            title=_TITLES[flow],
            explanation=said,
            signal=signal,
        )
